"""One segment of a log: a file of consecutive batches, named after the offset of the first.

Kafka: LogSegment, TransactionIndex. Left out: index files.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from kafkasim.core.producer_state import CompletedTransaction
from kafkasim.records import NO_TIMESTAMP, RecordBatch

_last_offset = attrgetter("last_offset")


class Roll(NamedTuple):
    """Why a segment is closed: the reason in words, and the setting that decided."""

    reason: str
    setting: str


@dataclass(slots=True)
class Segment:
    """Consecutive batches in one file.

    ``created_ms`` is when the file was made, ``modified_ms`` when it was written last; ``largest_timestamp`` the
    largest of its records' timestamps; ``aborted`` its transaction index. ``torn_bytes`` is what a crash has left of a
    batch at the end of the file: nobody can read it, and recovery cuts it off. ``jitter_ms`` lets it roll so much
    sooner.
    """

    base_offset: int
    created_ms: int
    batches: list[RecordBatch] = field(default_factory=list)
    size_in_bytes: int = 0
    largest_timestamp: int = NO_TIMESTAMP
    modified_ms: int = 0
    aborted: list[CompletedTransaction] = field(default_factory=list)
    torn_bytes: int = 0
    jitter_ms: int = 0

    def __post_init__(self) -> None:
        self.modified_ms = self.modified_ms or self.created_ms

    @property
    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch; NO_TIMESTAMP for an empty segment."""
        return self.batches[0].max_timestamp if self.batches else NO_TIMESTAMP

    @property
    def age_timestamp(self) -> int:
        """By what retention tells the segment's age: its newest record, or the file's date when no record has one."""
        return self.largest_timestamp if self.largest_timestamp >= 0 else self.modified_ms

    @property
    def next_offset(self) -> int:
        """The offset after the last batch."""
        return self.batches[-1].next_offset if self.batches else self.base_offset

    def place_of(self, offset: int) -> int:
        """The place of the batch that holds ``offset``, or of the first one behind it."""
        batches = self.batches
        if batches and batches[-1].base_offset <= offset <= batches[-1].last_offset:
            return len(batches) - 1  # what readers ask for most
        return bisect.bisect_left(batches, offset, key=_last_offset)

    def append(self, batch: RecordBatch, now_ms: int) -> None:
        """Add a batch at the end."""
        self.batches.append(batch)
        self.size_in_bytes += batch.size_in_bytes
        self.largest_timestamp = max(self.largest_timestamp, batch.max_timestamp)
        self.modified_ms = now_ms

    def truncate_to(self, offset: int) -> list[RecordBatch]:
        """Cut the batches that reach ``offset`` or beyond; give them."""
        cut: list[RecordBatch] = []
        while self.batches and self.batches[-1].last_offset >= offset:
            cut.append(self.batches.pop())
        if cut:
            self.size_in_bytes -= sum(batch.size_in_bytes for batch in cut)
            self.largest_timestamp = max((batch.max_timestamp for batch in self.batches), default=NO_TIMESTAMP)
            self.aborted = [one for one in self.aborted if one.last_offset < self.next_offset]
        return cut[::-1]

    def roll_before(self, batch: RecordBatch, segment_bytes: int, segment_ms: int, now_ms: int) -> Roll | None:
        """Why a new segment must begin with ``batch``; None when it fits here.

        Time counts by record timestamps, and only when something is appended; the clock counts for a segment without
        timestamps. An empty segment is never too old. Kafka: LogSegment.shouldRoll.
        """
        if self.size_in_bytes > segment_bytes - batch.size_in_bytes:
            return Roll("it is full", f"segment.bytes={segment_bytes}")
        if not self.size_in_bytes:
            return None
        waited = now_ms - self.created_ms
        if self.first_timestamp >= 0 and batch.max_timestamp >= 0:
            waited = batch.max_timestamp - self.first_timestamp
        if waited > segment_ms - self.jitter_ms:
            return Roll("its first record is too old beside the new one", f"segment.ms={segment_ms}")
        return None
