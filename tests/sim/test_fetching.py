"""Long polls park: an idle cluster costs nothing, and news travels at once."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.trace.facts import HighWatermarkMoved, MessageSent


def quiet_cluster() -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=3, replication_factor=3)
    cluster.run(for_ms=5_000)
    return cluster


def test_an_idle_follower_sends_nothing():
    cluster = quiet_cluster()
    before = len(cluster.trace)
    cluster.run(for_ms=3_600_000)
    assert len(cluster.trace) == before, "an idle hour without clients is no event at all"


def test_a_batch_costs_eight_messages():
    cluster = quiet_cluster()
    producer = cluster.producer(acks="all")
    producer.send("t", "warm up", partition=0).get()
    cluster.run(for_ms=5_000)
    before = len(cluster.trace.of(MessageSent))

    producer.send("t", "one", partition=0).get()

    apis = [fact.api for fact in cluster.trace.of(MessageSent)[before:]]
    assert sorted(apis) == [
        "FetchRequest", "FetchRequest", "FetchResponse", "FetchResponse", "ProduceRequest", "ProduceResponse",
    ]  # fmt: skip


def test_followers_hear_of_the_high_watermark_half_a_second_later_when_nothing_else_happens():
    cluster = quiet_cluster()
    producer = cluster.producer(acks="all")
    producer.send("t", "one", partition=0).get()
    leader = cluster.trace.now.leader("t-0")
    moved = cluster.trace.of(HighWatermarkMoved, tp="t-0")
    assert [fact.broker for fact in moved] == [leader]

    cluster.run(for_ms=600)

    moved = cluster.trace.of(HighWatermarkMoved, tp="t-0")
    assert sorted(fact.broker for fact in moved) == [101, 102, 103]
    assert all(499 <= fact.at_ms - moved[0].at_ms <= 502 for fact in moved[1:])


def test_a_consumer_that_waits_gets_a_record_as_soon_as_it_is_committed():
    cluster = quiet_cluster()
    producer = cluster.producer(acks="all")
    producer.send("t", "warm up", partition=0).get()
    consumer = cluster.consumer()
    consumer.assign([ks.TopicPartition("t", 0)])
    consumer.poll(1_000).get()
    waiting = consumer.poll(60_000)
    cluster.run(for_ms=7_000)
    sent_ms = cluster.now_ms

    producer.send("t", "news", partition=0)
    records = waiting.get()

    assert [record.value for record in records] == [b"news"]
    assert cluster.now_ms - sent_ms < 4


def test_seek_says_where_to_read_even_before_anything_is_known():
    cluster = quiet_cluster()
    producer = cluster.producer()
    for number in range(5):
        producer.send("t", f"{number}", partition=1)
    producer.flush().get()
    tp = ks.TopicPartition("t", 1)
    consumer = cluster.consumer()
    consumer.assign([tp])
    consumer.seek_to_beginning()
    assert [record.offset for record in consumer.poll(1_000).get()] == [0, 1, 2, 3, 4]
    consumer.seek(tp, 3)
    cluster.run(for_ms=10)
    consumer.seek(tp, 3)
    assert list(consumer.poll(0).get()) == [], "what was fetched for the old position is thrown away"
    assert [record.offset for record in consumer.poll(1_000).get()] == [3, 4]
    assert consumer.position(tp).get() == 5
    assert consumer.end_offsets([tp]).get() == {tp: 5}
    assert consumer.beginning_offsets([tp]).get() == {tp: 0}


def test_a_consumer_sees_nothing_beyond_the_high_watermark():
    cluster = quiet_cluster()
    producer = cluster.producer(acks=1)
    producer.send("t", "committed", partition=0).get()
    cluster.run(for_ms=1_000)
    leader = cluster.trace.now.leader("t-0")
    for broker in cluster.brokers:
        if broker != leader:
            cluster.kill(broker)
    assert producer.send("t", "on one disk only", partition=0).get().offset == 1
    consumer = cluster.consumer()
    consumer.assign([ks.TopicPartition("t", 0)])
    consumer.seek_to_beginning()

    assert [record.value for record in consumer.poll(5_000).get()] == [b"committed"]
    assert list(consumer.poll(2_000).get()) == []

    cluster.run(for_ms=25_000)
    assert [record.value for record in consumer.poll(5_000).get()] == [b"on one disk only"], (
        "the dead have left the ISR"
    )


def test_position_and_committed_wait_as_long_as_they_are_told() -> None:
    cluster = ks.Cluster(1)
    cluster.create_topic("t")
    consumer = cluster.consumer(group_id="g", enable_auto_commit=False)
    tp = ks.TopicPartition("t", 0)
    consumer.assign([tp])
    cluster.kill(101)
    for call in (consumer.position(tp, timeout_ms=700), consumer.committed([tp], timeout_ms=700)):
        began = cluster.now_ms
        with pytest.raises(ks.errors.TimeoutException, match="within 700 ms"):
            call.get()
        assert round(cluster.now_ms - began, 3) <= 700


def test_a_seek_ends_the_long_poll_of_today_not_that_of_yesterday() -> None:
    """Two polls ended early; the timer that would have ended the first must not stand in the way of the second's."""
    cluster = ks.Cluster(1)
    cluster.create_topic("t", partitions=2)
    producer, consumer = cluster.producer(), cluster.consumer()
    one, other = ks.TopicPartition("t", 0), ks.TopicPartition("t", 1)
    for tp in (one, other):
        producer.send("t", "v", partition=tp.partition).get()
    consumer.assign([one, other])
    consumer.seek_to_beginning([one, other])
    read: list[object] = []
    while len(read) < 2:
        read += consumer.poll(50).get()
    consumer.seek(one, 0)
    assert [record.partition for record in consumer.poll(2_000).get()] == [0]


def test_what_comes_for_the_position_before_a_seek_is_thrown_away() -> None:
    """A fetch from offset 2 waits at the broker when the consumer goes back; its answer comes first, and is stale."""
    cluster = quiet_cluster()
    producer, consumer = cluster.producer(), cluster.consumer(auto_offset_reset="earliest")
    tp = ks.TopicPartition("t", 0)
    for value in ("a", "b"):
        producer.send("t", value, partition=0).get()
    consumer.assign([tp])
    assert len(consumer.poll(1_000).get()) == 2
    consumer.seek(tp, 0)
    found = consumer.poll(1_000)
    producer.send("t", "c", partition=0).get()
    assert [record.value for record in found.get()] == [b"a", b"b", b"c"]


def test_no_answer_to_a_fetch_is_larger_than_the_brokers_fetch_max_bytes():
    def fetches(**broker_config):
        cluster = ks.Cluster(brokers=1, seed=7, broker_config=broker_config)
        cluster.create_topic("t")
        producer = cluster.producer(batch_size=0)
        for _ in range(6):
            producer.send("t", b"x" * 500).get()
        consumer = cluster.consumer(auto_offset_reset="earliest")
        consumer.assign([ks.TopicPartition("t", 0)])
        read = 0
        while read < 6:
            read += len(consumer.poll(1_000).get())
        return len(cluster.trace.of(MessageSent, source=consumer.client_id, api="FetchRequest"))

    assert (fetches(), fetches(**{"fetch.max.bytes": 1200})) == (2, 4), "with 1200 bytes two batches come at a time"


def test_a_poll_reads_no_further_than_a_segment_and_waits_for_more_bytes_only_in_the_last():
    cluster = ks.Cluster(brokers=1)
    cluster.create_topic("t", **{"segment.bytes": 200})
    producer = cluster.producer()
    for value in ("one", "two", "three"):
        producer.send("t", value * 20).get()
    tp = ks.TopicPartition("t", 0)
    consumer = cluster.consumer(auto_offset_reset="earliest", fetch_min_bytes=100_000, fetch_max_wait_ms=3_000)
    consumer.assign([tp])

    polls = []
    for _ in range(3):
        before = cluster.now_ms
        polls.append(([record.offset for record in consumer.poll(10_000).get()], cluster.now_ms - before > 2_900))

    assert polls == [([0], False), ([1], False), ([2], True)]


def consumer_at_the_end(cluster: ks.Cluster) -> ks.Consumer:
    """A consumer without a group that has asked in vain; its last fetch ends half a second later at most."""
    consumer = cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([ks.TopicPartition("t", 0)])
    assert list(consumer.poll(700).get()) == []
    return consumer


def values(records: object) -> list[bytes]:
    return [record.value for record in records]


def test_what_comes_between_two_polls_is_asked_for_by_the_second():
    cluster = quiet_cluster()
    producer = cluster.producer()
    consumer = consumer_at_the_end(cluster)
    cluster.run(for_ms=1_000)

    for value in ("a", "b", "c"):
        producer.send("t", value, partition=0).get()
    cluster.run(for_ms=1_000)

    assert values(consumer.poll(0).get()) == [], "it only reads that the last fetch has ended in vain"
    assert values(consumer.poll(0).get()) == [], "now a new one is sent"
    cluster.run(for_ms=10)
    assert values(consumer.poll(0).get()) == [b"a", b"b", b"c"]


def test_a_fetch_that_still_waits_when_poll_is_over_brings_the_next_record_alone():
    cluster = quiet_cluster()
    producer = cluster.producer()
    producer.send("t", "warm up", partition=0).get()
    consumer = cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([ks.TopicPartition("t", 0)])
    assert values(consumer.poll(1_000).get()) == [b"warm up"]

    for value in ("a", "b"):
        producer.send("t", value, partition=0).get()
    cluster.run(for_ms=1_000)

    assert values(consumer.poll(1_000).get()) == [b"a"]
    assert values(consumer.poll(1_000).get()) == [b"b"]


def test_what_a_fetch_in_flight_brings_for_a_paused_partition_is_kept():
    cluster = quiet_cluster()
    producer = cluster.producer()
    tp = ks.TopicPartition("t", 0)
    producer.send("t", "warm up", partition=0).get()
    consumer = cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([tp])
    consumer.poll(1_000).get()

    consumer.pause([tp])
    for value in ("a", "b"):
        producer.send("t", value, partition=0).get()
    assert values(consumer.poll(1_000).get()) == []
    consumer.resume([tp])

    assert values(consumer.poll(0).get()) == [b"a"]
    assert values(consumer.poll(1_000).get()) == [b"b"]
