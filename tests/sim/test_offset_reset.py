"""Where a consumer goes when the committed offset is of no use, and what a group is after its coordinator has died."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import NoOffsetForPartitionException, OffsetOutOfRangeException
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import GroupChanged, PositionSet

T0 = TopicPartition("t", 0)


def cluster_with(committed: int | None) -> ks.Cluster:
    """Eight records, and a commit of group g."""
    cluster = ks.Cluster(brokers=3, seed=5)
    cluster.create_topic("t", partitions=1, replication_factor=3)
    producer = cluster.producer()
    for number in range(8):
        producer.send("t", f"{number}", partition=0)
    producer.flush().get()
    if committed is not None:
        visitor = cluster.consumer(group_id="g")
        visitor.assign([T0])
        visitor.commit_sync({T0: committed}).get()
        visitor.close().get()
    return cluster


@pytest.mark.parametrize(("policy", "positions"), [("earliest", [20, 0]), ("latest", [20, 8])])
def test_out_of_range_the_policy_decides_and_not_the_committed_offset(policy: str, positions: list[int]) -> None:
    cluster = cluster_with(20)
    consumer = cluster.consumer("t", group_id="g", auto_offset_reset=policy)
    for _ in range(10):
        consumer.poll(500).get()
    assert [fact.position for fact in cluster.trace.of(PositionSet)] == positions


def test_out_of_range_without_a_policy_poll_raises_and_a_seek_goes_on() -> None:
    consumer = cluster_with(20).consumer("t", group_id="g", auto_offset_reset="none")
    with pytest.raises(OffsetOutOfRangeException):
        consumer.poll(10_000).get()
    consumer.seek(T0, 7)
    assert [record.offset for record in consumer.poll(1000).get()] == [7]


def test_without_a_committed_offset_and_a_policy_poll_and_position_raise() -> None:
    consumer = cluster_with(None).consumer(group_id="g", auto_offset_reset="none")
    consumer.assign([T0])
    for ask in (lambda: consumer.poll(5000), lambda: consumer.position(T0)):
        with pytest.raises(NoOffsetForPartitionException):
            ask().get()
        consumer.unsubscribe()
        consumer.assign([T0])


def test_an_empty_group_is_empty_for_the_next_coordinator_and_counts_on() -> None:
    cluster = cluster_with(None)
    consumer = cluster.consumer("t", group_id="g")
    for _ in range(10):
        consumer.poll(500).get()
    consumer.close().get()
    cluster.run(for_ms=2000)
    empty = list(cluster.trace.of(GroupChanged))[-1]
    assert (empty.state, empty.generation) == ("Empty", 2)
    cluster.kill(empty.coordinator)
    cluster.run(for_ms=25_000)
    follower = cluster.consumer("t", group_id="g")
    for _ in range(20):
        follower.poll(500).get()
    heir = list(cluster.trace.of(GroupChanged))[-1]
    assert heir.coordinator != empty.coordinator
    assert (heir.state, heir.generation, len(heir.members)) == ("Stable", 3, 1)
