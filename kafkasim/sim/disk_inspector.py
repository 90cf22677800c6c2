"""What lies on a broker's disk, as its files would show it. ``cluster.disk(102)`` makes one of these.

It is the one window beside the trace: how a learner looks into a log directory. Kafka: kafka-dump-log.sh. Left out as
yet: cutting and adding bytes while the broker is dead, the files of indexes, producers and compaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafkasim.core.log import Log
from kafkasim.core.offset_records import decoded, in_words
from kafkasim.errors import UsageError, unknown_name
from kafkasim.records import Record, RecordBatch, TopicPartition
from kafkasim.sim.disk import Disk
from kafkasim.trace.arguments import partition_named


@dataclass(frozen=True, slots=True)
class BatchOnDisk:
    """One batch as kafka-dump-log.sh prints it, with its records and their offsets."""

    base_offset: int
    last_offset: int
    count: int
    leader_epoch: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    is_transactional: bool
    is_control: bool
    size_in_bytes: int
    max_timestamp: int
    records: tuple[tuple[int, Record], ...]


@dataclass(frozen=True, slots=True)
class SegmentOnDisk:
    """One segment; its file is named after its base offset."""

    base_offset: int
    size_in_bytes: int
    batches: tuple[BatchOnDisk, ...]

    @property
    def file_name(self) -> str:
        """The name of the segment's log file."""
        return f"{self.base_offset:020d}.log"


@dataclass(frozen=True, slots=True)
class ReplicaOnDisk:
    """The folder of one replica; ``leader_epochs`` is its file leader-epoch-checkpoint, (epoch, start offset)."""

    tp: TopicPartition
    segments: tuple[SegmentOnDisk, ...]
    leader_epochs: tuple[tuple[int, int], ...]

    @property
    def log_end_offset(self) -> int:
        """The offset that the next record gets."""
        last = self.segments[-1]
        return last.batches[-1].last_offset + 1 if last.batches else last.base_offset

    @property
    def batches(self) -> tuple[BatchOnDisk, ...]:
        """The batches of all segments."""
        return tuple(batch for segment in self.segments for batch in segment.batches)

    @property
    def records(self) -> tuple[tuple[int, Record], ...]:
        """All records with their offsets."""
        return tuple(item for batch in self.batches for item in batch.records)

    @property
    def in_words(self) -> tuple[tuple[int, str], ...]:
        """The records of ``__consumer_offsets`` as sentences, with their offsets."""
        if self.tp.topic != "__consumer_offsets":
            raise UsageError(f"Only __consumer_offsets can be put into words, and this is {self.tp}. Look at .records.")
        return tuple(
            (offset, in_words(record))
            for batch in self.batches
            if not batch.is_control
            for offset, record in batch.records
        )

    @property
    def decoded(self) -> tuple[tuple[int, dict[str, Any], dict[str, Any] | None], ...]:
        """The same as (offset, key, value) under Kafka's names; the value of a tombstone is None.

        Kafka: kafka-dump-log.sh --offsets-decoder.
        """
        records = [item for batch in self.batches if not batch.is_control for item in batch.records]
        found = [(offset, decoded(record)) for offset, record in records]
        return tuple((offset, *content) for offset, content in found if content is not None)

    def __str__(self) -> str:
        lines = [f"{self.tp}: {len(self.segments)} segment(s), log end offset {self.log_end_offset}"]
        for segment in self.segments:
            lines.append(f"  {segment.file_name}  {segment.size_in_bytes} bytes")
            for batch in segment.batches:
                lines.append(
                    f"    offsets {batch.base_offset} to {batch.last_offset}  count {batch.count}"
                    f"  leader epoch {batch.leader_epoch}  {batch.size_in_bytes} bytes"
                )
        return "\n".join(lines)

    __repr__ = __str__


class DiskInspector:
    """The log directory of one broker at this moment."""

    def __init__(self, disk: Disk, broker: str) -> None:
        self._disk = disk
        self._broker = broker

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """The replicas that have a folder here, sorted."""
        return tuple(sorted(self._disk.logs))

    @property
    def high_watermarks(self) -> dict[TopicPartition, int]:
        """The file replication-offset-checkpoint as it was written last."""
        return dict(sorted(self._disk.high_watermarks.items()))

    def replica(self, tp: object) -> ReplicaOnDisk:
        """One replica's folder, named as a TopicPartition, a pair or a text such as ``orders-0``."""
        partition = partition_named(tp)
        if partition not in self._disk.logs:
            raise unknown_name(f"replica on {self._broker}", str(partition), map(str, self._disk.logs))
        log = self._disk.logs[partition]
        return ReplicaOnDisk(partition, _segments(log), tuple(log.epochs.entries))

    def __str__(self) -> str:
        return "\n".join([f"disk of {self._broker}", *(str(self.replica(tp)) for tp in self.partitions)])

    __repr__ = __str__


def _segments(log: Log) -> tuple[SegmentOnDisk, ...]:
    return tuple(
        SegmentOnDisk(segment.base_offset, segment.size_in_bytes, tuple(map(_batch, segment.batches)))
        for segment in log.segments
    )


def _batch(batch: RecordBatch) -> BatchOnDisk:
    return BatchOnDisk(
        batch.base_offset, batch.last_offset, batch.count, batch.leader_epoch, batch.producer_id, batch.producer_epoch,
        batch.base_sequence, batch.is_transactional, batch.is_control, batch.size_in_bytes, batch.max_timestamp,
        tuple(batch.items()),
    )  # fmt: skip
