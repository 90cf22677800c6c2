"""The log of one replica: append, roll, read, look up, cut (kafka-semantics 2.3 to 2.7)."""

from __future__ import annotations

import pytest

from kafkasim.config import TopicConfig
from kafkasim.core.log import Log
from kafkasim.core.retention import delete_old_segments, due_ms
from kafkasim.core.segment import Roll
from kafkasim.errors import (
    InvalidRecordException,
    InvalidTimestampException,
    OffsetOutOfRangeException,
    RecordBatchTooLargeException,
    RecordTooLargeException,
)
from kafkasim.records import Record, RecordBatch, end_marker

DAY_MS = 86_400_000
WHY = Roll("asked for", "DeleteRecords")


def log(now_ms: int = 0, **settings: object) -> Log:
    return Log(TopicConfig(**settings), now_ms)


def batch(*times: int, key: bytes | None = None, value: bytes = b"x" * 100) -> RecordBatch:
    return RecordBatch(tuple(Record(key, value, time) for time in times or (0,)))


def fill(one: Log, *times: int) -> Log:
    for time in times:
        one.append_as_leader(batch(time), 0, 0)
    one.move_high_watermark(one.end_offset)
    return one


def bases(one: Log) -> list[int]:
    return [segment.base_offset for segment in one.segments]


def test_a_batch_is_checked_in_kafkas_order():
    one = log(cleanup_policy="compact", max_message_bytes=200, segment_bytes=150)
    with pytest.raises(RecordTooLargeException):
        one.append_as_leader(batch(0, 0), 0, 0)
    with pytest.raises(InvalidRecordException) as found:
        one.append_as_leader(RecordBatch((Record(b"k", b"", 0), Record(None, b"x" * 20, 0))), 0, 0)
    assert found.value.record_errors == (1,)
    with pytest.raises(RecordBatchTooLargeException):
        one.append_as_leader(batch(0, key=b"k"), 0, 0)
    assert one.end_offset == 0


def test_clients_write_no_markers():
    with pytest.raises(InvalidRecordException):
        log().append_as_leader(end_marker(1, 0, committed=True, coordinator_epoch=0, timestamp=0), 0, 0)


def test_timestamps_must_lie_near_the_clock_where_the_topic_says_so():
    one = log(message_timestamp_before_max_ms=1000, message_timestamp_after_max_ms=10)
    for time in (3_999, 5_011):
        with pytest.raises(InvalidTimestampException):
            one.append_as_leader(batch(time), 0, 5_000)
    fill(one)
    for time in (4_000, 5_010):
        one.append_as_leader(batch(time), 0, 5_000)
    assert one.end_offset == 2


def test_the_leaders_time_replaces_the_clients():
    one = log(message_timestamp_type="LogAppendTime")
    sent = batch(1, 2)
    stored = one.append_as_leader(sent, 0, 99)
    assert [record.timestamp for record in stored.records] == [99, 99]
    assert (stored.max_timestamp, stored.size_in_bytes) == (99, sent.size_in_bytes)
    assert [record.timestamp for record in sent.records] == [1, 2], "the producer's batch is as it was"


def test_segments_roll_by_size_and_by_record_time():
    assert bases(fill(log(segment_bytes=1019), *[0] * 20)) == [0, 5, 10, 15]
    assert bases(fill(log(segment_bytes=1020), *[0] * 20)) == [0, 6, 12, 18]
    times = (0, 500, 1000, 1001, 900, 2001, 2002, -5000, 3002, 3003)
    assert bases(fill(log(segment_ms=1000), *[10_000 + time for time in times])) == [0, 3, 6, 9]


def test_a_drawn_jitter_lets_segments_roll_sooner():
    one = Log(TopicConfig(segment_ms=1000, segment_jitter_ms=400), 0, jitter=lambda limit: limit - 100)
    assert bases(fill(one, 1, 701, 702)) == [0, 2]


def test_a_time_is_looked_up_in_the_first_segment_that_reaches_it():
    one = fill(log(segment_bytes=600), 100, 200, 200, 300, 250, 900, 400, 500, 600, 1000, 950)
    found = {time: (one.first_offset_at(time) or (-1,))[0] for time in (0, 101, 201, 301, 500, 901, 1001)}
    assert found == {0: 0, 101: 1, 201: 3, 301: 5, 500: 5, 901: 9, 1001: -1}
    assert one.offset_of_max_timestamp() == (9, 1000, 0)
    assert log().offset_of_max_timestamp() is None


def test_the_log_start_moves_up_to_the_high_watermark():
    one = fill(log(), 0, 0, 0)
    assert one.move_start(2, WHY)
    assert not one.move_start(1, WHY)
    assert one.start_offset == 2
    with pytest.raises(OffsetOutOfRangeException):
        one.move_start(4, WHY)
    with pytest.raises(OffsetOutOfRangeException):
        one.read(1, 3, 1000)


def test_a_week_passes_and_the_active_segment_goes_too():
    one = fill(log(segment_bytes=400), 1, 2, 3)
    assert bases(one) == [0, 2]
    assert due_ms(one, 5) == 7 * DAY_MS + 2 + 1
    assert delete_old_segments(one, 7 * DAY_MS + 2)["by_time"] == []
    assert delete_old_segments(one, 7 * DAY_MS + 3)["by_time"] == [0]
    assert delete_old_segments(one, 7 * DAY_MS + 4)["by_time"] == [2]
    assert (bases(one), one.start_offset, one.end_offset, one.size_in_bytes) == ([3], 3, 3, 0)
    assert due_ms(one, 8 * DAY_MS) is None, "an empty active segment stays"


def test_at_least_retention_bytes_stay():
    for limit, left in ((2381, [0, 6, 12, 18]), (2380, [6, 12, 18]), (400, [12, 18]), (0, [20])):
        one = fill(log(segment_bytes=1024, retention_bytes=limit, retention_ms=-1), *[0] * 20)
        assert (due_ms(one, 0) is None) == (limit == 2381)
        delete_old_segments(one, 0)
        assert bases(one) == left


def test_nothing_goes_before_it_is_committed():
    one = log(retention_ms=1, segment_bytes=200)
    for _ in range(3):
        one.append_as_leader(batch(0), 0, 0)
    one.move_high_watermark(1)
    assert delete_old_segments(one, DAY_MS)["by_time"] == [0]
    one.move_high_watermark(2)
    assert due_ms(one, DAY_MS) == DAY_MS
    assert delete_old_segments(one, DAY_MS)["by_time"] == [1]


def test_a_roll_flushes_what_lies_before_it():
    one = fill(log(segment_bytes=400), 0, 0)
    assert one.recovery_point == 0
    fill(one, 0)
    assert one.recovery_point == 2
    one.truncate_to(1)
    assert one.recovery_point == 1


def test_a_segment_that_begins_where_the_log_is_cut_stays_empty():
    one = fill(log(segment_bytes=200), 0, 0, 0)
    assert bases(one) == [0, 1, 2]
    one.truncate_to(1)
    assert (bases(one), one.end_offset, one.active.batches) == ([0, 1], 1, [])


def test_flush_messages_flushes_after_so_many_records():
    one = fill(log(flush_messages=3), 0, 0)
    assert one.recovery_point == 0
    assert fill(one, 0).recovery_point == 3
    assert fill(one, 0).recovery_point == 3


def test_starting_anew_at_an_offset_forgets_everything():
    one = fill(log(segment_bytes=400), 0, 0, 0)
    one.truncate_fully(50, 7)
    assert (bases(one), one.start_offset, one.high_watermark, one.end_offset) == ([50], 50, 50, 50)
    assert (one.epochs.entries, one.size_in_bytes) == ([], 0)
