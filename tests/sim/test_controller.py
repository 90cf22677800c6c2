"""The controller: who leads, through failures, clean stops and the administrator's wishes."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.errors import (
    ElectionNotNeededException,
    EligibleLeadersNotAvailableException,
    PreferredLeaderNotAvailableException,
)
from tests.sim.clusters import TP, cluster_of, lose, state

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
    assert 200 < cluster.now_ms - before_ms < 300
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
    assert 2_200 < cluster.now_ms - before_ms < 2_400, "two pauses between three tries"
    cluster.run(for_ms=100)
    assert state(cluster) == (-1, (1,), 2, 2)


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
