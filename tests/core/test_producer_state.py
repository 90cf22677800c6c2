"""What a partition remembers of producers (kafka-semantics 2.9, 2.10)."""

from __future__ import annotations

import pytest

from kafkasim.config import TopicConfig
from kafkasim.core.log import Log
from kafkasim.errors import (
    InvalidProducerEpochException,
    InvalidTxnStateException,
    OutOfOrderSequenceException,
    TransactionCoordinatorFencedException,
)
from kafkasim.records import Record, RecordBatch, end_marker

HOUR_MS = 3_600_000


def log() -> Log:
    return Log(TopicConfig(), 0)


def batch(producer: int = 7, epoch: int = 0, sequence: int = 0, *, open_in: bool = True, at: int = 0) -> RecordBatch:
    return RecordBatch(
        (Record(b"k", b"v", at),), producer_id=producer, producer_epoch=epoch, base_sequence=sequence,
        is_transactional=open_in,
    )  # fmt: skip


def end(
    of: Log, producer: int = 7, epoch: int = 0, *, committed: bool = True, coordinator_epoch: int = 0
) -> RecordBatch:
    marker = end_marker(producer, epoch, committed=committed, coordinator_epoch=coordinator_epoch, timestamp=0)
    return of.append_marker(marker, 0, 0)


def test_the_last_stable_offset_passes_a_transaction_when_its_marker_is_replicated():
    one = log()
    one.append_as_leader(batch(), 0, 0)
    one.append_as_leader(batch(8, open_in=False), 0, 0)
    one.move_high_watermark(2)
    assert (one.last_stable_offset, one.producers.open_transactions) == (0, {7: 0})

    assert end(one).base_offset == 2
    assert one.last_stable_offset == 0, "the marker is not below the high watermark yet"
    one.move_high_watermark(3)
    assert one.last_stable_offset == 3


def test_the_oldest_open_transaction_holds_the_last_stable_offset_back():
    one = log()
    for producer in (7, 8):
        one.append_as_leader(batch(producer), 0, 0)
    end(one, 8)
    one.move_high_watermark(3)
    assert one.last_stable_offset == 0
    end(one, 7)
    one.move_high_watermark(4)
    assert one.last_stable_offset == 4


def test_a_reader_is_told_the_aborted_transactions_of_its_range():
    one = log()
    for producer in (7, 8):
        one.append_as_leader(batch(producer), 0, 0)
    end(one, 7, committed=False)
    end(one, 8)
    told = [
        (t.producer_id, t.first_offset, t.last_offset, t.last_stable_offset) for t in one.aborted_transactions(0, 4)
    ]
    assert told == [(7, 0, 2, 1)], "producer 8 was still open when 7 ended"
    assert one.aborted_transactions(3, 4) == []


def test_markers_are_fenced_by_both_epochs():
    one = log()
    one.append_as_leader(batch(epoch=1), 0, 0)
    with pytest.raises(InvalidProducerEpochException):
        end(one, epoch=0)
    end(one, epoch=1, coordinator_epoch=5)
    with pytest.raises(TransactionCoordinatorFencedException):
        end(one, epoch=1, coordinator_epoch=4)


def test_a_marker_of_a_newer_epoch_lets_the_next_batch_begin_at_0():
    one = log()
    one.append_as_leader(batch(sequence=0), 0, 0)
    end(one, epoch=1, committed=False)
    with pytest.raises(InvalidProducerEpochException):
        one.append_as_leader(batch(epoch=0, sequence=1), 0, 0)
    with pytest.raises(OutOfOrderSequenceException):
        one.append_as_leader(batch(epoch=1, sequence=1), 0, 0)
    assert one.append_as_leader(batch(epoch=1, sequence=0), 0, 0).base_offset == 2


def test_a_batch_outside_the_open_transaction_is_refused():
    one = log()
    one.append_as_leader(batch(), 0, 0)
    assert one.producers.has_open_transaction(7, 0)
    assert not one.producers.has_open_transaction(7, 1)
    with pytest.raises(InvalidTxnStateException):
        one.append_as_leader(batch(sequence=1, open_in=False), 0, 0)


def test_what_a_coordinator_writes_has_no_sequence():
    one = log()
    for _ in range(2):
        one.append_as_leader(batch(sequence=-1), 0, 0)
    assert one.end_offset == 2


def test_an_idle_producer_is_forgotten_at_the_next_check_after_a_day():
    one = log()
    one.append_as_leader(batch(sequence=5, open_in=False), 0, 0)
    one.producers.expire(24 * HOUR_MS - 1)
    assert 7 in one.producers.by_id
    one.append_as_leader(batch(sequence=9, open_in=False), 0, 24 * HOUR_MS + 1)
    assert one.end_offset == 2, "unknown again, so any sequence is taken"


def test_an_open_transaction_keeps_its_producer():
    one = log()
    one.append_as_leader(batch(), 0, 0)
    one.producers.expire(30 * 24 * HOUR_MS)
    assert 7 in one.producers.by_id


def test_after_a_truncation_the_state_is_that_of_the_log():
    one = log()
    for sequence in range(3):
        one.append_as_leader(batch(sequence=sequence), 0, 0)
    end(one)
    one.truncate_to(2)
    assert one.producers.open_transactions == {7: 0}
    assert one.append_as_leader(batch(sequence=2), 0, 0).base_offset == 2
    one.truncate_to(0)
    assert (one.producers.by_id, one.producers.open_transactions) == ({}, {})


def test_a_snapshot_remembers_producers_whose_records_are_gone():
    one = Log(TopicConfig(segment_bytes=100), 0)
    one.append_as_leader(batch(7, sequence=0, open_in=False), 0, 0)
    one.append_as_leader(batch(8, sequence=0, open_in=False), 0, 0)
    one.append_as_leader(batch(8, sequence=1, open_in=False), 0, 0)
    assert [segment.base_offset for segment in one.segments] == [0, 1, 2]
    one.segments = one.segments[1:]
    one.truncate_to(2)
    with pytest.raises(OutOfOrderSequenceException):
        one.append_as_leader(batch(7, sequence=5, open_in=False), 0, 0)
