"""A producer's choice of the partition for each record, after the rules of core/partitioners.

Kafka: KafkaProducer.partition, RecordAccumulator.append.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from kafkasim.config import ProducerConfig
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator
from kafkasim.core.hashing import partition_for_key
from kafkasim.core.partitioners import (
    DefaultPartitioner,
    Partitioner,
    RoundRobinPartitioner,
    StickyPartitioner,
    UniformStickyPartitioner,
)
from kafkasim.errors import ConfigError
from kafkasim.records import BATCH_OVERHEAD, Record, TopicPartition, record_size


class PartitionChoice:
    """One producer's partitioner and what it must know of the batches."""

    def __init__(self, config: ProducerConfig, chance: random.Random, accumulator: RecordAccumulator) -> None:
        self._ignore_keys = config.partitioner_ignore_keys
        self._accumulator = accumulator
        self._own: Partitioner | None = _own_partitioner(config.partitioner_class, chance)
        self._sticky = StickyPartitioner(
            config.batch_size, chance, adaptive=config.partitioner_adaptive_partitioning_enable
        )
        self._is_sticky = False

    def choose(self, topic: str, record: Record, wanted: int | None, available: Sequence[int], partitions: int) -> int:
        """The record's own wish, else the partitioner object's, else by key, else sticky."""
        self._is_sticky = False
        if wanted is not None:
            return wanted
        if self._own is not None:
            return self._ask_own(self._own, topic, record, available, partitions)
        if record.key is not None and not self._ignore_keys:
            return partition_for_key(record.key, partitions)
        self._is_sticky = True
        return self._sticky.partition(topic, available, partitions, self._queues(topic, available))

    def _ask_own(self, own: Partitioner, topic: str, record: Record, available: Sequence[int], partitions: int) -> int:
        """Ask once, and once more when the record opens a new batch, as Kafka's producer does."""

        def ask() -> int:
            number = own.partition(topic, record.key, record.value, available, partitions)
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < partitions:
                raise ConfigError(
                    f"The partitioner gave {number!r} for {topic!r}; it must give a whole number from 0 to"
                    f" {partitions - 1}."
                )
            return number

        first = ask()
        if self._accumulator.has_room(TopicPartition(topic, first), record):
            return first
        if isinstance(own, UniformStickyPartitioner):
            if self._accumulator.queues.get(TopicPartition(topic, first)):
                own.on_new_batch(topic, available, partitions)
            return ask()
        return ask()

    def appended(
        self, tp: TopicPartition, batch: ProducerBatch, is_new: bool, available: Sequence[int], partitions: int
    ) -> None:
        """The record that was chosen for last lies in ``batch`` now."""
        if not self._is_sticky:
            return
        record = batch.records[-1]
        size = record_size(record, len(batch.records) - 1, record.timestamp - batch.records[0].timestamp)
        self._sticky.appended(
            tp.topic, size + (BATCH_OVERHEAD if is_new else 0), available, partitions,
            self._queues(tp.topic, available), batch_is_full=batch.is_full,
        )  # fmt: skip

    def _queues(self, topic: str, available: Sequence[int]) -> list[int]:
        """How many batches wait for each available partition; empty while one of them never had any."""
        queues = [self._accumulator.queues.get(TopicPartition(topic, number)) for number in available]
        return [] if any(queue is None for queue in queues) else [len(queue or ()) for queue in queues]


def _own_partitioner(given: object, chance: random.Random) -> Partitioner | None:
    match given:
        case None:
            return None
        case "RoundRobinPartitioner":
            return RoundRobinPartitioner()
        case "DefaultPartitioner":
            return DefaultPartitioner(chance)
        case "UniformStickyPartitioner":
            return UniformStickyPartitioner(chance)
    return given  # type: ignore[return-value]  # the configuration has checked that it has the method
