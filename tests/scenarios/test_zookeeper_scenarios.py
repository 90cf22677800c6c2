"""Golden conversations about the ZooKeeper ensemble: its leader crashes; its quorum is lost and comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from kafkasim.trace import Trace

LOUD = (
    "FaultStarted", "FaultEnded", "HostChanged", "ZooKeeperServerChanged", "ZooKeeperLeaderElected",
    "FollowerSynchronized", "SessionChanged", "BrokerRegistered", "ControllerElected", "LiveBrokersChanged",
    "PartitionChanged", "TopicCreated", "IsrChangeProposed", "BatchAcknowledged", "BatchFailed",
)  # fmt: skip
"""The facts that these stories are about."""


def told(trace: Trace, from_ms: float) -> str:
    """What happened to servers, sessions, leaders and batches, from a time on."""
    return "\n".join(str(fact) for fact in trace.between(from_ms, trace.end_ms + 1) if fact.kind in LOUD)


def zookeeper_leader_crash() -> str:
    """All sessions move to the survivors and live on; Kafka does not notice."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=101)
    cluster.create_topic("orders", assignment={0: [102, 103, 101]}, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("orders", "before").get()
    start = cluster.now_ms
    cluster.kill(cluster.zookeeper.leader)
    producer.send("orders", "during").get()
    cluster.run(for_ms=5_000)
    cluster.create_topic("invoices", assignment={0: [103, 101]})
    cluster.start("zookeeper-3")
    cluster.run(for_ms=40_000)
    return told(cluster.trace, start)


def quorum_lost_and_regained() -> str:
    """Two of three ZooKeeper servers die: producing goes on, a dead broker is not replaced until they are back."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=101, broker_config={"zookeeper.session.timeout.ms": "6000"})
    cluster.create_topic("orders", assignment={0: [102, 103, 101]}, min_insync_replicas=2)
    cluster.create_topic("invoices", assignment={0: [103, 101]})
    patient = cluster.producer(acks="all")
    hasty = cluster.producer(acks="all", delivery_timeout_ms=5_000, request_timeout_ms=3_000)
    patient.send("orders", "before").get()
    start = cluster.now_ms
    cluster.kill("zookeeper-1")
    cluster.kill("zookeeper-3")
    cluster.run(for_ms=20_000)
    patient.send("orders", "without a quorum").get()
    cluster.kill(103)
    lost = hasty.send("invoices", "to the dead leader")
    slow = hasty.send("orders", "the dead follower cannot leave the ISR")
    cluster.run(for_ms=20_000)
    assert [type(one.error).java_name for one in (lost, slow)] == ["TimeoutException", "TimeoutException"]
    cluster.start("zookeeper-1")
    cluster.run(for_ms=20_000)
    patient.send("orders", "after").get()
    patient.send("invoices", "after").get()
    return told(cluster.trace, start)


@pytest.mark.parametrize("scenario", [zookeeper_leader_crash, quorum_lost_and_regained], ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
