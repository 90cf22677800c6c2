"""Where a consumer stands: over control records, after a truncation, by time, interrupted."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.core.subscription import Subscription
from kafkasim.errors import LogTruncationException, WakeupException
from kafkasim.records import Record, RecordBatch, end_marker
from kafkasim.trace.facts import PositionSet

T0 = ks.TopicPartition("t", 0)


def truncated(policy: str) -> tuple[ks.Cluster, object]:
    """A consumer has read five records; an unclean election leaves a log that ends after the third."""
    cluster = ks.Cluster(brokers=3, seed=5)
    cluster.create_topic("t", assignment={0: [101, 102]}, unclean_leader_election_enable=True, min_insync_replicas=1)
    producer = cluster.producer(enable_idempotence=False)
    consumer = cluster.consumer(group_id="g", auto_offset_reset=policy, enable_auto_commit=False)
    consumer.assign([T0])
    consumer.seek(T0, 0)
    for number in range(3):
        producer.send("t", f"{number}").get()
    assert len(consumer.poll(2_000).get()) == 3
    cluster.run(for_ms=2_000)
    cluster.kill(102)
    cluster.run(for_ms=25_000)
    for number in range(3, 5):
        producer.send("t", f"{number}").get()
    assert len(consumer.poll(2_000).get()) == 2
    cluster.kill(101)
    cluster.run(for_ms=25_000)
    cluster.restart(102)
    cluster.run(for_ms=2_000)
    return cluster, consumer


def test_a_position_beyond_what_an_unclean_leader_has_goes_where_the_histories_part():
    cluster, consumer = truncated("earliest")
    consumer.poll(3_000).get()
    assert consumer.position(T0).get() == 3
    last = cluster.trace.of(PositionSet)[-1]
    assert (last.position, last.reason) == (3, "the log was truncated, leader epoch 0 ends there")


def test_without_a_policy_a_truncation_is_raised():
    _, consumer = truncated("none")
    with pytest.raises(LogTruncationException, match="the position is 5"):
        consumer.poll(3_000).get()


def test_read_committed_moves_over_markers_and_what_was_aborted():
    def inside(producer_id: int, offset: int, value: bytes) -> RecordBatch:
        record = Record(None, value)
        return RecordBatch((record,), base_offset=offset, producer_id=producer_id, is_transactional=True)

    def marker(producer_id: int, offset: int, committed: bool) -> RecordBatch:
        return end_marker(producer_id, 0, committed=committed, coordinator_epoch=0, timestamp=0).placed(offset, 0)

    batches = [
        inside(1, 0, b"kept"), inside(2, 1, b"aborted"), marker(2, 2, False), marker(1, 3, True),
        inside(2, 4, b"later"), marker(2, 5, True),
    ]  # fmt: skip
    values = {}
    for level, aborted in (("read_committed", [(2, 1)]), ("read_uncommitted", None)):
        book = Subscription()
        book.assign([T0])
        book.owned[T0].seek(0)
        book.fetched(T0, batches, aborted)
        values[level] = [record.value for _, _, record in book.take(10)[T0]]
        assert book.owned[T0].position == 6, "behind the last marker"
    assert values == {"read_committed": [b"kept", b"later"], "read_uncommitted": [b"kept", b"aborted", b"later"]}


def test_what_holds_nothing_for_the_reader_moves_the_position_at_once():
    book = Subscription()
    book.assign([T0])
    book.owned[T0].seek(0)
    aborted = RecordBatch((Record(None, b"x"),), base_offset=0, producer_id=2, is_transactional=True)
    end = end_marker(2, 0, committed=False, coordinator_epoch=0, timestamp=0).placed(1, 0)
    assert not book.fetched(T0, [aborted, end], [(2, 0)])
    assert book.owned[T0].position == 2


def test_the_offset_for_a_time_is_the_first_record_at_or_after_it():
    cluster = ks.Cluster(brokers=1, seed=5)
    cluster.create_topic("t")
    producer = cluster.producer()
    for time in (1_000, 2_000, 3_000):
        producer.send("t", "x", timestamp=time).get()
    consumer = cluster.consumer()
    found = {time: consumer.offsets_for_times({T0: time}).get()[T0] for time in (1_500, 3_000, 3_001)}
    assert {time: one and (one.offset, one.timestamp) for time, one in found.items()} == {
        1_500: (1, 2_000), 3_000: (2, 3_000), 3_001: None,
    }  # fmt: skip


def test_a_wakeup_ends_the_wait_once():
    cluster = ks.Cluster(brokers=1, seed=5)
    cluster.create_topic("t")
    consumer = cluster.consumer()
    consumer.assign([T0])
    cluster.at(cluster.now_ms + 500, consumer.wakeup)
    began = cluster.now_ms
    with pytest.raises(WakeupException):
        consumer.poll(10_000).get()
    assert cluster.now_ms - began < 600
    assert len(consumer.poll(100).get()) == 0
