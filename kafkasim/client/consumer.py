"""KafkaConsumer. kafka-python: kafka.consumer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kafkasim.client import configs
from kafkasim.config import checks
from kafkasim.core.assignors import RangeAssignor, RoundRobinAssignor
from kafkasim.errors import ConfigError, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer_records import ConsumerRecord as NativeRecord

if TYPE_CHECKING:
    from kafkasim.client.library import ClientLibrary


class OffsetAndMetadata(NamedTuple):
    """A committed offset: of the next record to read."""

    offset: int
    metadata: str = ""
    leader_epoch: int = -1


class ConsumerRecord(NamedTuple):
    """One record, with kafka-python's fields."""

    topic: str
    partition: int
    leader_epoch: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: Any
    value: Any
    headers: list[tuple[str, bytes | None]]
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int


class KafkaConsumer:
    """A consuming client with kafka-python's arguments; blocking calls let simulated time pass."""

    def __init__(self, library: ClientLibrary, topics: tuple[str, ...], given: dict[str, Any]) -> None:
        strategy = ("partition_assignment_strategy",)
        values = configs.chosen(configs.CONSUMER, given, "KafkaConsumer", strategy)
        settings = configs.native(values, library.bootstrap(values["bootstrap_servers"]))
        settings["partition_assignment_strategy"] = given.get(*strategy) or [RangeAssignor(), RoundRobinAssignor()]
        if values["group_id"] is None:
            del settings["group_id"], settings["enable_auto_commit"]
        self.config = values
        self._library = library
        self._native = library.cluster.consumer(config=settings)
        self._buffered: list[ConsumerRecord] = []
        if topics:
            self.subscribe(topics)

    def subscribe(self, topics: Any = (), pattern: str | None = None, listener: Any = None) -> None:
        """Read these topics as a member of the group."""
        if pattern is not None:
            raise UsageError("Subscribing by pattern is not modelled: name the topics.")
        self._native.subscribe(list(topics) if not isinstance(topics, str) else topics, listener)

    def unsubscribe(self) -> None:
        """Read nothing any more."""
        self._native.unsubscribe()

    def subscription(self) -> set[str] | None:
        """The topics, or None."""
        return set(self._native.subscription()) or None

    def assign(self, partitions: Any) -> None:
        """Read exactly these partitions."""
        self._native.assign(list(partitions))

    def assignment(self) -> set[TopicPartition]:
        """The partitions that are owned."""
        return set(self._native.assignment())

    def poll(
        self, timeout_ms: float = 0, max_records: int | None = None, update_offsets: bool = True
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next records by partition; waits up to ``timeout_ms`` for the first."""
        if max_records is not None:
            raise UsageError("max_records is not modelled: give the consumer max_poll_records.")
        if not update_offsets:
            raise UsageError("update_offsets=False is not modelled.")
        records = self._library.errors.call(self._native.poll(timeout_ms).get)
        return {tp: [_record(one) for one in part] for tp, part in records.items()}

    def __iter__(self) -> Iterator[ConsumerRecord]:
        return self

    def __next__(self) -> ConsumerRecord:
        """The next record; StopIteration after consumer_timeout_ms without one."""
        limit = self.config["consumer_timeout_ms"]
        waited = 0.0
        while not self._buffered:
            step = min(1_000.0, limit - waited)
            if step <= 0:
                raise StopIteration
            self._buffered = [record for part in self.poll(step).values() for record in part]
            waited += step
            if not self._buffered and limit == math.inf and waited >= MAX_WAIT_MS:
                raise UsageError(
                    "No record has come for an hour of simulated time, and nothing else can happen while this loop"
                    " waits. Give the consumer consumer_timeout_ms."
                )
        return self._buffered.pop(0)

    def position(self, partition: TopicPartition, timeout_ms: float | None = None) -> int:
        """The offset of the next record."""
        return self._library.errors.call(self._native.position(partition).get)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read from an offset on."""
        self._native.seek(partition, offset)

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Read from the start on."""
        self._native.seek_to_beginning(partitions)

    def seek_to_end(self, *partitions: TopicPartition) -> None:
        """Read from the end on."""
        self._native.seek_to_end(partitions)

    def beginning_offsets(self, partitions: Any, timeout_ms: float | None = None) -> dict[TopicPartition, int]:
        """Where these partitions begin."""
        return self._library.errors.call(self._native.beginning_offsets(list(partitions)).get)

    def end_offsets(self, partitions: Any, timeout_ms: float | None = None) -> dict[TopicPartition, int]:
        """Where these partitions end."""
        return self._library.errors.call(self._native.end_offsets(list(partitions)).get)

    def commit(self, offsets: Mapping[TopicPartition, Any] | None = None, timeout_ms: float | None = None) -> None:
        """Commit the positions, or these offsets, and wait."""
        self._library.errors.call(self._native.commit_sync(_offsets(offsets)).get)

    def commit_async(
        self, offsets: Mapping[TopicPartition, Any] | None = None, callback: Callable[..., object] | None = None
    ) -> None:
        """Commit without waiting; ``callback(offsets, error)`` hears how it went."""
        self._native.commit_async(_offsets(offsets), callback)

    def committed(self, partition: TopicPartition, metadata: bool = False, timeout_ms: float | None = None) -> Any:
        """The group's committed offset of a partition, or None."""
        checks.flag(metadata, "metadata")
        offset = self._library.errors.call(self._native.committed([partition]).get)[TopicPartition(*partition)]
        return OffsetAndMetadata(offset) if metadata and offset is not None else offset

    def pause(self, *partitions: TopicPartition) -> None:
        """Get no records of these."""
        self._native.pause(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Get records of these again."""
        self._native.resume(partitions)

    def paused(self) -> set[TopicPartition]:
        """The partitions that are paused."""
        return set(self._native.paused())

    def partitions_for_topic(self, topic: str) -> set[int]:
        """The partitions of a topic."""
        return set(self._library.errors.call(self._native.partitions_for(topic).get))

    def close(self, autocommit: bool = True, timeout_ms: float | None = None) -> None:
        """Commit if that is automatic, leave the group, hang up."""
        if not autocommit:
            raise UsageError("close(autocommit=False) is not modelled: give the consumer enable_auto_commit=False.")
        self._library.errors.call(self._native.close().get)


MAX_WAIT_MS = 3_600_000


def _record(native: NativeRecord) -> ConsumerRecord:
    header_size = sum(len(name.encode()) + len(data or b"") for name, data in native.headers) if native.headers else -1
    return ConsumerRecord(
        native.topic, native.partition, native.leader_epoch, native.offset, native.timestamp, 0, native.key,
        native.value, list(native.headers), None, native.serialized_key_size, native.serialized_value_size, header_size,
    )  # fmt: skip


def _offsets(offsets: Mapping[TopicPartition, Any] | None) -> dict[TopicPartition, int] | None:
    if offsets is None:
        return None
    if not isinstance(offsets, Mapping):
        raise ConfigError(f"offsets must map TopicPartitions to OffsetAndMetadata. Got {offsets!r}.")
    return {tp: offset[0] if isinstance(offset, tuple) else offset for tp, offset in offsets.items()}
