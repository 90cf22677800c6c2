"""Golden conversations about replication: the ISR, acks=all with brokers down, a record lost with acks=1, a zombie."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from kafkasim.trace import Trace

LOUD = (
    "FaultStarted", "FaultEnded", "HostChanged", "SessionChanged", "BrokerRegistered", "ControllerElected",
    "PartitionChanged", "IsrChangeProposed", "RecordsAppended", "HighWatermarkMoved",
    "HighWatermarkHeld", "LogTruncated", "ProduceRefused", "BatchSent", "BatchRetried",
    "BatchAcknowledged", "BatchFailed", "Disconnected", "ReplicaRoleChanged",
)  # fmt: skip
"""The facts that these stories are about."""


def told(trace: Trace, from_ms: float) -> str:
    """What happened to machines, replicas and batches of the topic orders, from a time on."""
    lines = []
    for fact in trace.between(from_ms, trace.end_ms + 1):
        if fact.kind in LOUD and "__consumer_offsets" not in fact.sentence:
            lines.append(str(fact))
    return "\n".join(lines)


def isr_shrinks_and_grows() -> str:
    """A follower stands still, a record waits for it until it has left the ISR, and it comes back."""
    settings = {"replica.lag.time.max.ms": 5_000}
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=102, broker_config=settings)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("orders", "before").get()
    cluster.run(until_ms=2_000)
    start = cluster.now_ms
    cluster.pause(103)
    cluster.run(for_ms=1_000)
    waited = producer.send("orders", "waits")
    cluster.run(for_ms=10_000)
    assert waited.result().offset == 1
    cluster.resume(103)
    cluster.run(for_ms=2_000)
    assert cluster.trace.now.isr("orders-0") == (101, 102, 103)
    return told(cluster.trace, start)


def acks_all_with_brokers_down() -> str:
    """One broker down: acks=all goes on. Two down: it is refused, and acks=1 is taken but cannot be committed."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=101)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    careful = cluster.producer(acks="all", retries=0, enable_idempotence=False)
    quick = cluster.producer(acks=1)
    careful.send("orders", "three up").get()
    start = cluster.now_ms
    cluster.kill(102)
    cluster.run(for_ms=25_000)
    careful.send("orders", "two up").get()
    cluster.kill(103)
    cluster.run(for_ms=25_000)
    refused = careful.send("orders", "one up, acks=all")
    taken = quick.send("orders", "one up, acks=1")
    cluster.run(for_ms=1_000)
    assert type(refused.error).java_name == "NotEnoughReplicasException"
    assert taken.result().offset == 2
    return told(cluster.trace, start)


def acknowledged_and_lost() -> str:
    """acks=1: the leader acknowledges and dies before anybody has fetched; the next leader never had the record."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]})
    producer = cluster.producer(acks=1)
    producer.send("orders", "kept").get()
    cluster.run(until_ms=2_000)
    start = cluster.now_ms
    for follower in (102, 103):
        cluster.pause(follower)
    cluster.run(for_ms=1_000)
    producer.send("orders", "lost").get()
    cluster.kill(101)
    for follower in (102, 103):
        cluster.resume(follower)
    cluster.run(for_ms=25_000)
    producer.send("orders", "in its place").get()
    cluster.restart(101)
    cluster.run(for_ms=2_000)
    assert ks.invariants.delivery(cluster.trace).lost == (("producer-1", 1),)
    return told(cluster.trace, start)


def zombie_leader() -> str:
    """A leader stands still until its session is gone; awake again it believes that it leads, and is fenced."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("orders", "before").get()
    cluster.run(until_ms=2_000)
    start = cluster.now_ms
    cluster.pause(101)
    cluster.run(for_ms=25_000)
    cluster.resume(101)
    producer.send("orders", "after").get()
    cluster.run(for_ms=2_000)
    state = cluster.trace.now
    assert (state.leader("orders-0"), state.isr("orders-0")) == (102, (101, 102, 103))
    return told(cluster.trace, start)


SCENARIOS = (isr_shrinks_and_grows, acks_all_with_brokers_down, acknowledged_and_lost, zombie_leader)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
