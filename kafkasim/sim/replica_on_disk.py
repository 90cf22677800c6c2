"""The folder of one replica, as its files would show it: segments, batches, records, checkpoints.

Kafka: kafka-dump-log.sh. Left out: index files, checksums, compression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafkasim.core import offset_records, transaction_records
from kafkasim.core.log import Log
from kafkasim.core.producer_state import CompletedTransaction
from kafkasim.core.segment import Segment
from kafkasim.errors import UsageError
from kafkasim.records import Record, RecordBatch, TopicPartition

IN_WORDS = {"__consumer_offsets": offset_records.in_words, transaction_records.TOPIC: transaction_records.in_words}
"""How the records of the cluster's own topics are read."""


@dataclass(frozen=True, slots=True)
class BatchOnDisk:
    """One batch as kafka-dump-log.sh prints it, with its records and their offsets.

    ``position`` is where it begins in its segment's file. ``delete_horizon_ms`` is -1 until a compaction pass has set
    it; ``timestamp_type`` is CreateTime or LogAppendTime.
    """

    base_offset: int
    last_offset: int
    count: int
    leader_epoch: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    last_sequence: int
    is_transactional: bool
    is_control: bool
    position: int
    size_in_bytes: int
    timestamp_type: str
    max_timestamp: int
    delete_horizon_ms: int
    records: tuple[tuple[int, Record], ...]


@dataclass(frozen=True, slots=True)
class SegmentOnDisk:
    """One segment; its file is named after its base offset.

    ``size_in_bytes`` is the size of that file, with the ``torn_bytes`` at its end that are no whole batch.
    ``aborted_transactions`` is its transaction index.
    """

    base_offset: int
    size_in_bytes: int
    torn_bytes: int
    batches: tuple[BatchOnDisk, ...]
    aborted_transactions: tuple[CompletedTransaction, ...]

    @property
    def file_name(self) -> str:
        """The name of the segment's log file."""
        return f"{self.base_offset:020d}.log"


@dataclass(frozen=True, slots=True)
class ReplicaOnDisk:
    """The folder of one replica.

    ``leader_epochs`` is its file leader-epoch-checkpoint, (epoch, start offset). ``snapshots`` are the offsets of its
    snapshots of producers, ``deleted_files`` the segments that are gone already and whose files go after
    file.delete.delay.ms.
    """

    tp: TopicPartition
    segments: tuple[SegmentOnDisk, ...]
    leader_epochs: tuple[tuple[int, int], ...]
    snapshots: tuple[int, ...] = ()
    deleted_files: tuple[str, ...] = ()

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
        """The records of ``__consumer_offsets`` or ``__transaction_state`` as sentences, with their offsets."""
        if self.tp.topic not in IN_WORDS:
            raise UsageError(f"Only {' and '.join(IN_WORDS)} can be put into words. Look at .records of {self.tp}.")
        speak = IN_WORDS[self.tp.topic]
        return tuple((offset, speak(record)) for offset, record in self._own_records)

    @property
    def decoded(self) -> tuple[tuple[int, dict[str, Any], dict[str, Any] | None], ...]:
        """The same as (offset, key, value) under Kafka's names; the value of a tombstone is None.

        Kafka: kafka-dump-log.sh --offsets-decoder, --transaction-log-decoder.
        """
        read = transaction_records.in_names if self.tp.topic == transaction_records.TOPIC else offset_records.decoded
        found = [(offset, read(record)) for offset, record in self._own_records]
        return tuple((offset, *content) for offset, content in found if content is not None)

    @property
    def _own_records(self) -> list[tuple[int, Record]]:
        """All records but markers."""
        return [item for batch in self.batches if not batch.is_control for item in batch.records]

    def __str__(self) -> str:
        lines = [f"{self.tp}: {len(self.segments)} segment(s), log end offset {self.log_end_offset}"]
        for segment in self.segments:
            lines.append(f"  {segment.file_name}  {segment.size_in_bytes} bytes")
            for batch in segment.batches:
                lines.append(f"    {_line(batch)}")
            if segment.torn_bytes:
                lines.append(f"    {segment.torn_bytes} bytes that are no whole batch")
        lines += [f"  {name}" for name in self.deleted_files]
        return "\n".join(lines)

    __repr__ = __str__


def replica_on_disk(tp: TopicPartition, log: Log, now_ms: int) -> ReplicaOnDisk:
    """How the folder of a log looks now."""
    deleted = tuple(f"{base:020d}.log.deleted" for base, goes_ms in log.deleted if goes_ms > now_ms)
    segments = tuple(_segment(segment) for segment in log.segments)
    return ReplicaOnDisk(tp, segments, tuple(log.epochs.entries), tuple(sorted(log.snapshots)), deleted)


def _segment(segment: Segment) -> SegmentOnDisk:
    batches: list[BatchOnDisk] = []
    position = 0
    for batch in segment.batches:
        batches.append(_batch(batch, position))
        position += batch.size_in_bytes
    size = segment.size_in_bytes + segment.torn_bytes
    return SegmentOnDisk(segment.base_offset, size, segment.torn_bytes, tuple(batches), tuple(segment.aborted))


def _batch(batch: RecordBatch, position: int) -> BatchOnDisk:
    return BatchOnDisk(
        batch.base_offset, batch.last_offset, batch.count, batch.leader_epoch, batch.producer_id, batch.producer_epoch,
        batch.base_sequence, batch.last_sequence, batch.is_transactional, batch.is_control, position,
        batch.size_in_bytes, batch.timestamp_type, batch.max_timestamp, batch.delete_horizon_ms, tuple(batch.items()),
    )  # fmt: skip


def _line(batch: BatchOnDisk) -> str:
    """One batch in one line; what is unset is left out."""
    parts = [
        f"offsets {batch.base_offset} to {batch.last_offset}", f"count {batch.count}",
        f"leader epoch {batch.leader_epoch}", f"{batch.size_in_bytes} bytes",
    ]  # fmt: skip
    if batch.producer_id >= 0:
        parts.append(f"producer {batch.producer_id} epoch {batch.producer_epoch}")
    if batch.base_sequence >= 0:
        parts.append(f"sequences {batch.base_sequence} to {batch.last_sequence}")
    if batch.is_control:
        parts.append("marker")
    elif batch.is_transactional:
        parts.append("transactional")
    if batch.delete_horizon_ms >= 0:
        parts.append(f"delete horizon {batch.delete_horizon_ms}")
    return "  ".join(parts)
