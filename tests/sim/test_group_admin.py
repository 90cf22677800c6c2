"""Administrating groups: listed, described, their offsets moved, deleted."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import (
    CoordinatorLoadInProgressException,
    GroupIdNotFoundException,
    GroupNotEmptyException,
    GroupSubscribedToTopicException,
    RebalanceInProgressException,
    UnknownMemberIdException,
)
from kafkasim.messages import groups
from kafkasim.sim.coordinator import refusal as coordinator_refusal
from kafkasim.trace.facts import OffsetDeleted
from tests.sim.test_groups import cluster_with_records, poll_all

T0, T1 = ks.TopicPartition("t", 0), ks.TopicPartition("t", 1)


def test_a_group_that_nobody_knows_is_dead_without_an_error():
    cluster = cluster_with_records()
    admin = cluster.admin()
    described = admin.describe_consumer_group("g").get()
    assert (described.state, described.assignor, described.members) == ("Dead", "", ())
    assert admin.list_consumer_group_offsets("g").get() == {}
    with pytest.raises(GroupIdNotFoundException):
        admin.delete_consumer_group("g").get()
    assert admin.list_consumer_groups().get() == [], "asking makes no group"


def test_a_running_group_can_be_neither_moved_nor_deleted_and_an_empty_one_can():
    """Recorded: an admin's commit makes a group; the generation counts the group becoming empty."""
    cluster = cluster_with_records()
    admin = cluster.admin()
    admin.alter_consumer_group_offsets("g", {T0: 1}).get()
    assert admin.describe_consumer_group("g").get().state == "Empty"
    consumer = cluster.consumer(
        "t", group_id="g", auto_offset_reset="earliest", client_id="c", enable_auto_commit=False
    )
    got = poll_all(consumer)
    assert sorted(one.offset for one in got if one.partition == 0) == [1, 2, 3], "from the committed offset on"
    described = admin.describe_consumer_group("g").get()
    assert (described.state, described.assignor) == ("Stable", "range")
    assert described.coordinator in cluster.brokers
    [member] = described.members
    assert (member.client_id, member.partitions) == ("c", (T0, T1, ks.TopicPartition("t", 2)))
    with pytest.raises(UnknownMemberIdException):
        admin.alter_consumer_group_offsets("g", {T0: 2}).get()
    with pytest.raises(GroupNotEmptyException):
        admin.delete_consumer_group("g").get()
    with pytest.raises(GroupSubscribedToTopicException):
        admin.delete_consumer_group_offsets("g", [T0]).get()
    consumer.commit_sync().get()
    consumer.close().get()
    assert [(one.group_id, one.state) for one in admin.list_consumer_groups().get()] == [("g", "Empty")]
    admin.alter_consumer_group_offsets("g", {T0: 3}).get()
    admin.delete_consumer_group_offsets("g", [T1]).get()
    assert admin.list_consumer_group_offsets("g").get() == {T0: 3, ks.TopicPartition("t", 2): 4}
    admin.delete_consumer_group("g").get()
    assert admin.describe_consumer_group("g").get().state == "Dead"
    assert admin.list_consumer_group_offsets("g").get() == {}
    assert {str(fact.tp) for fact in cluster.trace.of(OffsetDeleted)} == {"t-0", "t-1", "t-2"}


def test_offsets_of_an_empty_group_expire_and_the_group_with_them():
    cluster = ks.Cluster(brokers=3, seed=5, broker_config={"offsets.retention.minutes": 60})
    cluster.create_topic("t", partitions=1, replication_factor=3)
    admin = cluster.admin()
    admin.alter_consumer_group_offsets("g", {T0: 1}).get()
    committed_ms = cluster.now_ms
    cluster.run(until_ms=3_600_000 - 1)
    assert admin.list_consumer_group_offsets("g").get() == {T0: 1}
    cluster.run(until_ms=committed_ms + 3_600_000 + 600_000)
    [deleted] = cluster.trace.of(OffsetDeleted)
    assert deleted.at_ms == 4_200_000, "the first beat of offsets.retention.check.interval.ms after the hour"
    assert deleted.reason == "offsets.retention.minutes=60"
    assert admin.describe_consumer_group("g").get().state == "Dead"


def test_an_idle_cluster_with_committed_offsets_makes_no_events():
    cluster = cluster_with_records()
    cluster.admin().alter_consumer_group_offsets("g", {T0: 1}).get()
    cluster.run(for_ms=120_000)
    facts = len(cluster.trace)
    cluster.run(for_ms=86_400_000)
    assert len(cluster.trace) == facts


def test_with_a_topic_the_offsets_of_all_groups_go():
    cluster = cluster_with_records()
    admin = cluster.admin()
    for group in ("g", "h"):
        admin.alter_consumer_group_offsets(group, {T0: 1}).get()
    admin.delete_topic("t").get()
    cluster.run(for_ms=2_000)
    assert [admin.list_consumer_group_offsets(group).get() for group in ("g", "h")] == [{}, {}]
    assert {fact.reason for fact in cluster.trace.of(OffsetDeleted)} == {"topic t is deleted"}


def test_while_the_coordinator_reads_its_partition_members_are_put_off_gently():
    """Vectors group_coordinator_response-015 and 022."""
    refused = {
        type(request).__name__: coordinator_refusal(request, CoordinatorLoadInProgressException).error
        for request in (
            groups.HeartbeatRequest("g", "a-1", 1), groups.SyncGroupRequest("g", "a-1", 1),
            groups.OffsetCommitRequest("g", "a-1", 1, {T0: 1}), groups.OffsetFetchRequest("g", (T0,)),
            groups.LeaveGroupRequest("g", "a-1"),
        )
    }  # fmt: skip
    assert refused == {
        "HeartbeatRequest": None,
        "SyncGroupRequest": RebalanceInProgressException,
        "OffsetCommitRequest": CoordinatorLoadInProgressException,
        "OffsetFetchRequest": CoordinatorLoadInProgressException,
        "LeaveGroupRequest": CoordinatorLoadInProgressException,
    }


def test_committed_offsets_are_told_in_every_state_of_the_group():
    cluster = cluster_with_records()
    admin = cluster.admin()
    admin.alter_consumer_group_offsets("g", {T0: 1}).get()
    asked = {}

    def ask() -> None:
        asked[admin.describe_consumer_group("g").get().state] = admin.list_consumer_group_offsets("g").get()

    ask()
    first = cluster.consumer("t", group_id="g", client_id="first", enable_auto_commit=False)
    joining = first.poll(10_000)
    cluster.run(for_ms=1_000)
    ask()
    joining.get()
    poll_all(first, rounds=2)
    ask()
    assert asked == {state: {T0: 1} for state in ("Empty", "PreparingRebalance", "Stable")}
    assert first.committed([T0]).get() == {T0: 1}
