"""The leader of a ZooKeeper ensemble, from the vote to the end of its office (ZAB).

1. *Discovery*: followers come with the highest epoch that they have accepted; once a majority is there, the leader
   proposes the highest + 1. An attempt that fails later has used that number up.
2. *Synchronisation*: each follower gets the leader's history; once a majority has joined the epoch, the leader is
   active: everything in its log is committed, and every session gets its full timeout again.
3. *Broadcast*: a write is judged on the newest state, gets the next zxid and is proposed to all; when a majority has it
   in its log it is committed, in order. Late followers are brought up to date and join.

A leader gives up when the second phase takes longer than initLimit ticks, and at the check of each tick when less than
a majority is left. A server alone in its configuration leads at once, in epoch 0.

ZooKeeper: Leader, LearnerHandler, ZooKeeperServer (standalone). Left out: the end of the counter at 0xffffffff.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafkasim.core.zk_election import ServerState, majority_of
from kafkasim.core.zk_errors import SessionMovedError
from kafkasim.core.zk_log import plan_of
from kafkasim.core.zk_proposals import Proposals
from kafkasim.core.zk_requests import CloseSession, CreateSession
from kafkasim.core.zk_sessions import SessionTracker
from kafkasim.core.znodes import Transaction
from kafkasim.messages import zookeeper_quorum as zab
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.sim.network import Connection
from kafkasim.sim.zookeeper_pings import Pulse
from kafkasim.trace import Fact
from kafkasim.trace.facts import ZooKeeperLeaderElected
from kafkasim.trace.facts.zookeeper import FROM_ELSEWHERE

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper import ZooKeeperServer


@dataclass(eq=False, slots=True)
class _Learner:
    """A follower as its leader knows it; ``history`` is (current epoch, last zxid) once it has accepted the epoch."""

    name: str
    connection: Connection
    accepted_epoch: int
    pulse: Pulse
    votes: bool
    history: tuple[int, int] | None = None
    gets_proposals: bool = False
    has_joined: bool = False
    is_heard: bool = True


class Leader:
    """One term of office."""

    def __init__(self, server: ZooKeeperServer, *, alone: bool = False) -> None:
        self.name = server.name
        self.tracker = SessionTracker(server.config.tick_time)
        self.epoch: int | None = None
        self.is_serving = False
        self._server = server
        self._alone = alone
        self._majority = majority_of(len(server.voters))
        self._learners: dict[str, _Learner] = {}
        self._timers: dict[str, Timer] = {}
        self._proposals = Proposals(server.tree, server.tree.last_zxid)
        self._proposed: deque[int] = deque()
        self._acks: dict[int, int] = {}
        self._informs: dict[int, zab.Inform] = {}
        self._syncs: dict[int, list[zab.Origin]] = {}
        self._silent_since: dict[int, Fact | None] = {}
        self._expiry = Alarm(server, self._expire)

    @property
    def state(self) -> ServerState:
        """What the server is by this."""
        return ServerState.STANDALONE if self._alone else ServerState.LEADING

    # --- the beginning and the end -------------------------------------------------------------------------

    def begin(self) -> None:
        """Wait for followers."""
        if self._alone:
            self._become_active(0, self._server.tree.last_zxid)
            return
        self._server.note_state(ServerState.LEADING)
        limit_ms = self._server.config.init_limit * self._server.config.tick_time
        self._timers["start"] = self._server.after_ms(limit_ms, self._server.lose_leader)

    def resign(self) -> None:
        """The office is over: let the followers go."""
        self.is_serving = False
        self._server.pings.leader_ends(self.name)
        self._expiry.off()
        for timer in self._timers.values():
            timer.cancel()
        for learner in list(self._learners.values()):
            self._dismiss(learner)

    def hears(self, server: str) -> bool:
        """Whether what this server hears from its clients comes to the leader."""
        return server == self.name or (server in self._learners and self._learners[server].is_heard)

    # --- followers -------------------------------------------------------------------------------------------

    def hear(self, message: Any, connection: Connection) -> None:
        """A follower says something."""
        match message:
            case zab.FollowerInfo():
                self._welcome(message, connection)
            case zab.AckEpoch():
                self._accepted(self._learners[message.server], message)
            case zab.NewLeaderAck():
                self._joined(self._learners[message.server])
            case zab.Acknowledgement():
                self._acknowledge(message.zxid)
            case zab.ForwardedWrite():
                self.submit(message.session_id, message.operation, message.origin)
            case zab.SyncRequest():
                self.sync(message.origin)
            case zab.Revalidate():
                is_open = self.reopen(message.session_id, message.timeout_ms, message.origin)
                self._learners[message.origin[0]].connection.push(zab.Revalidated(message.origin, is_open))
            case _:
                raise AssertionError(f"no leader answers {message!r}")

    def _welcome(self, message: zab.FollowerInfo, connection: Connection) -> None:
        known = self._learners.get(message.server)
        if known is not None:
            self._dismiss(known)
        tick_us = self._server.config.tick_time * US_PER_MS
        pulse = Pulse(self._server, tick_us // 2, self._server.config.sync_limit * tick_us, lambda: self._gone(learner))
        votes = message.server in self._server.voters
        learner = _Learner(message.server, connection, message.accepted_epoch, pulse, votes)
        self._learners[message.server] = learner
        connection.on_server_lost = lambda reason: self._gone(learner)
        connection.on_client_silent = lambda silent: self._silent(learner, silent=silent)
        if connection.client_silent_since_us is not None:
            self._silent(learner, silent=True)
        if self.epoch is not None:
            connection.push(zab.LeaderInfo(self.epoch))
        elif self._has_majority(list(self._learners.values())):
            self._propose_epoch()

    def _has_majority(self, learners: Sequence[_Learner]) -> bool:
        """Whether these and the leader are more than half of all voters."""
        return sum(learner.votes for learner in learners) + 1 >= self._majority

    def _propose_epoch(self) -> None:
        disk = self._server.disk
        accepted = [learner.accepted_epoch for learner in self._learners.values()]
        self.epoch = disk.accepted_epoch = max(disk.accepted_epoch, *accepted) + 1
        for learner in self._learners.values():
            learner.connection.push(zab.LeaderInfo(self.epoch))

    def _accepted(self, learner: _Learner, message: zab.AckEpoch) -> None:
        server = self._server
        learner.history = (message.current_epoch, message.last_zxid)
        if self.is_serving:
            self._synchronize(learner)
            return
        if learner.history > (server.disk.current_epoch, server.tree.last_zxid):
            server.lose_leader()  # somebody knows more: the attempt has failed
            return
        ready = [one for one in self._learners.values() if one.history is not None]
        if self._has_majority(ready):
            for one in ready:
                if not one.gets_proposals:
                    self._synchronize(one)

    def _synchronize(self, learner: _Learner) -> None:
        """Send what it takes to have this leader's history, and what is under way; then the epoch begins for it."""
        assert learner.history is not None
        assert self.epoch is not None
        server = self._server
        under_way = server.disk.after(server.tree.last_zxid)
        done = server.disk.transactions[: len(server.disk.transactions) - len(under_way)]
        plan = plan_of(done, server.tree.last_zxid, learner.history[1])
        learner.connection.push(zab.Synchronize(plan))
        for transaction in under_way if learner.votes else ():
            learner.connection.push(zab.Proposal(transaction, ("", 0)))
        learner.gets_proposals = True
        learner.connection.push(zab.NewLeader(self.epoch))

    def _joined(self, learner: _Learner) -> None:
        learner.has_joined = True
        if self.is_serving:
            learner.connection.push(zab.UpToDate())
            return
        joined = [one for one in self._learners.values() if one.has_joined]
        if self._has_majority(joined):
            assert self.epoch is not None
            self._server.disk.current_epoch = self.epoch
            self._become_active(self.epoch, self.epoch << 32)
            for one in joined:
                one.connection.push(zab.UpToDate())

    def _become_active(self, epoch: int, zxid: int) -> None:
        """A majority stands behind this leader: sessions are counted anew, in full, and writes are taken."""
        server = self._server
        if "start" in self._timers:
            self._timers.pop("start").cancel()
        server.record_missed()
        server.tree.last_zxid = zxid
        self._proposals = Proposals(server.tree, zxid)
        self.is_serving = True
        server.kernel.journal.because(ZooKeeperLeaderElected(server.name, epoch))
        timeouts = {one: session.timeout_ms for one, session in server.tree.sessions.items()}
        self.tracker.start(timeouts, server.kernel.now_ms)
        self._silent_since = dict.fromkeys(timeouts, server.kernel.journal.cause)
        server.pings.leader_begins(self.name, self)
        server.begin_service()
        self._expire_in_time()

    def _silent(self, learner: _Learner, *, silent: bool) -> None:
        """Nothing of a follower comes through any more, its reports of sessions neither; or it does again."""
        learner.is_heard = True
        if silent:
            self._server.pings.server_silent(learner.name, self)
        learner.is_heard = not silent
        if not silent:
            self._server.pings.server_heard(learner.name, self)
        learner.pulse.silent(silent)

    def _gone(self, learner: _Learner) -> None:
        if self._learners.get(learner.name) is not learner:
            return
        if learner.is_heard:
            self._server.pings.server_silent(learner.name, self)
        self._dismiss(learner)
        if not self._has_majority(list(self._learners.values())) and self.is_serving and "quorum" not in self._timers:
            tick_us = self._server.config.tick_time * US_PER_MS
            wait_us = tick_us - self._server.kernel.now_us % tick_us
            self._timers["quorum"] = self._server.after_ms(wait_us / US_PER_MS, self._check_quorum)

    def _dismiss(self, learner: _Learner) -> None:
        learner.pulse.stop()
        del self._learners[learner.name]
        learner.connection.on_server_lost = lambda reason: None
        learner.connection.on_client_silent = lambda silent: None
        learner.connection.close(self._server, "the leader let it go")

    def _check_quorum(self) -> None:
        """Once a tick: step down when less than a majority is left."""
        self._timers.pop("quorum")
        if not self._has_majority(list(self._learners.values())):
            self._server.lose_leader()

    # --- writes ------------------------------------------------------------------------------------------------

    def submit(self, session_id: int, operation: Any, origin: zab.Origin) -> None:
        """Judge a write and propose what comes of it; one over a session's old connection is turned down."""
        now_ms = self._server.kernel.now_ms
        if self.tracker.is_moved(session_id, origin[0]):
            transaction = self._proposals.refuse(session_id, SessionMovedError(), now_ms)
        else:
            transaction = self._proposals.prepare(session_id, operation, now_ms)
            if isinstance(operation, CreateSession):
                self.tracker.open(session_id, operation.timeout_ms, origin[0], now_ms)
                self._expire_in_time()
            elif isinstance(operation, CloseSession):
                self.tracker.close(session_id)
        self._propose(transaction, origin)

    def _propose(self, transaction: Transaction, origin: zab.Origin) -> None:
        self._server.log(transaction, origin)
        self._proposed.append(transaction.zxid)
        self._informs[transaction.zxid] = zab.Inform(transaction, origin)
        self._acks[transaction.zxid] = 0
        for learner in self._learners.values():
            if learner.gets_proposals and learner.votes:
                learner.connection.push(zab.Proposal(transaction, origin))
        self._acknowledge(transaction.zxid)

    def _acknowledge(self, zxid: int) -> None:
        """One more log holds a transaction; transactions are committed in order."""
        if zxid in self._acks:
            self._acks[zxid] += 1
        while self._proposed and self._acks[self._proposed[0]] >= self._majority:
            committed = self._proposed.popleft()
            del self._acks[committed]
            inform = self._informs.pop(committed)
            for learner in self._learners.values():
                if learner.gets_proposals:
                    learner.connection.push(zab.Commit(committed) if learner.votes else inform)
            self._server.apply_to(committed)
            for origin in self._syncs.pop(committed, ()):
                self._synced(origin)

    def sync(self, origin: zab.Origin) -> None:
        """Answer once everything that is proposed now has been committed."""
        if self._proposed:
            self._syncs.setdefault(self._proposed[-1], []).append(origin)
        else:
            self._synced(origin)

    def _synced(self, origin: zab.Origin) -> None:
        if origin[0] == self.name:
            self._server.clients.synced(origin[1])
        elif origin[0] in self._learners:
            self._learners[origin[0]].connection.push(zab.SyncAnswer(origin))

    # --- sessions ----------------------------------------------------------------------------------------------

    def reopen(self, session_id: int, timeout_ms: int, origin: zab.Origin) -> bool:
        """A client takes its session up again at a server; False when it is over."""
        is_open = self.tracker.reopen(session_id, timeout_ms, origin[0], self._server.kernel.now_ms)
        if is_open:
            self._expire_in_time()
        return is_open

    def revalidate(self, session_id: int, timeout_ms: int, origin: zab.Origin) -> None:
        """The same for a client of the leader itself."""
        self._server.clients.revalidated(origin[1], is_open=self.reopen(session_id, timeout_ms, origin))

    def count(self, session_id: int, heard_ms: int) -> None:
        """A session was heard then: its timeout runs from there."""
        self.tracker.touch(session_id, heard_ms)
        self._silent_since[session_id] = self._server.kernel.journal.cause
        self._expire_in_time()

    def end_session(self, session_id: int) -> None:
        """A session ends at once, alive as its client may be."""
        session = self._server.tree.sessions.get(session_id)
        if session is not None:
            self.tracker.close(session_id)
            self._server.note_session(session_id, session, "expired", because=True, setting=FROM_ELSEWHERE)
            kernel = self._server.kernel
            self._propose(self._proposals.prepare(session_id, CloseSession(), kernel.now_ms), ("", 0))

    def _expire_in_time(self) -> None:
        """Wake up when the next session may expire."""
        deadline_ms = self.tracker.deadline_ms
        if deadline_ms is None:
            self._expiry.off()
        else:
            self._expiry.set((deadline_ms - self._server.kernel.start_time_ms) * US_PER_MS)

    def _expire(self) -> None:
        """Sessions that were silent for too long end, each with all its ephemerals under one zxid."""
        kernel = self._server.kernel
        for session_id in self.tracker.due(kernel.now_ms):
            session = self._server.tree.sessions.get(session_id)
            kernel.journal.cause = self._silent_since.pop(session_id, None)
            if session is not None:
                self._server.note_session(session_id, session, "expired", because=True)
            self._propose(self._proposals.prepare(session_id, CloseSession(), kernel.now_ms), ("", 0))
        self._expire_in_time()
