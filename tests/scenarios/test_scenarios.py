"""Scenarios as golden conversations: each is run anew and its text compared with the one on file.

``pytest tests/scenarios --rewrite`` writes them anew; the change is then reviewed as a diff.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from kafkasim.trace import Trace

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


@pytest.mark.parametrize("scenario", [one_record, leader_crash, growing_group], ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
