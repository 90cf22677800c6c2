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
    in_metadata_order,
)
from kafkasim.errors import ConfigError
from kafkasim.records import BATCH_OVERHEAD, Record, TopicPartition, record_size
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.sender import Sender


class PartitionChoice:
    """One producer's partitioner and what it must know of the batches, the cluster and its slow nodes."""

    def __init__(
        self, config: ProducerConfig, chance: random.Random, accumulator: RecordAccumulator, client: NetworkClient,
        sender: Sender,
    ) -> None:  # fmt: skip
        self._ignore_keys = config.partitioner_ignore_keys
        self._accumulator = accumulator
        self._client = client
        self._sender = sender
        self._own: Partitioner | None = _own_partitioner(config.partitioner_class, chance)
        self._sticky = StickyPartitioner(
            config.batch_size, chance, adaptive=config.partitioner_adaptive_partitioning_enable
        )
        self._is_sticky = False
        self._found: dict[str, tuple[int, tuple[list[int], int]]] = {}

    def choose(self, topic: str, record: Record, wanted: int | None) -> int:
        """The record's own wish, else the partitioner object's, else by key, else sticky."""
        self._is_sticky = False
        if wanted is not None:
            return wanted
        if self._own is not None:
            available, partitions = self._available(topic)
            return self._ask_own(self._own, topic, record, list(available), partitions)
        if record.key is not None and not self._ignore_keys:
            return partition_for_key(record.key, len(self._client.topics[topic][1]))
        self._is_sticky = True
        chosen = self._sticky.partition(topic)
        return self._change(topic) if chosen is None else chosen

    def _change(self, topic: str) -> int:
        available, partitions = self._available(topic)
        queues, too_slow = self._queues(topic, available), self._too_slow(topic, available)
        return self._sticky.change(topic, available, partitions, queues, too_slow=too_slow)

    def _available(self, topic: str) -> tuple[list[int], int]:
        """The partitions that have a leader, in the client's own order, and how many there are in all.

        They are worked out anew only when the client has another picture of the cluster.
        """
        pictures, found = self._found.get(topic, (-1, ([], 0)))
        if pictures != self._client.pictures:
            _, partitions = self._client.topics[topic]
            led = [number for number, part in enumerate(partitions) if part.leader in self._client.nodes]
            known = sum(len(parts) for _, parts in self._client.topics.values())
            found = in_metadata_order(topic, led or range(len(partitions)), known), len(partitions)
            self._found[topic] = (self._client.pictures, found)
        return found

    def _ask_own(self, own: Partitioner, topic: str, record: Record, available: Sequence[int], partitions: int) -> int:
        """Ask once, and once more when the record opens a new batch, as Kafka's producer does (KAFKA-9965)."""

        def ask() -> int:
            number = own.partition(topic, record.key, record.value, available, partitions)
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < partitions:
                raise ConfigError(
                    f"The partitioner gave {number!r} for {topic!r}; it must give a whole number from 0 to"
                    f" {partitions - 1}."
                )
            return number

        first = TopicPartition(topic, ask())
        if self._accumulator.has_room(first, record):
            return first.partition
        self._accumulator.close_open_batch(first)
        if isinstance(own, UniformStickyPartitioner):
            own.on_new_batch(topic, available, partitions, first.partition)
        return ask()

    def appended(self, tp: TopicPartition, batch: ProducerBatch, is_new: bool) -> None:
        """The record that was chosen for last lies in ``batch`` now."""
        if not self._is_sticky:
            return
        record = batch.records[-1]
        size = record_size(record, len(batch.records) - 1, record.timestamp - batch.records[0].timestamp)
        size += BATCH_OVERHEAD if is_new else 0
        if self._sticky.appended(tp.topic, size, batch_is_full=self._accumulator.all_full(tp)):
            self._change(tp.topic)

    def _queues(self, topic: str, available: Sequence[int]) -> list[int]:
        """How many batches wait for each available partition; empty while one of them never had any."""
        queues = [self._accumulator.queues.get(TopicPartition(topic, number)) for number in available]
        return [] if any(queue is None for queue in queues) else [len(queue or ()) for queue in queues]

    def _too_slow(self, topic: str, available: Sequence[int]) -> list[int]:
        """Partitions on nodes that keep records waiting beyond ``partitioner.availability.timeout.ms``."""
        leaders = {number: self._client.leader(TopicPartition(topic, number)) for number in available}
        return [number for number, node in leaders.items() if node is not None and self._sender.waits_too_long(node)]


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
