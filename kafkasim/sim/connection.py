"""One TCP connection: what is sent over it arrives in order or not at all.

Each end is closed for itself. What an end has sent before it closed still arrives, then the other end learns of it. A
machine without power closes nothing: its peers go on waiting, until a timeout of their own or until the machine is up
again and answers that it knows nothing of the connection.

A server handles one request of a connection at a time (Kafka mutes the channel), so pipelined requests wait for the
answer of the one before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kafkasim.messages.beats import BEATS
from kafkasim.sim.host import Host, HostState
from kafkasim.sim.lease import Lease
from kafkasim.sim.links import Held
from kafkasim.trace.facts import Disconnected, MessageLost, MessageReleased, MessageSent

if TYPE_CHECKING:
    from kafkasim.sim.network import Network

RESET = "reset by peer"


class Reply:
    """A server's end of one request: call it with the response, or with None when there is none to send.

    Until then the connection is muted; :meth:`park` lets its next request in although this one still waits.
    """

    __slots__ = ("_connection", "_done", "_number", "_on_response", "_parked")

    def __init__(self, connection: Connection, number: int, on_response: Callable[[Any], None]) -> None:
        self._connection = connection
        self._number = number
        self._on_response = on_response
        self._done = self._parked = False

    def __call__(self, response: Any) -> None:
        assert not self._done
        self._done = True
        if response is not None:
            self._connection.respond(response, self._number, self._on_response)
        if not self._parked:
            self._connection.serve_next()

    def park(self) -> None:
        """Wait without keeping the connection muted."""
        if not self._parked:
            self._parked = True
            self._connection.serve_next()


class Connection:
    """One connection from a client to a server.

    ``on_push``, ``on_lost`` and ``on_server_silent`` are the client's, ``on_server_lost`` and ``on_client_silent`` the
    server's. The last two are called with True when nothing of the other end can come through any more although the
    connection looks alive (a pause, a partition, a loss of power), and with False when it can again: for whatever is
    computed while all is well, as pings and empty polls are. A client that ``rests`` repeats no polls by itself.
    ``lease`` is what the server offers (sim/lease); it ends with whatever happens to the connection.
    """

    def __init__(self, network: Network, client: Host, server: Host) -> None:
        self.network = network
        self.client = client
        self.server = server
        self.client_is_open = self.server_is_open = True
        self.client_silent_since_us: int | None = None
        self.server_silent_since_us: int | None = None
        self.client_rests_since_us: int | None = None
        self.on_push: Callable[[Any], None] = lambda message: None
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.on_server_lost: Callable[[str], None] = lambda reason: None
        self.on_client_silent: Callable[[bool], None] = lambda silent: None
        self.on_server_silent: Callable[[bool], None] = lambda silent: None
        self.lease: Lease | None = None
        self._waiting: deque[tuple[Any, Reply]] = deque()
        self._busy = self._is_refused = False
        self._last_arrival = {client: 0, server: 0}

    @property
    def is_sound(self) -> bool:
        """Whether both ends are open and running and nothing is wrong between them."""
        client, server, network = self.client, self.server, self.network
        ends = self.client_is_open and self.server_is_open and client.is_running and server.is_running
        return ends and network.is_sound(client, server) and network.is_sound(server, client)

    # --- messages ----------------------------------------------------------------------------------------

    def request(self, request: Any, on_response: Callable[[Any], None]) -> None:
        """Send a request; ``on_response`` is called with the answer, if one comes."""
        if self.client_is_open:
            self._send(self.client, self.server, request, None, self._arrive, request, on_response)

    def push(self, message: Any) -> None:
        """Send something to the client that it did not ask for."""
        if self.server_is_open:
            self._send(self.server, self.client, message, None, self._pushed, message)

    def respond(self, response: Any, number: int, on_response: Callable[[Any], None]) -> None:
        """Send the answer to request ``number`` back, if this end is still open.

        A client that has hung up refuses it, and with that everything goes that was sent before and is not read yet.
        """
        if self.server_is_open:
            if not self.client_is_open and self.client.state is not HostState.POWERED_OFF:
                self._is_refused = self.network.is_sound(self.server, self.client)
                if self._is_refused:
                    self._waiting.clear()
            self._send(self.server, self.client, response, number, on_response, response)

    def serve_next(self) -> None:
        """Handle the next waiting request, if there is one."""
        self._busy = False
        if self._waiting and self.server_is_open:
            self._busy = True
            request, reply = self._waiting.popleft()
            self.server.handle(request, self, reply)

    def _arrive(self, number: int, request: Any, on_response: Callable[[Any], None]) -> None:
        if self._is_refused:
            return
        self._waiting.append((request, Reply(self, number, on_response)))
        if not self._busy:
            self.serve_next()

    def _pushed(self, message: Any) -> None:
        self.on_push(message)

    def _send(
        self, source: Host, destination: Host, message: Any, reply_to: int | None, deliver: Callable[..., None],
        *args: Any,
    ) -> None:  # fmt: skip
        if source.state is HostState.PAUSED:
            source.when_running(self._send, source, destination, message, reply_to, deliver, *args)
            return
        network = self.network
        kernel = network.kernel
        network.messages = number = network.messages + 1
        if reply_to is None and destination is self.server:
            args = (number, *args)
        now_us = kernel.now_us
        is_beat = type(message) in BEATS
        if is_beat:
            arrives = now_us + network.beat_delay_us(source, destination, now_us)
        else:
            arrives = now_us + network.delay_us(source, destination)
        link = network.links.get((source.name, destination.name)) if network.links else None
        if link is not None:
            arrives += link.lateness_us()
        arrives = max(arrives, self._last_arrival[destination])
        blocked = link is not None and link.is_blocked
        api = type(message).__name__
        fact = MessageSent(
            number, source.name, destination.name, api, message.describe(), None if blocked else arrives, reply_to
        )
        kernel.journal.record(fact)
        if blocked:
            assert link is not None
            link.held.append(Held(self, destination, now_us, fact, deliver, args))
        else:
            if link is not None or not is_beat:  # on a sound link a beat holds up nothing: it may be a computed one
                self._last_arrival[destination] = arrives
            self._travel(destination, arrives, fact, deliver, args)

    def bring_to_light(self, request: Any, arrives_us: int, on_response: Callable[[Any], None]) -> None:
        """A request that was computed only, and is still under way, becomes a message."""
        fact = self._note_late(self.client, self.server, request, arrives_us)
        self._travel(self.server, arrives_us, fact, self._arrive, (fact.number, request, on_response))

    def bring_answer_to_light(self, answer: Any, arrives_us: int, on_response: Callable[[Any], None]) -> None:
        """So does an answer."""
        fact = self._note_late(self.server, self.client, answer, arrives_us)
        self._travel(self.client, arrives_us, fact, on_response, (answer,))

    def _note_late(self, source: Host, destination: Host, message: Any, arrives_us: int) -> MessageSent:
        network = self.network
        network.messages += 1
        api = type(message).__name__
        fact = MessageSent(network.messages, source.name, destination.name, api, message.describe(), arrives_us, None)
        network.kernel.journal.record(fact)
        return fact

    def _travel(
        self, destination: Host, arrives_us: int, fact: MessageSent | None, deliver: Callable[..., None],
        args: tuple[Any, ...],
    ) -> None:  # fmt: skip
        kernel = self.network.kernel
        before = kernel.journal.cause
        kernel.journal.cause = fact or before
        kernel.after_us(arrives_us - kernel.now_us, self._deliver, destination, fact, deliver, args)
        kernel.journal.cause = before

    def release(self, held: Held, leaves_us: int) -> None:
        """The link lets something through that it has kept back."""
        destination = held.destination
        source = self.client if destination is self.server else self.server
        arrives = leaves_us + self.network.delay_us(source, destination)
        arrives = self._last_arrival[destination] = max(arrives, self._last_arrival[destination])
        if held.fact is not None:
            number = held.fact.number
            self.network.kernel.journal.record(MessageReleased(number, source.name, destination.name, arrives))
        self._travel(destination, arrives, held.fact, held.deliver, held.args)

    def _deliver(
        self, destination: Host, fact: MessageSent | None, deliver: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        is_open = self.client_is_open if destination is self.client else self.server_is_open
        if is_open and destination.state is HostState.RUNNING:
            deliver(*args)
        elif is_open and destination.state is HostState.PAUSED:
            destination.when_running(self._deliver, destination, fact, deliver, args)
        elif destination.state is HostState.POWERED_OFF:
            self.network.strand(self, destination, fact)
        elif fact is not None:
            reason = "connection closed" if destination.is_alive else destination.state.value
            self.network.kernel.journal.record(MessageLost(fact.number, destination.name, reason))
            self.reset(destination)

    # --- the end -----------------------------------------------------------------------------------------

    def close(self, by: Host, reason: str) -> None:
        """Close this end; the other end learns of it when all that was sent before has arrived."""
        if self._shut(by):
            self._tell_end(by, reason)

    def lose_power(self, host: Host) -> None:
        """One end is gone, and nobody is told."""
        self._shut(host)

    def reset(self, by: Host) -> None:
        """A machine that knows nothing of this connection answers so, if the other end thinks it open."""
        if self.server_is_open if by is self.client else self.client_is_open:
            self._tell_end(by, RESET)

    def cut(self) -> None:
        """Something between the two ends resets the connection: both are told at once."""
        now_us = self.network.kernel.now_us
        for by, other in ((self.client, self.server), (self.server, self.client)):
            self._travel(other, now_us, None, self._ended, (by, other, RESET))

    def _tell_end(self, by: Host, reason: str) -> None:
        other = self.server if by is self.client else self.client
        network = self.network
        link = network.links.get((by.name, other.name)) if network.links else None
        if link is not None and link.is_blocked:
            link.held.append(Held(self, other, network.kernel.now_us, None, self._ended, (by, other, reason)))
            return
        arrives = network.kernel.now_us + network.delay_us(by, other) + (0 if link is None else link.lateness_us())
        arrives = self._last_arrival[other] = max(arrives, self._last_arrival[other])
        self._travel(other, arrives, None, self._ended, (by, other, reason))

    def _ended(self, by: Host, other: Host, reason: str) -> None:
        """The other side has closed: this side closes, too, and its program is told."""
        if not self._shut(other):
            return
        if other is self.client:
            self.network.kernel.journal.because(Disconnected(other.name, by.name, reason))
            self.on_lost(reason)
        else:
            self.on_server_lost(reason)

    def _shut(self, host: Host) -> bool:
        """Close one end; False when it was closed already."""
        if self.lease is not None:
            self.lease.end()
        was_open = self.client_is_open if host is self.client else self.server_is_open
        if host is self.client:
            self.client_is_open = False
        else:
            self.server_is_open = False
        if not (self.client_is_open or self.server_is_open):
            self.network.forget(self)
        return was_open

    # --- silence -----------------------------------------------------------------------------------------

    def review(self) -> None:
        """Something has changed between these machines: tell each running end whether the other can be heard."""
        if self.lease is not None:
            self.lease.end()
        forth, back = (
            self.network.is_blocked(self.client, self.server),
            self.network.is_blocked(self.server, self.client),
        )
        if self.server_is_open and self.server.is_running:
            silent = forth or not (self.client_is_open and self.client.is_running)
            if silent is not (self.client_silent_since_us is not None):
                self.client_silent_since_us = self.network.kernel.now_us if silent else None
                self.on_client_silent(silent)
        if self.client_is_open and self.client.is_running:
            silent = forth or back or not (self.server_is_open and self.server.is_running)
            if silent is not (self.server_silent_since_us is not None):
                self.server_silent_since_us = self.network.kernel.now_us if silent else None
                self.on_server_silent(silent)
