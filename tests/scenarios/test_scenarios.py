"""Scenarios as golden conversations: each is run anew and its text compared with the one on file.

``pytest tests/scenarios --rewrite`` writes them anew; the change is then reviewed as a diff.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.trace import Trace
from kafkasim.trace.facts import RecordsPolled

QUIET = ("MessageSent", "MessageLost", "ZnodeChanged", "WatchFired", "MetadataLearned")


def told(trace: Trace, from_ms: float) -> str:
    """The facts from a time on, in words, but for single messages, ZooKeeper's doings and the cluster's own topics."""
    lines = []
    for fact in trace.between(from_ms, trace.end_ms + 1):
        if fact.kind not in QUIET and "__consumer_offsets" not in fact.sentence:
            lines.append(str(fact))
    return "\n".join(lines)


def one_record() -> str:
    """One record's whole way with acks=all."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=3, replication_factor=3, min_insync_replicas=2)
    start = cluster.now_ms
    producer = cluster.producer(acks="all")
    consumer = cluster.consumer("orders", group_id="billing", auto_offset_reset="earliest")
    producer.send("orders", "one coffee", key="table-4").get()
    while not list(consumer.poll(1_000).get()):
        pass
    consumer.commit_sync().get()
    return told(cluster.trace, start)


def leader_crash() -> str:
    """The leader dies while records are sent; another leads; the broker comes back."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=101)
    cluster.create_topic("orders", assignment={0: [102, 103, 101]}, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("orders", "before", key="k").get()
    start = cluster.now_ms
    cluster.kill(102)
    producer.send("orders", "during", key="k").get()
    cluster.restart(102)
    producer.send("orders", "after", key="k").get()
    cluster.run(for_ms=1_000)
    return told(cluster.trace, start)


def growing_group() -> str:
    """A group of one becomes a group of two, then one leaves."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=3, replication_factor=3)
    producer = cluster.producer()
    for number in range(6):
        producer.send("orders", f"order {number}", partition=number % 3)
    producer.flush().get()
    start = cluster.now_ms
    first = cluster.consumer("orders", group_id="billing", auto_offset_reset="earliest")
    for _ in range(8):
        first.poll(1_000).get()
    second = cluster.consumer("orders", group_id="billing", auto_offset_reset="earliest")
    for _ in range(6):
        first.poll(500).get()
        second.poll(500).get()
    second.close().get()
    for _ in range(8):
        first.poll(500).get()
    return told(cluster.trace, start)


GROUP = ("GroupChanged", "PartitionsAssigned", "PartitionsRevoked", "OffsetCommitted", "RecordsPolled", "FaultStarted")


def told_of_groups(trace: Trace, from_ms: float) -> str:
    """What a group goes through, and what its members read."""
    facts = [fact for fact in trace.between(from_ms, trace.end_ms + 1) if fact.kind in GROUP]
    return "\n".join(str(fact) for fact in facts)


def running(cluster: ks.Cluster, name: str, works_ms: int = 0, **settings: Any) -> Any:
    """A member of the group billing that polls all the time, and works a while between two polls."""
    given = {"group_id": "billing", "auto_offset_reset": "earliest", "enable_auto_commit": False, **settings}
    consumer = cluster.consumer("orders", client_id=name, **given)

    def polls() -> Generator[Any, Any, None]:
        while True:
            try:
                yield consumer.poll(200)
                yield cluster.sleep_ms(works_ms)
            except ks.KafkaSimError:
                return

    cluster.process(polls)
    return consumer


def three_grow_to_four() -> str:
    """Three members share three partitions; a fourth is idle, until one leaves."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=3, replication_factor=3)
    start = cluster.now_ms
    members = [running(cluster, name) for name in ("anna", "bert", "carl")]
    cluster.run(for_ms=10_000)
    running(cluster, "dora")
    cluster.run(for_ms=5_000)
    members[0].close()
    cluster.run(for_ms=5_000)
    return told_of_groups(cluster.trace, start)


def member_crash() -> str:
    """A member dies; another takes its partition over and starts at the committed offset."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=2, replication_factor=3)
    start = cluster.now_ms
    running(cluster, "anna")
    bert = running(cluster, "bert")
    cluster.run(for_ms=10_000)
    producer = cluster.producer()
    for number in range(4):
        producer.send("orders", f"order {number}", partition=1)
    producer.flush().get()
    cluster.run(for_ms=500)
    bert.commit_sync({ks.TopicPartition("orders", 1): 3}).get()
    cluster.kill(bert)
    cluster.run(for_ms=50_000)
    return told_of_groups(cluster.trace, start)


def rebalance_pause(assignor: str) -> str:
    """A member joins while records come and bert works slowly; how long each partition was not read."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=4, replication_factor=3)
    running(cluster, "anna", partition_assignment_strategy=[assignor])
    running(cluster, "bert", works_ms=4_000, partition_assignment_strategy=[assignor])
    cluster.run(for_ms=20_000)
    producer = cluster.producer()

    def sends() -> Generator[Any, Any, None]:
        for number in range(800):
            producer.send("orders", f"{number}", partition=number % 4)
            yield cluster.sleep_ms(25)

    start = cluster.now_ms
    cluster.process(sends)
    cluster.run(for_ms=1_000)
    running(cluster, "carl", partition_assignment_strategy=[assignor])
    cluster.run(for_ms=18_000)
    trace = cluster.trace
    lines = [told_of_groups(Trace([one for one in trace if one.kind != "RecordsPolled"]), start)]
    for number in range(4):
        reads = [
            start,
            *(one.at_ms for one in trace.of(RecordsPolled) if one.at_ms >= start and one.tp.partition == number),
        ]
        pause = max(later - earlier for earlier, later in itertools.pairwise(reads))
        lines.append(f"orders-{number}: the longest time without a record is {pause:.0f} ms")
    return "\n".join(lines)


def eager_rebalance() -> str:
    """Everybody stops."""
    return rebalance_pause("range")


def cooperative_rebalance() -> str:
    """Only what moves stops."""
    return rebalance_pause("cooperative-sticky")


def coordinator_crash() -> str:
    """The group's coordinator dies; another loads the group, and nobody joins anew."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=2, replication_factor=3)
    start = cluster.now_ms
    anna = running(cluster, "anna")
    running(cluster, "bert")
    cluster.run(for_ms=10_000)
    cluster.kill(cluster.admin().describe_consumer_group("billing").get().coordinator)
    cluster.run(for_ms=30_000)
    anna.commit_sync({ks.TopicPartition("orders", 0): 0}).get()
    return told_of_groups(cluster.trace, start)


SCENARIOS = (
    one_record, leader_crash, growing_group, three_grow_to_four, member_crash, eager_rebalance, cooperative_rebalance,
    coordinator_crash,
)  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
