"""ZooKeeper's sessions: their ids and timeouts, and when the leader declares one over.

Theory of operation. A session belongs to the ensemble: which ones are open is part of the replicated tree
(``ZnodeTree.sessions``), and opening and closing one are transactions. The server that a client comes to cuts the
timeout (:func:`negotiated_timeout_ms`), makes the id (:class:`SessionIds`) and sends a ``CreateSession`` to the leader.

Only an active leader decides that a session has expired. Its :class:`SessionTracker` keeps a deadline for each, on the
grid of the ticks::

    tracker = SessionTracker(tick_ms)
    tracker.start({id: session.timeout_ms for id, session in tree.sessions.items()}, now_ms)  # full timeouts, anew
    tracker.open(session_id, timeout_ms, "zookeeper-1", now_ms)      # with each CreateSession
    tracker.touch(session_id, now_ms)                                # a request, a ping, a follower's report
    for session_id in tracker.due(now_ms):                           # woken at tracker.deadline_ms
        proposals.prepare(session_id, CloseSession(), now_ms)        # one transaction takes all its ephemerals

Followers report the sessions they have heard from with the answer to the leader's ping, each half tick; so a session on
a follower may live half a tick longer. While a client's pings are known to arrive they need not be simulated:
:meth:`SessionTracker.hold` takes its deadline away, and :meth:`SessionTracker.touch` with the time of the last report
brings it back. Without a leader nobody counts, and nothing expires.

ZooKeeper: SessionTrackerImpl, ExpiryQueue, LeaderSessionTracker, ZooKeeperServer.processConnectRequest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

COUNTER_BITS = 56


def negotiated_timeout_ms(asked_ms: int, shortest_ms: int, longest_ms: int) -> int:
    """The session timeout that is granted: what was asked, within minSessionTimeout and maxSessionTimeout."""
    return min(max(asked_ms, shortest_ms), longest_ms)


def password_of(session_id: int) -> bytes:
    """The 16 bytes that a client must show to take its session up again; every server knows them."""
    return hashlib.blake2b(session_id.to_bytes(8, "big"), digest_size=16).digest()


def expiry_ms(reported_ms: int, timeout_ms: int, tick_ms: int) -> int:
    """When a session last reported then expires: the first tick *after* its timeout.

    One that ends right on a tick gets a whole further tick. ZooKeeper: ExpiryQueue.roundToNextInterval.
    """
    return ((reported_ms + timeout_ms) // tick_ms + 1) * tick_ms


class SessionIds:
    """The ids that one server gives out: its own number in the top byte, below it a counter.

    The counter begins with the time of the server's start (ms), so that a restarted server gives out no id twice.
    ZooKeeper: SessionTrackerImpl.initializeNextSessionId.
    """

    def __init__(self, server_number: int, started_ms: int) -> None:
        self._server = server_number << COUNTER_BITS
        self._counter = (started_ms << 16) % (1 << COUNTER_BITS)

    def take(self) -> int:
        """The next one."""
        session_id = self._server | self._counter
        self._counter += 1
        return session_id


@dataclass(slots=True)
class _Tracked:
    """A session as the leader sees it: who has its connection, if anybody, and when it expires, if that is counted."""

    timeout_ms: int
    server: str | None
    deadline_ms: int | None


class SessionTracker:
    """The sessions of an active leader, with their deadlines."""

    def __init__(self, tick_ms: int) -> None:
        self._tick_ms = tick_ms
        self._sessions: dict[int, _Tracked] = {}

    def start(self, timeouts_ms: Mapping[int, int], now_ms: int) -> None:
        """A leader becomes active: each session gets its full timeout again, from now on."""
        self._sessions = {
            session_id: _Tracked(timeout_ms, None, expiry_ms(now_ms, timeout_ms, self._tick_ms))
            for session_id, timeout_ms in timeouts_ms.items()
        }

    def open(self, session_id: int, timeout_ms: int, server: str, now_ms: int) -> None:
        """A new session, connected to ``server``."""
        self._sessions[session_id] = _Tracked(timeout_ms, server, expiry_ms(now_ms, timeout_ms, self._tick_ms))

    def reopen(self, session_id: int, timeout_ms: int, server: str, now_ms: int) -> bool:
        """A client takes its session up again at ``server``, and this timeout counts from now on.

        False when the session is not known here: the client is told that it has expired.
        """
        if session_id not in self._sessions:
            return False
        self.open(session_id, timeout_ms, server, now_ms)
        return True

    def close(self, session_id: int) -> None:
        """The session is being closed: nothing is counted any more, and nobody can take it up again."""
        self._sessions.pop(session_id, None)

    def touch(self, session_id: int, reported_ms: int) -> None:
        """A sign of life; one of a session that is over changes nothing."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.deadline_ms = expiry_ms(reported_ms, session.timeout_ms, self._tick_ms)

    def hold(self, session_id: int) -> None:
        """Signs of life will come in time, until :meth:`touch` says when the last one came."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.deadline_ms = None

    def is_moved(self, session_id: int, server: str) -> bool:
        """Whether the session is now connected to another server than this one, from where a write of it comes.

        Such a write is refused with SessionMovedError.
        """
        session = self._sessions.get(session_id)
        return session is not None and session.server not in (None, server)

    @property
    def deadline_ms(self) -> int | None:
        """The next time at which a session may expire; None when nothing is counted."""
        return min((s.deadline_ms for s in self._sessions.values() if s.deadline_ms is not None), default=None)

    def due(self, now_ms: int) -> list[int]:
        """The sessions that have expired, the earliest first; from now on they are as good as closed."""
        expired = [
            (session.deadline_ms, session_id)
            for session_id, session in self._sessions.items()
            if session.deadline_ms is not None and session.deadline_ms <= now_ms
        ]
        for _, session_id in expired:
            self.close(session_id)
        return [session_id for _, session_id in sorted(expired)]
