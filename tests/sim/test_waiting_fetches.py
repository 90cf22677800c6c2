"""How long a fetch waits at its broker, for consumers and for followers; and what travels with the followers' fetches."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import OffsetOutOfRangeException, TimeoutException
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.producer import Producer
from kafkasim.trace.facts import HighWatermarkMoved, IsrChangeProposed, LogStartMoved, MessageSent, PartitionChanged
from tests.sim.clusters import TP, led_by_102, took_ms


def settled(broker_config: dict[str, object] | None = None, partitions: int = 1) -> ks.Cluster:
    cluster = led_by_102(broker_config, partitions)
    cluster.run(for_ms=2_000)
    return cluster


def that_wants_many_bytes(cluster: ks.Cluster, fetch_max_wait_ms: int) -> Consumer:
    consumer = cluster.consumer(
        fetch_min_bytes=10_000, fetch_max_wait_ms=fetch_max_wait_ms, auto_offset_reset="latest"
    )  # fmt: skip
    consumer.assign([TP])
    consumer.position(TP).get()
    return consumer


# --- how long ------------------------------------------------------------------------------------------------


def test_a_consumer_that_wants_many_bytes_gets_few_when_its_wait_is_over():
    cluster = settled()
    producer = cluster.producer()
    producer.send("t", "warm up").get()
    consumer = that_wants_many_bytes(cluster, fetch_max_wait_ms=2_000)
    start_ms = cluster.now_ms
    polled = consumer.poll(10_000)
    cluster.run(for_ms=300)
    producer.send("t", "few").get()
    assert len(polled.get()) == 1
    assert 2_000 <= cluster.now_ms - start_ms < 2_010, "fetch.max.wait.ms from the fetch on, not from the record on"


def test_as_soon_as_there_are_enough_bytes_they_come():
    cluster = settled()
    producer = cluster.producer()
    producer.send("t", "warm up").get()
    consumer = that_wants_many_bytes(cluster, fetch_max_wait_ms=60_000)
    start_ms = cluster.now_ms
    polled = consumer.poll(100_000)
    for _ in range(9):
        producer.send("t", "x" * 1_000).get()
        assert not polled.is_done()
    cluster.run(for_ms=1_000)
    assert not polled.is_done()
    producer.send("t", "x" * 1_000).get()
    assert len(polled.get()) == 10
    assert cluster.now_ms - start_ms < 1_200


def test_all_partitions_of_one_leader_are_asked_for_in_the_first_fetch():
    cluster = settled(partitions=6)
    producer = cluster.producer()
    producer.send("t", "in the last one", partition=5).get()
    consumer = cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([ks.TopicPartition("t", number) for number in range(6)])
    start_ms = cluster.now_ms
    assert len(consumer.poll(10_000).get()) == 1
    assert cluster.now_ms - start_ms < 200, "it does not wait for the end of a poll of the others"


def test_a_fetch_that_ends_takes_along_what_there_is_in_all_of_its_partitions():
    cluster = settled(partitions=3)
    producer = cluster.producer(acks="all", linger_ms=10)
    producer.send("t", "warm up").get()
    cluster.run(for_ms=1_000)
    before = len(cluster.trace.of(MessageSent))
    for sent in [producer.send("t", "v", partition=number) for number in range(3)]:
        sent.get()
    apis = [fact.api for fact in cluster.trace.of(MessageSent)[before:]]
    assert sorted(apis) == [
        "FetchRequest", "FetchRequest", "FetchResponse", "FetchResponse", "ProduceRequest", "ProduceResponse",
    ]  # fmt: skip


def test_followers_that_want_many_bytes_make_acks_all_wait_for_the_end_of_their_polls():
    cluster = settled({"replica.fetch.min.bytes": 10_000, "replica.fetch.wait.max.ms": 800})
    producer = cluster.producer(acks="all")
    times = [took_ms(cluster, producer.send("t", "few")) for _ in range(3)]
    assert all(700 < one < 810 for one in times[1:]), "each record waits for the end of the poll that it came into"
    assert took_ms(cluster, producer.send("t", "x" * 10_000)) < 10, (
        "a full fetch leaves at once, and the next one says so"
    )
    quick = settled()
    producer = quick.producer(acks="all")
    producer.send("t", "warm up").get()
    assert took_ms(quick, producer.send("t", "few")) < 10


def test_followers_hear_of_a_high_watermark_when_their_poll_ends():
    cluster = settled({"replica.fetch.wait.max.ms": 300})
    cluster.producer(acks="all").send("t", "v").get()
    cluster.run(for_ms=1_000)
    leader, *followers = cluster.trace.of(HighWatermarkMoved, tp="t-0")
    assert leader.broker == 102
    assert {fact.broker for fact in followers} == {101, 103}
    assert all(299 <= fact.at_ms - leader.at_ms <= 302 for fact in followers)


# --- how many --------------------------------------------------------------------------------------------------


def fetched_together(cluster: ks.Cluster) -> set[tuple[str, ...]]:
    """The sets of partitions that broker 103 has named in one fetch from 102, at the start of its sessions."""
    names = [f"t-{number}" for number in range(6)]
    requests = [f.about for f in cluster.trace.of(MessageSent, api="FetchRequest", source="broker-103")]
    return {tuple(name for name in names if f"{name} from" in text) for text in requests}


def test_with_several_fetchers_partitions_share_them_by_their_hash():
    one, three = (settled({"num.replica.fetchers": count}, partitions=6) for count in (1, 3))
    assert fetched_together(one) == {("t-0", "t-1", "t-2", "t-3", "t-4", "t-5")}
    assert fetched_together(three) == {("t-0", "t-3"), ("t-1", "t-4"), ("t-2", "t-5")}


# --- what travels with them ------------------------------------------------------------------------------------


def written(cluster: ks.Cluster, count: int) -> Producer:
    producer = cluster.producer(acks="all")
    for number in range(count):
        producer.send("t", f"{number}").get()
    cluster.run(for_ms=1_000)
    return producer


def starts(cluster: ks.Cluster) -> dict[int, int]:
    return {broker: cluster.trace.now.log_start_offset("t-0", broker) for broker in cluster.brokers}


def test_deleted_records_are_gone_when_every_live_replica_says_so():
    cluster = settled()
    written(cluster, 10)
    admin = cluster.admin()
    assert admin.delete_records({TP: 4}).get() == {TP: 4}
    assert starts(cluster) == {101: 4, 102: 4, 103: 4}
    moved = [fact.broker for fact in cluster.trace.of(LogStartMoved)]
    assert moved[0] == 102, "the leader's log starts later at once, its followers' when they have heard it"
    assert sorted(moved) == [101, 102, 103]
    with pytest.raises(OffsetOutOfRangeException):
        admin.delete_records({TP: 11}).get()


def test_who_is_dead_is_not_waited_for_and_learns_it_when_it_returns():
    cluster = settled()
    written(cluster, 10)
    admin = cluster.admin()
    cluster.kill(101)
    cluster.run(for_ms=20_000)
    assert admin.delete_records({TP: 4}).get() == {TP: 4}
    assert starts(cluster) == {101: 0, 102: 4, 103: 4}
    cluster.restart(101)
    cluster.run(for_ms=2_000)
    assert starts(cluster) == {101: 4, 102: 4, 103: 4}


def test_who_stands_still_is_waited_for():
    cluster = settled()
    written(cluster, 10)
    admin = cluster.admin(request_timeout_ms=3_000, default_api_timeout_ms=3_000)
    admin.describe_topic("t").get()
    cluster.pause(103)
    with pytest.raises(TimeoutException):
        admin.delete_records({TP: 4}).get()
    assert starts(cluster) == {101: 4, 102: 4, 103: 0}
    cluster.resume(103)
    cluster.run(for_ms=1_000)
    assert starts(cluster) == {101: 4, 102: 4, 103: 4}


def test_a_follower_that_stands_still_falls_out_by_the_lag_rule_and_returns():
    cluster = settled({"replica.lag.time.max.ms": 6_000, "zookeeper.session.timeout.ms": 60_000})
    producer = written(cluster, 3)
    cluster.pause(103)
    sent = producer.send("t", "waits")
    cluster.run(for_ms=5_000)
    assert not sent.is_done()
    cluster.run(for_ms=4_100)
    assert sent.error is None, "at the first check, every 3 s, after it has lagged for 6 s"
    (proposal,) = cluster.trace.of(IsrChangeProposed)
    assert proposal.isr == (102, 101)
    assert "broker-103 is at offset 3 of 4, last caught up" in proposal.reason
    assert proposal.setting == "replica.lag.time.max.ms=6000"
    assert set(cluster.trace.now.live_brokers) == {101, 102, 103}, "nobody takes it for dead"
    cluster.resume(103)
    cluster.run(for_ms=1_000)
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}
    assert cluster.trace.of(PartitionChanged, tp="t-0")[-1].leader_epoch == 0, "no election was needed"
    assert cluster.trace.now.log_end_offset("t-0", 103) == 4
