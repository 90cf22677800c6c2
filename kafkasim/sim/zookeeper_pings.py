"""The pings that are not simulated: who would have been heard when, by arithmetic.

While all is well a client's pings and a follower's answers to its leader's pings change nothing, so none is sent. When
one of them fails (a connection ends, a machine falls silent), the last one that came through is computed, and the rest
is a timer of whoever waits. A client pings when it has said nothing for a third of its timeout (less a second when that
is above one); servers ping each half tick. A follower tells the leader with each answer which clients it has heard.

ZooKeeper: Learner.ping, LearnerSessionTracker.snapshot, ClientCnxn.SendThread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkasim.sim.kernel import US_PER_MS, Kernel, Timer

if TYPE_CHECKING:
    from kafkasim.sim.host import Host
    from kafkasim.sim.zookeeper_leader import Leader

MAX_PING_MS = 10_000


def ping_interval_us(timeout_ms: int) -> int:
    """How long a client of this session timeout is silent before it pings."""
    third_ms = timeout_ms / 3
    return round(min(third_ms - 1000 if third_ms > 2000 else third_ms, MAX_PING_MS) * US_PER_MS)


@dataclass(slots=True)
class Client:
    """A session's present connection, as the server at its other end knows it."""

    session_id: int
    server: str
    interval_us: int
    heard_us: int
    pings: bool = True

    def last_heard_us(self, until_us: int) -> int:
        """The last sign of life up to a time, pings included if they came through until then."""
        if not self.pings or self.heard_us >= until_us:
            return min(self.heard_us, until_us)
        return self.heard_us + (until_us - self.heard_us) // self.interval_us * self.interval_us


class Pings:
    """All clients of an ensemble that ping, and what the leaders hear of them."""

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

    def begin(self, session_id: int, server: str, timeout_ms: int) -> None:
        """A session is connected to a server, and pings it."""
        client = Client(session_id, server, ping_interval_us(timeout_ms), self._kernel.now_us)
        self._clients[session_id] = client
        self._hold(client)

    def heard(self, session_id: int, server: str) -> None:
        """A request of a session has come."""
        client = self._clients.get(session_id)
        if client is not None and client.server == server:
            client.heard_us = self._kernel.now_us
            if not client.pings:
                self._count(client, self._kernel.now_us)

    def silent(self, session_id: int, server: str, *, silent: bool) -> None:
        """A session's pings come through no more, or again."""
        client = self._clients.get(session_id)
        if client is None or client.server != server or client.pings is not silent:
            return
        if silent:
            client.heard_us = client.last_heard_us(self._kernel.now_us)
            client.pings = False
            self._count(client, self._kernel.now_us)
        else:
            client.pings = True
            client.heard_us = self._kernel.now_us
            self._hold(client)

    def gone(self, session_id: int, server: str) -> None:
        """A session's connection to a server is gone: nothing but silence."""
        client = self._clients.get(session_id)
        if client is not None and client.server == server:
            self.silent(session_id, server, silent=True)
            del self._clients[session_id]

    # --- servers -------------------------------------------------------------------------------------------

    def server_silent(self, name: str, leader: Leader) -> None:
        """A leader hears of a server's clients no more: its last report counts."""
        for client in self._clients.values():
            if client.server == name:
                self._count_for(leader, client, self.last_report_us())

    def server_heard(self, name: str, leader: Leader) -> None:
        """A leader hears of a server's clients again."""
        for client in self._clients.values():
            if client.server == name and client.pings:
                leader.tracker.hold(client.session_id)

    def server_lost(self, name: str) -> None:
        """A server's process is gone, and its clients' connections with it."""
        self._leaders.pop(name, None)
        for leader in self._leaders.values():
            self.server_silent(name, leader)
        self._clients = {one: client for one, client in self._clients.items() if client.server != name}

    # --- counting --------------------------------------------------------------------------------------------

    def _hold(self, client: Client) -> None:
        for leader in self._leaders.values():
            if leader.hears(client.server):
                leader.tracker.hold(client.session_id)

    def _count(self, client: Client, until_us: int) -> None:
        for leader in self._leaders.values():
            if leader.hears(client.server):
                self._count_for(leader, client, until_us)

    def _count_for(self, leader: Leader, client: Client, until_us: int) -> None:
        """A leader counts from the last sign of life that it was told of: its own clients' at once, else by report."""
        heard_us = client.last_heard_us(until_us)
        if client.server != leader.name:
            heard_us = -(-heard_us // self._half_tick_us) * self._half_tick_us
        leader.count(client.session_id, self._kernel.start_time_ms + heard_us // US_PER_MS)


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
