"""How ZooKeeper's servers agree on one of them: fast leader election, as one server sees it.

Theory of operation. A server that looks for a leader begins a new *round*, votes for itself and tells everybody. A vote
is better than another by its epoch, then by its last logged zxid, then by the server's id. Whoever hears of a better
vote in his round takes it over and tells everybody; whoever hears of a later round forgets what he has heard and joins
it. Once a majority of all voters, himself included, has the same vote, he waits :data:`FINALIZE_WAIT_MS` for a better
one, and then the vote is his leader::

    election = FastLeaderElection(number, voters)
    election.look(current_epoch, last_zxid)              # then send election.notification() to every other voter
    action = election.receive(notification)              # Action.TELL_ALL, ANSWER or nothing
    if election.is_agreed: ...                           # in FINALIZE_WAIT_MS, if still so, election.decide()

Servers that have a leader go on answering those who look, so a late one finds the leader and follows: nobody is
unseated by a higher id. An observer asks like anybody, and follows; its own vote does not count. What is logged counts,
committed or not: the winner's log becomes the history of all.

ZooKeeper: FastLeaderElection (lookForLeader, totalOrderPredicate, checkLeader), QuorumMaj. Left out: weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

FINALIZE_WAIT_MS = 200
"""How long a server waits for a better vote once a majority agrees. ZooKeeper: FastLeaderElection.finalizeWait."""
FIRST_REPEAT_MS, LAST_REPEAT_MS = 200, 60_000
"""A server that hears nothing tells its vote again, after times that double from the first to the last."""


class ServerState(Enum):
    """What a server does, under ZooKeeper's names. A server alone in its configuration is ``standalone``."""

    LOOKING = "looking"
    FOLLOWING = "follower"
    OBSERVING = "observer"
    LEADING = "leader"
    STANDALONE = "standalone"


def majority_of(voters: int) -> int:
    """How many servers of so many configured ones can decide: more than half, whoever happens to be up."""
    return voters // 2 + 1


@dataclass(frozen=True, slots=True, order=True)
class Vote:
    """A wish for a leader; votes compare as ZooKeeper's do: epoch, then last zxid, then the server's id."""

    epoch: int
    zxid: int
    leader: int


NO_VOTE = Vote(-1, -1, -1)
"""What an observer begins with: any vote is better."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What server ``sender`` says about itself: its vote, its round and what it does."""

    sender: int
    vote: Vote
    round: int
    state: ServerState

    def describe(self) -> str:
        vote = self.vote
        return (
            f"{self.state.value}: vote for {vote.leader} (epoch {vote.epoch}, zxid {vote.zxid:#x}), round {self.round}"
        )


class Action(Enum):
    """What a server must say after it has heard somebody."""

    NOTHING = "nothing"
    TELL_ALL = "tell all"
    ANSWER = "answer"


class FastLeaderElection:
    """One server's part in the elections; ``round`` is ZooKeeper's logical clock and never goes back."""

    def __init__(self, number: int, voters: Sequence[int]) -> None:
        self.state = ServerState.LOOKING
        self.round = 0
        self.vote = Vote(0, 0, number)
        self._number = number
        self._voters = tuple(voters)
        self._votes = number in voters
        self._own = self.vote
        self._heard: dict[int, Notification] = {}
        self._settled: dict[int, Notification] = {}

    def look(self, epoch: int, zxid: int) -> None:
        """Begin a round with a vote for oneself: current epoch and last logged zxid."""
        self.state = ServerState.LOOKING
        self.round += 1
        self.vote = self._own = Vote(epoch, zxid, self._number) if self._votes else NO_VOTE
        self._heard = {}
        self._settled = {}
        self._note_own()

    def notification(self) -> Notification:
        """What this server has to say."""
        return Notification(self._number, self.vote, self.round, self.state)

    def receive(self, heard: Notification) -> Action:
        """Take notice of what another server says."""
        if heard.sender not in self._voters:
            return Action.ANSWER if heard.state is ServerState.LOOKING else Action.NOTHING
        if self.state is not ServerState.LOOKING:
            return Action.ANSWER if heard.state is ServerState.LOOKING else Action.NOTHING
        if heard.state is not ServerState.LOOKING:
            self._note_settled(heard)
            return Action.NOTHING
        if heard.round < self.round:
            return Action.ANSWER
        before = (self.round, self.vote)
        if heard.round > self.round:
            self.round = heard.round
            self._heard = {}
            self.vote = max(heard.vote, self._own)
        else:
            self.vote = max(heard.vote, self.vote)
        self._heard[heard.sender] = heard
        self._note_own()
        return Action.TELL_ALL if before != (self.round, self.vote) else Action.NOTHING

    @property
    def is_agreed(self) -> bool:
        """Whether a majority has the vote that this server has."""
        return self._is_majority(sum(one.vote == self.vote for one in self._heard.values()))

    @property
    def settled_leader(self) -> int | None:
        """The leader that a majority follows already, and that says itself that it leads; None when there is none."""
        for said in self._settled.values():
            followers = sum(one.vote.leader == said.vote.leader for one in self._settled.values())
            chosen = self._settled.get(said.vote.leader)
            if self._is_majority(followers) and chosen is not None and chosen.state is ServerState.LEADING:
                return said.vote.leader
        return None

    def decide(self) -> ServerState:
        """The election is over for this server: its vote's server leads."""
        leader = self.settled_leader
        if leader is not None:
            self.round = self._settled[leader].round
            self.vote = self._settled[leader].vote
        if not self._votes:
            self.state = ServerState.OBSERVING
        else:
            self.state = ServerState.LEADING if self.vote.leader == self._number else ServerState.FOLLOWING
        return self.state

    def _note_own(self) -> None:
        if self._votes:
            self._heard[self._number] = self.notification()

    def _note_settled(self, heard: Notification) -> None:
        """A server that has a leader speaks; it counts for nothing when that is this one, which looks itself."""
        if heard.vote.leader != self._number:
            self._settled[heard.sender] = heard

    def _is_majority(self, count: int) -> bool:
        return count >= majority_of(len(self._voters))
