"""The controller: who leads, and who holds what, through failures, moves and the administrator's wishes."""

from __future__ import annotations

from typing import Any

import pytest

import kafkasim as ks
from kafkasim.errors import (
    ElectionNotNeededException,
    EligibleLeadersNotAvailableException,
    InvalidPartitionsException,
    InvalidReplicaAssignmentException,
    NoReassignmentInProgressException,
    PreferredLeaderNotAvailableException,
    TimeoutException,
    TopicExistsException,
    UnknownTopicOrPartitionException,
)

TP = ks.TopicPartition("t", 0)


def cluster_of(count: int, **settings: object) -> ks.Cluster:
    """Brokers 1 to n, of which the last is the controller; a dead one is missed after some 6 s."""
    config = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, **settings}
    return ks.Cluster(list(range(1, count + 1)), first_broker=count, zookeepers=1, broker_config=config, seed=11)


def state(cluster: ks.Cluster, tp: ks.TopicPartition = TP) -> tuple[int, tuple[int, ...], int, int]:
    """Leader, ISR in ascending order, leader epoch, partition epoch."""
    known = cluster.trace.now.partition(tp)
    return known.leader, tuple(sorted(known.isr)), known.leader_epoch, known.partition_epoch


def lose(cluster: ks.Cluster, broker: int) -> None:
    cluster.run(for_ms=100)  # followers have fetched by then
    cluster.kill(broker)
    cluster.run(for_ms=9_000)


# --- failover ----------------------------------------------------------------------------------------------


def test_a_new_controller_takes_the_dead_one_out_first_and_elects_then():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [3, 1, 2], 1: [1, 3, 2]})
    cluster.create_topic("s", assignment={0: [3]})
    lose(cluster, 3)
    led, followed = state(cluster), state(cluster, ks.TopicPartition("t", 1))
    alone = state(cluster, ks.TopicPartition("s", 0))
    assert led == (1, (1, 2), 2, 2), "out of the ISR is one decision, the election another"
    assert followed == (1, (1, 2), 1, 1)
    assert alone == (-1, (3,), 1, 1), "the last member stays listed"
    (first, second) = cluster.trace.of(ks.facts.ControllerElected)
    assert (first.broker, first.controller_epoch, second.controller_epoch) == (3, 1, 2)


def test_deleting_slash_controller_by_hand_makes_a_new_election():
    cluster = cluster_of(2)
    zookeeper = cluster.zookeeper.client()
    zookeeper.start()
    zookeeper.delete("/controller")
    cluster.run(for_ms=1_000)
    resigned = cluster.trace.of(ks.facts.ControllerResigned)
    assert [(one.broker, one.controller_epoch) for one in resigned] == [(2, 1)]
    assert cluster.trace.of(ks.facts.ControllerElected)[-1].controller_epoch == 2
    cluster.create_topic("t", 1, 2)
    assert state(cluster)[2:] == (0, 0)


def test_a_paused_controller_is_replaced_and_its_word_counts_no_more():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [3, 1, 2]})
    cluster.pause(3)
    cluster.run(for_ms=10_000)
    assert state(cluster) == (1, (1, 2), 2, 2)
    cluster.resume(3)
    cluster.run(for_ms=10_000)
    assert [one.broker for one in cluster.trace.of(ks.facts.ControllerResigned)] == [3]
    assert state(cluster)[:3] == (1, (1, 2, 3), 2), "the zombie has come back as a follower, and changed nothing"


# --- leaders -----------------------------------------------------------------------------------------------


def test_leaders_are_elected_by_hand_only_where_it_is_needed_and_possible():
    cluster = cluster_of(4)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]})
    with_leader = admin.elect_leaders("unclean", [TP]).get()
    assert isinstance(with_leader[TP], ElectionNotNeededException)
    assert isinstance(admin.elect_leaders("preferred", [TP]).get()[TP], ElectionNotNeededException)
    lose(cluster, 2)
    lose(cluster, 1)
    assert state(cluster) == (-1, (1,), 2, 2)
    assert isinstance(admin.elect_leaders("unclean", [TP]).get()[TP], EligibleLeadersNotAvailableException)
    assert isinstance(admin.elect_leaders("preferred", [TP]).get()[TP], PreferredLeaderNotAvailableException)
    cluster.restart(2)
    cluster.run(for_ms=1_000)
    assert state(cluster)[0] == -1, "it was not in sync"
    assert admin.elect_leaders("unclean", [TP]).get() == {TP: None}
    assert state(cluster) == (2, (2,), 3, 3)
    assert cluster.trace.why(TP, "leader").setting == "electLeaders(unclean)"


def test_allowing_unclean_elections_for_a_topic_without_leader_elects_at_once():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [1, 2]})
    lose(cluster, 2)
    lose(cluster, 1)
    cluster.restart(2)
    cluster.run(for_ms=1_000)
    assert state(cluster)[0] == -1
    cluster.admin().incremental_alter_configs({"unclean.leader.election.enable": True}, topic="t").get()
    cluster.run(for_ms=40)
    assert state(cluster) == (2, (2,), 3, 3)
    assert cluster.trace.why(TP, "leader").setting == "unclean.leader.election.enable=true"


def test_the_imbalance_check_gives_the_lead_back_on_its_grid_and_then_rests():
    cluster = cluster_of(3, **{"leader.imbalance.check.interval.seconds": 20})
    cluster.create_topic("t", assignment={0: [1, 2]})
    elected_ms = cluster.trace.of(ks.facts.ControllerElected)[0].at_ms
    lose(cluster, 1)
    cluster.restart(1)
    cluster.run(for_ms=2_000)
    assert state(cluster)[:2] == (2, (1, 2))
    cluster.run(for_ms=30_000)
    back = cluster.trace.of(ks.facts.PartitionChanged)[-1]
    assert back.leader == 1
    assert (back.at_ms - elected_ms - 5_000) % 20_000 < 10
    assert back.setting.startswith("leader.imbalance.per.broker.percentage=10: 100%")
    facts = len(cluster.trace)
    cluster.run(for_ms=3_600_000)
    assert len(cluster.trace) == facts


def test_below_the_percentage_the_lead_is_left_where_it_is():
    cluster = cluster_of(
        3, **{"leader.imbalance.check.interval.seconds": 5, "leader.imbalance.per.broker.percentage": 50}
    )
    cluster.create_topic("t", assignment={0: [1, 2], 1: [1, 2]})
    admin = cluster.admin()
    admin.alter_partition_reassignments({TP: [2, 1]}).get()
    cluster.run(for_ms=500)
    admin.elect_leaders("preferred", [TP]).get()
    admin.alter_partition_reassignments({TP: [1, 2]}).get()
    cluster.run(for_ms=30_000)
    assert state(cluster)[0] == 2, "one of two is not more than half"


# --- shutting down -------------------------------------------------------------------------------------------


def test_a_broker_that_stops_has_given_everything_away_before_it_goes():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [1, 2], 1: [2, 1]})
    cluster.create_topic("s", assignment={0: [1]})
    before_ms = cluster.now_ms
    cluster.stop(1)
    assert cluster.now_ms - before_ms < 100
    cluster.run(for_ms=100)
    assert state(cluster) == (2, (2,), 1, 1)
    assert state(cluster, ks.TopicPartition("t", 1)) == (2, (2,), 1, 1)
    assert state(cluster, ks.TopicPartition("s", 0)) == (-1, (1,), 1, 1)
    assert cluster.trace.why(TP, "leader").setting == "controlled.shutdown.enable=true"


def test_the_last_in_sync_replica_tries_three_times_and_goes_anyway():
    cluster = cluster_of(3, **{"controlled.shutdown.retry.backoff.ms": 1000})
    cluster.create_topic("t", assignment={0: [1, 2]})
    lose(cluster, 2)
    before_ms = cluster.now_ms
    cluster.stop(1)
    assert 2_000 < cluster.now_ms - before_ms < 2_200, "two pauses between three tries"
    cluster.run(for_ms=100)
    assert state(cluster) == (-1, (1,), 2, 2)


# --- topics ----------------------------------------------------------------------------------------------------


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


# --- moving replicas ---------------------------------------------------------------------------------------------


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
    for target in ([9, 1], [1, 1], []):
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


# --- settings and the cluster ---------------------------------------------------------------------------------------


def test_settings_are_written_announced_and_taken_over_by_every_broker():
    cluster = cluster_of(2)
    admin = cluster.admin()
    cluster.create_topic("t", assignment={0: [1, 2]}, retention_ms=60_000)
    admin.incremental_alter_configs({"retention.ms": 70_000, "min.insync.replicas": 2}, topic="t").get()
    cluster.run(for_ms=20)
    configs = admin.describe_configs(topic="t").get()
    assert (configs["retention.ms"].value, configs["retention.ms"].source) == ("70000", "DYNAMIC_TOPIC_CONFIG")
    assert (configs["segment.bytes"].value, configs["segment.bytes"].is_default) == ("1073741824", True)
    lose(cluster, 2)
    with pytest.raises(TimeoutException):
        cluster.producer(delivery_timeout_ms=3_000, request_timeout_ms=1_000).send("t", "v").get()
    admin.incremental_alter_configs({"min.insync.replicas": None}, topic="t").get()
    cluster.run(for_ms=20)
    assert cluster.producer().send("t", "v").get().offset == 0


def test_a_brokers_own_settings_change_while_it_runs_and_outlive_it():
    cluster = cluster_of(2)
    admin = cluster.admin()
    admin.incremental_alter_configs({"log.retention.ms": 5_000}, broker=1).get()
    cluster.run(for_ms=20)
    mine = admin.describe_configs(broker=1).get()["log.retention.ms"]
    assert (mine.value, mine.source) == ("5000", "DYNAMIC_BROKER_CONFIG")
    assert admin.describe_configs(broker=2).get()["log.retention.ms"].value is None
    cluster.stop(1)
    cluster.start(1)
    cluster.run(for_ms=100)
    assert admin.describe_configs(broker=1).get()["log.retention.ms"].value == "5000"


@pytest.mark.parametrize(
    ("config", "where", "error"),
    [
        ({"retention.sm": "1"}, {"topic": "t"}, "InvalidConfigurationException"),
        ({"retention.ms": "soon"}, {"topic": "t"}, "InvalidConfigurationException"),
        ({"retention.ms": "1"}, {"topic": "nope"}, "UnknownTopicOrPartitionException"),
        ({"broker.id": "1"}, {"broker": 1}, "InvalidRequestException"),
    ],
)
def test_settings_that_cannot_be_are_refused(config: dict[str, str], where: dict[str, Any], error: str):
    cluster = cluster_of(1)
    cluster.create_topic("t", 1, 1)
    with pytest.raises(ks.errors.KafkaError) as caught:
        cluster.admin().incremental_alter_configs(config, **where).get()
    assert caught.value.java_name == error
    assert cluster.trace.of(ks.facts.ConfigChanged) == []


def test_the_cluster_is_described():
    cluster = ks.Cluster([1, 2], racks=["a", "b"], first_broker=2)
    cluster_id, controller, nodes = cluster.admin().describe_cluster().get()
    assert len(cluster_id) == 22
    assert controller == 2
    assert [(node.id, node.host, node.rack) for node in nodes] == [(1, "broker-1", "a"), (2, "broker-2", "b")]


def test_producer_ids_come_in_blocks_of_a_thousand_from_the_controller():
    cluster = cluster_of(2)
    cluster.create_topic("t", assignment={0: [1]})
    for _ in range(2):
        cluster.producer().send("t", "v").get()
    asked = [one for one in cluster.trace.of(ks.facts.MessageSent) if one.api == "AllocateProducerIdsRequest"]
    blocks = [one for one in cluster.trace.of(ks.facts.ZnodeChanged) if one.path == "/latest_producer_id_block"]
    assert len(blocks) == 1 + len(asked), "each block is written down before it is used"


# --- cost ------------------------------------------------------------------------------------------------------------


def test_a_change_of_one_partition_costs_the_same_however_many_there_are():
    costs = []
    for partitions in (10, 400):
        cluster = cluster_of(4)
        cluster.create_topic("many", partitions, 3)
        cluster.create_topic("t", assignment={0: [1, 2]})
        cluster.run(for_ms=5_000)
        facts = len(cluster.trace)
        cluster.admin().alter_partition_reassignments({TP: [2, 1]}).get()
        cluster.run(for_ms=50)
        costs.append(len(cluster.trace) - facts)
    assert costs[0] == costs[1]
