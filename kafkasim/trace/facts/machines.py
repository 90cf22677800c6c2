"""Facts about machines, faults and messages."""

from __future__ import annotations

from kafkasim.trace.fact import Fact, fact


@fact("host", host="host", text="{host} is {state} (incarnation {incarnation})")
class HostChanged(Fact):
    """A machine or client is now ``running``, ``killed`` or ``stopped``; a restart is a new incarnation."""

    host: str
    state: str
    incarnation: int


@fact("fault", "target", text="fault {fault} on {target} starts")
class FaultStarted(Fact):
    """Somebody broke something."""

    fault: str
    target: str


@fact("fault", "target", text="fault {fault} on {target} ends")
class FaultEnded(Fact):
    """Somebody mended it."""

    fault: str
    target: str


@fact("number", host="source", text="{source} sends {destination} {about}")
class MessageSent(Fact):
    """A message is on its way; ``arrives_us`` is None when the network has lost it, ``api`` is Kafka's name of it.

    ``number`` counts the messages of a run; ``reply_to`` is the request's number when this is an answer, else None.
    """

    number: int
    source: str
    destination: str
    api: str
    about: str
    arrives_us: int | None
    reply_to: int | None


@fact("number", host="destination", text="message {number} is lost: {destination} is {reason}")
class MessageLost(Fact):
    """A message reached nobody."""

    number: int
    destination: str
    reason: str


@fact("client", "host", host="client", text="{client} has lost its connection to {host}: {reason}")
class Disconnected(Fact):
    """One side of a connection has noticed that it is gone."""

    client: str
    host: str
    reason: str
