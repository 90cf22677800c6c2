"""Topics are made, grown and deleted, also while brokers are down."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import (
    InvalidPartitionsException,
    InvalidReplicaAssignmentException,
    TimeoutException,
    TopicExistsException,
    UnknownTopicOrPartitionException,
)
from tests.sim.clusters import TP, cluster_of, lose, state


def test_a_topic_without_live_replicas_exists_and_goes_online_when_one_comes():
    cluster = cluster_of(3)
    lose(cluster, 2)
    admin = cluster.admin(request_timeout_ms=4_000)
    with pytest.raises(TimeoutException, match="not all its partitions have a leader"):
        admin.create_topic("t", assignment={0: [2]}).get()
    with pytest.raises(UnknownTopicOrPartitionException):
        admin.describe_topic("t").get()
    with pytest.raises(TopicExistsException):
        admin.create_topic("t", 1, 1).get()
    cluster.restart(2)
    cluster.run(for_ms=500)
    assert state(cluster) == (2, (2,), 0, 0)


def test_a_dead_replica_holds_a_deletion_up_until_it_returns():
    cluster = cluster_of(3)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]})
    lose(cluster, 2)
    admin.delete_topic("t").get()
    cluster.run(for_ms=1_000)
    assert cluster.disk(1).partitions == ()
    assert cluster.disk(2).partitions == (TP,)
    assert cluster.trace.now.topics == ()
    with pytest.raises(UnknownTopicOrPartitionException):
        admin.describe_topic("t").get()
    with pytest.raises(TopicExistsException):
        admin.create_topic("t", 1, 1).get()
    cluster.restart(2)
    cluster.run(for_ms=1_000)
    assert cluster.disk(2).partitions == ()
    admin.create_topic("t", 1, 1).get()
    assert cluster.trace.now.topics == ("t",)
    assert state(cluster)[2:] == (0, 0), "a new topic, not the old one"


def test_a_deletion_outlives_its_controller():
    cluster = cluster_of(3)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]})
    lose(cluster, 2)
    admin.delete_topic("t").get()
    lose(cluster, 3)
    cluster.restart(2)
    cluster.run(for_ms=2_000)
    assert [one.topic for one in cluster.trace.of(ks.facts.TopicDeleted)] == ["t"]


def test_partitions_are_added_and_never_taken_away():
    cluster = cluster_of(3)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [2, 3], 1: [3, 1]})
    admin.create_partitions("t", 5).get()
    added = admin.describe_topic("t").get().partitions[2:]
    assert [one.replicas for one in added] == [(1, 3), (2, 3), (3, 1)]
    admin.create_partitions("t", 6, [[1, 2]]).get()
    assert admin.describe_topic("t").get().partitions[5].replicas == (1, 2)
    for count, wanted, error, text in [
        (6, None, InvalidPartitionsException, "already has 6"),
        (1, None, InvalidPartitionsException, "higher than the requested 1"),
        (8, [[1, 2]], InvalidReplicaAssignmentException, "by 2 but 1 assignments"),
        (7, [[9, 1]], InvalidReplicaAssignmentException, "Unknown broker"),
        (7, [[1, 1]], InvalidReplicaAssignmentException, "Duplicate"),
        (7, [[1]], InvalidReplicaAssignmentException, "Inconsistent replication factor"),
    ]:
        with pytest.raises(error, match=text):
            admin.create_partitions("t", count, wanted).get()
