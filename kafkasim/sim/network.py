"""Machines, links and connections.

A message in flight is one event that delivers itself. A connection is TCP's: what is sent over it arrives in order or
not at all, and when one end closes it the other end learns of it one link delay later. A server handles one request of
a connection at a time (Kafka mutes the channel), so pipelined requests wait for the answer of the one before.

Left out: bandwidth, and processing time, which is zero.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from kafkasim.config import NetworkConfig
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Kernel
from kafkasim.trace.facts import Disconnected, MessageLost, MessageSent


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


class Network:
    """All machines by name, and the links between them."""

    def __init__(self, kernel: Kernel, config: NetworkConfig) -> None:
        self.kernel = kernel
        self.config = config
        self.hosts: dict[str, Host] = {}
        self.messages = 0
        self._connections: dict[Connection, None] = {}
        self._chance: dict[tuple[str, str], random.Random] = {}

    def add(self, host: Host) -> None:
        """Give a machine its name."""
        assert host.name not in self.hosts, host.name
        self.hosts[host.name] = host

    def delay_us(self, source: Host, destination: Host) -> int:
        """How long a message takes from one machine to another, in microseconds."""
        link = (source.name, destination.name)
        chance = self._chance.get(link)
        if chance is None:
            chance = self._chance[link] = self.kernel.rng(f"network/{source.name}>{destination.name}")
        return round((self.config.one_way_delay_ms + chance.random() * self.config.jitter_ms) * US_PER_MS)

    def connect(
        self, client: Host, server_name: str, on_open: Callable[[Connection], None], on_refused: Callable[[], None]
    ) -> None:
        """Open a connection: a round trip later it is open, or refused when no process listens there."""
        server = self.hosts[server_name]
        delay = self.delay_us(client, server) + self.delay_us(server, client)
        self.kernel.after_us(delay, self._connected, client, client.incarnation, server, on_open, on_refused)

    def _connected(
        self,
        client: Host,
        incarnation: int,
        server: Host,
        on_open: Callable[[Connection], None],
        on_refused: Callable[[], None],
    ) -> None:
        if client.incarnation != incarnation or not client.is_running:
            return
        if not server.is_running:
            on_refused()
            return
        connection = Connection(self, client, server)
        self._connections[connection] = None
        server.accepted(connection)
        on_open(connection)

    def close_connections_of(self, host: Host, reason: str) -> None:
        """The operating system closes what a process leaves behind."""
        for connection in [one for one in self._connections if host in (one.client, one.server)]:
            connection.close(host, reason)

    def forget(self, connection: Connection) -> None:
        """A connection is no longer open."""
        self._connections.pop(connection, None)


class Connection:
    """One open connection from a client to a server."""

    def __init__(self, network: Network, client: Host, server: Host) -> None:
        self.network = network
        self.client = client
        self.server = server
        self.is_open = True
        self.on_push: Callable[[Any], None] = lambda message: None
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.on_server_lost: Callable[[str], None] = lambda reason: None
        self._waiting: deque[tuple[Any, Reply]] = deque()
        self._busy = False
        self._last_arrival = {client: 0, server: 0}

    def request(self, request: Any, on_response: Callable[[Any], None]) -> None:
        """Send a request; ``on_response`` is called with the answer, if one comes."""
        number, fact = self._announce(self.client, self.server, request, None)
        self._travel(self.server, fact, self._arrive, request, number, on_response)

    def push(self, message: Any) -> None:
        """Send something to the client that it did not ask for."""
        if self.is_open:
            _, fact = self._announce(self.server, self.client, message, None)
            self._travel(self.client, fact, self._pushed, message)

    def close(self, by: Host, reason: str) -> None:
        """Close this end; the other end learns of it one link delay later."""
        if not self.is_open:
            return
        self.is_open = False
        self.network.forget(self)
        other = self.server if by is self.client else self.client
        self.network.kernel.after_us(self.network.delay_us(by, other), self._closed, by, other, reason)

    def _closed(self, by: Host, other: Host, reason: str) -> None:
        if other.is_running:
            if other is self.client:
                self.network.kernel.journal.because(Disconnected(other.name, by.name, reason))
                self.on_lost(reason)
            else:
                self.on_server_lost(reason)

    def respond(self, response: Any, number: int, on_response: Callable[[Any], None]) -> None:
        """Send the answer to request ``number`` back, if there is still somebody to hear it."""
        if self.is_open:
            _, fact = self._announce(self.server, self.client, response, number)
            self._travel(self.client, fact, on_response, response)

    def serve_next(self) -> None:
        """Handle the next waiting request, if there is one."""
        self._busy = False
        if self._waiting and self.is_open:
            self._busy = True
            request, reply = self._waiting.popleft()
            self.server.handle(request, self, reply)

    def _arrive(self, request: Any, number: int, on_response: Callable[[Any], None]) -> None:
        self._waiting.append((request, Reply(self, number, on_response)))
        if not self._busy:
            self.serve_next()

    def _pushed(self, message: Any) -> None:
        self.on_push(message)

    def _announce(self, source: Host, destination: Host, message: Any, reply_to: int | None) -> tuple[int, MessageSent]:
        network = self.network
        network.messages += 1
        arrives = network.kernel.now_us + network.delay_us(source, destination)
        arrives = self._last_arrival[destination] = max(arrives, self._last_arrival[destination])
        api = type(message).__name__
        fact = MessageSent(network.messages, source.name, destination.name, api, message.describe(), arrives, reply_to)
        network.kernel.journal.record(fact)
        return network.messages, fact

    def _travel(self, destination: Host, fact: MessageSent, deliver: Callable[..., None], *args: Any) -> None:
        kernel = self.network.kernel
        assert fact.arrives_us is not None
        before, kernel.journal.cause = kernel.journal.cause, fact
        kernel.after_us(fact.arrives_us - kernel.now_us, self._deliver, destination, fact, deliver, args)
        kernel.journal.cause = before

    def _deliver(
        self, destination: Host, fact: MessageSent, deliver: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        if self.is_open and destination.is_running:
            deliver(*args)
        else:
            reason = "connection closed" if destination.is_running else destination.state.value
            self.network.kernel.journal.record(MessageLost(fact.number, destination.name, reason))
