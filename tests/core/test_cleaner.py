"""Compaction pass by pass (kafka-semantics 2.8)."""

from __future__ import annotations

from kafkasim.config import TopicConfig
from kafkasim.core.cleaner import clean, cleanable, due_ms
from kafkasim.core.log import Log
from kafkasim.records import Record, RecordBatch, end_marker

HOUR_MS = 3_600_000


class Compacted:
    """A compacted log with small segments, and a cleaner that remembers how far it came."""

    def __init__(self, **settings: object) -> None:
        defaults = {"cleanup_policy": "compact", "segment_bytes": 600, "min_cleanable_dirty_ratio": 0.01}
        self.told: list[tuple[object, ...]] = []
        self.log = Log(TopicConfig(**{**defaults, **settings}), 0, tell=lambda *fact: self.told.append(fact))
        self.checkpoint: int | None = None

    def send(self, key: str, value: str | None, *, at: int = 1, **fields: object) -> None:
        record = Record(key.encode(), None if value is None else value.encode(), at)
        self.log.append_as_leader(RecordBatch((record,), **fields), 0, at)
        self.log.move_high_watermark(self.log.end_offset)

    def end(self, producer: int, *, committed: bool) -> None:
        marker = end_marker(producer, 0, committed=committed, coordinator_epoch=0, timestamp=1)
        self.log.append_marker(marker, 0, 1)
        self.log.move_high_watermark(self.log.end_offset)

    def fill(self) -> None:
        """Close the active segment."""
        for name in "xyz":
            self.send(name, "x" * 300)

    def clean(self, now_ms: int = 1) -> bool:
        found = cleanable(self.log, self.checkpoint, now_ms)
        if not found.is_eligible(self.log.config.min_cleanable_dirty_ratio):
            return False
        self.checkpoint = clean(self.log, found, now_ms)
        return True

    @property
    def left(self) -> list[tuple[int, str]]:
        items = [item for batch in self.log.batches if not batch.is_control for item in batch.items()]
        return [(offset, record.key.decode()) for offset, record in items]

    @property
    def bases(self) -> list[int]:
        return [segment.base_offset for segment in self.log.segments]


def test_the_last_record_of_each_key_stays_and_small_segments_are_merged_one_pass_later():
    one = Compacted()
    for number, key in enumerate("abacabadabaceabfaba"):
        one.send(key, f"{number:02d}" + "x" * 98)
    assert one.bases == [0, 3, 6, 9, 12, 15, 18]

    assert one.clean()
    assert one.left == [(7, "d"), (11, "c"), (12, "e"), (15, "f"), (16, "a"), (17, "b"), (18, "a")]
    assert (one.bases, one.checkpoint, one.log.end_offset) == ([0, 3, 6, 9, 12, 15, 18], 18, 19)
    assert not one.clean(), "nothing new is dirty"

    for number, key in enumerate("bcgabc"):
        one.send(key, f"{number:02d}" + "x" * 98)
    assert one.clean()
    assert one.left == [
        (7, "d"), (12, "e"), (15, "f"), (20, "c"), (21, "g"), (22, "a"), (23, "b"), (24, "c"),
    ]  # fmt: skip
    assert (one.bases, one.checkpoint) == ([0, 15, 18, 21, 24], 24)


def test_a_reader_finds_the_next_record_behind_a_gap():
    one = Compacted()
    for key in "aab":
        one.send(key, "x" * 300)
    one.clean()
    assert [batch.base_offset for batch in one.log.read(0, 3, 10**6)] == [1]
    assert [batch.base_offset for batch in one.log.read(2, 3, 10**6)] == [2], "a read ends with its segment"


def test_a_tombstone_goes_in_the_pass_after_its_horizon():
    one = Compacted(delete_retention_ms=1000)
    one.send("a", "1")
    one.send("a", None)
    one.fill()
    one.clean(now_ms=10)
    assert (1, "a") in one.left
    assert one.log.batches[0].delete_horizon_ms == 1010
    one.fill()
    one.clean(now_ms=1009)
    assert (1, "a") in one.left, "the horizon is not reached"
    one.fill()
    one.clean(now_ms=1010)
    assert (1, "a") not in one.left


def test_the_size_of_a_stamped_batch_counts_its_times_from_the_horizon():
    one = Compacted(delete_retention_ms=HOUR_MS)
    one.send("a", None)
    size = one.log.batches[0].size_in_bytes
    one.fill()
    one.clean(now_ms=10)
    assert one.log.batches[0].size_in_bytes == size + 3, "a delta of an hour takes four bytes, one of 0 a single one"
    assert one.log.size_in_bytes == sum(batch.size_in_bytes for batch in one.log.batches)


def test_aborted_records_go_at_once_and_their_marker_in_two_passes_more():
    one = Compacted(delete_retention_ms=0)
    one.send("a", "kept")
    one.send("a", "aborted", producer_id=7, base_sequence=0, producer_epoch=0, is_transactional=True)
    one.end(7, committed=False)
    one.log.producers.by_id.clear()
    markers = lambda: [batch.base_offset for batch in one.log.batches if batch.is_control]  # noqa: E731

    one.fill()
    one.clean()
    assert one.left[0] == (0, "a"), "an aborted record overwrites nothing"
    assert markers() == [2]
    assert one.log.aborted_transactions(0, 3) != []
    one.fill()
    one.clean()
    assert markers() == [2], "stamped now: no data of its transaction was left"
    assert one.log.aborted_transactions(0, 3) == []
    one.fill()
    one.clean()
    assert markers() == []


def test_an_open_transaction_stops_the_cleaner():
    one = Compacted()
    one.send("a", "1", producer_id=7, base_sequence=0, producer_epoch=0, is_transactional=True)
    one.send("a", "2")
    one.fill()
    assert not one.clean()


def test_the_last_batch_of_a_producer_stays_as_an_empty_one():
    one = Compacted()
    one.send("a", "1", producer_id=7, base_sequence=4, producer_epoch=0)
    one.send("a", "2")
    one.fill()
    one.clean()
    first = one.log.batches[0]
    assert (first.base_offset, first.count, first.last_sequence, first.size_in_bytes) == (0, 0, 4, 61)


def test_young_segments_wait_for_the_lag():
    one = Compacted(min_compaction_lag_ms=1000)
    one.send("a", "1", at=500)
    one.send("a", "2", at=500)
    one.fill()
    now = 600
    assert due_ms(one.log, None, now) == 1001, "the newest of the first dirty segment is 1, of the next one 1 as well"
    assert not one.clean(now)


def test_an_overdue_log_is_cleaned_whatever_its_ratio():
    one = Compacted(min_cleanable_dirty_ratio=1.0, max_compaction_lag_ms=HOUR_MS)
    one.send("a", "1", at=500)
    one.send("a", "2", at=500)
    one.fill()
    assert not one.clean(HOUR_MS)
    assert one.clean(HOUR_MS + 501)


def test_a_pass_is_told():
    one = Compacted()
    for key in "aab":
        one.send(key, "x" * 300)
    one.clean()
    kind, clean_up_to, removed, setting = one.told[-1]
    assert (kind.__name__, clean_up_to, removed) == ("LogCleaned", 2, (0,))
    assert setting == "min.cleanable.dirty.ratio=0.01"
