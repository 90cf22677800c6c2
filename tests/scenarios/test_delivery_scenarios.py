"""Golden conversations about what is delivered: acks and a fail-over, repeats, order, transactions, and each delivery
semantic with one crash at each of its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.faults import Kill, Partition
from kafkasim.processing import Crash, Sink, at_least_once, at_most_once, exactly_once

BIG = bytes(100)
"""A value for which a batch of its own is made when batch.size is 1."""
KINDS = (
    "BatchSent", "BatchRetried", "BatchAcknowledged", "BatchFailed", "DuplicateRecognised", "RecordsAppended",
    "LogTruncated", "ProduceRefused", "FaultStarted", "FaultEnded", "PartitionChanged", "ProducerTransactionChanged",
    "TransactionChanged", "MarkerWritten", "RecordsPolled",
)  # fmt: skip


def cluster_with(topic: str) -> ks.Cluster:
    """Brokers that are quick to notice a death; one partition with its leader on 101."""
    settings = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000}
    cluster = ks.Cluster(brokers=3, seed=7, broker_config=settings)
    cluster.create_topic(topic, assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    return cluster


def told(cluster: ks.Cluster, from_ms: float) -> str:
    """What producers, the logs of the topic and coordinators did, and what a checker finds in it."""
    lines = [
        str(fact)
        for fact in cluster.trace.between(from_ms, cluster.trace.end_ms + 1)
        if fact.kind in KINDS and "__" not in fact.sentence
    ]
    return "\n".join([*lines, str(ks.invariants.anomalies(cluster.trace))])


def leader_dies(acks: object) -> str:
    """Two requests are on their way; the leader dies when the second is acknowledged."""
    cluster = cluster_with("orders")
    producer = cluster.producer(acks=acks, batch_size=1)
    producer.send("orders", b"warm-up").get()
    start = cluster.now_ms
    producer.send("orders", BIG)
    last = producer.send("orders", BIG)
    if acks != 0:
        last.get()
    cluster.inject(Kill(101))
    producer.send("orders", BIG)
    cluster.run(for_ms=20_000)
    return told(cluster, start)


def fail_over() -> str:
    """The same death of a leader with each acks."""
    return "\n\n".join(f"acks={acks}\n{leader_dies(acks)}" for acks in (0, 1, "all"))


def lost_ack() -> str:
    """The answer of the leader is lost; the producer repeats the batch, with and without idempotence."""
    texts = []
    for idempotent in (True, False):
        cluster = cluster_with("orders")
        producer = cluster.producer(
            request_timeout_ms=1000, delivery_timeout_ms=20_000, client_id="producer", enable_idempotence=idempotent
        )
        producer.send("orders", b"warm-up").get()
        start = cluster.now_ms
        cluster.inject(Partition(101, "producer", one_way=True, for_ms=1_500))
        producer.send("orders", b"first")
        cluster.run(for_ms=30_000)
        texts.append(f"enable.idempotence={idempotent}\n{told(cluster, start)}")
    return "\n\n".join(texts)


def in_flight_reordering() -> str:
    """Two requests are in flight when the leader dies: who may overtake whom."""
    texts = []
    for settings in (
        {"enable_idempotence": False},
        {"enable_idempotence": False, "max_in_flight_requests_per_connection": 1},
        {"enable_idempotence": True},
    ):
        cluster = cluster_with("orders")
        producer = cluster.producer(batch_size=1, **settings)
        producer.send("orders", b"warm-up").get()
        start = cluster.now_ms
        producer.send("orders", BIG)
        producer.send("orders", BIG)
        cluster.inject(Kill(101))
        cluster.run(for_ms=30_000)
        texts.append(f"{settings}\n{told(cluster, start)}")
    return "\n\n".join(texts)


def zombie_is_fenced() -> str:
    """A producer sleeps in its transaction; its successor aborts that; when it wakes up it can do nothing more."""
    cluster = cluster_with("bills")
    zombie = cluster.producer(client_id="zombie", transactional_id="billing")
    zombie.init_transactions().get()
    start = cluster.now_ms
    zombie.begin_transaction()
    zombie.send("bills", "half a bill").get()
    successor = cluster.producer(client_id="successor", transactional_id="billing")
    successor.init_transactions().get()
    successor.begin_transaction()
    successor.send("bills", "a bill").get()
    late = zombie.send("bills", "the other half")
    cluster.run(for_ms=2_000)
    successor.commit_transaction().get()
    refused = zombie.commit_transaction()
    cluster.run(for_ms=2_000)
    lines = [f"the zombie's record: {type(late.error).__name__}", f"its commit: {type(refused.error).__name__}"]
    lines += [f"{level}: {read(cluster, level)}" for level in ("read_uncommitted", "read_committed")]
    return "\n".join([told(cluster, start), *lines])


def read(cluster: ks.Cluster, isolation_level: str) -> str:
    """The values in the topic of results."""
    reader = cluster.consumer(isolation_level=isolation_level)
    reader.assign([ks.TopicPartition("bills", 0)])
    reader.seek_to_beginning()
    found = [record for _ in range(10) for record in reader.poll(200).get()]
    return ", ".join(f"{record.offset} {record.value.decode()}" for record in found) or "nothing"


def isolation_levels() -> str:
    """What each level of isolation shows while a transaction is open, after its abort, and of the next."""
    cluster = cluster_with("bills")
    producer = cluster.producer(transactional_id="billing")
    producer.init_transactions().get()
    lines = []

    def look(when: str) -> None:
        lines.append(when)
        lines.extend(f"  {level}: {read(cluster, level)}" for level in ("read_uncommitted", "read_committed"))

    producer.begin_transaction()
    producer.send("bills", "first").get()
    producer.commit_transaction().get()
    cluster.run(for_ms=1_000)
    look("one transaction is committed")
    producer.begin_transaction()
    producer.send("bills", "second").get()
    look("the next one is open")
    cluster.producer(client_id="plain").send("bills", "without a transaction").get()
    look("a plain producer has written behind it")
    producer.abort_transaction().get()
    cluster.run(for_ms=1_000)
    look("it is aborted")
    producer.begin_transaction()
    producer.send("bills", "third").get()
    producer.commit_transaction().get()
    cluster.run(for_ms=1_000)
    look("one more is committed")
    return "\n".join(lines)


def lives(make: Callable[[ks.Cluster, Any, Crash | None], object], crash: Crash) -> ks.Cluster:
    """Six orders; the program reads two a poll, dies once, and is started anew."""
    cluster = cluster_with("orders")
    cluster.create_topic("bills", partitions=1, replication_factor=3, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    for number in range(6):
        producer.send("orders", f"v{number}", key=f"k{number}").get()
    for its_crash in (crash, None):
        consumer = cluster.consumer(
            "orders", group_id="billing", enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=2,
            session_timeout_ms=6000,
        )  # fmt: skip
        cluster.process(make(cluster, consumer, its_crash))
        cluster.run(for_ms=20_000)
    return cluster


def delivery_semantics() -> str:
    """Each semantic with one crash at each step of its loop: what became of the six records."""
    lines = []
    for loop, steps in ((at_most_once, ("poll", "commit", "process")), (at_least_once, ("poll", "process", "commit"))):
        for step in steps:
            sink = Sink()
            number = 3 if step == "process" else 2
            cluster = lives(
                lambda _, consumer, crash, loop=loop, sink=sink: loop(consumer, sink, crash=crash), Crash(step, number)
            )
            effects = " ".join(value.decode() for _, value in sink.effects)
            lines.append(f"{loop.__name__}, dies after {step} {number}: {effects}")
            lines.append(f"  {ks.invariants.anomalies(cluster.trace).names}")

    def transactional(cluster: ks.Cluster, consumer: Any, crash: Crash | None) -> object:
        producer = cluster.producer(transactional_id="billing")
        return exactly_once(consumer, producer, lambda one: (one.key, one.value.upper()), "bills", crash=crash)

    for step in ("poll", "begin", "send", "offsets", "commit"):
        number = 3 if step == "send" else 2
        cluster = lives(transactional, Crash(step, number))
        lines.append(f"exactly_once, dies after {step} {number}: committed {read(cluster, 'read_committed')}")
        lines.append(f"  everything: {read(cluster, 'read_uncommitted')}")
        lines.append(f"  {ks.invariants.anomalies(cluster.trace).names}")
    return "\n".join(lines)


SCENARIOS = (fail_over, lost_ack, in_flight_reordering, zombie_is_fenced, isolation_levels, delivery_semantics)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
