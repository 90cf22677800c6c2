"""Members in rebalances: what they give up, what they are told and when, as a real cluster was recorded."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import CommitFailedException, ConfigError, KafkaException, RebalanceInProgressException
from kafkasim.trace.facts import GroupChanged, MemberChanged, MessageSent
from tests.sim.members import Member, produce, small_cluster

T0, T1 = ks.TopicPartition("t", 0), ks.TopicPartition("t", 1)
COOP = {"partition_assignment_strategy": ["cooperative-sticky"]}
STICKY = {"partition_assignment_strategy": ["sticky"]}
RANGE = {"partition_assignment_strategy": ["range"]}


# --- eager and cooperative -------------------------------------------------------------------------------------


def test_eager_members_give_up_everything_and_hear_of_empty_lists_too():
    cluster = small_cluster()
    a = Member(cluster, "a")
    cluster.run(for_ms=3_000)
    b, c = Member(cluster, "b"), Member(cluster, "c")
    cluster.run(for_ms=2_000)
    d = Member(cluster, "d")
    cluster.run(for_ms=2_000)
    e = Member(cluster, "e")
    cluster.run(for_ms=2_000)
    assert a.events[0] == "assigned t-0 t-1 t-2 (1)", "no revocation before the first join"
    assert a.events[1] == "revoked t-0 t-1 t-2 (1)"
    assert d.events[0].startswith("assigned (")
    assert d.events[1].startswith("revoked ("), "eager: also when there is nothing to revoke"
    assert [one.owns for one in (a, b, c, d, e)] == ["t-0", "t-1", "t-2", "", ""]
    heard = list(d.events)
    d.close()
    assert d.events == heard, "a close with nothing assigned tells nothing"


def test_cooperative_members_keep_what_stays_and_rejoin_when_something_goes():
    cluster = small_cluster(partitions=4)
    a = Member(cluster, "a", **COOP)
    cluster.run(for_ms=3_000)
    b = Member(cluster, "b", **COOP)
    cluster.run(for_ms=3_000)
    assert [one for one in a.events if one.split()[1:2] != ["(2)"]][:2] == [
        "assigned t-0 t-1 t-2 t-3 (1)", "revoked t-2 t-3 (2)",
    ]  # fmt: skip
    assert a.events[1:3] == ["revoked t-2 t-3 (2)", "assigned (2)"], "revoked comes first, and empty lists are told"
    assert "assigned t-2 t-3 (3)" in b.events
    states = [fact.state for fact in cluster.trace.of(GroupChanged, group="g") if fact.generation == 3]
    assert states[-1] == "Stable", "two generations: the second hands over what was given up in the first"


def test_while_the_slowest_joins_a_cooperative_member_reads_on_and_an_eager_one_does_not():
    """Recorded (c04): meanwhile who rejoins cannot commit, who has not noticed yet can."""
    for settings, reads_on in ((RANGE, False), (COOP, True)):
        cluster = small_cluster(partitions=4)
        a = Member(cluster, "a", **settings)
        slow = Member(cluster, "slow", **settings)
        cluster.run(for_ms=4_000)
        slow.stop()
        Member(cluster, "new", **settings)
        cluster.run(for_ms=1_500)
        produce(cluster, partitions=4)
        cluster.run(for_ms=1_000)
        assert bool(a.got) is reads_on
        assert bool(a.owns) is reads_on
        with pytest.raises(RebalanceInProgressException):
            a.consumer.commit_sync({T0: 1}).get()
        slow.consumer.commit_sync().get()
        slow.run()
        cluster.run(for_ms=3_000)
        assert len(a.consumer.assignment()) + len(slow.consumer.assignment()) <= 3


def test_the_eager_sticky_assignor_remembers_what_its_member_had():
    cluster = small_cluster(partitions=6)
    a = Member(cluster, "a", **STICKY)
    b = Member(cluster, "b", **STICKY)
    cluster.run(for_ms=4_000)
    before = a.consumer.assignment(), b.consumer.assignment()
    Member(cluster, "c", **STICKY)
    cluster.run(for_ms=3_000)
    assert a.consumer.assignment() < before[0], "two of its three"
    assert b.consumer.assignment() < before[1]
    everything = " ".join(map(str, sorted(before[0])))
    assert a.events[1] == f"revoked {everything} (1)", "all was given up meanwhile"


def test_the_protocol_is_the_highest_that_all_assignors_of_a_member_support():
    cluster = small_cluster()
    mixed = Member(cluster, "a", partition_assignment_strategy=["range", "cooperative-sticky"])
    cluster.run(for_ms=3_000)
    Member(cluster, "b", partition_assignment_strategy=["cooperative-sticky", "range"])
    cluster.run(for_ms=3_000)
    assert mixed.events[1] == "revoked t-0 t-1 t-2 (1)", "the default list is eager"

    class Cooperative:
        name = "mine"
        protocols = (ks.assignors.RebalanceProtocol.COOPERATIVE,)

        def assign(self, partitions, members):
            return {}

    with pytest.raises(ConfigError, match="commonly supported"):
        cluster.consumer(group_id="g", partition_assignment_strategy=["range", Cooperative()])


# --- who is gone -----------------------------------------------------------------------------------------------


def test_a_killed_member_is_missed_after_its_session_and_what_it_had_not_committed_comes_again():
    cluster = small_cluster()
    a, b = Member(cluster, "a"), Member(cluster, "b")
    cluster.run(for_ms=4_000)
    produce(cluster, count=2)
    cluster.run(for_ms=1_000)
    b.consumer.commit_sync({ks.TopicPartition("t", 2): 1}).get()
    cluster.run(for_ms=1_000)
    killed_ms = cluster.now_ms
    cluster.kill(b.consumer)
    cluster.run(for_ms=8_000)
    assert a.owns == "t-0 t-1 t-2"
    alone = next(
        fact for fact in cluster.trace.of(GroupChanged, group="g") if fact.at_ms > killed_ms and len(fact.members) == 1
    )
    assert 5_400 <= alone.at_ms - killed_ms <= 6_001, "session.timeout.ms after its last heartbeat"
    assert [offset for tp, offset in a.got if tp == "t-2"] == [1], "from the committed offset on"


def test_a_paused_member_is_a_zombie_its_commit_fails_and_its_partitions_are_lost():
    """Recorded (c09)."""
    cluster = small_cluster()
    a, b = Member(cluster, "a"), Member(cluster, "b")
    cluster.run(for_ms=4_000)
    a.stop()
    cluster.pause(a.consumer)
    cluster.run(for_ms=8_000)
    assert b.owns == "t-0 t-1 t-2"
    cluster.resume(a.consumer)
    cluster.run(for_ms=1_000)
    assert a.owns == "t-0 t-1", "it still believes in its partitions"
    with pytest.raises(CommitFailedException):
        a.consumer.commit_sync({T0: 0}).get()
    a.run()
    cluster.run(for_ms=2_000)
    assert a.events == ["assigned t-0 t-1 (1)", "lost t-0 t-1 (1)", "assigned t-0 t-1 (3)"]


def test_a_member_that_does_not_poll_leaves_by_itself_although_it_beats():
    """Recorded (c10)."""
    cluster = small_cluster()
    a, b = (Member(cluster, name, max_poll_interval_ms=3_000) for name in "ab")
    cluster.run(for_ms=4_000)
    a.stop()
    stopped_ms = cluster.now_ms
    cluster.run(for_ms=4_500)
    left = [fact for fact in cluster.trace.of(MessageSent) if fact.api == "LeaveGroupRequest"]
    assert [fact.source for fact in left] == ["a"]
    assert 2_940 <= left[0].at_ms - stopped_ms <= 3_001
    assert b.owns == "t-0 t-1 t-2"
    with pytest.raises(CommitFailedException):
        a.consumer.commit_sync({T0: 0}).get()
    a.run()
    cluster.run(for_ms=2_000)
    assert a.events[1:] == ["lost t-0 t-1 (1)", "assigned t-0 t-1 (3)"]


def test_a_static_member_that_does_not_poll_only_falls_silent():
    """Recorded (c10): it is removed max.poll.interval.ms + session.timeout.ms after its last poll."""
    cluster = small_cluster()
    a = Member(cluster, "a", max_poll_interval_ms=3_000, group_instance_id="i1")
    b = Member(cluster, "b", max_poll_interval_ms=3_000, group_instance_id="i2")
    cluster.run(for_ms=4_000)
    b.stop()
    cluster.run(for_ms=8_000)
    assert a.owns == "t-0 t-1", "past max.poll.interval.ms it is still there"
    cluster.run(for_ms=2_000)
    assert a.owns == "t-0 t-1 t-2"
    assert not [fact for fact in cluster.trace.of(MessageSent) if fact.api == "LeaveGroupRequest"]


# --- static members ----------------------------------------------------------------------------------------------


def test_a_static_member_comes_back_within_its_session_and_nobody_notices():
    """Recorded (c11): neither a restart nor a close makes a rebalance."""
    cluster = small_cluster(partitions=4)
    a = Member(cluster, "a", group_instance_id="i1")
    b = Member(cluster, "b", group_instance_id="i2")
    cluster.run(for_ms=4_000)
    cluster.kill(b.consumer)
    cluster.run(for_ms=3_000)
    c = Member(cluster, "c", group_instance_id="i2")
    cluster.run(for_ms=2_000)
    assert c.events == ["assigned t-2 t-3 (1)"]
    assert a.events == ["assigned t-0 t-1 (1)"]
    [_, member] = cluster.admin().describe_consumer_group("g").get().members
    assert (member.client_id, member.group_instance_id) == ("b", "i2"), "the group goes on showing the old client.id"
    c.close()
    cluster.run(for_ms=3_000)
    assert a.events == ["assigned t-0 t-1 (1)"], "a static member does not say goodbye"


def test_two_clients_with_one_instance_id_fence_each_other():
    """Recorded (c11): the error is raised once; who polls on takes the place back."""
    cluster = small_cluster()
    a = Member(cluster, "a", group_instance_id="i1")
    cluster.run(for_ms=3_000)
    b = Member(cluster, "b", group_instance_id="i1")
    cluster.run(for_ms=2_000)
    assert a.events == ["assigned t-0 t-1 t-2 (1)", "FencedInstanceIdException"]
    assert b.events == ["assigned t-0 t-1 t-2 (1)"], "the same generation"
    with pytest.raises(CommitFailedException):
        a.consumer.commit_sync({T0: 0}).get()
    a.run()
    cluster.run(for_ms=2_000)
    assert a.events[2:] == ["lost t-0 t-1 t-2 (1)", "assigned t-0 t-1 t-2 (1)"]
    assert b.events[1:] == ["FencedInstanceIdException"]


# --- refused -----------------------------------------------------------------------------------------------------


def test_a_full_group_and_assignors_without_a_common_one_refuse_a_member():
    cluster = small_cluster(**{"group.max.size": 2})
    Member(cluster, "a"), Member(cluster, "b")
    cluster.run(for_ms=4_000)
    third = Member(cluster, "c")
    cluster.run(for_ms=1_000)
    assert third.events == ["GroupMaxSizeReachedException"]
    one = Member(cluster, "one", group_id="h", **RANGE)
    cluster.run(for_ms=3_000)
    other = Member(cluster, "other", group_id="h", partition_assignment_strategy=["roundrobin"])
    cluster.run(for_ms=1_000)
    assert (one.owns, other.events) == ("t-0 t-1 t-2", ["InconsistentGroupProtocolException"])


# --- listeners and leaders ---------------------------------------------------------------------------------------


def test_a_listener_may_wait_for_its_commit_before_its_partitions_go():
    """Recorded (c06): the commit is accepted while the group prepares, and the next owner reads nothing twice."""

    class Careful(Member):
        def on_partitions_revoked(self, partitions):
            super().on_partitions_revoked(partitions)
            return self.consumer.commit_sync()

    cluster = small_cluster(partitions=2)
    produce(cluster, count=3, partitions=2)
    a = Careful(cluster, "a")
    cluster.run(for_ms=3_000)
    b = Careful(cluster, "b")
    cluster.run(for_ms=3_000)
    assert len(a.got) == 6
    assert (a.owns, b.owns, b.got) == ("t-0", "t-1", [])
    assert cluster.admin().list_consumer_group_offsets("g").get() == {T0: 3, T1: 3}


def test_a_listener_that_fails_is_heard_of_in_poll():
    class Broken:
        def on_partitions_assigned(self, partitions):
            raise RuntimeError("no disk")

        def on_partitions_revoked(self, partitions):
            pass

    cluster = small_cluster()
    consumer = cluster.consumer(group_id="g")
    consumer.subscribe(["t"], Broken())
    while not consumer.assignment():
        poll = consumer.poll(500)
        cluster.run(for_ms=500)
    with pytest.raises(KafkaException, match="rebalance callback") as caught:
        poll.get()
    assert str(caught.value.cause) == "no disk"
    assert len(consumer.assignment()) == 3, "the rebalance itself is over"


def test_the_leader_of_the_group_sees_new_partitions_and_topics_and_makes_everybody_join_again():
    cluster = small_cluster(**{"auto.create.topics.enable": False})
    a = Member(cluster, "a", "t", "later", metadata_max_age_ms=1_000)
    cluster.run(for_ms=3_000)
    assert a.owns == "t-0 t-1 t-2"
    cluster.create_topic("later", partitions=1)
    cluster.run(for_ms=3_000)
    assert a.owns == "later-0 t-0 t-1 t-2"
    cluster.admin().create_partitions("t", 4).get()
    cluster.run(for_ms=3_000)
    assert a.owns == "later-0 t-0 t-1 t-2 t-3"


def test_enforce_rebalance_and_another_subscription_join_anew():
    cluster = small_cluster()
    cluster.create_topic("u")
    a = Member(cluster, "a")
    cluster.run(for_ms=3_000)
    a.consumer.enforce_rebalance()
    cluster.run(for_ms=1_000)
    assert a.events[1:] == ["revoked t-0 t-1 t-2 (1)", "assigned t-0 t-1 t-2 (2)"]
    a.consumer.subscribe(["u"], a)
    cluster.run(for_ms=2_000)
    assert a.owns == "u-0"


# --- the coordinator --------------------------------------------------------------------------------------------


def test_another_coordinator_takes_over_and_no_member_notices():
    """Recorded (c13): same members, same generation, committed offsets kept."""
    config = {"offsets.topic.num.partitions": 1, "group.initial.rebalance.delay.ms": 500}
    cluster = ks.Cluster(brokers=3, seed=5, broker_config=config)
    cluster.create_topic("__consumer_offsets", assignment={0: [102, 103, 101]}, cleanup_policy="compact")
    cluster.create_topic("t", assignment={0: [101, 103], 1: [103, 101]})
    a, b = Member(cluster, "a", session_timeout_ms=45_000), Member(cluster, "b", session_timeout_ms=45_000)
    cluster.run(for_ms=4_000)
    produce(cluster, count=2, partitions=2)
    cluster.run(for_ms=1_000)
    a.consumer.commit_sync().get()
    cluster.kill(102)
    cluster.run(for_ms=25_000)
    assert cluster.admin().describe_consumer_group("g").get().coordinator == 103
    b.consumer.commit_sync().get()
    assert cluster.admin().list_consumer_group_offsets("g").get() == {T0: 2, T1: 2}
    assert (a.events, b.events) == (["assigned t-0 (1)"], ["assigned t-1 (1)"])
    reset = [one for one in cluster.trace.of(MemberChanged) if one.state == "UNJOINED" and one.generation > 0]
    assert not reset


@pytest.mark.parametrize(("megabytes", "wait_ms"), [(0, 10), (12, 30)])
def test_a_new_coordinator_reads_for_as_long_as_there_is_something_to_read(megabytes: int, wait_ms: int) -> None:
    cluster = ks.Cluster(brokers=3, seed=5, broker_config={"offsets.topic.num.partitions": 1})
    cluster.create_topic("__consumer_offsets", assignment={0: [102, 103, 101]}, cleanup_policy="compact")
    cluster.create_topic("t")
    Member(cluster, "a", session_timeout_ms=45_000)
    cluster.run(for_ms=6_000)
    stored = ks.TopicPartition("__consumer_offsets", 0)
    cluster._brokers[103].disk.logs[stored].size_in_bytes += megabytes << 20  # as if so much were there to be read
    cluster.kill(102)
    cluster.run(for_ms=25_000)
    leads = cluster.trace.of("ReplicaRoleChanged", broker=103, tp=stored)[-1]
    loaded = cluster.trace.of("GroupChanged", coordinator=103)[0]
    assert loaded.at_ms - leads.at_ms == wait_ms


def test_a_small_cluster_with_kafkas_defaults_has_no_coordinator():
    """Vector scenario-014: creating __consumer_offsets fails until three brokers are alive."""
    cluster = ks.Cluster(brokers=1, zookeepers=1)
    cluster.create_topic("t")
    consumer = cluster.consumer("t", group_id="g")
    consumer.poll(5_000).get()
    answers = [
        fact.about for fact in cluster.trace.of(MessageSent) if fact.api == "FindCoordinatorResponse"
    ]  # fmt: skip
    assert len(answers) > 3
    assert set(answers) == {"FindCoordinator answer COORDINATOR_NOT_AVAILABLE"}


def test_with_latest_what_was_written_before_the_position_was_fixed_is_skipped():
    """Vector scenario-013."""
    cluster = small_cluster(partitions=1)
    produce(cluster, count=100, partitions=1)
    a = Member(cluster, "a", auto_offset_reset="latest", enable_auto_commit=True)
    cluster.run(for_ms=3_000)
    produce(cluster, partitions=1)
    cluster.run(for_ms=500)
    assert a.got == [("t-0", 100)]
