"""One consumer group, as its coordinator keeps it.

Theory of operation. Members *join*; when all that are known have joined (or the time is up) a new generation begins and
everyone is answered, its leader with the list of members. The leader computes the assignment and *syncs*; the
coordinator stores it and answers everyone with its own part. Then the members *beat*. A member that comes, leaves or
falls silent makes the others join again.

Requests that must wait are parked; what is to be said waits in an outbox (:meth:`Group.take_replies`), and
:attr:`Group.deadline_ms` is the next time at which :meth:`Group.expire` has something to do.
Kafka: GroupCoordinator, GroupMetadata. Left out as yet: static members, group.max.size, the SyncGroup time limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from kafkasim.errors import (
    IllegalGenerationException,
    InconsistentGroupProtocolException,
    MemberIdRequiredException,
    RebalanceInProgressException,
    UnknownMemberIdException,
)
from kafkasim.messages.data import Error
from kafkasim.messages.groups import (
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupResponse,
    Subscription,
    SyncGroupRequest,
    SyncGroupResponse,
)
from kafkasim.records import TopicPartition


class GroupState(Enum):
    """Kafka's names of a group's states."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


ALLOWED: dict[GroupState, frozenset[GroupState]] = {
    GroupState.EMPTY: frozenset({GroupState.PREPARING_REBALANCE, GroupState.DEAD}),
    GroupState.PREPARING_REBALANCE: frozenset({GroupState.COMPLETING_REBALANCE, GroupState.EMPTY, GroupState.DEAD}),
    GroupState.COMPLETING_REBALANCE: frozenset({GroupState.STABLE, GroupState.PREPARING_REBALANCE, GroupState.DEAD}),
    GroupState.STABLE: frozenset({GroupState.PREPARING_REBALANCE, GroupState.DEAD}),
    GroupState.DEAD: frozenset(),
}
"""From each state, the states that may follow."""

Token = Any
"""Whoever asked: handed back with the reply."""


@dataclass(slots=True)
class Member:
    """One member: what it wants, what it owns, and when it counts as dead."""

    member_id: str
    client_id: str
    protocols: tuple[str, ...]
    subscription: Subscription
    session_timeout_ms: int
    rebalance_timeout_ms: int
    session_deadline_ms: int = 0
    joining: Token = None
    syncing: Token = None
    assignment: tuple[TopicPartition, ...] = ()


class Group:
    """The state machine; ``initial_delay_ms`` is ``group.initial.rebalance.delay.ms``."""

    def __init__(self, group_id: str, initial_delay_ms: int) -> None:
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.generation = 0
        self.protocol = ""
        self.leader = ""
        self.members: dict[str, Member] = {}
        self._initial_delay_ms = initial_delay_ms
        self._pending: dict[str, int] = {}
        self._join_deadline_ms: int | None = None
        self._initial_limit_ms: int | None = None
        self._joined_during_delay = False
        self._replies: list[tuple[Token, Any]] = []

    # --- inputs ----------------------------------------------------------------------------------------

    def join(self, request: JoinGroupRequest, new_member_id: str, token: Token, now_ms: int) -> None:
        """JoinGroup: park until the join phase ends. A first-time member gets an id and must come again with it."""
        member_id = request.member_id
        if not member_id:
            self._pending[new_member_id] = now_ms + request.session_timeout_ms
            self._say(token, JoinGroupResponse(MemberIdRequiredException, new_member_id))
            return
        member = self.members.get(member_id)
        if member is None and member_id not in self._pending:
            self._say(token, JoinGroupResponse(UnknownMemberIdException, member_id))
            return
        if not self._has_common_protocol(request, member_id):
            self._say(token, JoinGroupResponse(InconsistentGroupProtocolException, member_id))
            return
        self._pending.pop(member_id, None)
        if member is None:
            self._joined_during_delay = True
            member = self.members[member_id] = Member(
                member_id, request.client_id, request.protocols, request.subscription,
                request.session_timeout_ms, request.rebalance_timeout_ms,
            )  # fmt: skip
            self.leader = self.leader or member_id
        elif self._keeps_generation(member, request):
            self._say(token, self._join_answer(member))
            return
        member.protocols, member.subscription = request.protocols, request.subscription
        member.joining = token
        self._prepare(now_ms)
        self._complete_join_if_all_are_here(now_ms)

    def sync(self, request: SyncGroupRequest, token: Token, now_ms: int) -> bool:
        """SyncGroup: park until the leader's comes; True when this is the leader's and the group must be stored."""
        error = self.trouble_with(request.member_id, request.generation_id)
        if error is None and self.state is GroupState.PREPARING_REBALANCE:
            error = RebalanceInProgressException
        if error is not None:
            self._say(token, SyncGroupResponse(error))
            return False
        member = self.members[request.member_id]
        self._touch(member, now_ms)
        if self.state is GroupState.STABLE:
            self._say(token, SyncGroupResponse(None, member.assignment))
            return False
        member.syncing = token
        if request.member_id != self.leader:
            return False
        for one in self.members.values():
            one.assignment = tuple(request.assignments.get(one.member_id, ()))
        return True

    def stored(self, generation: int, error: Error, now_ms: int) -> None:
        """The leader's assignment is in ``__consumer_offsets`` (or not): answer everyone who waits for it."""
        if self.state is not GroupState.COMPLETING_REBALANCE or self.generation != generation:
            return
        if error is not None:
            self._answer_syncs(error)
            self._prepare(now_ms)
            return
        self._to(GroupState.STABLE)
        self._answer_syncs(None)

    def heartbeat(self, member_id: str, generation: int, token: Token, now_ms: int) -> None:
        """Heartbeat: REBALANCE_IN_PROGRESS is the call to join again."""
        error = self.trouble_with(member_id, generation)
        if error is None:
            self._touch(self.members[member_id], now_ms)
            if self.state is GroupState.PREPARING_REBALANCE:
                error = RebalanceInProgressException
        self._say(token, HeartbeatResponse(error))

    def leave(self, member_id: str, token: Token, now_ms: int) -> None:
        """LeaveGroup: gone at once, the others rebalance."""
        if member_id in self._pending:
            del self._pending[member_id]
        elif member_id not in self.members:
            self._say(token, LeaveGroupResponse(UnknownMemberIdException))
            return
        else:
            self._remove(member_id, now_ms)
        self._say(token, LeaveGroupResponse())

    def may_commit(self, member_id: str, generation: int, now_ms: int) -> Error:
        """Why a commit is refused, or None. In PreparingRebalance a member may still commit, in Completing not."""
        if generation < 0 and not member_id:
            return None if self.state is GroupState.EMPTY else UnknownMemberIdException
        error = self.trouble_with(member_id, generation)
        if error is None:
            self._touch(self.members[member_id], now_ms)
            if self.state is GroupState.COMPLETING_REBALANCE:
                error = RebalanceInProgressException
        return error

    def trouble_with(self, member_id: str, generation: int) -> Error:
        """UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION, or None."""
        if member_id not in self.members:
            return UnknownMemberIdException
        return None if generation == self.generation else IllegalGenerationException

    # --- time --------------------------------------------------------------------------------------------

    @property
    def deadline_ms(self) -> int | None:
        """When :meth:`expire` has something to do next."""
        times = list(self._pending.values())
        times += [member.session_deadline_ms for member in self.members.values() if member.joining is None]
        if self._join_deadline_ms is not None:
            times.append(self._join_deadline_ms)
        return min(times, default=None)

    def expire(self, now_ms: int) -> list[str]:
        """Time has passed: members that were silent too long go, and a join phase may be over. Gives who went."""
        for member_id in [one for one, at_ms in self._pending.items() if at_ms <= now_ms]:
            del self._pending[member_id]
        silent = [
            member.member_id
            for member in self.members.values()
            if member.joining is None and member.session_deadline_ms <= now_ms
        ]
        for member_id in silent:
            self._remove(member_id, now_ms)
        if self._join_deadline_ms is not None and self._join_deadline_ms <= now_ms:
            self._join_time_is_up(now_ms)
        return silent

    def touch(self, member_id: str, at_ms: int) -> None:
        """A sign of life that was not sent as a message (its heartbeats are computed)."""
        if member_id in self.members:
            self._touch(self.members[member_id], at_ms)

    def take_replies(self) -> list[tuple[Token, Any]]:
        """What is to be said, and to whom."""
        replies, self._replies = self._replies, []
        return replies

    # --- the rebalance -------------------------------------------------------------------------------------

    def _prepare(self, now_ms: int) -> None:
        """Begin a rebalance, unless one is going on."""
        if self.state is GroupState.PREPARING_REBALANCE:
            return
        if self.state is GroupState.COMPLETING_REBALANCE:
            self._answer_syncs(RebalanceInProgressException)
        limit_ms = max(member.rebalance_timeout_ms for member in self.members.values())
        if self.state is GroupState.EMPTY:
            # The first member waits for company; while the generation is 0 each newcomer prolongs the wait.
            self._join_deadline_ms = now_ms + self._initial_delay_ms
            self._initial_limit_ms = now_ms + limit_ms
            self._joined_during_delay = False
        else:
            self._join_deadline_ms = now_ms + limit_ms
        self._to(GroupState.PREPARING_REBALANCE)

    def _complete_join_if_all_are_here(self, now_ms: int) -> None:
        if self.state is not GroupState.PREPARING_REBALANCE or self._initial_limit_ms is not None:
            return
        if not self._pending and all(member.joining is not None for member in self.members.values()):
            self._complete_join(now_ms)

    def _join_time_is_up(self, now_ms: int) -> None:
        if self._initial_limit_ms is not None:
            left_ms = self._initial_limit_ms - now_ms
            if self.generation == 0 and self._joined_during_delay and left_ms > 0:
                self._joined_during_delay = False
                self._join_deadline_ms = now_ms + min(self._initial_delay_ms, left_ms)
                return
            self._initial_limit_ms = None
        self._complete_join(now_ms)

    def _complete_join(self, now_ms: int) -> None:
        """A new generation of those who joined. Kafka: GroupCoordinator.onCompleteJoin."""
        self._join_deadline_ms = None
        self.members = {one: member for one, member in self.members.items() if member.joining is not None}
        self.generation += 1
        if not self.members:
            self.leader = self.protocol = ""
            self._to(GroupState.EMPTY)
            return
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        self.protocol = self._vote()
        self._to(GroupState.COMPLETING_REBALANCE)
        for member in self.members.values():
            self._touch(member, now_ms)
            self._say(member.joining, self._join_answer(member))
            member.joining = None

    def _vote(self) -> str:
        """Each member votes for its favourite among the assignors that all support; ties go by name, the first wins."""
        common = self._common([member.protocols for member in self.members.values()])
        votes = dict.fromkeys(common, 0)
        for member in self.members.values():
            votes[next(name for name in member.protocols if name in common)] += 1
        return min(votes, key=lambda name: (-votes[name], VOTE_ORDER.get(name, len(VOTE_ORDER)), name))

    def _has_common_protocol(self, request: JoinGroupRequest, member_id: str) -> bool:
        others = [member.protocols for one, member in self.members.items() if one != member_id]
        return bool(self._common([*others, request.protocols]))

    @staticmethod
    def _common(protocols: list[tuple[str, ...]]) -> list[str]:
        return [name for name in protocols[-1] if all(name in names for names in protocols)]

    def _keeps_generation(self, member: Member, request: JoinGroupRequest) -> bool:
        """A member whose answer was lost, or a follower that changes nothing, stays in the present generation."""
        same = (member.protocols, member.subscription) == (request.protocols, request.subscription)
        if self.state is GroupState.COMPLETING_REBALANCE:
            return same
        return self.state is GroupState.STABLE and same and member.member_id != self.leader

    def _join_answer(self, member: Member) -> JoinGroupResponse:
        everyone = {one: other.subscription for one, other in self.members.items()}
        return JoinGroupResponse(
            None, member.member_id, self.generation, self.protocol, self.leader,
            everyone if member.member_id == self.leader else {},
        )  # fmt: skip

    def _remove(self, member_id: str, now_ms: int) -> None:
        del self.members[member_id]
        if self.leader == member_id:
            self.leader = next(iter(self.members), "")
        if self.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            if self.members:
                self._prepare(now_ms)
            else:
                self._to(GroupState.PREPARING_REBALANCE)
                self._complete_join(now_ms)
        elif self.state is GroupState.PREPARING_REBALANCE and not self.members:
            self._initial_limit_ms = None
            self._complete_join(now_ms)
        self._complete_join_if_all_are_here(now_ms)

    def _answer_syncs(self, error: Error) -> None:
        for member in self.members.values():
            if member.syncing is not None:
                self._say(member.syncing, SyncGroupResponse(error, () if error else member.assignment))
                member.syncing = None

    def _touch(self, member: Member, now_ms: int) -> None:
        member.session_deadline_ms = max(member.session_deadline_ms, now_ms + member.session_timeout_ms)

    def _say(self, token: Token, response: Any) -> None:
        self._replies.append((token, response))

    def _to(self, state: GroupState) -> None:
        assert state in ALLOWED[self.state], (self.state, state)
        self.state = state


VOTE_ORDER = {"cooperative-sticky": 0, "roundrobin": 1, "range": 2, "sticky": 3}
"""Ties of the vote, as recorded on a real cluster (Java's HashMap order)."""
