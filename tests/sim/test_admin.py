"""What the native admin client tells, and what it checks without doing it."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import (
    InvalidConfigurationException,
    InvalidPartitionsException,
    TopicExistsException,
    UnknownMemberIdException,
    UnknownTopicOrPartitionException,
)
from kafkasim.records import OffsetAndMetadata
from tests.sim.test_groups import cluster_with_records

T0, T7 = ks.TopicPartition("t", 0), ks.TopicPartition("t", 7)


@pytest.fixture
def cluster() -> ks.Cluster:
    return ks.Cluster(brokers=3, seed=5, broker_config={"log.retention.hours": 2, "num.partitions": 2})


def test_a_new_topic_is_told_with_its_numbers_and_all_its_settings(cluster):
    made = cluster.admin().create_topic("t", config={"cleanup.policy": "compact"}).get()
    assert (made.num_partitions, made.replication_factor) == (2, 1)
    policy, retention = made.config["cleanup.policy"], made.config["retention.ms"]
    assert (policy.value, policy.source, policy.type) == ("compact", "DYNAMIC_TOPIC_CONFIG", "LIST")
    assert (retention.value, retention.type, retention.is_default) == ("7200000", "LONG", True)


def test_what_is_only_validated_is_checked_and_not_done(cluster):
    admin = cluster.admin()
    assert admin.create_topic("t", 4, 3, validate_only=True).get().num_partitions == 4
    assert admin.list_topics().get() == []
    with pytest.raises(InvalidConfigurationException):
        admin.create_topic("t", config={"cleanup.policy": "burn"}, validate_only=True).get()
    admin.create_topic("t", 4, 3).get()
    with pytest.raises(TopicExistsException):
        admin.create_topic("t", validate_only=True).get()
    admin.create_partitions("t", 6, validate_only=True).get()
    with pytest.raises(InvalidPartitionsException):
        admin.create_partitions("t", 3, validate_only=True).get()
    assert len(admin.describe_topic("t").get().partitions) == 4
    admin.incremental_alter_configs({"retention.ms": 5}, topic="t", validate_only=True).get()
    with pytest.raises(InvalidConfigurationException):
        admin.incremental_alter_configs({"retention.msx": 5}, topic="t", validate_only=True).get()
    assert admin.describe_configs(topic="t").get()["retention.ms"].value == "7200000"


def test_a_setting_says_its_type_and_whether_a_running_broker_takes_it_over(cluster):
    mine = cluster.admin().describe_configs(broker=101).get()
    shown = {name: (mine[name].type, mine[name].is_read_only, mine[name].source) for name in (
        "min.insync.replicas", "num.partitions", "offsets.topic.replication.factor", "auto.create.topics.enable",
        "log.cleaner.min.cleanable.ratio",
    )}  # fmt: skip
    assert shown == {
        "min.insync.replicas": ("INT", False, "DEFAULT_CONFIG"),
        "num.partitions": ("INT", True, "STATIC_BROKER_CONFIG"),
        "offsets.topic.replication.factor": ("SHORT", True, "DEFAULT_CONFIG"),
        "auto.create.topics.enable": ("BOOLEAN", True, "DEFAULT_CONFIG"),
        "log.cleaner.min.cleanable.ratio": ("DOUBLE", False, "DEFAULT_CONFIG"),
    }


def test_the_clusters_own_topics_are_listed_when_asked_for():
    cluster = cluster_with_records()
    admin = cluster.admin()
    admin.alter_consumer_group_offsets("g", {T0: 1}).get()
    assert admin.list_topics().get() == ["t"]
    assert admin.list_topics(list_internal=True).get() == ["__consumer_offsets", "t"]


def test_offsets_of_what_does_not_exist_are_refused_and_the_others_committed():
    """Kafka: KafkaApis.handleOffsetCommitRequest."""
    cluster = cluster_with_records()
    admin = cluster.admin()
    with pytest.raises(UnknownTopicOrPartitionException):
        admin.alter_consumer_group_offsets("g", {T0: 1, T7: 1}).get()
    assert admin.list_consumer_group_offsets("g").get() == {T0: 1}
    outcome = admin.alter_consumer_group_offsets("g", {T0: 2, T7: 1}, raise_errors=False).get()
    assert outcome == {T0: None, T7: UnknownTopicOrPartitionException}
    outcome = admin.delete_consumer_group_offsets("g", [T7, T0], raise_errors=False).get()
    assert outcome == {T7: UnknownTopicOrPartitionException, T0: None}
    assert admin.list_consumer_group_offsets("g").get() == {}


def test_a_text_and_an_epoch_lie_beside_a_committed_offset():
    cluster = cluster_with_records()
    admin = cluster.admin()
    admin.alter_consumer_group_offsets("g", {T0: OffsetAndMetadata(1, "by hand", 0)}).get()
    assert admin.list_consumer_group_offsets("g", metadata=True).get() == {T0: OffsetAndMetadata(1, "by hand", 0)}
    consumer = cluster.consumer(group_id="g")
    consumer.assign([T0])
    assert consumer.committed([T0]).get() == {T0: 1}
    consumer.commit_sync({T0: OffsetAndMetadata(2, "read up to here", None)}).get()
    assert consumer.committed([T0], metadata=True).get() == {T0: OffsetAndMetadata(2, "read up to here", -1)}


def test_a_member_that_is_removed_is_told_with_its_next_word_and_a_static_one_goes_by_its_instance():
    cluster = cluster_with_records()
    admin = cluster.admin()
    dynamic = cluster.consumer("t", group_id="g", client_id="dynamic", partition_assignment_strategy=["range"])
    static = cluster.consumer(
        "t", group_id="h", client_id="static", group_instance_id="one", partition_assignment_strategy=["range"]
    )
    dynamic.poll(5_000).get()
    static.poll(5_000).get()
    [member] = admin.describe_consumer_group("g").get().members
    assert member.subscription.topics == ("t",)
    admin.remove_member_from_consumer_group("g", member_id=member.member_id).get()
    admin.remove_member_from_consumer_group("h", group_instance_id="one").get()
    assert [(one.group_id, one.state) for one in admin.list_consumer_groups().get()] == [("g", "Empty"), ("h", "Empty")]
    with pytest.raises(UnknownMemberIdException):
        admin.remove_member_from_consumer_group("g", member_id=member.member_id).get()
    with pytest.raises(UnknownMemberIdException):
        admin.remove_member_from_consumer_group("h", group_instance_id="one").get()
    cluster.run(for_ms=5_000)
    dynamic.poll(10_000).get()
    assert admin.describe_consumer_group("g").get().state == "Stable", "it lives, and joins again"
