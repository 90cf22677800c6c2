"""The coordinator of the groups whose partition of ``__consumer_offsets`` this broker leads.

It runs core/group for each of them, writes what must outlive it into the partition with acks=all before it answers, and
reads it all again when it takes over from another broker. Kafka: GroupCoordinator, GroupMetadataManager.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kafkasim.core.group import Group
from kafkasim.core.hashing import partition_for_group
from kafkasim.core.offsets import TOPIC, CommittedOffsets, group_record, offset_record, trouble_with_metadata
from kafkasim.core.partition import Partition, Role
from kafkasim.errors import (
    CoordinatorNotAvailableException,
    InvalidGroupIdException,
    KafkaError,
    NotCoordinatorException,
    RebalanceInProgressException,
)
from kafkasim.messages import groups
from kafkasim.messages.data import Error, PartitionProduceResponse, ProduceResponse
from kafkasim.records import Record, RecordBatch, TopicPartition
from kafkasim.sim.deadlines import Deadline
from kafkasim.sim.network import Reply
from kafkasim.sim.produce_purgatory import DelayedProduce
from kafkasim.trace.facts import GroupChanged, OffsetCommitted

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

CLIENT_ERRORS = {
    "NOT_ENOUGH_REPLICAS": CoordinatorNotAvailableException,
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND": CoordinatorNotAvailableException,
    "UNKNOWN_TOPIC_OR_PARTITION": CoordinatorNotAvailableException,
    "REQUEST_TIMED_OUT": CoordinatorNotAvailableException,
    "NOT_LEADER_OR_FOLLOWER": NotCoordinatorException,
    "KAFKA_STORAGE_ERROR": NotCoordinatorException,
}
"""What a client is told when the log refuses a commit."""


class GroupCoordinator:
    """One broker's part in the coordination of groups."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._groups: dict[str, Group] = {}
        self._offsets: dict[int, CommittedOffsets] = {}
        self._timers: dict[str, Deadline] = {}
        self._told: dict[str, GroupChanged] = {}
        self._ids: random.Random = broker.kernel.rng(f"member ids/{broker.name}")

    def handle(self, request: groups.GroupRequest, reply: Reply) -> None:
        """Answer a group's request, or refuse it under Kafka's name for the reason."""
        if isinstance(request, groups.FindCoordinatorRequest):
            reply(self._find(request))
            return
        error = self._trouble_with(request.group_id)
        if error is not None:
            reply(_ANSWERS[type(request)](error))
            return
        now_ms = self._broker.kernel.now_ms
        group = self._group(request.group_id)
        match request:
            case groups.JoinGroupRequest():
                group.join(request, self._new_member_id(request), reply, now_ms)
            case groups.SyncGroupRequest():
                group.sync(request, reply, now_ms)
            case groups.HeartbeatRequest():
                group.heartbeat(request.member_id, request.generation_id, reply, now_ms, request.group_instance_id)
            case groups.LeaveGroupRequest():
                group.leave(request.member_id, reply, now_ms, request.group_instance_id)
            case groups.OffsetCommitRequest():
                self._commit(group, request, reply)
            case groups.OffsetFetchRequest():
                reply(self._committed(request))
        self._settle(group)

    # --- who coordinates whom ------------------------------------------------------------------------------

    def _partition_of(self, group_id: str) -> int:
        return partition_for_group(group_id, self._broker.config.offsets_topic_num_partitions)

    def _find(self, request: groups.FindCoordinatorRequest) -> groups.FindCoordinatorResponse:
        """The leader of the group's partition; the first question of all makes the topic."""
        broker = self._broker
        if not request.group_id:
            return groups.FindCoordinatorResponse(InvalidGroupIdException)
        states = broker.metadata.of_topic(TOPIC)
        if not states:
            config = broker.config
            broker.topic_admin.auto_create(
                TOPIC, config.offsets_topic_num_partitions, config.offsets_topic_replication_factor,
                {"cleanup.policy": "compact", "segment.bytes": str(config.offsets_topic_segment_bytes)},
            )  # fmt: skip
            return groups.FindCoordinatorResponse(CoordinatorNotAvailableException)
        leader = states[self._partition_of(request.group_id)].leader
        host = broker.metadata.brokers.get(leader)
        if host is None:
            return groups.FindCoordinatorResponse(CoordinatorNotAvailableException)
        return groups.FindCoordinatorResponse(None, leader, host)

    def _trouble_with(self, group_id: str) -> Error:
        if not group_id:
            return InvalidGroupIdException
        return None if self._partition_of(group_id) in self._offsets else NotCoordinatorException

    def role_changed(self, partition: Partition) -> None:
        """This broker has begun or ceased to lead a partition of ``__consumer_offsets``."""
        if partition.tp.topic != TOPIC:
            return
        number = partition.tp.partition
        if partition.role is not Role.LEADER:
            self._offsets.pop(number, None)
            for group_id in [one for one in self._groups if self._partition_of(one) == number]:
                group = self._groups.pop(group_id)
                self._stop_timer(group_id)
                group.unload(self._broker.kernel.now_ms)
                for reply, response in group.take_replies():
                    reply(response)
        elif number not in self._offsets:
            offsets = self._offsets[number] = CommittedOffsets()
            offsets.load(record for batch in partition.log.batches for record in batch.records)
            for group_id, stored in offsets.stored_groups.items():
                self._restore(group_id, stored)

    # --- groups ----------------------------------------------------------------------------------------------

    def _group(self, group_id: str) -> Group:
        if group_id not in self._groups:
            config = self._broker.config
            self._groups[group_id] = Group(
                group_id, config.group_initial_rebalance_delay_ms, max_size=config.group_max_size,
                min_session_timeout_ms=config.group_min_session_timeout_ms,
                max_session_timeout_ms=config.group_max_session_timeout_ms, now_ms=self._broker.kernel.now_ms,
            )  # fmt: skip
        return self._groups[group_id]

    def _new_member_id(self, request: groups.JoinGroupRequest) -> str:
        """The client's id, or the instance's, and something random, as Kafka's UUID."""
        return f"{request.group_instance_id or request.client_id}-{self._ids.getrandbits(32):08x}"

    def _settle(self, group: Group) -> None:
        """Keep what must be kept, say what is to be said, note what has changed, wake up when the group wants to be."""
        snapshot = group.take_snapshot()
        if snapshot is not None:
            self._store(group, snapshot)
        for reply, response in group.take_replies():
            reply(response)
        fact = GroupChanged(
            self._broker.broker_id, group.group_id, group.state.value, group.generation, tuple(group.members),
            group.leader or None, group.protocol or None,
        )  # fmt: skip
        if self._told.get(group.group_id) != fact and (group.members or group.generation):
            self._told[group.group_id] = fact
            self._broker.kernel.journal.record(fact)
        self._stop_timer(group.group_id)
        if group.deadline_ms is not None and group.group_id in self._groups:
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

    def _store(self, group: Group, snapshot: dict[str, Any]) -> None:
        """Write the group; whoever depends on it waits for that."""

        def stored(error: Error) -> None:
            failed = None if error is None else _client_error(error)
            if error is not None and error.name == "REQUEST_TIMED_OUT":
                failed = RebalanceInProgressException
            group.stored(snapshot["generation"], failed, self._broker.kernel.now_ms)
            if self._groups.get(group.group_id) is group:
                self._settle(group)

        record = group_record(group.group_id, snapshot, self._broker.kernel.now_ms)
        self._append(group.group_id, [record], stored)

    def _restore(self, group_id: str, stored: dict[str, Any]) -> None:
        """A group as its last coordinator stored it."""
        group = self._group(group_id)
        group.restore(stored, self._broker.kernel.now_ms)
        self._settle(group)

    # --- offsets -----------------------------------------------------------------------------------------------

    def _committed(self, request: groups.OffsetFetchRequest) -> groups.OffsetFetchResponse:
        offsets = self._offsets[self._partition_of(request.group_id)]
        found = offsets.details_of(request.group_id, request.partitions)
        return groups.OffsetFetchResponse(
            None, {tp: one.offset for tp, one in found.items()}, {tp: one.leader_epoch for tp, one in found.items()},
            {tp: one.metadata for tp, one in found.items()},
        )  # fmt: skip

    def _commit(self, group: Group, request: groups.OffsetCommitRequest, reply: Reply) -> None:
        broker, now_ms = self._broker, self._broker.kernel.now_ms
        error = group.may_commit(request.member_id, request.generation_id, now_ms, request.group_instance_id)
        for metadata in request.metadata.values():
            error = error or trouble_with_metadata(metadata, broker.config.offset_metadata_max_bytes)
        if error is not None or not request.offsets:
            reply(groups.OffsetCommitResponse(error))
            return
        records = [
            offset_record(
                request.group_id, tp, offset, now_ms, request.leader_epochs.get(tp, -1), request.metadata.get(tp, "")
            )
            for tp, offset in request.offsets.items()
        ]

        def stored(error: Error) -> None:
            if error is None:
                offsets = self._offsets.get(self._partition_of(request.group_id))
                if offsets is not None:
                    offsets.load(records)
                for tp, offset in request.offsets.items():
                    broker.kernel.journal.record(OffsetCommitted(broker.broker_id, request.group_id, tp, offset))
            reply(groups.OffsetCommitResponse(None if error is None else _client_error(error)))

        self._append(request.group_id, records, stored)

    def _append(self, group_id: str, records: list[Record], stored: Callable[[Error], None]) -> None:
        """Append to the group's partition; ``stored`` is called when all in-sync replicas have it."""
        broker = self._broker
        tp = TopicPartition(TOPIC, self._partition_of(group_id))
        batch = RecordBatch(tuple(records))
        try:
            base_offset, end_offset = broker.replicas.partitions[tp].append(batch, -1, broker.kernel.now_ms)
        except KafkaError as error:
            stored(type(error))
            return
        response = ProduceResponse({tp: PartitionProduceResponse(None, base_offset)})
        broker.replicas.appended(tp, base_offset)
        broker.replicas.purgatory.park(
            DelayedProduce({tp: end_offset}, response, lambda answer: stored(answer.partitions[tp].error)),
            broker.config.offsets_commit_timeout_ms,
        )


def _client_error(error: type[KafkaError]) -> type[KafkaError]:
    return CLIENT_ERRORS.get(error.name, error)


_ANSWERS: dict[type[groups.GroupRequest], Callable[[Error], groups.GroupResponse]] = {
    groups.JoinGroupRequest: groups.JoinGroupResponse,
    groups.SyncGroupRequest: groups.SyncGroupResponse,
    groups.HeartbeatRequest: groups.HeartbeatResponse,
    groups.LeaveGroupRequest: groups.LeaveGroupResponse,
    groups.OffsetCommitRequest: groups.OffsetCommitResponse,
    groups.OffsetFetchRequest: groups.OffsetFetchResponse,
}
