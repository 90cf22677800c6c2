"""The partitions of ``__consumer_offsets`` that this broker leads: read when it takes over, written before it answers.

Reading takes a moment (sim/coordinator_load), in which the groups of that partition are not served; an empty partition
is there at once. Kafka: GroupMetadataManager (loadGroupsAndOffsets, appendForGroup).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kafkasim.core.hashing import partition_for_group
from kafkasim.core.offsets import TOPIC, CommittedOffsets
from kafkasim.core.partition import Partition, Role
from kafkasim.errors import (
    CoordinatorLoadInProgressException,
    CoordinatorNotAvailableException,
    InvalidCommitOffsetSizeException,
    KafkaError,
    NotCoordinatorException,
)
from kafkasim.messages.data import Error, PartitionProduceResponse, ProduceResponse
from kafkasim.records import Record, RecordBatch, TopicPartition
from kafkasim.sim.coordinator_load import load_ms
from kafkasim.sim.produce_purgatory import DelayedProduce

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

CLIENT_ERRORS: dict[str, type[KafkaError]] = {
    "NOT_ENOUGH_REPLICAS": CoordinatorNotAvailableException,
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND": CoordinatorNotAvailableException,
    "UNKNOWN_TOPIC_OR_PARTITION": CoordinatorNotAvailableException,
    "REQUEST_TIMED_OUT": CoordinatorNotAvailableException,
    "NOT_LEADER_OR_FOLLOWER": NotCoordinatorException,
    "KAFKA_STORAGE_ERROR": NotCoordinatorException,
    "MESSAGE_TOO_LARGE": InvalidCommitOffsetSizeException,
    "RECORD_LIST_TOO_LARGE": InvalidCommitOffsetSizeException,
}
"""What a client is told when the log refuses a commit."""


class GroupStore:
    """What one broker's coordinator keeps; ``on_loaded`` and ``on_unloaded`` hear of a partition's number."""

    def __init__(
        self, broker: Broker, on_loaded: Callable[[int], None], on_unloaded: Callable[[int], None]
    ) -> None:  # fmt: skip
        self._broker = broker
        self._on_loaded, self._on_unloaded = on_loaded, on_unloaded
        self.partitions: dict[int, CommittedOffsets] = {}
        self._loading: dict[int, Partition] = {}

    def partition_of(self, group_id: str) -> int:
        """The number of the group's partition."""
        return partition_for_group(group_id, self._broker.config.offsets_topic_num_partitions)

    def offsets_of(self, group_id: str) -> CommittedOffsets:
        """The memory of the group's partition, which this broker leads."""
        return self.partitions[self.partition_of(group_id)]

    def trouble_with(self, group_id: str) -> Error:
        """Why this broker does not serve the group, or None."""
        number = self.partition_of(group_id)
        if number in self._loading:
            return CoordinatorLoadInProgressException
        return None if number in self.partitions else NotCoordinatorException

    def role_changed(self, partition: Partition) -> None:
        """This broker has begun or ceased to lead a partition of ``__consumer_offsets``."""
        if partition.tp.topic != TOPIC:
            return
        number = partition.tp.partition
        if partition.role is not Role.LEADER:
            self._loading.pop(number, None)
            if self.partitions.pop(number, None) is not None:
                self._on_unloaded(number)
        elif number not in self.partitions and number not in self._loading:
            self._loading[number] = partition
            wait_ms = load_ms(partition.log)
            if wait_ms:
                self._broker.after_ms(wait_ms, self._load, number, partition)
            else:
                self._load(number, partition)

    def _load(self, number: int, partition: Partition) -> None:
        if self._loading.get(number) is partition:
            del self._loading[number]
            offsets = self.partitions[number] = CommittedOffsets()
            offsets.load_batches(partition.log.batches)
            self._on_loaded(number)

    def append(
        self, group_id: str, records: Sequence[Record], stored: Callable[[Error, int], None], *,
        producer: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        """Append to the group's partition; ``stored(error, offset)`` is called when all in-sync replicas have it.

        ``producer`` is the id and epoch of a transactional producer: then the records belong to its transaction.
        """
        broker = self._broker
        tp = TopicPartition(TOPIC, self.partition_of(group_id))
        batch = RecordBatch(tuple(records))
        if producer is not None:
            batch.producer_id, batch.producer_epoch = producer
            batch.is_transactional = True
        try:
            base_offset, end_offset = broker.replicas.partitions[tp].append(batch, -1, broker.kernel.now_ms)
        except KafkaError as error:
            stored(type(error), -1)
            return
        response = ProduceResponse({tp: PartitionProduceResponse(None, base_offset)})
        broker.replicas.appended({tp: base_offset})
        broker.replicas.purgatory.park(
            DelayedProduce({tp: end_offset}, response, lambda answer: stored(answer.partitions[tp].error, base_offset)),
            broker.config.offsets_commit_timeout_ms,
        )


def client_error(error: Error) -> Error:
    """What a client is told of an error of the log."""
    return None if error is None else CLIENT_ERRORS.get(error.name, error)
