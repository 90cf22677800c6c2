"""Signs of life in an ensemble: who was heard when, and what leaders are told of it.

A client pings when it has said nothing for a third of its timeout (less a second when that is above one). While nothing
is wrong its pings change nothing, so they are only computed (sim/lease); a leader then does not count the session. With
each answer to its leader's pings, every half tick, a follower tells which clients it has heard. Those pings between
servers are always computed, and when one of them fails (a connection ends, a machine falls silent) the rest is a timer
of whoever waits.

ZooKeeper: Learner.ping, LearnerSessionTracker.snapshot, ClientCnxn.SendThread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kafkasim.sim.kernel import US_PER_MS, Kernel, Timer
from kafkasim.sim.lease import Lease

if TYPE_CHECKING:
    from kafkasim.sim.connection import Connection
    from kafkasim.sim.host import Host
    from kafkasim.sim.zookeeper_leader import Leader

MAX_PING_MS = 10_000


def ping_interval_us(timeout_ms: int) -> int:
    """How long a client of this session timeout is silent before it pings."""
    third_ms = timeout_ms / 3
    return round(min(third_ms - 1000 if third_ms > 2000 else third_ms, MAX_PING_MS) * US_PER_MS)


@dataclass(eq=False, slots=True)
class Client:
    """A session's present connection, as the server at its other end knows it.

    ``earlier_us`` is when the session was heard last before the half tick in which it was heard last.
    """

    session_id: int
    server: str
    heard_us: int
    earlier_us: int
    lease: Lease | None = None

    def last_heard_us(self, until_us: int) -> int:
        """The last sign of life up to a time, as far back as that is remembered; computed ones included."""
        computed_us = None if self.lease is None else self.lease.heard_by_us(until_us)
        if computed_us is not None:
            return computed_us
        return self.heard_us if self.heard_us <= until_us else min(self.earlier_us, until_us)


class Pings:
    """All clients of an ensemble, and what the leaders hear of them."""

    def __init__(self, kernel: Kernel, tick_ms: int) -> None:
        self.recorded_zxid = 0
        self._kernel = kernel
        self._half_tick_us = tick_ms * US_PER_MS // 2
        self._clients: dict[int, Client] = {}
        self._leaders: dict[str, Leader] = {}

    # --- leaders -------------------------------------------------------------------------------------------

    def leader_begins(self, name: str, leader: Leader) -> None:
        """An active leader counts sessions from now on."""
        self._leaders[name] = leader

    def leader_ends(self, name: str) -> None:
        """It counts no more."""
        self._leaders.pop(name, None)

    def last_report_us(self) -> int:
        """When the servers last exchanged pings."""
        return self._kernel.now_us // self._half_tick_us * self._half_tick_us

    # --- clients -------------------------------------------------------------------------------------------

    def begin(self, session_id: int, connection: Connection) -> None:
        """A session is connected to a server."""
        now_us = self._kernel.now_us
        client = self._clients[session_id] = Client(session_id, connection.server.name, now_us, now_us)
        self._offer(client, connection)

    def heard(self, session_id: int, connection: Connection) -> None:
        """A request of a session has come, or a ping."""
        client = self._clients.get(session_id)
        if client is not None and client.server == connection.server.name:
            self._note(client, self._kernel.now_us)
            if client.lease is None:
                self._count(client)
            self._offer(client, connection)

    def gone(self, session_id: int, server: str) -> None:
        """A session's connection to a server is gone: nothing but silence."""
        client = self._clients.get(session_id)
        if client is not None and client.server == server:
            self._end_lease(client)
            self._count(client)
            del self._clients[session_id]

    def _offer(self, client: Client, connection: Connection) -> None:
        """While a leader hears of it, and nothing else happens, the session need not be heard."""
        if connection.lease is None and self._listeners(client):
            Lease(connection, partial(self._lease_begun, client), partial(self._lease_ended, client))

    def _lease_begun(self, client: Client, lease: Lease) -> None:
        if self._clients.get(client.session_id) is client:
            client.lease = lease
            for leader in self._listeners(client):
                leader.tracker.hold(client.session_id)

    def _lease_ended(self, client: Client, lease: Lease) -> None:
        client.lease = None
        heard_us = lease.heard_by_us(self._kernel.now_us)
        if heard_us is not None:
            earlier_us = lease.heard_by_us(self._reported_us(heard_us) - self._half_tick_us)
            if earlier_us is not None:
                self._note(client, earlier_us)
            self._note(client, heard_us)
        if self._clients.get(client.session_id) is client:
            self._count(client)

    @staticmethod
    def _end_lease(client: Client) -> None:
        if client.lease is not None:
            client.lease.end()

    def _note(self, client: Client, heard_us: int) -> None:
        if self._reported_us(heard_us) != self._reported_us(client.heard_us):
            client.earlier_us = client.heard_us
        client.heard_us = heard_us

    # --- servers -------------------------------------------------------------------------------------------

    def server_silent(self, name: str, leader: Leader) -> None:
        """A leader hears of a server's clients no more: its last report counts."""
        for client in self._of(name):
            self._end_lease(client)
            self._count_for(leader, client, self.last_report_us())

    def server_heard(self, name: str, leader: Leader) -> None:
        """A leader hears of a server's clients again, with the next report."""
        for client in self._of(name):
            self._end_lease(client)
            self._count_for(leader, client, self._kernel.now_us)

    def server_lost(self, name: str) -> None:
        """A server's process is gone, and its clients' connections with it."""
        self._leaders.pop(name, None)
        for leader in self._leaders.values():
            self.server_silent(name, leader)
        self._clients = {one: client for one, client in self._clients.items() if client.server != name}

    def _of(self, server: str) -> list[Client]:
        return [client for client in self._clients.values() if client.server == server]

    # --- counting --------------------------------------------------------------------------------------------

    def _listeners(self, client: Client) -> list[Leader]:
        return [leader for leader in self._leaders.values() if leader.hears(client.server)]

    def _count(self, client: Client) -> None:
        for leader in self._listeners(client):
            self._count_for(leader, client, self._kernel.now_us)

    def _count_for(self, leader: Leader, client: Client, until_us: int) -> None:
        """A leader counts from the last sign of life that it was told of: its own clients' at once, else by report."""
        heard_us = client.last_heard_us(until_us)
        if client.server != leader.name:
            heard_us = self._reported_us(heard_us)
        leader.count(client.session_id, self._kernel.start_time_ms + heard_us // US_PER_MS)

    def _reported_us(self, heard_us: int) -> int:
        """When a follower reports what it has heard then."""
        return -(-heard_us // self._half_tick_us) * self._half_tick_us


class Pulse:
    """Waits for the pings of another server: after ``timeout_us`` without one, ``on_silence`` is called."""

    def __init__(self, host: Host, interval_us: int, timeout_us: int, on_silence: Callable[[], object]) -> None:
        self._host = host
        self._interval_us = interval_us
        self._timeout_us = timeout_us
        self._on_silence = on_silence
        self._timer: Timer | None = None

    def silent(self, silent: bool) -> None:
        """Pings come through no more, or again."""
        self.stop()
        if silent:
            now_us = self._host.kernel.now_us
            last_us = now_us // self._interval_us * self._interval_us
            self._timer = self._host.after_ms((last_us + self._timeout_us - now_us) / US_PER_MS, self._on_silence)

    def stop(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
