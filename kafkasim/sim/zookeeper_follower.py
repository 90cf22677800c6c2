"""A follower of a ZooKeeper ensemble, or an observer: it takes over the leader's history, and asks it for writes.

A follower acknowledges each proposal, and applies it when it is committed; an observer, which has no vote, hears of a
transaction once it is committed.

ZooKeeper: Follower, Learner, FollowerZooKeeperServer, SendAckRequestProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafkasim.core.zk_election import ServerState
from kafkasim.core.zk_log import SyncPlan
from kafkasim.messages import zookeeper_quorum as zab
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.sim.network import Connection
from kafkasim.sim.zookeeper_pings import Pulse
from kafkasim.trace.facts import FollowerSynchronized

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper import ZooKeeperServer

RETRY_MS = 1_000
"""How long a follower waits before it tries again to reach its leader. ZooKeeper: Learner.connectToLeader."""


class Follower:
    """One time of following one leader."""

    def __init__(self, server: ZooKeeperServer, leader: str) -> None:
        self._votes = server.name in server.voters
        self.state = ServerState.FOLLOWING if self._votes else ServerState.OBSERVING
        self.is_serving = False
        self._server = server
        self._leader = leader
        self._connection: Connection | None = None
        self._over = False
        self._limit: Timer | None = None
        self._pulse: Pulse | None = None

    def begin(self) -> None:
        """Go to the leader; give it up when it has not let this server serve within initLimit ticks."""
        config = self._server.config
        self._server.note_state(self.state)
        self._limit = self._server.after_ms(config.init_limit * config.tick_time, self._give_up)
        self._dial()

    def resign(self) -> None:
        """Follow no more."""
        self._over = True
        self.is_serving = False
        if self._limit is not None:
            self._limit.cancel()
        if self._pulse is not None:
            self._pulse.stop()
        if self._connection is not None:
            self._connection.on_lost = lambda reason: None
            self._connection.on_server_silent = lambda silent: None
            self._connection.close(self._server, "follows no more")

    def _give_up(self) -> None:
        if not self._over:
            self._server.lose_leader()

    def _dial(self) -> None:
        if not self._over:
            self._server.network.connect(self._server, self._leader, self._connected, self._refused)

    def _refused(self, reason: str) -> None:
        if not self._over:
            self._server.after_ms(RETRY_MS, self._dial)

    def _connected(self, connection: Connection) -> None:
        if self._over:
            connection.close(self._server, "follows no more")
            return
        self._connection = connection
        config = self._server.config
        tick_us = config.tick_time * US_PER_MS
        self._pulse = Pulse(self._server, tick_us // 2, config.sync_limit * tick_us, self._give_up)
        connection.on_push = self._hear
        connection.on_lost = lambda reason: self._give_up()
        connection.on_server_silent = self._pulse.silent
        if connection.server_silent_since_us is not None:
            self._pulse.silent(True)
        self._say(zab.FollowerInfo(self._server.name, self._server.disk.accepted_epoch))

    def _say(self, message: Any) -> None:
        assert self._connection is not None
        self._connection.request(message, lambda response: None)

    # --- what the leader says --------------------------------------------------------------------------------

    def _hear(self, message: Any) -> None:
        if self._over:
            return
        server = self._server
        disk = server.disk
        match message:
            case zab.LeaderInfo():
                if message.epoch < disk.accepted_epoch:
                    self._give_up()
                    return
                disk.accepted_epoch = message.epoch
                self._say(zab.AckEpoch(server.name, disk.current_epoch, server.tree.last_zxid))
            case zab.Synchronize():
                self._take_over(message.plan)
            case zab.NewLeader():
                disk.current_epoch = message.epoch
                self._say(zab.NewLeaderAck(server.name))
                for transaction in disk.after(server.tree.last_zxid):
                    self._say(zab.Acknowledgement(server.name, transaction.zxid))
            case zab.UpToDate():
                self._serve()
            case zab.Proposal():
                server.log(message.transaction, message.origin)
                if self.is_serving or disk.current_epoch == message.transaction.zxid >> 32:
                    self._say(zab.Acknowledgement(server.name, message.transaction.zxid))
            case zab.Inform():
                server.log(message.transaction, message.origin)
                server.apply_to(message.transaction.zxid)
            case zab.Commit():
                server.apply_to(message.zxid)
            case zab.SyncAnswer():
                server.clients.synced(message.origin[1])
            case zab.Revalidated():
                server.clients.revalidated(message.origin[1], is_open=message.is_open)
            case _:
                raise AssertionError(f"no follower listens to {message!r}")

    def _take_over(self, plan: SyncPlan) -> None:
        """Become the leader's copy."""
        server = self._server
        server.kernel.journal.because(FollowerSynchronized(server.name, self._leader, plan.how, len(plan.transactions)))
        server.disk.follow(plan)
        if plan.how == "DIFF":
            server.apply_to(plan.zxid)
        else:
            server.tree = server.disk.replay()

    def _serve(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self.is_serving = True
        self._server.begin_service()

    # --- what clients want -------------------------------------------------------------------------------------

    def submit(self, session_id: int, operation: Any, origin: zab.Origin) -> None:
        """A write goes to the leader."""
        self._say(zab.ForwardedWrite(origin, session_id, operation))

    def sync(self, origin: zab.Origin) -> None:
        """So does a sync."""
        self._say(zab.SyncRequest(origin))

    def revalidate(self, session_id: int, timeout_ms: int, origin: zab.Origin) -> None:
        """So does the question whether a session is open."""
        self._say(zab.Revalidate(origin, session_id, timeout_ms))
