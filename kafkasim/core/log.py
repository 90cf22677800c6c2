"""The log of one replica: segments of batches, appended to, read and cut by offset.

Kafka: UnifiedLog, LocalLog. A replica shares the batch objects of its leader: they never change once they are placed.
What a power loss would leave is everything below ``flushed_offset``; all else is in the page cache, which outlives the
process and not the machine. Left out: index files and the bytes themselves.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any

from kafkasim.config import TopicConfig
from kafkasim.core.leader_epochs import LeaderEpochs
from kafkasim.core.log_validation import validated
from kafkasim.core.producer_state import CompletedTransaction, ProducerState, ProducerStates
from kafkasim.core.segment import Roll, Segment
from kafkasim.errors import OffsetOutOfRangeException
from kafkasim.records import RecordBatch
from kafkasim.trace.facts import LogStartMoved, RecordsFlushed, SegmentRolled, SegmentsDeleted
from kafkasim.trace.facts.storage import THE_LEADERS

Tell = Callable[..., object]
"""Takes a class of facts and its values but for the broker and the partition, which the log does not know."""

ANEW = Roll("nothing of what it held can be used any more", THE_LEADERS)


def _tell_nobody(kind: type, *values: Any) -> None:
    pass


class Log:
    """One replica's log.

    ``start_offset`` <= ``high_watermark`` <= ``end_offset``; the end offset is the one that the next record gets.
    Recovery after an unclean end begins at ``recovery_point``: what lies below was flushed by this process or before
    its last checkpoint. ``tell`` takes facts; ``jitter`` draws by how many ms each new segment rolls sooner, up to the
    number that it is given; ``before_append`` raises what the disk refuses an append with. ``deleted``
    names the segments that are gone, by base offset, and when their files go.
    """

    def __init__(
        self, config: TopicConfig, now_ms: int, *, producers: ProducerStates | None = None, tell: Tell = _tell_nobody,
        jitter: Callable[[int], int] | None = None, before_append: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.config = config
        self._before_append = before_append
        self.tell = tell
        self._jitter = jitter
        self.segments = [self._new_segment(0, now_ms)]
        self.start_offset = 0
        self.end_offset = 0
        self.high_watermark = 0
        self.size_in_bytes = 0
        self.recovery_point = self.flushed_offset = 0
        self.flushed_ms = now_ms
        self.epochs = LeaderEpochs()
        self.producers = producers or ProducerStates(opened_ms=now_ms)
        self.snapshots: dict[int, dict[int, ProducerState]] = {}
        self.deleted: list[tuple[int, int]] = []

    @property
    def active(self) -> Segment:
        """The segment that is written to."""
        return self.segments[-1]

    @property
    def starts_within_a_segment(self) -> bool:
        """Whether the files hold records from before the log's start, which only a checkpoint remembers then."""
        return self.start_offset > self.segments[0].base_offset

    @property
    def batches(self) -> list[RecordBatch]:
        """All batches in order."""
        return [batch for segment in self.segments for batch in segment.batches]

    @property
    def last_stable_offset(self) -> int:
        """Up to where read_committed consumers may read: the high watermark, or the first undecided transaction."""
        unstable = self.producers.first_unstable_offset
        if unstable is None:
            return self.high_watermark
        return min(max(unstable, self.start_offset), self.high_watermark)

    # --- appending -------------------------------------------------------------------------------------------

    def append_as_leader(self, batch: RecordBatch, leader_epoch: int, now_ms: int) -> RecordBatch:
        """Place a client's batch at the end, after the checks in Kafka's order; give the placed batch.

        A repeat of a batch that is stored already gives the stored one, whose offsets lie below the log's end, and
        appends nothing. Even a batch that is refused for its sequence may have rolled the segment.

        Kafka: UnifiedLog.appendAsLeader.
        """
        return self._append_checked(batch, leader_epoch, now_ms, is_client=True)

    def append_marker(self, marker: RecordBatch, leader_epoch: int, now_ms: int) -> RecordBatch:
        """Place what a coordinator writes: the end marker of a transaction, which no client may write.

        Raises InvalidProducerEpochException or TransactionCoordinatorFencedException for a stale one. Kafka:
        UnifiedLog.appendAsLeader with AppendOrigin.COORDINATOR.
        """
        return self._append_checked(marker, leader_epoch, now_ms, is_client=False)

    def _append_checked(self, batch: RecordBatch, leader_epoch: int, now_ms: int, *, is_client: bool) -> RecordBatch:
        stamped = validated(batch, self.config, now_ms, is_client=is_client)
        self._maybe_roll(stamped, self.end_offset, now_ms)
        self.producers.expire(now_ms)
        stored = self.producers.duplicate_of(stamped)
        if stored is not None:
            return stored
        self.producers.check(stamped)
        placed = stamped.placed(self.end_offset, leader_epoch)
        self._append(placed, now_ms)
        return placed

    def append_as_follower(self, batch: RecordBatch, now_ms: int) -> None:
        """Take over a batch of the leader as it is, offsets included. Kafka: UnifiedLog.appendAsFollower.

        A log that holds nothing yet begins where the first batch begins.
        """
        assert batch.base_offset >= self.end_offset or not self.size_in_bytes, (batch.base_offset, self.end_offset)
        self._maybe_roll(batch, batch.base_offset, now_ms)
        self._append(batch, now_ms)

    def _append(self, batch: RecordBatch, now_ms: int) -> None:
        self._before_append()
        self.epochs.assign(batch.leader_epoch, batch.base_offset)
        self.active.append(batch, now_ms)
        self.size_in_bytes += batch.size_in_bytes
        self.end_offset = batch.next_offset
        self._note(batch)
        if self.end_offset - self.recovery_point >= self.config.flush_messages:
            self.flush(now_ms, f"flush.messages={self.config.flush_messages}")

    def _note(self, batch: RecordBatch) -> None:
        ended = self.producers.update(batch)
        if ended is not None and ended.is_aborted:
            self.active.aborted.append(ended)

    # --- segments --------------------------------------------------------------------------------------------

    @property
    def max_segment_ms(self) -> int:
        """segment.ms; for a compacted topic not above max.compaction.lag.ms. Kafka: LogConfig.maxSegmentMs."""
        config = self.config
        is_compacted = "compact" in config.cleanup_policy
        return min(config.segment_ms, config.max_compaction_lag_ms) if is_compacted else config.segment_ms

    def _maybe_roll(self, batch: RecordBatch, base_offset: int, now_ms: int) -> None:
        why = self.active.roll_before(batch, self.config.segment_bytes, self.max_segment_ms, now_ms)
        if why is not None and base_offset > self.active.base_offset:
            self.roll(base_offset, now_ms, why)

    def roll(self, base_offset: int, now_ms: int, why: Roll) -> None:
        """Close the active segment and open a new one; all before it is flushed. Kafka: UnifiedLog.roll."""
        self.segments.append(self._new_segment(base_offset, now_ms))
        self.snapshots[base_offset] = self.producers.snapshot()
        self._flushed(base_offset, now_ms)
        self.tell(SegmentRolled, base_offset, why.reason, why.setting)

    def _new_segment(self, base_offset: int, now_ms: int) -> Segment:
        limit = min(self.config.segment_jitter_ms, self.config.segment_ms)
        jitter = self._jitter(limit) if limit and self._jitter is not None else 0
        return Segment(base_offset, now_ms, jitter_ms=jitter)

    def delete_first(self, count: int, now_ms: int, why: Roll) -> None:
        """Delete the oldest segments; a log that would have none left gets a new empty one first.

        The log starts at the first segment that is left, if that is further than now. Kafka: UnifiedLog.deleteSegments.
        """
        if not count:
            return
        if count == len(self.segments):
            self.roll(self.end_offset, now_ms, why)
        gone, self.segments = self.segments[:count], self.segments[count:]
        self.size_in_bytes -= sum(segment.size_in_bytes for segment in gone)
        for segment in gone:
            self.snapshots.pop(segment.base_offset, None)
        self._files_go(gone, now_ms)
        self.tell(SegmentsDeleted, tuple(segment.base_offset for segment in gone), why.reason, why.setting)
        self.move_start(self.segments[0].base_offset, why)

    def _files_go(self, segments: list[Segment], now_ms: int) -> None:
        goes_ms = now_ms + self.config.file_delete_delay_ms
        self.deleted = [one for one in self.deleted if one[1] > now_ms]
        self.deleted += [(segment.base_offset, goes_ms) for segment in segments]

    def replace_segments(self, old: list[Segment], new: Segment, now_ms: int) -> None:
        """Put one cleaned segment in the place of those that it was made from. Kafka: UnifiedLog.replaceSegments."""
        place = self.segments.index(old[0])
        self.segments[place : place + len(old)] = [new]
        self._files_go(old, now_ms)
        self.size_in_bytes += new.size_in_bytes - sum(segment.size_in_bytes for segment in old)

    def move_start(self, offset: int, why: Roll) -> bool:
        """Let the log start at a later offset; False when it starts there or later already.

        Raises OffsetOutOfRangeException above the high watermark. Kafka: UnifiedLog.maybeIncrementLogStartOffset.
        """
        if offset > self.high_watermark:
            raise OffsetOutOfRangeException(
                f"The log cannot start at {offset}: that is above the high watermark {self.high_watermark}."
            )
        if offset <= self.start_offset:
            return False
        self.start_offset = offset
        self.epochs.truncate_from_start(offset)
        self.tell(LogStartMoved, offset, why.reason, why.setting)
        return True

    # --- reading ---------------------------------------------------------------------------------------------

    def segments_from(self, offset: int) -> list[Segment]:
        """The segments from the one that holds ``offset`` on."""
        if offset >= self.segments[-1].base_offset:
            return self.segments[-1:]
        first = bisect.bisect_right(self.segments, offset, key=lambda segment: segment.base_offset) - 1
        return self.segments[max(0, first) :]

    def is_in_older_segment(self, offset: int, other: int) -> bool:
        """Whether an offset lies in an earlier segment than another one. Kafka: LogOffsetMetadata.onOlderSegment."""
        return self.segments_from(offset)[0].base_offset < self.segments_from(other)[0].base_offset

    def read(self, offset: int, limit: int, max_bytes: int, *, min_one: bool = True) -> list[RecordBatch]:
        """Whole batches of one segment, from the one that holds ``offset`` on, below ``limit``, up to ``max_bytes``.

        What lies in the next segment is for the next read. The first batch is given whatever its size when ``min_one``,
        so that a big batch cannot block a reader. Raises OffsetOutOfRangeException outside start to end offset; between
        the limit and the end there is nothing to read and no error. Kafka: LocalLog.read.
        """
        if not self.start_offset <= offset <= self.end_offset:
            raise OffsetOutOfRangeException(
                f"Offset {offset} is outside the log, which holds {self.start_offset} to {self.end_offset}."
            )
        found: list[RecordBatch] = []
        size = 0
        if offset >= limit:
            return found
        for segment in self.segments_from(offset):
            for place in range(segment.place_of(offset), len(segment.batches)):
                batch = segment.batches[place]
                if batch.base_offset >= limit:
                    return found
                if size + batch.size_in_bytes > max_bytes and not (min_one and not found):
                    return found
                found.append(batch)
                size += batch.size_in_bytes
            if found:
                break
        return found

    def aborted_transactions(self, offset: int, upper_bound: int) -> list[CompletedTransaction]:
        """The aborted transactions that overlap ``[offset, upper_bound)``, for a read_committed reader.

        Kafka: UnifiedLog.collectAbortedTransactions, over the transaction indexes.
        """
        found: list[CompletedTransaction] = []
        for segment in self.segments_from(offset):
            for one in segment.aborted:
                if one.last_offset >= offset and one.first_offset < upper_bound:
                    found.append(one)
                if one.last_stable_offset >= upper_bound:
                    return found
        return found

    def first_offset_at(self, timestamp: int) -> tuple[int, int, int] | None:
        """(offset, timestamp, leader epoch) of a record at or after a time; None when there is none.

        Only the first segment whose largest timestamp is not before that time is looked into, and there the first such
        record is taken. Kafka: UnifiedLog.fetchOffsetByTimestamp.
        """
        for segment in self.segments:
            if segment.age_timestamp < timestamp:
                continue
            for batch in segment.batches:
                for offset, record in batch.items():
                    if record.timestamp >= timestamp and offset >= self.start_offset:
                        return (offset, record.timestamp, batch.leader_epoch)
            return None
        return None

    def offset_of_max_timestamp(self) -> tuple[int, int, int] | None:
        """(offset, timestamp, leader epoch) of the first record with the largest timestamp; None in an empty log."""
        segment = max(self.segments, key=lambda one: one.largest_timestamp)
        for batch in segment.batches:
            if batch.max_timestamp == segment.largest_timestamp:
                for offset, record in batch.items():
                    if record.timestamp == batch.max_timestamp:
                        return (offset, record.timestamp, batch.leader_epoch)
        return None

    # --- cutting and moving on -------------------------------------------------------------------------------

    def truncate_to(self, offset: int) -> None:
        """Throw away everything from ``offset`` on; a segment that begins there stays, empty.

        Kafka: UnifiedLog.truncateTo, LocalLog.truncateTo; always at a batch boundary.
        """
        if offset >= self.end_offset:
            return
        if offset < self.segments[0].base_offset:
            self.truncate_fully(offset)
            return
        while len(self.segments) > 1 and self.segments[-1].base_offset > offset:
            self.size_in_bytes -= self.segments.pop().size_in_bytes
        self.size_in_bytes -= sum(batch.size_in_bytes for batch in self.active.truncate_to(offset))
        self.end_offset = offset
        self.epochs.truncate_from_end(self.end_offset)
        self.start_offset = min(self.start_offset, self.end_offset)
        self.high_watermark = min(self.high_watermark, self.end_offset)
        self.recovery_point = min(self.recovery_point, self.end_offset)
        self.flushed_offset = min(self.flushed_offset, self.end_offset)
        self.rebuild_producers()

    def truncate_fully(self, offset: int, now_ms: int | None = None) -> None:
        """Throw everything away and go on at ``offset``. Kafka: UnifiedLog.truncateFullyAndStartAt."""
        if offset != self.start_offset:
            self.tell(LogStartMoved, offset, ANEW.reason, ANEW.setting)
        self.segments = [self._new_segment(offset, self.active.modified_ms if now_ms is None else now_ms)]
        self.size_in_bytes = 0
        self.start_offset = self.end_offset = self.high_watermark = offset
        self.recovery_point = self.flushed_offset = offset
        self.epochs.entries.clear()
        self.snapshots.clear()
        self.producers.rebuild(())

    def rebuild_producers(self) -> None:
        """Producer state as the files give it: the newest snapshot within the log, then the batches behind it."""
        self.snapshots = {offset: one for offset, one in self.snapshots.items() if offset <= self.end_offset}
        newest = max(self.snapshots, default=None)
        since = -1 if newest is None else newest
        behind = [
            batch for segment in self.segments_from(since) for batch in segment.batches if batch.base_offset >= since
        ]
        self.producers.rebuild(behind, None if newest is None else self.snapshots[newest])
        self.producers.high_watermark_moved(self.high_watermark)

    def move_high_watermark(self, offset: int) -> bool:
        """Set the high watermark, kept within the log; whether it has changed."""
        wanted = max(self.start_offset, min(offset, self.end_offset))
        changed = wanted != self.high_watermark
        self.high_watermark = wanted
        if changed:
            self.producers.high_watermark_moved(wanted)
        return changed

    def flush(self, now_ms: int, setting: str) -> None:
        """Write everything through to the disk: no power loss takes it any more. Kafka: UnifiedLog.flush."""
        if self.recovery_point < self.end_offset:
            self._flushed(self.end_offset, now_ms)
            self.tell(RecordsFlushed, self.recovery_point, setting)

    def _flushed(self, offset: int, now_ms: int) -> None:
        self.recovery_point = max(self.recovery_point, offset)
        self.flushed_offset = max(self.flushed_offset, offset)
        self.flushed_ms = now_ms
