"""How a leader answers requests about the log itself: DeleteRecords and DescribeProducers.

Kafka: KafkaApis.handleDeleteRecordsRequest and handleDescribeProducersRequest, ReplicaManager, DelayedDeleteRecords.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafkasim.core.segment import Roll
from kafkasim.core.topic_rules import INTERNAL_TOPICS
from kafkasim.errors import (
    InvalidTopicException,
    KafkaError,
    NotLeaderOrFollowerException,
    OffsetOutOfRangeException,
    PolicyViolationException,
    TimeoutException,
)
from kafkasim.messages.admin import (
    HIGH_WATERMARK,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionDeleteRecords,
    PartitionProducers,
    ProducerState,
)
from kafkasim.records import TopicPartition
from kafkasim.sim.deadlines import Deadline
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

ASKED = Roll("records were deleted on request", "DeleteRecords")


@dataclass(eq=False, slots=True)
class DelayedDeleteRecords:
    """One request: from which offset on every live replica of each partition must start, and the answer so far."""

    required: dict[TopicPartition, int]
    response: DeleteRecordsResponse
    reply: Reply
    deadline: Deadline | None = field(default=None)


class DeleteRecords:
    """All DeleteRecords requests of one broker's incarnation: the leader's log starts later at once, and the answer
    waits until its live followers have learned that."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._waiting: dict[TopicPartition, dict[DelayedDeleteRecords, None]] = {}

    def handle(self, request: DeleteRecordsRequest, reply: Reply) -> None:
        """Move the log starts, then answer now or when the low watermarks are there."""
        delayed = DelayedDeleteRecords({}, DeleteRecordsResponse({}), reply)
        for tp, offset in request.offsets.items():
            try:
                delayed.required[tp] = self._delete(tp, offset)
            except KafkaError as error:
                delayed.response.partitions[tp] = PartitionDeleteRecords(type(error))
        for tp in list(delayed.required):
            self._waiting.setdefault(tp, {})[delayed] = None
        if delayed.required:
            delayed.deadline = self._broker.deadlines.add(request.timeout_ms, lambda: self._time_out(delayed))
            for tp in list(delayed.required):
                self._broker.replicas.log_changed(tp)
                self.check(tp)
        else:
            reply(delayed.response)

    def check(self, tp: TopicPartition) -> None:
        """A log start or a role may have changed: see who can be answered."""
        if tp not in self._waiting:
            return
        partition = self._broker.replicas.partitions.get(tp)
        for delayed in list(self._waiting[tp]):
            if partition is None or not partition.is_leader:
                self._settle(delayed, tp, PartitionDeleteRecords(NotLeaderOrFollowerException))
            elif partition.low_watermark >= delayed.required[tp]:
                self._settle(delayed, tp, PartitionDeleteRecords(None, partition.low_watermark))

    def _delete(self, tp: TopicPartition, offset: int) -> int:
        """Kafka: Partition.deleteRecordsOnLeader."""
        if tp.topic in INTERNAL_TOPICS:
            raise InvalidTopicException(f"Cannot delete records of the internal topic {tp.topic}.")
        partition = self._broker.replicas.partition(tp)
        partition.check_leader()
        log = partition.log
        if "delete" not in log.config.cleanup_policy:
            raise PolicyViolationException(
                f"Records of {tp} can not be deleted: cleanup.policy={','.join(log.config.cleanup_policy)}."
            )
        wanted = log.high_watermark if offset == HIGH_WATERMARK else offset
        if wanted < 0:
            raise OffsetOutOfRangeException(f"The offset {offset} for {tp} is not valid.")
        log.move_start(wanted, ASKED)
        return wanted

    def _settle(self, delayed: DelayedDeleteRecords, tp: TopicPartition, part: PartitionDeleteRecords) -> None:
        del delayed.required[tp], self._waiting[tp][delayed]
        if not self._waiting[tp]:
            del self._waiting[tp]
        delayed.response.partitions[tp] = part
        if not delayed.required:
            if delayed.deadline is not None:
                delayed.deadline.cancel()
            delayed.reply(delayed.response)

    def _time_out(self, delayed: DelayedDeleteRecords) -> None:
        for tp in list(delayed.required):
            self._settle(delayed, tp, PartitionDeleteRecords(TimeoutException))


def describe_producers(broker: Broker, request: DescribeProducersRequest) -> DescribeProducersResponse:
    """What each partition remembers of producers, by producer id."""
    response = DescribeProducersResponse({})
    for tp in request.partitions:
        try:
            partition = broker.replicas.partition(tp)
            partition.check_leader()
            producers = partition.log.producers
            producers.expire(broker.kernel.now_ms)
            response.partitions[tp] = PartitionProducers(
                None,
                tuple(
                    ProducerState(
                        producer_id, state.epoch, state.last_sequence, state.last_timestamp,
                        None if state.coordinator_epoch < 0 else state.coordinator_epoch, state.transaction_start,
                    )
                    for producer_id, state in sorted(producers.by_id.items())
                ),
            )  # fmt: skip
        except KafkaError as error:
            response.partitions[tp] = PartitionProducers(type(error))
    return response
