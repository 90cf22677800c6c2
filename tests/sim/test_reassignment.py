"""Replicas move to other brokers."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import (
    InvalidReplicaAssignmentException,
    NoReassignmentInProgressException,
)
from tests.sim.clusters import TP, cluster_of, lose, state


def test_replicas_move_new_ones_first_and_old_ones_leave_when_all_are_in_sync():
    cluster = cluster_of(4)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]})
    cluster.producer().send("t", "a").get()
    admin.alter_partition_reassignments({TP: [3, 2]}).get()
    under_way = admin.list_partition_reassignments().get()[TP]
    assert (under_way.replicas, under_way.adding_replicas, under_way.removing_replicas) == ((3, 2, 1), (3,), (1,))
    cluster.run(for_ms=1_000)
    assert state(cluster) == (3, (2, 3), 3, 4)
    assert admin.list_partition_reassignments().get() == {}
    assert admin.describe_topic("t").get().partitions[0].replicas == (3, 2)
    assert TP not in cluster.disk(1).partitions
    assert cluster.disk(3).replica(TP).log_end_offset == 1
    steps = [(one.replicas, one.adding, one.removing) for one in cluster.trace.of(ks.facts.AssignmentChanged)]
    assert steps == [((3, 2, 1), (3,), (1,)), ((3, 2), (), ())]


def test_a_new_order_changes_the_leader_only_by_a_preferred_election():
    cluster = cluster_of(3)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 3]})
    admin.alter_partition_reassignments({TP: [3, 1]}).get()
    assert state(cluster) == (1, (1, 3), 1, 1)
    assert admin.elect_leaders("preferred", [TP]).get() == {TP: None}
    assert state(cluster) == (3, (1, 3), 2, 2)


def test_a_move_to_a_broker_that_dies_waits_and_can_be_cancelled():
    cluster = cluster_of(4)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]})
    for target in ([9, 1], [1, 1]):
        with pytest.raises(InvalidReplicaAssignmentException):
            admin.alter_partition_reassignments({TP: target}).get()
    with pytest.raises(NoReassignmentInProgressException):
        admin.alter_partition_reassignments({TP: None}).get()
    cluster.kill(3)
    admin.alter_partition_reassignments({TP: [3, 2]}).get()
    cluster.run(for_ms=9_000)
    assert admin.list_partition_reassignments().get()[TP].adding_replicas == (3,)
    admin.alter_partition_reassignments({TP: None}).get()
    cluster.run(for_ms=500)
    assert admin.list_partition_reassignments().get() == {}
    assert admin.describe_topic("t").get().partitions[0].replicas == (2, 1), (
        "without the new one, in the order of the move"
    )
    assert state(cluster)[:2] == (1, (1, 2))


def test_a_move_outlives_its_controller():
    cluster = cluster_of(4)
    cluster.create_topic("t", assignment={0: [1, 2]})
    cluster.kill(3)
    cluster.admin().alter_partition_reassignments({TP: [3, 2]}).get()
    lose(cluster, 4)
    cluster.restart(3)
    cluster.run(for_ms=2_000)
    assert state(cluster)[:2] == (3, (2, 3))
