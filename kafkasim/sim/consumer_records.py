"""What poll() hands out. Kafka: ConsumerRecord, ConsumerRecords, OffsetAndMetadata."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.config import ConsumerConfig
from kafkasim.records import Record, TopicPartition
from kafkasim.sim.host import Host
from kafkasim.trace.facts import RecordsPolled


@dataclass(frozen=True, slots=True)
class ConsumerRecord:
    """One record as a consumer gets it; ``key`` and ``value`` are bytes unless deserializers were given."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Any
    value: Any
    headers: tuple[tuple[str, bytes | None], ...]
    leader_epoch: int
    serialized_key_size: int
    serialized_value_size: int


def deserialized(
    config: ConsumerConfig, tp: TopicPartition, offset: int, epoch: int, record: Record
) -> ConsumerRecord:  # fmt: skip
    """A fetched record as the application gets it."""
    key: Any = record.key
    value: Any = record.value
    if key is not None and config.key_deserializer is not None:
        key = config.key_deserializer(key)
    if value is not None and config.value_deserializer is not None:
        value = config.value_deserializer(value)
    return ConsumerRecord(
        tp.topic, tp.partition, offset, record.timestamp, key, value, record.headers, epoch,
        -1 if record.key is None else len(record.key), -1 if record.value is None else len(record.value),
    )  # fmt: skip


class ConsumerRecords:
    """The records of one poll(), by partition; iterating gives them all, partition after partition."""

    def __init__(self, by_partition: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        self._by_partition = dict(by_partition)

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """The partitions that have records here."""
        return tuple(self._by_partition)

    def records(self, tp: TopicPartition) -> list[ConsumerRecord]:
        """The records of one partition, in order."""
        return list(self._by_partition.get(tp, ()))

    def items(self) -> ItemsView[TopicPartition, list[ConsumerRecord]]:
        """Partitions with their records."""
        return self._by_partition.items()

    def __getitem__(self, tp: TopicPartition) -> list[ConsumerRecord]:
        return self._by_partition[tp]

    def __iter__(self) -> Iterator[ConsumerRecord]:
        for records in self._by_partition.values():
            yield from records

    def __len__(self) -> int:
        return sum(map(len, self._by_partition.values()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{tp}: {len(records)}" for tp, records in self._by_partition.items())
        return f"<ConsumerRecords {parts or 'none'}>"


def handed_out(
    host: Host, config: ConsumerConfig, taken: Mapping[TopicPartition, Sequence[tuple[int, int, Record]]]
) -> ConsumerRecords:
    """What a poll() has taken, (offset, leader epoch, record) by partition, as the application gets it; noted."""
    given: dict[TopicPartition, list[ConsumerRecord]] = {}
    for tp, items in taken.items():
        names = tuple((offset, *(record.origin or ("", -1))) for offset, _, record in items)
        committed = config.isolation_level == "read_committed"
        fact = RecordsPolled(host.name, tp, items[0][0], items[-1][0], len(items), names, committed)
        host.kernel.journal.record(fact)
        given[tp] = [deserialized(config, tp, *item) for item in items]
    return ConsumerRecords(given)
