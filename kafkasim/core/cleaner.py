"""Compaction: of each key the last record stays, with its offset; what is older goes, whole closed segments at a time.

A pass reads the dirty part of the log into a map, key to last offset, and then writes every closed segment anew.
Deletions take two passes: the first stamps a tombstone's batch with a delete horizon, a later one removes it.

Kafka: LogCleaner, LogCleanerManager, Cleaner. Left out: the size of the map (log.cleaner.dedupe.buffer.size).
"""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config.checks import LONG_MAX
from kafkasim.core.cleaner_transactions import CleanedTransactions
from kafkasim.core.log import Log
from kafkasim.core.producer_state import ProducerState
from kafkasim.core.segment import Segment
from kafkasim.records import NO_TIMESTAMP, Record, RecordBatch, batch_size
from kafkasim.trace.facts import LogCleaned


@dataclass(frozen=True, slots=True)
class Cleanable:
    """What a pass over a log would find. Kafka: LogToClean.

    ``first_dirty`` is where the clean part ends, ``first_uncleanable`` where the pass must end, both offsets.
    ``is_overdue`` says that the oldest dirty segment is older than max.compaction.lag.ms.
    """

    first_dirty: int
    first_uncleanable: int
    clean_bytes: int
    dirty_bytes: int
    is_overdue: bool = False

    @property
    def ratio(self) -> float:
        """The dirty share of what the pass would read."""
        total = self.clean_bytes + self.dirty_bytes
        return self.dirty_bytes / total if total else 0.0

    def is_eligible(self, min_cleanable_dirty_ratio: float) -> bool:
        """Whether the cleaner takes this log: dirtier than the ratio asks, strictly, or overdue with anything dirty."""
        return self.ratio > min_cleanable_dirty_ratio or (self.is_overdue and self.dirty_bytes > 0)


def cleanable(log: Log, checkpoint: int | None, now_ms: int) -> Cleanable:
    """What is clean and what is dirty; ``checkpoint`` is the offset up to which the log was cleaned, None if never."""
    first_dirty = log.start_offset if checkpoint is None else checkpoint
    if not log.start_offset <= first_dirty <= log.end_offset:
        first_dirty = log.start_offset
    limit = min(log.last_stable_offset, log.active.base_offset)
    lag_ms = log.config.min_compaction_lag_ms
    dirty = _closed(log, first_dirty)
    if lag_ms > 0:
        young = [one.base_offset for one in dirty if one.age_timestamp > now_ms - lag_ms]
        limit = min([limit, *young[:1]])
    limit = max(first_dirty, limit)
    first_uncleanable = next(iter(_closed(log, limit)), log.active).base_offset
    dirty_bytes = _size(_between(log, min(first_dirty, first_uncleanable), first_uncleanable))
    timestamps = [one.first_timestamp for one in dirty if one.first_timestamp > 0]
    is_overdue = bool(timestamps) and min(timestamps) < now_ms - log.config.max_compaction_lag_ms
    return Cleanable(first_dirty, first_uncleanable, _size(_between(log, -1, first_dirty)), dirty_bytes, is_overdue)


def due_ms(log: Log, checkpoint: int | None, now_ms: int) -> int | None:
    """When the cleaner would take this log, as it is now; None when no passing of time alone will do that."""
    if len(log.segments) == 1:
        return None
    found = cleanable(log, checkpoint, now_ms)
    if found.is_eligible(log.config.min_cleanable_dirty_ratio):
        return now_ms
    times: list[int] = []
    dirty = _closed(log, found.first_dirty)
    if log.config.min_compaction_lag_ms > 0:
        times += [one.age_timestamp + log.config.min_compaction_lag_ms for one in dirty]
    times += [
        one.first_timestamp + log.config.max_compaction_lag_ms + 1
        for one in dirty
        if one.first_timestamp > 0 and log.config.max_compaction_lag_ms < LONG_MAX
    ]
    return min((time for time in times if time > now_ms), default=None)


def clean(log: Log, found: Cleanable, now_ms: int) -> int:
    """One pass; gives the offset up to which the log is clean now. Kafka: Cleaner.doClean."""
    last_offsets, end = _offset_map(log, found)
    producers = log.producers.by_id
    before = _offsets(_between(log, 0, end))
    transactions = CleanedTransactions()
    for group in _groups(_between(log, 0, end), log.config.segment_bytes):
        first = group[0]
        cleaned = Segment(first.base_offset, first.created_ms, jitter_ms=first.jitter_ms)
        transactions.cleaned = cleaned.aborted
        for segment in group:
            transactions.add(log.aborted_transactions(segment.base_offset, segment.next_offset))
            for batch in segment.batches:
                kept = _cleaned_batch(batch, last_offsets, end, transactions, producers, now_ms, log)
                if kept is not None:
                    cleaned.append(kept, now_ms)
        cleaned.modified_ms = group[-1].modified_ms
        log.replace_segments(group, cleaned, now_ms)
    after = _offsets(_between(log, 0, end))
    removed = tuple(offset for offset in before if offset not in after)
    log.tell(LogCleaned, end, removed, f"min.cleanable.dirty.ratio={log.config.min_cleanable_dirty_ratio:g}")
    return end


def _offset_map(log: Log, found: Cleanable) -> tuple[dict[bytes, int], int]:
    """Key to last offset in the dirty part, and the offset after that part. Aborted records are not entered."""
    last_offsets: dict[bytes, int] = {}
    dirty = _between(log, found.first_dirty, found.first_uncleanable)
    end = found.first_dirty
    transactions = CleanedTransactions()
    transactions.add(log.aborted_transactions(found.first_dirty, found.first_uncleanable))
    for segment, following in zip(dirty, [*dirty[1:], None], strict=True):
        for batch in segment.batches:
            if not transactions.can_discard(batch) and not batch.is_control:
                for offset, record in batch.items():
                    if record.key is not None and offset >= found.first_dirty:
                        last_offsets[record.key] = offset
        end = found.first_uncleanable if following is None else following.base_offset
    return last_offsets, max(end, found.first_dirty)


def _cleaned_batch(
    batch: RecordBatch, last_offsets: dict[bytes, int], end: int, transactions: CleanedTransactions,
    producers: dict[int, ProducerState], now_ms: int, log: Log,
) -> RecordBatch | None:  # fmt: skip
    """What a pass leaves of a batch: the batch itself, one with fewer records, an empty one, or None.

    Kafka: Cleaner.cleanInto, MemoryRecords.filterTo.
    """
    can_discard = transactions.can_discard(batch)
    horizon = batch.delete_horizon_ms
    is_marker = batch.is_control
    if can_discard and (not is_marker or 0 <= horizon <= now_ms):
        kept: list[tuple[int, Record]] = []
    elif is_marker:
        kept = list(batch.items())
    else:
        kept = [item for item in batch.items() if _stays(item, horizon, last_offsets, end, now_ms)]
    if not kept:
        return _emptied(batch) if _is_last_of_producer(batch, producers) else None
    has_tombstone = not is_marker and any(record.value is None for _, record in kept)
    needs_horizon = horizon == NO_TIMESTAMP and (has_tombstone or (can_discard and is_marker))
    if len(kept) == batch.count and not needs_horizon:
        return batch
    return _rewritten(batch, kept, now_ms + log.config.delete_retention_ms if needs_horizon else horizon)


def _stays(item: tuple[int, Record], horizon: int, last_offsets: dict[bytes, int], end: int, now_ms: int) -> bool:
    offset, record = item
    if offset >= end:
        return True
    if record.key is None or offset < last_offsets.get(record.key, -1):
        return False
    return record.value is not None or horizon == NO_TIMESTAMP or now_ms < horizon


def _is_last_of_producer(batch: RecordBatch, producers: dict[int, ProducerState]) -> bool:
    """Whether the producer's state lives in this batch: its last data, or the marker that tells its epoch."""
    state = producers.get(batch.producer_id)
    if state is None:
        return False
    if state.batches:
        return batch.last_offset == state.last_data_offset
    return batch.is_control and batch.producer_epoch == state.epoch


def _emptied(batch: RecordBatch) -> RecordBatch:
    return _with(batch, [], NO_TIMESTAMP, batch.max_timestamp, batch_size(()))


def _rewritten(batch: RecordBatch, kept: list[tuple[int, Record]], horizon: int) -> RecordBatch:
    """A batch with fewer records, or with a delete horizon, which then stands in its header for the base timestamp."""
    base = horizon if horizon != NO_TIMESTAMP else kept[0][1].timestamp
    records = [record for _, record in kept]
    deltas = [offset - batch.base_offset for offset, _ in kept]
    size = batch_size(records, offset_deltas=deltas, base_timestamp=base)
    newest = batch.max_timestamp
    if batch.timestamp_type == "CreateTime":
        newest = max(record.timestamp for record in records)
    return _with(batch, kept, horizon, newest, size)


def _with(batch: RecordBatch, kept: list[tuple[int, Record]], horizon: int, newest: int, size: int) -> RecordBatch:
    return RecordBatch(
        tuple(record for _, record in kept), batch.base_offset, batch.leader_epoch, batch.producer_id,
        batch.producer_epoch, batch.base_sequence, batch.is_transactional, batch.is_control, batch.batch_id, size,
        newest, batch.last_offset_delta, tuple(offset for offset, _ in kept), batch.timestamp_type, horizon,
    )  # fmt: skip


def _groups(segments: list[Segment], segment_bytes: int) -> list[list[Segment]]:
    """Neighbours that fit into one segment together, by their sizes before the pass."""
    groups: list[list[Segment]] = []
    size = 0
    for segment in segments:
        if groups and size + segment.size_in_bytes <= segment_bytes:
            groups[-1].append(segment)
            size += segment.size_in_bytes
        else:
            groups.append([segment])
            size = segment.size_in_bytes
    return groups


def _between(log: Log, start: int, end: int) -> list[Segment]:
    """The segments from the one that holds ``start`` on that begin before ``end``."""
    return [] if start == end else [one for one in log.segments_from(start) if one.base_offset < end]


def _closed(log: Log, start: int) -> list[Segment]:
    return [] if start > log.active.base_offset else _between(log, start, log.active.base_offset)


def _offsets(segments: list[Segment]) -> dict[int, None]:
    return dict.fromkeys(offset for segment in segments for batch in segment.batches for offset, _ in batch.items())


def _size(segments: list[Segment]) -> int:
    return sum(segment.size_in_bytes for segment in segments)
