"""The story of a record of a running cluster tells how it went: its time was over, or it was lost, and by what."""

from __future__ import annotations

import pytest

import kafkasim as ks
from tests.sim.test_truncation import two_leaders_die

DAY_MS = 86_400_000
GONE, LOST = (
    "acknowledged, in no log any more, read by nobody. ",
    "acknowledged, in no log: it is lost, read by nobody yet. ",
)


def one_broker(**topic: object) -> ks.Cluster:
    cluster = ks.Cluster(brokers=1, zookeepers=1, seed=7, broker_config={"log.cleaner.backoff.ms": 500})
    cluster.create_topic("t", **topic)
    return cluster


def three_brokers(**topic: object) -> ks.Cluster:
    settings = {"replica.lag.time.max.ms": 5000, "zookeeper.session.timeout.ms": 6000}
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103, broker_config=settings)
    cluster.create_topic("t", assignment={0: [101, 102, 103]}, **topic)
    return cluster


def send(cluster: ks.Cluster, count: int, *, key: str | None = None, value: bytes | None = b"x" * 100) -> None:
    producer = cluster.producer()
    for _ in range(count):
        producer.send("t", value, key=key).get()


def ending(cluster: ks.Cluster, offset: int = 0) -> tuple[str, str]:
    """How the first record that ever stood at an offset ended, and the kind of fact that decided it."""
    chapter = next(iter(cluster.trace.story(tp="t-0", offset=offset)))
    return chapter.ending, "" if chapter.turning_point is None else chapter.turning_point.kind


# --- its time was over -----------------------------------------------------------------------------------------


def test_removed_by_time_and_by_size():
    cluster = one_broker()
    send(cluster, 1)
    cluster.run(for_ms=8 * DAY_MS)
    assert ending(cluster) == (
        f"{GONE}Removed by retention.ms=604800000: the log starts at offset 1 now.", "LogStartMoved",
    )  # fmt: skip

    cluster = one_broker(segment_bytes=1024, retention_bytes=2380, retention_ms=-1)
    send(cluster, 20)
    assert ending(cluster) == ("acknowledged, at offset 0 on broker-101, read by nobody yet.", "")
    cluster.run(for_ms=40_000)
    assert ending(cluster)[0] == f"{GONE}Removed by retention.bytes=2380: the log starts at offset 6 now."
    assert ending(cluster, 6)[1] == ""


def test_removed_by_compaction_and_what_made_it_old():
    cluster = one_broker(
        cleanup_policy="compact", segment_bytes=300, min_cleanable_dirty_ratio=0.01, delete_retention_ms=0
    )
    send(cluster, 1, key="a")
    send(cluster, 1, key="a", value=None)
    for _ in range(4):
        send(cluster, 2, key="b")
        cluster.run(for_ms=2_000)
    assert ending(cluster) == (
        f"{GONE}Removed by compaction: a newer record of its key is at offset 1.", "LogCleaned",
    )  # fmt: skip
    assert ending(cluster, 1)[0] == (
        f"{GONE}Removed by compaction: it is a tombstone, and delete.retention.ms is over."
    )


def test_removed_on_request_and_there_again_when_that_was_not_written_down():
    cluster = one_broker()
    send(cluster, 3)
    cluster.admin().delete_records({ks.TopicPartition("t", 0): 2}).get()
    assert ending(cluster, 1)[0] == f"{GONE}Removed by DeleteRecords: the log starts at offset 2 now."
    assert ending(cluster, 2)[1] == ""
    cluster.kill(101)
    cluster.restart(101)
    assert ending(cluster, 1) == ("acknowledged, at offset 1 on broker-101, read by nobody yet.", "")


def test_gone_with_its_topic():
    cluster = one_broker()
    send(cluster, 1)
    cluster.admin().delete_topic("t").get()
    cluster.run(for_ms=1_000)
    assert ending(cluster) == (f"{GONE}Gone with its topic, which was deleted.", "TopicDeletionStarted")


# --- it was lost -----------------------------------------------------------------------------------------------


def test_lost_because_it_was_not_flushed_when_the_power_failed():
    cluster = three_brokers()
    send(cluster, 1)
    cluster.run(for_ms=1_000)
    for broker in cluster.brokers:
        cluster.power_loss(broker)
    cluster.run(for_ms=10_000)
    for broker in (102, 101, 103):
        cluster.start(broker)
    cluster.run(for_ms=10_000)
    assert ending(cluster) == (
        f"{LOST}Lost when the power of broker-102 failed, which had not flushed it yet (flush.messages, flush.ms).",
        "UnflushedLost",
    )


def test_one_power_failure_of_three_loses_nothing():
    cluster = three_brokers(min_insync_replicas=2)
    send(cluster, 1)
    cluster.run(for_ms=1_000)
    cluster.power_loss(101)
    cluster.run(for_ms=10_000)
    cluster.start(101)
    cluster.run(for_ms=10_000)
    assert ending(cluster) == (
        "acknowledged, at offset 0 on broker-101, broker-102, broker-103, read by nobody yet.", "",
    )  # fmt: skip


@pytest.mark.parametrize("is_back", [False, True])
def test_lost_in_an_unclean_election_also_when_the_old_leader_is_back(is_back: bool):
    cluster = three_brokers(unclean_leader_election_enable=True)
    send(cluster, 1)
    cluster.run(for_ms=500)
    for broker in (102, 103):
        cluster.kill(broker)
    cluster.run(for_ms=12_000)
    send(cluster, 1)
    cluster.kill(101)
    cluster.run(for_ms=9_000)
    cluster.start(102)
    cluster.run(for_ms=3_000)
    why = (
        "Lost when broker-102 became the leader without it: it had no leader, no in-sync replica is live, broker-102 is"
        " the first live replica and may lack committed records."
    )
    if is_back:
        cluster.start(101)
        cluster.run(for_ms=5_000)
        assert ending(cluster, 1) == (f"{LOST}{why}", "LogTruncated")
    else:
        assert ending(cluster, 1) == (
            f"acknowledged, at offset 1 on broker-101, read by nobody yet. {why} Only broker-101 had it.",
            "PartitionChanged",
        )


def test_lost_where_followers_cut_to_their_high_watermark():
    trace = two_leaders_die("high-watermark").trace
    second = next(iter(trace.story(tp="orders-0", offset=1)))
    assert second.ending == (
        f"{LOST}Lost when broker-103 cut its log, before it became the leader: broker-103 cuts its log of orders-0: it"
        " ends at offset 1 now."
    )
    assert second.turning_point == trace.of("LogTruncated", broker=103)[0]


# --- it was never there, or never read -------------------------------------------------------------------------


def test_never_sent_because_nobody_was_there():
    cluster = three_brokers()
    producer = cluster.producer(delivery_timeout_ms=3_000, request_timeout_ms=1_000)
    producer.send("t", b"0").get()
    for broker in cluster.brokers:
        cluster.kill(broker)
    cluster.run(for_ms=500)
    producer.send("t", b"1", key="k")
    cluster.run(for_ms=50)
    assert next(iter(cluster.trace.story(key="k"))).ending == "it still waits in the producer."
    cluster.run(for_ms=5_000)
    assert next(iter(cluster.trace.story(key="k"))).ending == (
        "failed with REQUEST_TIMED_OUT before it was ever sent, in no log."
    )


def test_in_a_transaction():
    cluster = three_brokers()
    producer = cluster.producer(transactional_id="x")
    producer.init_transactions().get()
    where = "acknowledged, at offset {} on broker-101, broker-102, broker-103, {}, read by nobody yet."
    for offset, end, outcome in (
        (0, producer.abort_transaction, "aborted"),
        (2, producer.commit_transaction, "committed"),
    ):
        producer.begin_transaction()
        producer.send("t", b"v").get()
        assert ending(cluster, offset)[0] == where.format(offset, "its transaction is open")
        end().get()
        cluster.run(for_ms=500)
        assert ending(cluster, offset)[0] == where.format(offset, f"in a transaction that was {outcome}")


def test_passed_over_by_a_consumer_that_starts_at_the_end():
    cluster = three_brokers()
    send(cluster, 1)
    consumer = cluster.consumer("t", group_id="g")
    for _ in range(8):
        consumer.poll(1_000).get()
    text, kind = ending(cluster)
    assert text.endswith(
        "read by nobody yet. Passed over: consumer-1 starts t-0 at offset 1: auto.offset.reset=latest."
    )
    assert kind == "PositionSet"
