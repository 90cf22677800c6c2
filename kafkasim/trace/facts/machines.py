"""Facts about machines, faults and messages."""

from __future__ import annotations

from kafkasim.trace.fact import Fact, fact


@fact("host", host="host", text="{host} is {state} (incarnation {incarnation})")
class HostChanged(Fact):
    """A machine or client is now ``running``, ``paused``, ``killed``, ``powered off`` or ``stopped``.

    A new start is a new incarnation; a pause is not.
    """

    host: str
    state: str
    incarnation: int


@fact("number", text="fault {number}: {fault} on {target}, {detail}")
class FaultStarted(Fact):
    """Something is broken: ``fault`` says what, ``target`` where, ``detail`` the rest (how much, for how long)."""

    number: int
    fault: str
    target: str
    detail: str


@fact("number", text="fault {number}: {fault} on {target} is over")
class FaultEnded(Fact):
    """It is mended; ``number`` is the fault's own."""

    number: int
    fault: str
    target: str


@fact("number", host="source", text="{source} sends {destination} {about}")
class MessageSent(Fact):
    """A message is on its way; ``api`` is Kafka's name of it. ``arrives_us`` is None when the network keeps it back.

    ``number`` counts the messages of a run; ``reply_to`` is the request's number when this is an answer, else None.
    """

    number: int
    source: str
    destination: str
    api: str
    about: str
    arrives_us: int | None
    reply_to: int | None


@fact("number", host="source", text="message {number} of {source} gets through to {destination} after all")
class MessageReleased(Fact):
    """The network lets a message go that a partition or a clog has kept back."""

    number: int
    source: str
    destination: str
    arrives_us: int


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
