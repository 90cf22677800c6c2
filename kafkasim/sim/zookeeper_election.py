"""How a ZooKeeper server takes part in elections: it tells its votes, waits for better ones, and decides.

What is decided stands in :mod:`kafkasim.core.zk_election`; here are the messages and the waiting. Each server has a
line to every other one for this, apart from that of leader and follower. ZooKeeper: QuorumCnxManager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkasim.core.zk_election import (
    FINALIZE_WAIT_MS,
    FIRST_REPEAT_MS,
    LAST_REPEAT_MS,
    Action,
    FastLeaderElection,
    Notification,
    ServerState,
)
from kafkasim.sim.channel import Channel
from kafkasim.sim.kernel import Timer

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper import ZooKeeperServer


class Election:
    """One incarnation's part in the elections of its ensemble."""

    def __init__(self, server: ZooKeeperServer) -> None:
        self._server = server
        voters = [server.names.index(name) + 1 for name in server.voters]
        self._rules = FastLeaderElection(server.number, voters)
        self._lines: dict[int, Channel] = {}
        self._repeat_ms = FIRST_REPEAT_MS
        self._repeat: Timer | None = None
        self._decision: Timer | None = None

    def look(self, epoch: int, zxid: int) -> None:
        """Vote for oneself, and tell everybody."""
        self._rules.look(epoch, zxid)
        self._repeat_ms = FIRST_REPEAT_MS
        self._tell_all()

    def heard(self, notification: Notification) -> None:
        """Another server says what it votes for, or whom it follows."""
        before = self._rules.vote
        match self._rules.receive(notification):
            case Action.TELL_ALL:
                self._tell_all()
            case Action.ANSWER:
                self._tell(notification.sender)
            case Action.NOTHING:
                pass
        if self._rules.state is not ServerState.LOOKING:
            return
        if self._rules.settled_leader is not None:
            self._decide()
        elif not self._rules.is_agreed or self._rules.vote != before:
            self._stop(self._decision)
            self._decision = None
        if self._rules.state is ServerState.LOOKING and self._rules.is_agreed and self._decision is None:
            self._decision = self._server.after_ms(FINALIZE_WAIT_MS, self._decide)

    def _decide(self) -> None:
        self._stop(self._decision)
        self._stop(self._repeat)
        self._decision = self._repeat = None
        self._rules.decide()
        self._server.elected(self._rules.vote.leader)

    def _tell_all(self) -> None:
        for number in range(1, len(self._server.names) + 1):
            if number != self._server.number:
                self._tell(number)
        self._stop(self._repeat)
        self._repeat = self._server.after_ms(self._repeat_ms, self._tell_again)

    def _tell_again(self) -> None:
        self._repeat_ms = min(2 * self._repeat_ms, LAST_REPEAT_MS)
        self._tell_all()

    def _tell(self, number: int) -> None:
        if number not in self._lines:
            peer = self._server.names[number - 1]
            self._lines[number] = Channel(self._server, peer, request_timeout_ms=None)
        self._lines[number].send_without_answer(self._rules.notification())

    @staticmethod
    def _stop(timer: Timer | None) -> None:
        if timer is not None:
            timer.cancel()
