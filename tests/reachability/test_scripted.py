"""What may go wrong does go wrong, by the fewest faults there are, and is found under its right name."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.faults import Kill, Partition
from kafkasim.processing import Crash, Sink, at_least_once, at_most_once

BIG = bytes(100)
"""A value for which a batch of its own is made when batch.size is 1."""
QUICK = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000}


def cluster_with_orders(**topic: object) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=7, broker_config=QUICK)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, **{"min_insync_replicas": 2, **topic})
    return cluster


def faults_of(cluster: ks.Cluster) -> int:
    return len(cluster.trace.of("FaultStarted")) + len(cluster.trace.of("ProgramDied"))


def found(cluster: ks.Cluster) -> tuple[str, ...]:
    return ks.invariants.anomalies(cluster.trace).names


def test_acks_0_loses_with_one_fault() -> None:
    cluster = cluster_with_orders()
    producer = cluster.producer(acks=0)
    producer.send("orders", b"warm-up").get()
    cluster.inject(Kill(101))
    producer.send("orders", b"into the void").get()
    cluster.run(for_ms=20_000)

    assert (faults_of(cluster), found(cluster)) == (1, ("lost-write",))


def test_acks_1_loses_with_one_fault() -> None:
    cluster = cluster_with_orders()
    two_at_once_then_kill(cluster, acks=1)

    assert (faults_of(cluster), found(cluster)) == (1, ("lost-write",))


def two_at_once_then_kill(cluster: ks.Cluster, **settings: object) -> None:
    """Two requests at once; the leader dies when the second is acknowledged, which nobody may have fetched yet."""
    producer = cluster.producer(batch_size=1, **settings)
    producer.send("orders", b"warm-up").get()
    producer.send("orders", BIG)
    producer.send("orders", BIG).get()
    cluster.inject(Kill(101))
    cluster.run(for_ms=20_000)


def test_acks_all_does_not_lose_with_the_same_fault() -> None:
    cluster = cluster_with_orders()
    two_at_once_then_kill(cluster, acks="all")

    assert (faults_of(cluster), found(cluster)) == (1, ())


def lost_answer(**settings: object) -> ks.Cluster:
    """The first answer of the leader to the producer is lost: their link is cut for a while, in that direction."""
    cluster = cluster_with_orders()
    producer = cluster.producer(
        request_timeout_ms=1000, delivery_timeout_ms=20_000, client_id="producer", linger_ms=0, **settings
    )
    producer.send("orders", b"warm-up").get()
    cluster.inject(Partition(101, "producer", one_way=True, for_ms=1_500))
    producer.send("orders", b"first")
    cluster.run(for_ms=30_000)
    return cluster


def test_without_idempotence_a_lost_answer_makes_a_duplicate() -> None:
    cluster = lost_answer(enable_idempotence=False)

    assert (faults_of(cluster), found(cluster)) == (1, ("duplicate",))


def test_with_idempotence_the_repeat_is_recognised() -> None:
    cluster = lost_answer()

    assert (faults_of(cluster), found(cluster)) == (1, ())
    assert len(cluster.trace.of("DuplicateRecognised")) == 1


def lost_requests(**settings: object) -> ks.Cluster:
    """Two requests are in flight when the leader dies; both are repeated."""
    cluster = cluster_with_orders()
    producer = cluster.producer(batch_size=1, **settings)
    producer.send("orders", b"warm-up").get()
    producer.send("orders", BIG)
    producer.send("orders", BIG)
    cluster.inject(Kill(101))
    cluster.run(for_ms=30_000)
    return cluster


def test_without_idempotence_two_in_flight_change_their_order_with_one_fault() -> None:
    cluster = lost_requests(enable_idempotence=False)

    assert (faults_of(cluster), found(cluster)) == (1, ("nonmonotonic-send",))


def test_one_in_flight_or_idempotence_keeps_the_order() -> None:
    for settings in ({"enable_idempotence": False, "max_in_flight_requests_per_connection": 1}, {}):
        cluster = lost_requests(**settings)

        assert (faults_of(cluster), found(cluster)) == (1, ())


def test_at_most_once_loses_with_one_crash() -> None:
    cluster = consumed_by(at_most_once)

    assert (faults_of(cluster), found(cluster)) == (1, ("commit-ahead", "skipped-effect"))


def test_at_least_once_repeats_with_one_crash() -> None:
    cluster = consumed_by(at_least_once)

    assert (faults_of(cluster), found(cluster)) == (1, ("duplicate-effect",))


def consumed_by(loop: object) -> ks.Cluster:
    """A program reads six records, dies in its work on the third, and is started again."""
    cluster = cluster_with_orders()
    producer = cluster.producer(acks="all")
    for number in range(6):
        producer.send("orders", f"v{number}").get()
    sink = Sink()
    for crash in (Crash("process", 3), None):
        consumer = cluster.consumer(
            "orders", group_id="billing", enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=4,
            session_timeout_ms=6000,
        )  # fmt: skip
        cluster.process(loop(consumer, sink, crash=crash))  # type: ignore[operator]
        cluster.run(for_ms=20_000)
    return cluster


def test_unclean_election_loses_what_was_acknowledged_by_all_in_sync_with_two_faults() -> None:
    cluster = cluster_with_orders(unclean_leader_election_enable=True, min_insync_replicas=1)
    producer = cluster.producer(acks="all")
    producer.send("orders", b"warm-up").get()
    cluster.inject(Partition(101, [102, 103], for_ms=25_000))
    producer.send("orders", b"acknowledged by an ISR of one").get()
    cluster.inject(Kill(101))
    cluster.run(for_ms=60_000)

    assert (faults_of(cluster), found(cluster)) == (2, ("lost-write",))
