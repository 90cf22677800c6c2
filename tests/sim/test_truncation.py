"""The two variants of truncation on the same faults: KIP-101 in a story."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.core.log import Log
from kafkasim.core.truncation import TruncateByEpoch


def two_leaders_die(truncation: str) -> ks.Cluster:
    """Two leaders die, one after the other; the third replica cannot reach the second leader in between.

    When the first leader dies, both followers hold a committed record, and neither has heard that it is committed.
    """
    cluster = ks.Cluster(brokers=4, first_broker=104, truncation=truncation, seed=7)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("orders", "first").get()
    cluster.run(until_ms=2_000)
    producer.send("orders", "second").get()
    cluster.kill(101)
    cluster.inject(ks.faults.Partition(102, 103))
    cluster.run(until_ms=21_000)
    cluster.kill(102)
    cluster.run(until_ms=45_000)
    cluster.heal()
    third = cluster.producer(acks=1).send("orders", "third")
    cluster.restart(101)
    cluster.restart(102)
    cluster.run(for_ms=10_000)
    assert third.is_done()
    assert cluster.trace.now.leader("orders-0") == 103
    return cluster


def values(cluster: ks.Cluster, broker: int) -> list[bytes | None]:
    """The records on a broker's disk."""
    return [record.value for _, record in cluster.disk(broker).replica("orders-0").records]


def test_truncating_to_the_high_watermark_loses_what_truncating_by_epoch_keeps() -> None:
    new, old = two_leaders_die("leader-epoch"), two_leaders_die("high-watermark")
    for broker in (101, 102, 103):
        assert values(new, broker) == [b"first", b"second", b"third"]
        assert values(old, broker) == [b"first", b"third"]
    assert ks.invariants.delivery(new.trace).lost == ()
    assert ks.invariants.delivery(old.trace).lost == (("producer-1", 1),), "acknowledged with acks=all, and lost"


def test_the_loss_has_a_name_and_so_has_what_led_to_it() -> None:
    new, old = two_leaders_die("leader-epoch"), two_leaders_die("high-watermark")
    assert (ks.invariants.protocol(new.trace).names, ks.invariants.anomalies(new.trace).names) == ((), ())
    assert ks.invariants.anomalies(old.trace).names == ("lost-write",)
    found = ks.invariants.protocol(old.trace)
    assert found.names == ("LeaderCompleteness",), "103 leads without what 101 had committed"
    assert found[0].text == "offset 1 of orders-0 was committed, and broker-103, made leader, has nothing there"


def test_the_follower_that_hears_of_a_new_leader_cuts_what_was_committed() -> None:
    cut = [
        (fact.broker, fact.log_end_offset)
        for fact in two_leaders_die("high-watermark").trace.of("LogTruncated", tp="orders-0")
    ]
    assert cut == [(103, 1), (101, 0), (102, 1)]
    assert two_leaders_die("leader-epoch").trace.of("LogTruncated", tp="orders-0") == []


def test_a_variant_of_ones_own_is_an_object() -> None:
    class Hasty(TruncateByEpoch):
        """Forgets everything whenever it begins to follow."""

        def start_of_following(self, log: Log) -> int:
            return 0

    cluster = ks.Cluster(brokers=2, first_broker=101, truncation=Hasty(), seed=7)
    cluster.create_topic("orders", assignment={0: [101, 102]})
    cluster.producer(acks="all").send("orders", "first").get()
    cluster.kill(102)
    cluster.restart(102)
    cluster.run(for_ms=1_000)
    assert [(fact.broker, fact.log_end_offset) for fact in cluster.trace.of("LogTruncated")] == [(102, 0)]
    assert values(cluster, 102) == [b"first"]


def test_what_was_asked_for_before_a_cut_does_not_count_after_it() -> None:
    """An answer lies with a follower whose disk is slow, while that follower cuts its log."""
    cluster = ks.Cluster(
        brokers=3, first_broker=101, truncation="high-watermark", seed=7,
        broker_config={"zookeeper.session.timeout.ms": 6_000},
    )  # fmt: skip
    cluster.create_topic("orders", assignment={0: [102, 103, 101]})
    producer = cluster.producer(acks=1)
    producer.send("orders", "a").get()
    cluster.run(for_ms=2_000)
    producer.send("orders", "b").get()
    cluster.run(for_ms=10)
    cluster.inject(ks.faults.SlowDisk(103, by_ms=12_000, for_ms=10_000))
    producer.send("orders", "c").get()
    cluster.kill(101)
    cluster.run(for_ms=11_000)
    assert [(fact.broker, fact.log_end_offset) for fact in cluster.trace.of("LogTruncated")] == [(103, 1)]
    assert values(cluster, 103) == [b"a"]
    cluster.run(for_ms=2_000)
    assert values(cluster, 103) == [b"a", b"b", b"c"]
