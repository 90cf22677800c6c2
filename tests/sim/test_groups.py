"""Consumer groups: sharing out, growing, leaving, resuming."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError
from kafkasim.trace.facts import GroupChanged, OffsetCommitted


def cluster_with_records(count: int = 12, **settings: object) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=5, **settings)
    cluster.create_topic("t", partitions=3, replication_factor=3)
    producer = cluster.producer()
    for number in range(count):
        producer.send("t", f"{number}", partition=number % 3)
    producer.flush().get()
    return cluster


def poll_all(*consumers: object, rounds: int = 14) -> list[object]:
    got = []
    for _ in range(rounds):
        for consumer in consumers:
            got += list(consumer.poll(500).get())
    return got


def test_a_group_shares_the_partitions_and_an_extra_member_is_idle():
    cluster = cluster_with_records()
    members = [cluster.consumer("t", group_id="g", auto_offset_reset="earliest") for _ in range(4)]
    got = poll_all(*members)
    assert sorted(int(record.value) for record in got) == list(range(12)), "each record once"
    assert sorted(len(member.assignment()) for member in members) == [0, 1, 1, 1]
    owned = [tp for member in members for tp in member.assignment()]
    assert len(set(owned)) == len(owned) == 3, "no partition has two owners"


def test_a_member_that_closes_leaves_at_once_and_the_other_resumes_behind_its_commit():
    cluster = cluster_with_records()
    first = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")
    second = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")
    poll_all(first, second)
    first.close().get()
    again = poll_all(second)
    assert again == [], "everything was committed at the close"
    assert len(second.assignment()) == 3
    assert {tp: second.position(tp).get() for tp in second.assignment()} == dict.fromkeys(second.assignment(), 4)


def test_groups_read_independently():
    cluster = cluster_with_records()
    one = cluster.consumer("t", group_id="one", auto_offset_reset="earliest")
    two = cluster.consumer("t", group_id="two", auto_offset_reset="earliest")
    assert len(poll_all(one)) == len(poll_all(two)) == 12


def test_auto_commit_commits_what_earlier_polls_returned():
    cluster = cluster_with_records()
    consumer = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")
    poll_all(consumer, rounds=10)
    assert not cluster.trace.of(OffsetCommitted)
    cluster.run(for_ms=6_000)
    consumer.poll(0).get()
    cluster.run(for_ms=100)
    assert {str(fact.tp): fact.offset for fact in cluster.trace.of(OffsetCommitted)} == {"t-0": 4, "t-1": 4, "t-2": 4}


def test_an_idle_member_commits_nothing_and_keeps_the_beat():
    cluster = cluster_with_records()
    consumer = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")

    @cluster.process
    def reads():
        while True:
            yield consumer.poll(240_000)

    cluster.run(for_ms=30_000)
    first = list(cluster.trace.of("MessageSent", api="OffsetCommitRequest"))
    assert len(first) == 1, "the positions at the first beat after them"
    cluster.run(for_ms=3_600_000)
    assert cluster.trace.of("MessageSent", api="OffsetCommitRequest") == first

    producer = cluster.producer()
    producer.send("t", "news", partition=1).get()
    cluster.run(for_ms=30_000)
    _, second = cluster.trace.of("MessageSent", api="OffsetCommitRequest")
    assert (second.at_us - first[0].at_us) % 5_000_000 == 0, "auto.commit.interval.ms has gone on all the while"
    news = cluster.trace.of(OffsetCommitted)[3:]
    assert {(str(fact.tp), fact.offset) for fact in news} == {("t-0", 4), ("t-1", 5), ("t-2", 4)}


def test_an_eager_cluster_repeats_the_commits_of_an_idle_member_and_nothing_else_is_different():
    """With equal delays: the repeated commits draw on the same luck as other messages."""
    commits, news, changes = [], [], []
    for eager in (False, True):
        cluster = cluster_with_records(network={"jitter_ms": 0}, eager=eager)
        consumer = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")

        @cluster.process
        def reads(consumer=consumer):
            while True:
                yield consumer.poll(240_000)

        cluster.run(for_ms=600_000)
        cluster.producer().send("t", "news", partition=1).get()
        cluster.run(for_ms=30_000)
        trace = cluster.trace
        commits.append([fact.at_us for fact in trace.of("MessageSent", api="OffsetCommitRequest")])
        first = {}
        for fact in trace.of(OffsetCommitted):
            first.setdefault((fact.tp, fact.offset), fact.at_us)
        news.append(first)
        changes.append([(fact.at_us, fact.state, fact.generation) for fact in trace.of("GroupChanged")])
    assert news[0] == news[1]
    assert changes[0] == changes[1]
    assert set(commits[0]) <= set(commits[1])
    assert (len(commits[0]), len(commits[1])) == (2, 125), "each auto.commit.interval.ms=5000 once there is a position"


def test_the_first_generation_waits_for_company_and_each_change_is_one_generation():
    cluster = cluster_with_records()
    consumer = cluster.consumer("t", group_id="g")
    poll_all(consumer, rounds=10)
    states = [(fact.state, fact.generation) for fact in cluster.trace.of(GroupChanged, group="g")]
    assert states == [("PreparingRebalance", 0), ("CompletingRebalance", 1), ("Stable", 1)]
    preparing, completing, _ = cluster.trace.of(GroupChanged, group="g")
    assert 2_990 <= completing.at_ms - preparing.at_ms <= 3_001, "group.initial.rebalance.delay.ms"


def test_offsets_lie_in_the_topic_of_kafkas_name():
    cluster = cluster_with_records()
    consumer = cluster.consumer("t", group_id="my-group", auto_offset_reset="earliest")
    poll_all(consumer)
    consumer.commit_sync().get()
    tp = ks.TopicPartition("__consumer_offsets", 12)
    assert ks.partition_for_group("my-group") == 12
    leader = cluster.trace.now.leader(tp)
    words = [words for _, words in cluster.disk(leader).replica(tp).in_words]
    assert words[-3:] == [f"group my-group has committed offset 4 of t-{number}" for number in range(3)]
    assert words[0].startswith("group my-group is in generation 1: consumer-1-")
    assert words[0].endswith(" owns t-0 t-1 t-2")
    keys = [key for _, key, value in cluster.disk(leader).replica(tp).decoded]
    assert keys[0] == {"group": "my-group"}
    assert {"group": "my-group", "topic": "t", "partition": 0} in keys


def test_a_learners_assignor_plugs_in():
    class AllToOne:
        name = "all-to-one"

        def assign(self, partitions, members):
            first, *others = sorted(member.member_id for member in members)
            everything = [ks.TopicPartition(topic, n) for topic, count in partitions.items() for n in range(count)]
            return {first: everything, **{other: [] for other in others}}

    cluster = cluster_with_records()
    members = [
        cluster.consumer("t", group_id="g", partition_assignment_strategy=[AllToOne()], client_id=name)
        for name in ("a", "b")
    ]
    poll_all(*members)
    assert [len(member.assignment()) for member in members] == [3, 0]


def test_a_learners_commit_policy_takes_the_place_of_auto_commit():
    class EverySecondRecord:
        def __init__(self):
            self.asked = []

        def offsets_to_commit(self, positions, moment, now_ms):
            self.asked.append(moment)
            return {tp: offset for tp, offset in positions.items() if offset % 2 == 0} if moment == "poll" else None

    cluster = cluster_with_records()
    policy = EverySecondRecord()
    consumer = cluster.consumer(
        "t", group_id="g", auto_offset_reset="earliest", max_poll_records=1, commit_policy=policy
    )  # fmt: skip
    poll_all(consumer, rounds=30)
    committed = [(str(fact.tp), fact.offset) for fact in cluster.trace.of(OffsetCommitted)]
    assert {offset for tp, offset in committed if tp == "t-0"} == {0, 2, 4}
    consumer.close().get()
    assert policy.asked[-1] == "close"
    with pytest.raises(ConfigError, match="both would commit"):
        cluster.consumer(group_id="g", commit_policy=policy, enable_auto_commit=True)
    with pytest.raises(ConfigError, match="offsets_to_commit"):
        cluster.consumer(group_id="g", commit_policy=print)
