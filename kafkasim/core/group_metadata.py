"""What a coordinator knows of one group: its state, its generation and its members; and who may speak in it.

Kafka: GroupMetadata. The requests, and what follows from them, are in core/group.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from kafkasim.core.members import Member, common_protocols
from kafkasim.errors import (
    CoordinatorNotAvailableException,
    FencedInstanceIdException,
    GroupIdNotFoundException,
    GroupMaxSizeReachedException,
    GroupNotEmptyException,
    IllegalGenerationException,
    InconsistentGroupProtocolException,
    InvalidSessionTimeoutException,
    RebalanceInProgressException,
    UnknownMemberIdException,
)
from kafkasim.messages.data import Error
from kafkasim.messages.groups import JoinGroupRequest


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


class GroupMetadata:
    """One group as it stands; times are in ms.

    ``max_size`` and the limits of a session timeout are the broker's ``group.*`` settings. ``members`` are in the order
    in which they joined. ``pending`` are ids that were given out and not used yet, with the time until which they hold.
    ``state_since_ms`` is when the state was entered; ``has_had_members`` tells a group from mere committed offsets.
    """

    def __init__(
        self, group_id: str, *, max_size: int = 2**31 - 1, min_session_timeout_ms: int = 6000,
        max_session_timeout_ms: int = 1_800_000, now_ms: int = 0,
    ) -> None:  # fmt: skip
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.state_since_ms = now_ms
        self.generation = 0
        self.protocol = ""
        self.leader = ""
        self.members: dict[str, Member] = {}
        self._held: set[str] = set()
        self.pending: dict[str, int] = {}
        self.has_had_members = False
        self.max_size = max_size
        self.session_timeouts_ms = range(min_session_timeout_ms, max_session_timeout_ms + 1)

    def enter(self, state: GroupState, now_ms: int) -> None:
        """Take up another state."""
        assert state in ALLOWED[self.state], (self.state, state)
        self.state, self.state_since_ms = state, now_ms

    # --- members -------------------------------------------------------------------------------------------

    def static_member(self, instance_id: str | None) -> Member | None:
        """The member that uses an instance id now."""
        if instance_id is None:
            return None
        return next((member for member in self.members.values() if member.group_instance_id == instance_id), None)

    def drop(self, member_id: str) -> None:
        """Forget a member; the oldest of the others leads if that one did."""
        self.members.pop(member_id, None)
        if self.leader == member_id:
            self.leader = next(iter(self.members), "")

    def rename(self, old_id: str, new_id: str) -> None:
        """Give a member another id; its place, and the lead, stay its own."""
        self.members[old_id].member_id = new_id
        if self.leader == old_id:
            self.leader = new_id
        self.members = {one.member_id: one for one in self.members.values()}

    # --- signs of life -------------------------------------------------------------------------------------

    def hold(self, member_id: str) -> None:
        """A member's heartbeats come in time and are not told, until :meth:`release`."""
        self._held.add(member_id)

    def release(self, member_id: str, heard_ms: int | None) -> None:
        """They are told again; the last one that was not, if there was any, came at ``heard_ms``."""
        self._held.discard(member_id)
        member = self.members.get(member_id)
        if member is not None and heard_ms is not None:
            member.session_deadline_ms = max(member.session_deadline_ms, heard_ms + member.session_timeout_ms)

    def session_deadline_ms(self, member: Member) -> int | None:
        """When a member counts as dead; None while that is not counted."""
        return None if member.member_id in self._held else member.deadline_ms

    @property
    def joined(self) -> list[str]:
        """The ids of the members whose JoinGroup is parked."""
        return [member.member_id for member in self.members.values() if member.joining is not None]

    @property
    def rebalance_timeout_ms(self) -> int:
        """The largest of the members'."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    @property
    def protocol_type(self) -> str:
        """What kind of members it has or has had: "consumer", or "" for mere committed offsets."""
        return "consumer" if self.has_had_members else ""

    @property
    def subscribed_topics(self) -> frozenset[str]:
        """The topics that any member wants."""
        return frozenset(topic for member in self.members.values() for topic in member.subscription.topics)

    # --- who may speak -------------------------------------------------------------------------------------

    def trouble_with(self, member_id: str, generation: int, group_instance_id: str | None = None) -> Error:
        """Why a member of this generation is not heard, or None."""
        error = self.trouble_with_member(member_id, group_instance_id)
        return IllegalGenerationException if error is None and generation != self.generation else error

    def trouble_with_member(self, member_id: str, instance_id: str | None) -> Error:
        """Why a member is not heard, or None. Kafka: GroupCoordinator.validateCurrentMember."""
        if self.state is GroupState.DEAD:
            return CoordinatorNotAvailableException
        static = self.static_member(instance_id)
        if static is not None and static.member_id != member_id:
            return FencedInstanceIdException
        if member_id not in self.members or (instance_id is not None and static is None):
            return UnknownMemberIdException
        return None

    def trouble_with_join(self, request: JoinGroupRequest) -> Error:
        """Why a JoinGroup is refused, or None; the checks are in Kafka's order."""
        member_id = request.member_id
        if request.session_timeout_ms not in self.session_timeouts_ms:
            return InvalidSessionTimeoutException
        if not self._has_room_for(member_id):
            return GroupMaxSizeReachedException
        if self.state is GroupState.DEAD:
            return CoordinatorNotAvailableException
        common = common_protocols(self.members.values()) if self.members else request.protocols
        if not any(name in common for name in request.protocols):
            return InconsistentGroupProtocolException
        if not member_id or member_id in self.pending:
            return None
        return self.trouble_with_member(member_id, request.group_instance_id)

    def _has_room_for(self, member_id: str) -> bool:
        """Kafka: GroupCoordinator.acceptJoiningMember. In the join phase, who has joined first has the place."""
        if self.state is GroupState.PREPARING_REBALANCE:
            return len(self.joined) < self.max_size or member_id in self.joined
        return member_id in self.members or len(self.members) < self.max_size

    def may_commit(
        self, member_id: str, generation: int, now_ms: int, group_instance_id: str | None = None
    ) -> Error:  # fmt: skip
        """Why a commit is refused, or None. In PreparingRebalance a member may still commit, in Completing not."""
        if generation < 0 and self.state is GroupState.EMPTY:
            return None
        error = self.trouble_with(member_id, generation, group_instance_id)
        if error is None:
            self.members[member_id].restart_session(now_ms)
            if self.state is GroupState.COMPLETING_REBALANCE:
                error = RebalanceInProgressException
        return error

    def may_commit_in_transaction(
        self, member_id: str, generation: int, group_instance_id: str | None = None
    ) -> Error:  # fmt: skip
        """Why offsets in a transaction are refused, or None: a producer that names no member is not asked for one."""
        if self.state is GroupState.DEAD:
            return CoordinatorNotAvailableException
        if generation < 0 and not member_id and group_instance_id is None:
            return None
        return self.trouble_with(member_id, generation, group_instance_id)

    def delete(self, now_ms: int) -> Error:
        """DeleteGroups: only an empty group goes; its offsets and its record are the caller's to delete."""
        if self.state is GroupState.DEAD:
            return GroupIdNotFoundException
        if self.state is not GroupState.EMPTY:
            return GroupNotEmptyException
        self.enter(GroupState.DEAD, now_ms)
        return None

    # --- what is kept in __consumer_offsets ----------------------------------------------------------------

    def as_stored(self) -> dict[str, Any]:
        """The group as it is written to ``__consumer_offsets``; Kafka's names of the fields."""
        return {
            "generation": self.generation,
            "protocol": self.protocol,
            "leader": self.leader,
            "currentStateTimestamp": self.state_since_ms,
            "members": [member.as_stored(self.protocol) for member in self.members.values()],
        }

    def load(self, stored: Mapping[str, Any]) -> None:
        """Become what :meth:`as_stored` has described: Stable, or Empty without members."""
        self.generation, self.protocol = stored["generation"], stored["protocol"]
        self.leader, self.state_since_ms = stored["leader"], stored["currentStateTimestamp"]
        members = [Member.from_stored(one, self.protocol) for one in stored["members"]]
        self.members = {member.member_id: member for member in members}
        self.state = GroupState.STABLE if members else GroupState.EMPTY
        self.has_had_members = True
