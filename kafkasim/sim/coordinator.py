"""The coordinator of the groups whose partition of ``__consumer_offsets`` this broker leads.

It runs core/group for each of them, writes what must outlive it into the partition with acks=all before it answers
(sim/group_store), and reads it all again when it takes over from another broker. Kafka: GroupCoordinator.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kafkasim.core.group import Group
from kafkasim.core.group_metadata import GroupState
from kafkasim.core.offsets import TOPIC, group_record
from kafkasim.core.partition import Partition
from kafkasim.errors import (
    CoordinatorLoadInProgressException,
    CoordinatorNotAvailableException,
    GroupIdNotFoundException,
    InvalidGroupIdException,
    RebalanceInProgressException,
)
from kafkasim.messages import group_admin, groups
from kafkasim.messages.data import Error
from kafkasim.messages.transactions import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from kafkasim.sim.connection import Connection, Reply
from kafkasim.sim.deadlines import Deadline
from kafkasim.sim.group_leases import GroupLeases
from kafkasim.sim.group_offsets import GroupOffsets
from kafkasim.sim.group_store import GroupStore, client_error
from kafkasim.trace.facts import GroupChanged

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker


class GroupCoordinator:
    """One broker's part in the coordination of groups."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._groups: dict[str, Group] = {}
        self._store = GroupStore(broker, self._loaded, self._unloaded)
        self.offsets = GroupOffsets(broker, self._store, self._groups, self._forget)
        self._timers: dict[str, Deadline] = {}
        self._told: dict[str, GroupChanged] = {}
        self._leases = GroupLeases(broker.kernel, self._rearm)
        self._ids: random.Random = broker.kernel.rng(f"member ids/{broker.name}")

    def handle(self, request: groups.GroupRequest, connection: Connection | None, reply: Reply) -> None:
        """Answer a group's request of a connection, or refuse it under Kafka's name for the reason."""
        if isinstance(request, groups.FindCoordinatorRequest):
            reply(self._find(request))
        elif isinstance(request, group_admin.ListGroupsRequest):
            known = sorted(self._groups.items())
            listed = tuple((group_id, group.state.value, group.protocol_type) for group_id, group in known)
            reply(group_admin.ListGroupsResponse(None, listed))
        elif (error := self._trouble_with(request)) is not None:
            reply(refusal(request, error))
        else:
            self._serve(request, connection, reply)

    def _trouble_with(self, request: groups.GroupRequest) -> Error:
        """Why a request is not served here. Old clients have committed without the name of a group, so those who look
        after offsets may do without it. Kafka: GroupCoordinator.validateGroupStatus."""
        if not request.group_id and not isinstance(request, NAMELESS):
            return InvalidGroupIdException
        return self._store.trouble_with(request.group_id)

    def _serve(self, request: groups.GroupRequest, connection: Connection | None, reply: Reply) -> None:
        now_ms = self._broker.kernel.now_ms
        group = self._groups.get(request.group_id) or self._new_group(request.group_id)
        match request:
            case groups.JoinGroupRequest():
                group.join(request, self._new_member_id(request), reply, now_ms)
            case groups.SyncGroupRequest():
                group.sync(request, reply, now_ms)
            case groups.HeartbeatRequest():
                error = group.heartbeat(
                    request.member_id, request.generation_id, reply, now_ms, request.group_instance_id
                )  # fmt: skip
                if error is None and group.state is GroupState.STABLE and connection is not None:
                    self._leases.offer(group, request.member_id, connection)
            case groups.LeaveGroupRequest():
                group.leave(request.member_id, reply, now_ms, request.group_instance_id)
            case groups.OffsetCommitRequest():
                if request.generation_id < 0 and not group.members:
                    self._groups[group.group_id] = group
                self.offsets.commit(group, request, reply)
            case TxnOffsetCommitRequest():
                self._groups[group.group_id] = group
                self.offsets.commit_in_transaction(group, request, reply)
            case groups.OffsetFetchRequest():
                reply(self.offsets.fetch(request))
            case group_admin.DescribeGroupsRequest():
                reply(self._describe(request))
            case group_admin.DeleteGroupsRequest():
                self._delete(request, reply)
            case group_admin.OffsetDeleteRequest():
                self.offsets.delete(request, reply)
        if group.members or group.pending:
            self._groups[group.group_id] = group
        self._settle(group)

    # --- who coordinates whom ------------------------------------------------------------------------------

    def _find(self, request: groups.FindCoordinatorRequest) -> groups.FindCoordinatorResponse:
        """The leader of the group's partition; the first question of all makes the topic."""
        broker = self._broker
        states = broker.metadata.of_topic(TOPIC)
        if not states:
            config = broker.config
            broker.topic_admin.auto_create(
                TOPIC, config.offsets_topic_num_partitions, config.offsets_topic_replication_factor,
                {"cleanup.policy": "compact", "segment.bytes": str(config.offsets_topic_segment_bytes)},
            )  # fmt: skip
            return groups.FindCoordinatorResponse(CoordinatorNotAvailableException)
        leader = states[self._store.partition_of(request.group_id)].leader
        host = broker.metadata.brokers.get(leader)
        if host is None:
            return groups.FindCoordinatorResponse(CoordinatorNotAvailableException)
        return groups.FindCoordinatorResponse(None, leader, host)

    def role_changed(self, partition: Partition) -> None:
        """This broker has begun or ceased to lead a partition of ``__consumer_offsets``."""
        self._store.role_changed(partition)

    def topic_deleted(self, topic: str) -> None:
        """With a topic the offsets that groups have committed of it go."""
        self.offsets.topic_deleted(topic)

    def _loaded(self, number: int) -> None:
        """The groups of a partition, as their last coordinator stored them."""
        offsets = self._store.partitions[number]
        for group_id in dict.fromkeys([*offsets.stored_groups, *offsets.by_group]):
            group = self._groups[group_id] = self._new_group(group_id)
            if group_id in offsets.stored_groups:
                group.restore(offsets.stored_groups[group_id], self._broker.kernel.now_ms)
            self._settle(group)
            self.offsets.plan_clean_up(group_id)

    def _unloaded(self, number: int) -> None:
        """Another broker coordinates the groups of a partition: whoever waits here is sent there."""
        for group_id in [one for one in self._groups if self._store.partition_of(one) == number]:
            group = self._groups[group_id]
            self._forget(group)
            group.unload(self._broker.kernel.now_ms)
            for reply, response in group.take_replies():
                reply(response)

    # --- groups ----------------------------------------------------------------------------------------------

    def _new_group(self, group_id: str) -> Group:
        config = self._broker.config
        return Group(
            group_id, config.group_initial_rebalance_delay_ms, max_size=config.group_max_size,
            min_session_timeout_ms=config.group_min_session_timeout_ms,
            max_session_timeout_ms=config.group_max_session_timeout_ms, now_ms=self._broker.kernel.now_ms,
        )  # fmt: skip

    def _new_member_id(self, request: groups.JoinGroupRequest) -> str:
        """The client's id, or the instance's, and something random, as Kafka's UUID."""
        return f"{request.group_instance_id or request.client_id}-{self._ids.getrandbits(32):08x}"

    def _describe(self, request: group_admin.DescribeGroupsRequest) -> group_admin.DescribeGroupsResponse:
        group = self._groups.get(request.group_id)
        if group is None:
            return group_admin.DescribeGroupsResponse()
        is_stable = group.state is GroupState.STABLE
        members = tuple(
            group_admin.DescribedMember(
                one.member_id, one.group_instance_id, one.client_id, one.client_host,
                one.assignment if is_stable else (), one.subscription if is_stable else None,
            )
            for one in group.members.values()
        )  # fmt: skip
        protocol = group.protocol if is_stable else ""
        return group_admin.DescribeGroupsResponse(None, group.state.value, protocol, members, group.protocol_type)

    def _delete(self, request: group_admin.DeleteGroupsRequest, reply: Reply) -> None:
        group = self._groups.get(request.group_id)
        error = GroupIdNotFoundException if group is None else group.delete(self._broker.kernel.now_ms)
        if group is None or error is not None:
            reply(group_admin.DeleteGroupsResponse(error))
            return
        self.offsets.delete_all(
            group, "the group is deleted", lambda error: reply(group_admin.DeleteGroupsResponse(client_error(error)))
        )

    def _forget(self, group: Group) -> None:
        self._leases.end(group.group_id)
        self._groups.pop(group.group_id, None)
        self._told.pop(group.group_id, None)
        self._stop_timer(group.group_id)

    def _settle(self, group: Group) -> None:
        """Keep what must be kept, say what is to be said, note what has changed, wake up when it wants to be."""
        snapshot = group.take_snapshot()
        if snapshot is not None:
            self._keep(group, snapshot)
        for reply, response in group.take_replies():
            reply(response)
        fact = GroupChanged(
            self._broker.broker_id, group.group_id, group.state.value, group.generation, tuple(group.members),
            group.leader or None, group.protocol or None,
        )  # fmt: skip
        if self._told.get(group.group_id) != fact and (group.members or group.generation):
            self._leases.end(group.group_id)
            self._told[group.group_id] = fact
            self._broker.kernel.journal.record(fact)
            if group.state is GroupState.EMPTY:
                self.offsets.plan_clean_up(group.group_id)
        self._rearm(group)

    def _rearm(self, group: Group) -> None:
        """Wake up at the group's next deadline."""
        self._stop_timer(group.group_id)
        if group.deadline_ms is not None and self._groups.get(group.group_id) is group:
            kernel = self._broker.kernel
            wait_ms = max(0.0, group.deadline_ms - kernel.start_time_ms - kernel.now_us / 1000)
            self._timers[group.group_id] = self._broker.deadlines.add(wait_ms, partial(self._expire, group))

    def _stop_timer(self, group_id: str) -> None:
        timer = self._timers.pop(group_id, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, group: Group) -> None:
        if self._groups.get(group.group_id) is group:
            group.expire(self._broker.kernel.now_ms)
            self._settle(group)

    def _keep(self, group: Group, snapshot: dict[str, Any]) -> None:
        """Write the group; whoever depends on it waits for that."""

        def stored(error: Error, offset: int) -> None:
            failed = client_error(error)
            if error is not None and error.name == "REQUEST_TIMED_OUT":
                failed = RebalanceInProgressException
            group.stored(snapshot["generation"], failed, self._broker.kernel.now_ms)
            if self._groups.get(group.group_id) is group:
                self._settle(group)

        record = group_record(group.group_id, snapshot, self._broker.kernel.now_ms)
        self._store.append(group.group_id, [record], stored)


NAMELESS = (
    groups.OffsetCommitRequest, groups.OffsetFetchRequest, group_admin.DescribeGroupsRequest,
    group_admin.DeleteGroupsRequest,
)  # fmt: skip
"""The requests that a group without a name may be asked."""


def refusal(request: groups.GroupRequest, error: type[Exception]) -> groups.GroupResponse:
    """An answer that carries why a request is not served; while loading, members are put off gently."""
    if error is CoordinatorLoadInProgressException:
        if isinstance(request, groups.HeartbeatRequest):
            return groups.HeartbeatResponse(None)
        if isinstance(request, groups.SyncGroupRequest):
            return groups.SyncGroupResponse(RebalanceInProgressException)
    return _ANSWERS[type(request)](error)


_ANSWERS: dict[type[groups.GroupRequest], Callable[[Any], groups.GroupResponse]] = {
    groups.JoinGroupRequest: groups.JoinGroupResponse,
    groups.SyncGroupRequest: groups.SyncGroupResponse,
    groups.HeartbeatRequest: groups.HeartbeatResponse,
    groups.LeaveGroupRequest: groups.LeaveGroupResponse,
    groups.OffsetCommitRequest: groups.OffsetCommitResponse,
    groups.OffsetFetchRequest: groups.OffsetFetchResponse,
    TxnOffsetCommitRequest: TxnOffsetCommitResponse,
    group_admin.DescribeGroupsRequest: group_admin.DescribeGroupsResponse,
    group_admin.DeleteGroupsRequest: group_admin.DeleteGroupsResponse,
    group_admin.OffsetDeleteRequest: group_admin.OffsetDeleteResponse,
}
