"""The consumer's own book: positions, pauses, buffers, resets."""

from __future__ import annotations

import pytest

from kafkasim.core.subscription import EARLIEST, LATEST, Subscription
from kafkasim.errors import NoOffsetForPartitionException, OffsetOutOfRangeException
from kafkasim.records import Record, RecordBatch, TopicPartition

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def batch(base: int, count: int, epoch: int = 0, *, is_control: bool = False) -> RecordBatch:
    records = tuple(Record(None, f"v{base + delta}".encode()) for delta in range(count))
    return RecordBatch(records, base_offset=base, leader_epoch=epoch, is_control=is_control)


def standing(*places: tuple[TopicPartition, int]) -> Subscription:
    book = Subscription()
    book.assign([tp for tp, _ in places])
    for tp, position in places:
        book.owned[tp].seek(position)
    return book


def offsets(taken: dict[TopicPartition, list[tuple[int, int, Record]]]) -> dict[TopicPartition, list[int]]:
    return {tp: [offset for offset, _, _ in items] for tp, items in taken.items()}


def test_one_poll_returns_at_most_so_many_and_the_rest_needs_no_fetch() -> None:
    """Recorded: ten records, max.poll.records 4: 4, 4 and 2; the position follows what was returned."""
    book = standing((T0, 0))
    assert book.fetched(T0, [batch(0, 6), batch(6, 4)])
    positions = []
    for expected in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9]):
        assert book.fetchable() == [], "something is left to hand out"
        assert offsets(book.take(4)) == {T0: expected}
        positions.append(book.positions()[T0])
    assert positions == [4, 8, 10]
    assert book.fetchable() == [T0]
    assert (book.has_records, book.take(4)) == (False, {})


def test_the_partition_that_came_first_is_emptied_first() -> None:
    book = standing((T0, 0), (T1, 0))
    book.fetched(T1, [batch(0, 3)])
    book.fetched(T0, [batch(0, 3)])
    assert offsets(book.take(2)) == {T1: [0, 1]}
    assert offsets(book.take(3)) == {T1: [2], T0: [0, 1]}
    assert book.positions() == {T0: 2, T1: 3}


def test_records_below_the_position_of_a_whole_batch_are_dropped() -> None:
    book = standing((T0, 4))
    book.fetched(T0, [batch(0, 6)])
    assert offsets(book.take(500)) == {T0: [4, 5]}


def test_a_position_passes_the_gaps_that_compaction_leaves() -> None:
    compacted = RecordBatch(
        (Record(b"k", b"v"),), base_offset=0, leader_epoch=3, last_offset_delta=9, offsets=(4,)
    )  # fmt: skip
    book = standing((T0, 0))
    book.fetched(T0, [compacted])
    assert offsets(book.take(500)) == {T0: [4]}
    assert book.positions() == {T0: 10}
    assert book.last_epochs() == {T0: 3}


def test_control_records_are_never_handed_out_and_do_not_stop_the_position() -> None:
    book = standing((T0, 5))
    assert not book.fetched(T0, [batch(5, 1, is_control=True)])
    assert (book.positions(), book.fetchable()) == ({T0: 6}, [T0])
    book.fetched(T0, [batch(6, 2), batch(8, 1, is_control=True)])
    assert offsets(book.take(500)) == {T0: [6, 7]}
    assert book.positions() == {T0: 9}


def test_a_paused_partition_keeps_everything_and_returns_nothing() -> None:
    book = standing((T0, 0), (T1, 0))
    book.fetched(T0, [batch(0, 2)])
    book.owned[T0].paused = True
    assert (book.has_records, book.take(500), book.fetchable()) == (False, {}, [T1])
    assert book.positions() == {T0: 0, T1: 0}
    book.owned[T0].paused = False
    assert offsets(book.take(500)) == {T0: [0, 1]}


def test_a_seek_throws_away_what_came_for_the_old_position() -> None:
    book = standing((T0, 0))
    book.fetched(T0, [batch(0, 8)])
    book.take(2)
    book.owned[T0].seek(6)
    assert (book.has_records, book.take(500)) == (False, {})
    assert (book.positions(), book.fetchable(), book.last_epochs()) == ({T0: 6}, [T0], {})


def test_what_goes_to_another_member_is_forgotten_with_its_buffer_and_its_pause() -> None:
    """Recorded: the pause is forgotten when a rebalance takes the partition away."""
    book = standing((T0, 0), (T1, 0))
    book.fetched(T0, [batch(0, 3)])
    book.owned[T0].paused = True
    book.assign([T1])
    assert not book.fetched(T0, [batch(3, 3)]), "an answer that comes too late"
    assert book.take(500) == {}
    book.assign([T0, T1])
    assert (book.owned[T0].position, book.owned[T0].paused) == (None, False)
    assert book.owned[T1].position == 0, "what is kept stays where it is"


def test_the_committed_offset_is_asked_for_first() -> None:
    book = Subscription()
    book.assign([T0, T1])
    assert (book.without_position(), book.owned[T0].target) == ([T0, T1], None)
    book.owned[T0].asked = True
    assert (book.without_position(), book.fetchable(), book.positions()) == ([T1], [], {})


@pytest.mark.parametrize(("policy", "target"), [("earliest", EARLIEST), ("latest", LATEST)])
def test_without_a_committed_offset_the_policy_decides(policy: str, target: int) -> None:
    book = Subscription()
    book.assign([T0])
    book.owned[T0].asked = True
    book.uncommitted([T0, T1], policy)
    assert (book.without_position(), book.owned[T0].target) == ([T0], (target, f"auto.offset.reset={policy}"))


@pytest.mark.parametrize(("policy", "target"), [("earliest", EARLIEST), ("latest", LATEST)])
def test_out_of_range_the_policy_decides_whatever_is_committed(policy: str, target: int) -> None:
    """Recorded: committed 3, log start 5; the consumer goes on at 5 (earliest) or at the end (latest)."""
    book = standing((T0, 3))
    assert book.out_of_range(T0, 3, policy)
    assert (book.without_position(), book.owned[T0].target) == ([T0], (target, f"auto.offset.reset={policy}"))
    book.owned[T0].seek(5)
    assert (book.owned[T0].target, book.fetchable()) == (None, [T0])


def test_out_of_range_without_a_policy_poll_raises_and_a_seek_goes_on() -> None:
    """Recorded: OffsetOutOfRangeException; after a seek the consumer can go on."""
    book = standing((T0, 3))
    assert book.out_of_range(T0, 3, "none")
    assert (book.has_records, book.fetchable()) == (True, [])
    with pytest.raises(OffsetOutOfRangeException, match=r"position 3 .* t-0"):
        book.take(500)
    assert (book.has_records, book.fetchable(), book.positions()) == (False, [T0], {T0: 3}), "it may be tried again"
    book.out_of_range(T0, 3, "none")
    book.owned[T0].seek(5)
    assert (book.has_records, book.take(500)) == (False, {})


def test_without_a_committed_offset_and_a_policy_poll_raises() -> None:
    book = Subscription()
    book.assign([T0, T1])
    book.uncommitted([T0, T1], "none")
    assert (book.has_records, book.without_position()) == (True, [])
    for ask in (lambda: book.take(500), book.raise_failure):
        with pytest.raises(NoOffsetForPartitionException, match="t-0, t-1"):
            ask()


def test_what_has_come_is_returned_before_a_failure_is_raised() -> None:
    book = standing((T0, 3), (T1, 0))
    book.fetched(T1, [batch(0, 2)])
    book.out_of_range(T0, 3, "none")
    assert offsets(book.take(500)) == {T1: [0, 1]}
    with pytest.raises(OffsetOutOfRangeException):
        book.take(500)


def test_an_out_of_range_answer_for_an_older_position_does_not_count() -> None:
    book = standing((T0, 3))
    book.owned[T0].seek(6)
    assert not book.out_of_range(T0, 3, "earliest")
    assert not book.out_of_range(T1, 3, "earliest")
    assert book.positions() == {T0: 6}


def test_lag_is_what_is_left_up_to_the_high_watermark() -> None:
    book = standing((T0, 7))
    assert book.owned[T0].lag is None
    book.owned[T0].high_watermark = 13
    assert book.owned[T0].lag == 6
