"""Machines and the links between them.

A message in flight is one event that delivers itself (see :class:`~kafkasim.sim.connection.Connection`). What is wrong
with a link stands in :mod:`kafkasim.sim.links`; a network without faults pays one look for it.

Left out: bandwidth, and processing time, which is zero.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from kafkasim.config import NetworkConfig
from kafkasim.sim.connection import Connection, Reply
from kafkasim.sim.host import Host, HostState
from kafkasim.sim.kernel import US_PER_MS, Kernel
from kafkasim.sim.links import Link, Trouble, next_attempt_us
from kafkasim.trace.facts import MessageLost, MessageSent

__all__ = ["Connection", "Network", "Reply"]

FIRST_SYN_RETRY_MS = 1_000
SETUP_TIMEOUT_MS = 10_000
"""How long a program waits for a connection. Kafka: socket.connection.setup.timeout.ms."""


class Network:
    """All machines by name, and the links between them. ``links`` holds those with something wrong.

    In an ``eager`` one every beat is a message (sim/lease).
    """

    def __init__(self, kernel: Kernel, config: NetworkConfig, *, eager: bool = False) -> None:
        self.kernel = kernel
        self.config = config
        self.eager = eager
        self.hosts: dict[str, Host] = {}
        self.messages = 0
        self.links: dict[tuple[str, str], Link] = {}
        self._connections: dict[Connection, None] = {}
        self._chance: dict[tuple[str, str], random.Random] = {}
        self._stranded: dict[str, dict[Connection, int]] = {}

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

    def beat_delay_us(self, source: Host, destination: Host, sent_us: int) -> int:
        """The same for a sign of life: drawn by the time at which it is sent, so that it can be known without being."""
        late = 0.0
        if self.config.jitter_ms:
            late = self.kernel.rng(f"beat/{source.name}>{destination.name}/{sent_us}").random() * self.config.jitter_ms
        return round((self.config.one_way_delay_ms + late) * US_PER_MS)

    @property
    def longest_round_trip_us(self) -> int:
        """How long a message and its answer take at most while nothing is wrong."""
        return 2 * round((self.config.one_way_delay_ms + self.config.jitter_ms) * US_PER_MS)

    def is_sound(self, source: Host, destination: Host) -> bool:
        """Whether nothing is wrong with the link from one machine to another."""
        return (source.name, destination.name) not in self.links

    # --- connections -------------------------------------------------------------------------------------

    def connect(
        self, client: Host, server_name: str, on_open: Callable[[Connection], None],
        on_failed: Callable[[str], None], *, timeout_ms: float = SETUP_TIMEOUT_MS,
    ) -> None:  # fmt: skip
        """Open a connection: a round trip later it is open, or refused when no process listens there.

        Where no answer can come, it is tried again after 1 s, 3 s, 7 s and so on, and has failed after ``timeout_ms``.
        """
        server = self.hosts[server_name]
        end_us = self.kernel.now_us + round(timeout_ms * US_PER_MS)
        self._dial(client, client.incarnation, server, on_open, on_failed, FIRST_SYN_RETRY_MS * US_PER_MS, end_us)

    def _dial(
        self, client: Host, incarnation: int, server: Host, on_open: Callable[[Connection], None],
        on_failed: Callable[[str], None], retry_us: int, end_us: int,
    ) -> None:  # fmt: skip
        if client.incarnation != incarnation or not client.is_alive:
            return
        lost = self.is_blocked(client, server) or self.is_blocked(server, client)
        if not (lost or server.state is HostState.POWERED_OFF):
            delay = self.delay_us(client, server) + self.delay_us(server, client)
            for link in filter(None, map(self.links.get, self._both_ways(client, server))) if self.links else ():
                delay += link.lateness_us()
            self.kernel.after_us(delay, self._connected, client, incarnation, server, on_open, on_failed)
        elif self.kernel.now_us + retry_us < end_us:
            again = (client, incarnation, server, on_open, on_failed, 2 * retry_us, end_us)
            self.kernel.after_us(retry_us, self._dial, *again)
        else:
            left_us = end_us - self.kernel.now_us
            self.kernel.after_us(left_us, self._failed, client, incarnation, on_failed, "no answer")

    def _connected(
        self, client: Host, incarnation: int, server: Host, on_open: Callable[[Connection], None],
        on_failed: Callable[[str], None],
    ) -> None:  # fmt: skip
        if client.incarnation != incarnation or not client.is_alive:
            return
        if not (server.is_alive and server.listens):
            self._failed(client, incarnation, on_failed, "connection refused")
            return
        connection = Connection(self, client, server)
        self._connections[connection] = None
        server.when_running(server.accepted, connection)
        client.when_running(on_open, connection)
        if self.links or not (client.is_running and server.is_running):
            connection.review()

    def _failed(self, client: Host, incarnation: int, on_failed: Callable[[str], None], reason: str) -> None:
        if client.incarnation == incarnation and client.is_alive:
            client.when_running(on_failed, reason)

    def forget(self, connection: Connection) -> None:
        """A connection is closed at both ends."""
        self._connections.pop(connection, None)

    # --- machines come and go ----------------------------------------------------------------------------

    def process_ended(self, host: Host, reason: str) -> None:
        """The operating system closes what a process leaves behind."""
        for connection in self._of(host):
            connection.close(host, reason)

    def stopped_serving(self, host: Host, reason: str) -> None:
        """A process closes what its clients have opened."""
        for connection in self._of(host):
            if connection.server is host:
                connection.close(host, reason)

    def power_lost(self, host: Host) -> None:
        """Nobody closes anything, and nobody answers."""
        for connection in self._of(host):
            connection.lose_power(host)
            connection.review()

    def review(self, host: Host) -> None:
        """A machine has paused or goes on: its peers hear it no more, or again."""
        for connection in self._of(host):
            connection.review()

    def strand(self, connection: Connection, host: Host, fact: MessageSent | None) -> None:
        """Something has come to a machine without power; TCP will try again until it is up."""
        self._stranded.setdefault(host.name, {}).setdefault(connection, self.kernel.now_us)
        if fact is not None:
            self.kernel.journal.record(MessageLost(fact.number, host.name, host.state.value))

    def booted(self, host: Host) -> None:
        """A machine is up again: it answers whatever comes for its lost connections that it knows nothing of them."""
        now_us = self.kernel.now_us
        for connection, since_us in self._stranded.pop(host.name, {}).items():
            self.kernel.after_us(next_attempt_us(since_us, now_us) - now_us, connection.reset, host)

    def _of(self, host: Host) -> list[Connection]:
        return [one for one in self._connections if host is one.client or host is one.server]

    def reset(self, links: list[tuple[str, str]]) -> None:
        """Connections between some machines break, and what was kept back of them is lost."""
        for connection in list(self._connections):
            if (connection.client.name, connection.server.name) in links:
                for link in self.links.values():
                    link.held = [held for held in link.held if held.connection is not connection]
                connection.cut()

    # --- troubles ----------------------------------------------------------------------------------------

    def is_blocked(self, source: Host, destination: Host) -> bool:
        """Whether nothing comes through from one machine to another."""
        link = self.links.get((source.name, destination.name)) if self.links else None
        return link is not None and link.is_blocked

    def start_trouble(self, links: list[tuple[str, str]], trouble: Trouble) -> None:
        """Something goes wrong on some links, each from one machine to another."""
        for name in links:
            if name not in self.links:
                self.links[name] = Link(self.kernel.rng(f"trouble/{name[0]}>{name[1]}"))
            self.links[name].troubles.append(trouble)
        self._review_links(links)

    def end_trouble(self, links: list[tuple[str, str]], trouble: Trouble) -> None:
        """It is over; what was kept back comes through now or with the next attempt of TCP."""
        for name in links:
            link = self.links[name]
            released = link.end(trouble, self.kernel.now_us)
            if not link.troubles:
                del self.links[name]
            for held, leaves_us in released:
                held.connection.release(held, leaves_us)
        self._review_links(links)

    def _review_links(self, links: list[tuple[str, str]]) -> None:
        for connection in list(self._connections):
            if any(name in links for name in self._both_ways(connection.client, connection.server)):
                connection.review()

    @staticmethod
    def _both_ways(client: Host, server: Host) -> tuple[tuple[str, str], tuple[str, str]]:
        return (client.name, server.name), (server.name, client.name)
