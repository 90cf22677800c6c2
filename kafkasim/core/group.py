"""One consumer group, as its coordinator keeps it.

Theory of operation. Members *join*; when all that are known have joined (or the time is up) a new generation begins and
everyone is answered, its leader with the list of members. The leader computes the assignment and *syncs*; the
coordinator stores it and answers everyone with its own part. Then the members *beat*. A member that comes, leaves or
falls silent makes the others join again. A *static* member (with an instance id) that comes back in time takes its old
place under a new member id, and whoever still uses the old id is fenced.

Requests that must wait are parked; what is to be said waits in an outbox (:meth:`Group.take_replies`), and so does what
must be written before it may be said (:meth:`Group.take_snapshot`, then :meth:`Group.stored`).
:attr:`Group.deadline_ms` is the next time at which :meth:`Group.expire` has something to do.

Kafka: GroupCoordinator, GroupMetadata. Left out: protocol types other than the consumer's; the next leader is the
member that joined first of those that are left, where Kafka's hash map picks any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kafkasim.core.group_metadata import ALLOWED, GroupMetadata, GroupState
from kafkasim.core.join_phase import JoinPhase
from kafkasim.core.members import Member, Token, select_protocol
from kafkasim.errors import (
    FencedInstanceIdException,
    GroupMaxSizeReachedException,
    MemberIdRequiredException,
    NotCoordinatorException,
    RebalanceInProgressException,
    UnknownMemberIdException,
)
from kafkasim.messages.data import Error
from kafkasim.messages.groups import (
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)

__all__ = ["ALLOWED", "Group", "GroupState", "Member"]

NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
"""How long the first JoinGroup of a member is parked at most."""


class Group(GroupMetadata):
    """The state machine of one group; ``initial_delay_ms`` is ``group.initial.rebalance.delay.ms``.

    ``settings`` are those of :class:`GroupMetadata`.
    """

    def __init__(self, group_id: str, initial_delay_ms: int, **settings: int) -> None:
        super().__init__(group_id, **settings)
        self._initial_delay_ms = initial_delay_ms
        self._join_phase = JoinPhase()
        self._sync_deadline_ms: int | None = None
        self._came_back: list[tuple[str, Member]] = []
        self._must_store = False
        self._replies: list[tuple[Token, Any]] = []

    # --- inputs ----------------------------------------------------------------------------------------

    def join(self, request: JoinGroupRequest, new_member_id: str, token: Token, now_ms: int) -> None:
        """JoinGroup: park until the join phase ends. A first-time dynamic member gets an id and must come again."""
        member_id, instance_id = request.member_id, request.group_instance_id
        error = self.trouble_with_join(request)
        if error is not None:
            if error is GroupMaxSizeReachedException:
                self.drop(member_id)
                member_id = ""
            self._say(token, JoinGroupResponse(error, member_id))
        elif member_id in self.pending:
            self._add(request, member_id, token, now_ms)
        elif member_id:
            self._join_again(self.members[member_id], request, token, now_ms)
        elif instance_id is None:
            self.pending[new_member_id] = now_ms + request.session_timeout_ms
            self._say(token, JoinGroupResponse(MemberIdRequiredException, new_member_id))
        elif (member := self.static_member(instance_id)) is not None:
            self._come_back(member, request, new_member_id, token, now_ms)
        else:
            self._add(request, new_member_id, token, now_ms)
        self._complete_join_if_all_are_here(now_ms)

    def sync(self, request: SyncGroupRequest, token: Token, now_ms: int) -> bool:
        """SyncGroup: park until the leader's comes; True when this is the leader's and the group must be stored."""
        error = self.trouble_with(request.member_id, request.generation_id, request.group_instance_id)
        if error is None and self.state is GroupState.PREPARING_REBALANCE:
            error = RebalanceInProgressException
        if error is not None:
            self._say(token, SyncGroupResponse(error))
            return False
        member = self.members[request.member_id]
        member.has_synced = True
        if all(one.has_synced for one in self.members.values()):
            self._sync_deadline_ms = None
        if self.state is GroupState.STABLE:
            member.restart_session(now_ms)
            self._say(token, SyncGroupResponse(None, member.assignment))
            return False
        member.syncing = token
        if request.member_id != self.leader:
            return False
        for one in self.members.values():
            one.assignment = tuple(request.assignments.get(one.member_id, ()))
        self._must_store = True
        return True

    def heartbeat(
        self, member_id: str, generation: int, token: Token, now_ms: int, group_instance_id: str | None = None
    ) -> Error:  # fmt: skip
        """Heartbeat: REBALANCE_IN_PROGRESS is the call to join again; in CompletingRebalance there is none."""
        error = self.trouble_with(member_id, generation, group_instance_id)
        if error is None:
            self.members[member_id].restart_session(now_ms)
            if self.state is GroupState.PREPARING_REBALANCE:
                error = RebalanceInProgressException
        self._say(token, HeartbeatResponse(error))
        return error

    def leave(self, member_id: str, token: Token, now_ms: int, group_instance_id: str | None = None) -> None:
        """LeaveGroup: gone at once, the others rebalance. Without a member id the instance id tells who."""
        static = None if member_id else self.static_member(group_instance_id)
        if static is not None:
            member_id = static.member_id
        error: Error = None
        if self.pending.pop(member_id, None) is None:
            error = self.trouble_with_member(member_id, group_instance_id)
            if error is None:
                self._remove(member_id, now_ms)
        self._complete_join_if_all_are_here(now_ms)
        self._say(token, LeaveGroupResponse(error))

    def unload(self, now_ms: int) -> None:
        """Another broker coordinates this group from now on: send everyone there. Kafka: onGroupUnloaded."""
        for member in self.members.values():
            self._answer_join(member, JoinGroupResponse(NotCoordinatorException, member.member_id))
            self._answer_sync(member, NotCoordinatorException, now_ms)
        self.enter(GroupState.DEAD, now_ms)

    # --- what is kept in __consumer_offsets ----------------------------------------------------------------

    def take_snapshot(self) -> dict[str, Any] | None:
        """The group as it must be written now, with Kafka's names of the fields; None when nothing is to be kept.

        :meth:`stored` takes the outcome: replies that depend on it wait until then.
        """
        if not self._must_store:
            return None
        self._must_store = False
        return self.as_stored()

    def stored(self, generation: int, error: Error, now_ms: int) -> None:
        """The snapshot of ``generation`` is in ``__consumer_offsets`` (or not): answer everyone who waits for it."""
        if generation != self.generation:
            return
        if self.state is GroupState.COMPLETING_REBALANCE:
            if error is not None:
                self._cancel_syncs(error, now_ms)
                self._prepare(now_ms)
                self._complete_join_if_all_are_here(now_ms)
                return
            self.enter(GroupState.STABLE, now_ms)
            for member in self.members.values():
                self._answer_sync(member, None, now_ms)
        elif self.state is GroupState.STABLE:
            came_back, self._came_back = self._came_back, []
            for member_id, before in reversed(came_back):
                self._settle_return(member_id, before, error, now_ms)

    def restore(self, snapshot: Mapping[str, Any], now_ms: int) -> None:
        """Become what the last coordinator has stored; members have a full session timeout to be heard of."""
        self.load(snapshot)
        for member in self.members.values():
            member.restart_session(now_ms)
        if len(self.members) > self.max_size:
            self._prepare(now_ms)

    # --- time --------------------------------------------------------------------------------------------

    @property
    def deadline_ms(self) -> int | None:
        """When :meth:`expire` has something to do next."""
        sessions = [self.session_deadline_ms(member) for member in self.members.values()]
        times = [*self.pending.values(), *sessions, self._join_phase.deadline_ms, self._sync_deadline_ms]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def expire(self, now_ms: int) -> list[str]:
        """Time has passed: who was silent too long goes, and a phase may be over. Gives the members that went."""
        before = list(self.members)
        self.pending = {one: at_ms for one, at_ms in self.pending.items() if at_ms > now_ms}
        for member in list(self.members.values()):
            deadline_ms = self.session_deadline_ms(member)
            if deadline_ms is not None and deadline_ms <= now_ms:
                self._remove(member.member_id, now_ms)
        join_over_ms = self._join_phase.deadline_ms
        if join_over_ms is not None and join_over_ms <= now_ms and not self._join_phase.is_prolonged(now_ms):
            self._complete_join(now_ms)
        if self._sync_deadline_ms is not None and self._sync_deadline_ms <= now_ms:
            for member in [one for one in self.members.values() if not one.has_synced]:
                self.drop(member.member_id)
            self._prepare(now_ms)
        self._complete_join_if_all_are_here(now_ms)
        return [member_id for member_id in before if member_id not in self.members]

    def take_replies(self) -> list[tuple[Token, Any]]:
        """What is to be said, and to whom."""
        replies, self._replies = self._replies, []
        return replies

    # --- who comes ------------------------------------------------------------------------------------------

    def _add(self, request: JoinGroupRequest, member_id: str, token: Token, now_ms: int) -> None:
        self.pending.pop(member_id, None)
        if self.state is GroupState.PREPARING_REBALANCE and self.generation == 0:
            self._join_phase.note_newcomer()
        self.members[member_id] = Member(
            member_id, request.client_id, request.protocols, request.subscription, request.session_timeout_ms,
            request.rebalance_timeout_ms, request.group_instance_id, request.client_host, is_new=True, joining=token,
            session_deadline_ms=now_ms + NEW_MEMBER_JOIN_TIMEOUT_MS,
        )  # fmt: skip
        self.leader = self.leader or member_id
        self.has_had_members = True
        self._prepare(now_ms)

    def _join_again(self, member: Member, request: JoinGroupRequest, token: Token, now_ms: int) -> None:
        """A known member. One whose answer was lost, or a follower that changes nothing, keeps the generation."""
        is_leader = member.member_id == self.leader
        may_stay = self.state is GroupState.COMPLETING_REBALANCE or (self.state is GroupState.STABLE and not is_leader)
        if may_stay and member.matches(request):
            self._say(token, self._join_answer(member))
            return
        member.update(request)
        member.joining = token
        self._prepare(now_ms)

    def _come_back(
        self, member: Member, request: JoinGroupRequest, new_member_id: str, token: Token, now_ms: int
    ) -> None:  # fmt: skip
        """A static member was restarted: a new member id takes the place of the old one.

        In Stable nobody else notices, unless its assignors change the vote. In CompletingRebalance the leader may be
        assigning to the old id just now, so everyone joins again. Kafka: updateStaticMemberThenRebalanceOrCompleteJoin.
        """
        before = replace(member, joining=None, syncing=None)
        self._answer_join(member, JoinGroupResponse(FencedInstanceIdException, member.member_id))
        self._answer_sync(member, FencedInstanceIdException, now_ms)
        self.rename(member.member_id, new_member_id)
        member.update(request)
        member.joining = token
        member.restart_session(now_ms)
        if self.state is GroupState.STABLE and select_protocol(self.members.values()) == self.protocol:
            self._came_back.append((new_member_id, before))
            self._must_store = True
        elif self.state is not GroupState.PREPARING_REBALANCE:
            self._prepare(now_ms)

    def _settle_return(self, member_id: str, before: Member, error: Error, now_ms: int) -> None:
        """The new member id is stored, or everything is again as it was ``before``."""
        member = self.members.get(member_id)
        if member is None:
            return
        if error is None:
            answer = self._join_answer(member)
            answer.skip_assignment = member_id == self.leader
            self._answer_join(member, answer)
        else:
            self._answer_join(member, JoinGroupResponse(error))
            self.rename(member_id, before.member_id)
            member = self.members[before.member_id] = before
        member.restart_session(now_ms)

    # --- the rebalance -------------------------------------------------------------------------------------

    def _prepare(self, now_ms: int) -> None:
        """Begin a rebalance, unless one is going on."""
        if self.state is GroupState.PREPARING_REBALANCE:
            return
        if self.state is GroupState.COMPLETING_REBALANCE:
            self._cancel_syncs(RebalanceInProgressException, now_ms)
        self._sync_deadline_ms = None
        self._came_back.clear()
        if self.state is GroupState.EMPTY:
            self._join_phase.gather(now_ms, self._initial_delay_ms, self.rebalance_timeout_ms)
        else:
            self._join_phase.wait(now_ms, self.rebalance_timeout_ms)
        self.enter(GroupState.PREPARING_REBALANCE, now_ms)

    def _complete_join_if_all_are_here(self, now_ms: int) -> None:
        if self.state is not GroupState.PREPARING_REBALANCE or not self._join_phase.may_end_early:
            return
        if not self.pending and len(self.joined) == len(self.members):
            self._complete_join(now_ms)

    def _complete_join(self, now_ms: int) -> None:
        """A new generation of those who joined, and of static members, who may be late. Kafka: onCompleteJoin."""
        for member in list(self.members.values()):
            if member.joining is None and member.group_instance_id is None:
                self.drop(member.member_id)
        joined = self.joined
        if self.members and not joined:
            # Nobody could lead: wait on, until one comes or the sessions of all have ended.
            self._join_phase.wait(now_ms, self.rebalance_timeout_ms)
            return
        self._join_phase.end()
        self.generation += 1
        if not self.members:
            self.protocol = ""
            self._must_store = True
            self.enter(GroupState.EMPTY, now_ms)
            return
        if self.leader not in joined:
            self.leader = joined[0]
        self.protocol = select_protocol(self.members.values())
        self._sync_deadline_ms = now_ms + self.rebalance_timeout_ms
        self.enter(GroupState.COMPLETING_REBALANCE, now_ms)
        for member in self.members.values():
            member.is_new = member.has_synced = False
            member.restart_session(now_ms)
            self._answer_join(member, self._join_answer(member))

    def _join_answer(self, member: Member) -> JoinGroupResponse:
        is_leader = member.member_id == self.leader
        everyone = {one: other.subscription_for_leader() for one, other in self.members.items()} if is_leader else {}
        return JoinGroupResponse(None, member.member_id, self.generation, self.protocol, self.leader, everyone)

    def _remove(self, member_id: str, now_ms: int) -> None:
        """A member has left or died; one that still waits for its first answer may try again."""
        self._answer_join(self.members[member_id], JoinGroupResponse(UnknownMemberIdException))
        self.drop(member_id)
        self._prepare(now_ms)

    # --- the outbox ------------------------------------------------------------------------------------------

    def _cancel_syncs(self, error: Error, now_ms: int) -> None:
        for member in self.members.values():
            member.assignment = ()
            self._answer_sync(member, error, now_ms)

    def _answer_join(self, member: Member, response: JoinGroupResponse) -> None:
        if member.joining is not None:
            self._say(member.joining, response)
            member.joining = None

    def _answer_sync(self, member: Member, error: Error, now_ms: int) -> None:
        """Answer a parked SyncGroup; from now on the member must beat again."""
        if member.syncing is not None:
            self._say(member.syncing, SyncGroupResponse(error, () if error else member.assignment))
            member.syncing = None
            member.restart_session(now_ms)

    def _say(self, token: Token, response: Any) -> None:
        self._replies.append((token, response))
