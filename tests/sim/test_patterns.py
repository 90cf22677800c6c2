"""A subscription by pattern: looked at again with each picture of the cluster."""

from __future__ import annotations

import re

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.trace.facts import GroupChanged


@pytest.fixture
def cluster() -> ks.Cluster:
    made = ks.Cluster(brokers=3, seed=5)
    for topic in ("gps-trucks", "gps-trains", "my-gps-x"):
        made.create_topic(topic, partitions=2, replication_factor=3)
    return made


def topics(consumer) -> set[str]:
    return {tp.topic for tp in consumer.assignment()}


def test_whole_names_match_and_new_topics_join_within_metadata_max_age(cluster):
    consumer = cluster.consumer(group_id="g", metadata_max_age_ms=60_000, enable_auto_commit=False)
    consumer.subscribe(re.compile("gps-.*"))
    assert consumer.subscription() == frozenset()
    consumer.poll(6_000).get()
    assert topics(consumer) == consumer.subscription() == {"gps-trucks", "gps-trains"}
    cluster.create_topic("gps-trams", partitions=1, replication_factor=3)
    made_ms = cluster.now_ms
    while "gps-trams" not in topics(consumer):
        consumer.poll(1_000).get()
    assert 50_000 < cluster.now_ms - made_ms < 61_000
    cluster.admin().delete_topic("gps-trains").get()
    cluster.run(for_ms=1_000)
    while "gps-trains" in consumer.subscription():
        consumer.poll(1_000).get()
    consumer.poll(5_000).get()
    assert topics(consumer) == {"gps-trucks", "gps-trams"}


def test_each_member_has_its_own_pattern_and_the_group_shares_what_both_see(cluster):
    one, two = (cluster.consumer(group_id="g", partition_assignment_strategy=["range"]) for _ in range(2))
    one.subscribe(re.compile("gps-.*"))
    two.subscribe(re.compile(".*-trucks"))
    for _ in range(20):
        one.poll(500).get()
        two.poll(500).get()
    assert [sorted(map(str, each.assignment())) for each in (one, two)] == [
        ["gps-trains-0", "gps-trains-1", "gps-trucks-0"],
        ["gps-trucks-1"],
    ]


def test_a_pattern_that_matches_nothing_is_a_member_without_partitions(cluster):
    consumer = cluster.consumer(group_id="g")
    consumer.subscribe(re.compile("boats"))
    consumer.poll(6_000).get()
    assert (consumer.assignment(), cluster.trace.of(GroupChanged)[-1].state) == (frozenset(), "Stable")


@pytest.mark.parametrize(("excluded", "seen"), [(True, set()), (False, {"__consumer_offsets"})])
def test_the_clusters_own_topics_match_only_when_they_are_not_excluded(cluster, excluded, seen):
    cluster.admin().alter_consumer_group_offsets("other", {ks.TopicPartition("gps-trucks", 0): 0}).get()
    consumer = cluster.consumer(group_id="g", exclude_internal_topics=excluded)
    consumer.subscribe(re.compile("__.*"))
    consumer.poll(6_000).get()
    assert topics(consumer) == seen


def test_a_pattern_excludes_names_and_partitions_until_it_is_given_up(cluster):
    consumer = cluster.consumer(group_id="g")
    consumer.subscribe(re.compile("gps-.*"))
    consumer.subscribe(re.compile("my-.*"))
    for call in (lambda: consumer.subscribe(["t"]), lambda: consumer.assign([ks.TopicPartition("gps-trucks", 0)])):
        with pytest.raises(UsageError, match="mutually exclusive: unsubscribe"):
            call()
    consumer.poll(6_000).get()
    assert topics(consumer) == {"my-gps-x"}
    consumer.unsubscribe()
    consumer.subscribe(["gps-trucks"])
    with pytest.raises(UsageError, match="mutually exclusive"):
        consumer.subscribe(re.compile("gps-.*"))
    with pytest.raises(ConfigError, match="needs a group"):
        cluster.consumer().subscribe(re.compile("gps-.*"))
    consumer.poll(6_000).get()
    assert topics(consumer) == {"gps-trucks"}
