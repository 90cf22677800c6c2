"""The log of one replica: segments of batches, read and cut by offset.

Kafka: UnifiedLog, LocalLog, LogSegment. A replica shares the batch objects of its leader: they never change once they
are placed. Left out: index files, file names and the bytes themselves.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from kafkasim.config import TopicConfig
from kafkasim.core.leader_epochs import LeaderEpochs
from kafkasim.core.producer_state import ProducerStates
from kafkasim.errors import OffsetOutOfRangeException, RecordBatchTooLargeException, RecordTooLargeException
from kafkasim.records import NO_TIMESTAMP, RecordBatch


@dataclass(slots=True)
class Segment:
    """Consecutive batches in one file; ``created_ms`` is when the file was made."""

    base_offset: int
    created_ms: int
    batches: list[RecordBatch] = field(default_factory=list)
    size_in_bytes: int = 0

    @property
    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch; NO_TIMESTAMP for an empty segment."""
        return self.batches[0].max_timestamp if self.batches else NO_TIMESTAMP

    @property
    def largest_timestamp(self) -> int:
        """The largest timestamp in the segment."""
        return max((batch.max_timestamp for batch in self.batches), default=NO_TIMESTAMP)

    def append(self, batch: RecordBatch) -> None:
        """Add a batch at the end."""
        self.batches.append(batch)
        self.size_in_bytes += batch.size_in_bytes


class Log:
    """One replica's log.

    ``start_offset`` <= ``high_watermark`` <= ``end_offset``; the end offset is the one that the next record gets.
    """

    def __init__(self, config: TopicConfig, now_ms: int) -> None:
        self.config = config
        self.segments = [Segment(0, now_ms)]
        self.start_offset = 0
        self.end_offset = 0
        self.high_watermark = 0
        self.epochs = LeaderEpochs()
        self.producers = ProducerStates()

    @property
    def active(self) -> Segment:
        """The segment that is written to."""
        return self.segments[-1]

    @property
    def size_in_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size_in_bytes for segment in self.segments)

    @property
    def batches(self) -> list[RecordBatch]:
        """All batches in order."""
        return [batch for segment in self.segments for batch in segment.batches]

    @property
    def last_stable_offset(self) -> int:
        """Up to where read_committed consumers may read: without transactions the high watermark."""
        return self.high_watermark

    def append_as_leader(self, batch: RecordBatch, leader_epoch: int, now_ms: int) -> RecordBatch:
        """Place a client's batch at the end, after the checks in Kafka's order; give the placed batch.

        Kafka: UnifiedLog.appendAsLeader.
        """
        if batch.size_in_bytes > self.config.max_message_bytes:
            raise RecordTooLargeException(
                f"The batch has {batch.size_in_bytes} bytes, above max.message.bytes={self.config.max_message_bytes}."
            )
        if batch.size_in_bytes > self.config.segment_bytes:
            raise RecordBatchTooLargeException(
                f"The batch has {batch.size_in_bytes} bytes, above segment.bytes={self.config.segment_bytes}."
            )
        self.producers.check(batch)
        placed = batch.placed(self.end_offset, leader_epoch)
        self._append(placed, now_ms)
        return placed

    def append_as_follower(self, batch: RecordBatch, now_ms: int) -> None:
        """Take over a batch of the leader as it is, offsets included. Kafka: UnifiedLog.appendAsFollower."""
        assert batch.base_offset >= self.end_offset or not self.batches, (batch.base_offset, self.end_offset)
        self._append(batch, now_ms)

    def _append(self, batch: RecordBatch, now_ms: int) -> None:
        if self._should_roll(batch, now_ms):
            self.segments.append(Segment(batch.base_offset, now_ms))
        self.epochs.assign(batch.leader_epoch, batch.base_offset)
        self.active.append(batch)
        self.end_offset = batch.next_offset
        self.producers.update(batch)

    def _should_roll(self, batch: RecordBatch, now_ms: int) -> bool:
        """Kafka: LogSegment.shouldRoll. Time counts by record timestamps, and only when something is appended."""
        active = self.active
        if active.size_in_bytes > self.config.segment_bytes - batch.size_in_bytes:
            return True
        if not active.size_in_bytes:
            return False
        if active.first_timestamp != NO_TIMESTAMP and batch.max_timestamp != NO_TIMESTAMP:
            return batch.max_timestamp - active.first_timestamp > self.config.segment_ms
        return now_ms - active.created_ms > self.config.segment_ms

    def read(self, offset: int, limit: int, max_bytes: int, *, min_one: bool = True) -> list[RecordBatch]:
        """Whole batches from the one that holds ``offset`` on, below offset ``limit``, up to ``max_bytes``.

        The first batch is given whatever its size when ``min_one``, so that a big batch cannot block a reader.
        Raises OffsetOutOfRangeException outside start to end offset; between the limit and the end there is nothing
        to read and no error.
        """
        if not self.start_offset <= offset <= self.end_offset:
            raise OffsetOutOfRangeException(
                f"Offset {offset} is outside the log, which holds {self.start_offset} to {self.end_offset}."
            )
        found: list[RecordBatch] = []
        size = 0
        if offset >= limit:
            return found
        first = max(0, bisect.bisect_right(self.segments, offset, key=lambda segment: segment.base_offset) - 1)
        for segment in self.segments[first:]:
            start = bisect.bisect_left(segment.batches, offset, key=lambda batch: batch.last_offset)
            for batch in segment.batches[start:]:
                if batch.base_offset >= limit:
                    return found
                if size + batch.size_in_bytes > max_bytes and not (min_one and not found):
                    return found
                found.append(batch)
                size += batch.size_in_bytes
        return found

    def offset_for_time(self, timestamp: int) -> tuple[int, int] | None:
        """The first (offset, timestamp) at or after a time; None when there is none below the high watermark."""
        for segment in self.segments:
            if segment.largest_timestamp < timestamp:
                continue
            for batch in segment.batches:
                for offset, record in batch.items():
                    if record.timestamp >= timestamp:
                        return (offset, record.timestamp) if offset < self.high_watermark else None
        return None

    def truncate_to(self, offset: int) -> None:
        """Throw away everything from ``offset`` on. Kafka: UnifiedLog.truncateTo, always at a batch boundary."""
        if offset >= self.end_offset:
            return
        while len(self.segments) > 1 and self.segments[-1].base_offset >= offset:
            self.segments.pop()
        active = self.active
        while active.batches and active.batches[-1].last_offset >= offset:
            active.size_in_bytes -= active.batches.pop().size_in_bytes
        self.end_offset = active.batches[-1].next_offset if active.batches else active.base_offset
        self.epochs.truncate_from_end(self.end_offset)
        self.high_watermark = min(self.high_watermark, self.end_offset)
        self.producers.rebuild(self.batches)

    def move_high_watermark(self, offset: int) -> bool:
        """Set the high watermark, kept within the log; whether it has changed."""
        wanted = max(self.start_offset, min(offset, self.end_offset))
        changed = wanted != self.high_watermark
        self.high_watermark = wanted
        return changed
