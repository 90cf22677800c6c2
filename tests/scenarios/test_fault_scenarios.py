"""Golden conversations about replication and its faults: what was promised, what broke, which records are lost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.trace import Trace
from kafkasim.trace.facts import MessageSent

LOUD = (
    "FaultStarted", "FaultEnded", "HostChanged", "BrokerRegistered", "ControllerElected", "ControllerResigned",
    "TopicCreated", "PartitionChanged", "IsrChangeProposed", "ReplicaRoleChanged", "UnflushedLost", "LogRecovered",
    "LogTruncated", "ProduceRefused", "BatchRetried", "BatchAcknowledged", "BatchFailed",
)  # fmt: skip
"""The facts that these stories are about."""

TP = ks.TopicPartition("orders", 0)
QUICK = {"zookeeper.session.timeout.ms": "6000", "replica.lag.time.max.ms": "5000"}


def told(trace: Trace, from_ms: float, *also: str) -> str:
    """What happened to brokers, leaders, logs and batches, from a time on; the cluster's own topics are left out."""
    return "\n".join(
        str(fact)
        for fact in trace.between(from_ms, trace.end_ms + 1)
        if fact.kind in LOUD + also and "__consumer_offsets" not in fact.sentence
    )


def cluster_with_orders(**settings: object) -> ks.Cluster:
    """Three brokers; broker-101 leads orders-0, broker-103 is the controller."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103, broker_config=QUICK)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, **settings)
    return cluster


def logs(cluster: ks.Cluster, when: str) -> str:
    """What every broker has of orders-0 on its disk."""
    lines = [f"-- {when} --"]
    for broker in cluster.brokers:
        held = [
            f"{offset}={record.value.decode()}"
            for segment in cluster.disk(broker).replica(TP).segments
            for batch in segment.batches
            for offset, record in batch.records
        ]
        lines.append(f"broker-{broker} has {', '.join(held) or 'nothing'}")
    return "\n".join(lines)


def fate(cluster: ks.Cluster) -> str:
    """What became of every record."""
    return f"-- in the end --\n{ks.invariants.delivery(cluster.trace)}"


def unclean_election() -> str:
    """The last in-sync replica dies; one that has missed two records leads, and two logs part until one is cut."""
    cluster = cluster_with_orders(unclean_leader_election_enable=True)
    producer = cluster.producer(acks="all")
    producer.send("orders", "a").get()
    cluster.run(for_ms=100)
    start = cluster.now_ms
    cluster.kill(102)
    cluster.kill(103)
    cluster.run(for_ms=10_000)
    producer.send("orders", "b").get()
    producer.send("orders", "c").get()
    cluster.kill(101)
    cluster.restart(102)
    cluster.producer(acks="all").send("orders", "d").get()
    parted = logs(cluster, "two logs have parted")
    cluster.restart(101)
    cluster.restart(103)
    cluster.run(for_ms=1_000)
    return "\n".join([told(cluster.trace, start), parted, logs(cluster, "one log again"), fate(cluster)])


def last_replica_standing() -> str:
    """acks=all, min.insync.replicas=2, only clean elections, and yet all is lost: the last in-sync replica had not
    flushed."""
    cluster = cluster_with_orders(min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    hasty = cluster.producer(acks="all", retries=0)
    producer.send("orders", "a").get()
    producer.send("orders", "b").get()
    start = cluster.now_ms
    cluster.stop(103)
    producer.send("orders", "c").get()
    cluster.stop(102)
    refused = hasty.send("orders", "x")
    cluster.run(for_ms=500)
    assert type(refused.error).java_name == "NotEnoughReplicasException"
    before = logs(cluster, "before the power fails")
    cluster.power_loss(101)
    cluster.run(for_ms=10_000)
    for broker in (101, 102, 103):
        cluster.restart(broker)
    cluster.run(for_ms=1_000)
    producer.send("orders", "d").get()
    cluster.run(for_ms=600)
    return "\n".join([told(cluster.trace, start), before, logs(cluster, "all are back"), fate(cluster)])


def zombie_controller() -> str:
    """A controller stands still, is replaced, and what it had said before arrives late: nobody obeys."""
    cluster = cluster_with_orders()
    start = cluster.now_ms
    cluster.inject(ks.faults.Clog("broker-103", "broker-102", one_way=True))
    cluster.admin().create_topic("invoices", assignment={0: [101, 102]})
    cluster.run(for_ms=200)
    cluster.pause(103)
    cluster.run(for_ms=10_000)
    cluster.heal()
    cluster.run(for_ms=1_000)
    cluster.resume(103)
    cluster.run(for_ms=30_000)
    said = [one for one in cluster.trace.of(MessageSent) if one.at_ms >= start and one.source == "broker-103"]
    late = {one.number for one in said if one.arrives_us is None and one.destination == "broker-102"}
    answers = [str(one) for one in cluster.trace.of(MessageSent) if one.number in late or one.reply_to in late]
    return "\n".join([told(cluster.trace, start, "MessageReleased"), "-- what came late, and the answers --", *answers])


def rolling_restart_with_an_accident() -> str:
    """One broker after the other is stopped and started; in the middle of it another one is killed."""
    cluster = cluster_with_orders(min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    waits: list[tuple[float, float]] = []

    def one(number: int) -> Generator[Any, Any, None]:
        sent_ms = cluster.now_ms
        yield producer.send("orders", f"{number}")
        waits.append((sent_ms, cluster.now_ms - sent_ms))

    def sends() -> Generator[Any, Any, None]:
        for number in range(400):
            cluster.process(lambda number=number: one(number))
            yield cluster.sleep_ms(100)

    start = cluster.now_ms
    cluster.process(sends)
    for broker in cluster.brokers:
        cluster.run(for_ms=3_000)
        cluster.stop(broker)
        if broker == 102:
            cluster.kill(101)
            cluster.run(for_ms=8_000)
            cluster.restart(101)
        cluster.restart(broker)
    cluster.run(until_ms=start + 45_000)
    delayed = [wait for _, wait in waits if wait > 100]
    story = told(Trace([fact for fact in cluster.trace if not fact.kind.startswith("Batch")]), start)
    return "\n".join([
        story, fate(cluster),
        f"acknowledged within 100 ms: {len(waits) - len(delayed)} of {len(waits)}; the slowest after {max(delayed):.0f} ms",
    ])  # fmt: skip


SCENARIOS = (unclean_election, last_replica_standing, zombie_controller, rolling_restart_with_an_accident)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
