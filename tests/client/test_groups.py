"""Groups with kafka-python's names: administrated, and a listener that commits before its partitions go."""

from __future__ import annotations

from typing import Any

import pytest

import kafkasim as ks
from kafkasim.client.library import ClientLibrary
from kafkasim.errors import UsageError

BOOTSTRAP = "broker-101:9092"


@pytest.fixture
def cluster() -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=5)
    cluster.create_topic("t", partitions=2, replication_factor=3)
    return cluster


@pytest.fixture
def kafka(cluster: ks.Cluster) -> ClientLibrary:
    return cluster.client_library()


def test_groups_are_listed_described_and_deleted(kafka: ClientLibrary) -> None:
    consumer = kafka.KafkaConsumer("t", bootstrap_servers=BOOTSTRAP, group_id="g", client_id="c")
    while not consumer.assignment():
        consumer.poll(500)
    admin = kafka.KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    [listed] = admin.list_groups()
    assert (listed["group_id"], listed["group_state"], listed["protocol_type"]) == ("g", "Stable", "consumer")
    described = admin.describe_groups(["g", "nobody"])
    [member] = described["g"]["members"]
    assert (member["client_id"], member["member_assignment"]["assigned_partitions"]) == (
        "c", [{"topic": "t", "partitions": [0, 1]}],
    )  # fmt: skip
    assert (described["g"]["protocol_data"], described["nobody"]["group_state"]) == ("range", "Dead")
    assert admin.delete_groups(["g", "nobody"]) == {"g": "NonEmptyGroupError", "nobody": "GroupIdNotFoundError"}
    consumer.close()
    assert admin.list_groups(states_filter=["Stable"]) == []
    assert admin.delete_groups(["g"]) == {"g": "OK"}
    with pytest.raises(UsageError, match="group_coordinator_id"):
        admin.delete_groups(["g"], 101)


def test_offsets_are_altered_listed_and_deleted(kafka: ClientLibrary) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    tp, other = kafka.TopicPartition("t", 0), kafka.TopicPartition("t", 1)
    no_error = kafka.errors.for_code(0)
    assert admin.alter_group_offsets("g", {tp: kafka.OffsetAndMetadata(3)}) == {tp: no_error}
    assert {at: one.offset for at, one in admin.list_group_offsets("g")["g"].items()} == {tp: 3}
    assert admin.list_group_offsets({"g": [other]})["g"][other].offset == -1
    assert admin.delete_group_offsets("g", [tp]) == {tp: no_error}
    assert admin.list_group_offsets(["g"]) == {"g": {}}


def test_a_listener_commits_and_waits_for_it(cluster: ks.Cluster, kafka: ClientLibrary) -> None:
    heard: list[Any] = []

    class Careful(kafka.ConsumerRebalanceListener):  # type: ignore[name-defined,misc]
        def on_partitions_revoked(self, revoked: Any) -> None:
            consumer.commit({tp: kafka.OffsetAndMetadata(7) for tp in revoked})
            heard.append(("revoked", {tp.partition: consumer.committed(tp) for tp in revoked}))

        def on_partitions_assigned(self, assigned: Any) -> None:
            heard.append(("assigned", sorted(tp.partition for tp in assigned)))

    consumer = kafka.KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id="g", enable_auto_commit=False)
    consumer.subscribe(["t"], listener=Careful())
    while not consumer.assignment():
        consumer.poll(500)
    other = cluster.consumer("t", group_id="g", enable_auto_commit=False, partition_assignment_strategy=["range"])
    other.poll(60_000)
    for _ in range(10):
        consumer.poll(500)
    assert heard == [("assigned", [0, 1]), ("revoked", {0: 7, 1: 7}), ("assigned", heard[2][1])]
    assert len(heard[2][1]) == 1
    consumer.close()
    assert heard[3] == ("revoked", {heard[2][1][0]: 7})


def test_the_offset_for_a_time(kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for time in (1_000, 2_000):
        producer.send("t", b"x", partition=0, timestamp_ms=time).get()
    consumer = kafka.KafkaConsumer(bootstrap_servers=BOOTSTRAP)
    tp, other = kafka.TopicPartition("t", 0), kafka.TopicPartition("t", 1)
    found = consumer.offsets_for_times({tp: 1_500, other: 0})
    assert found[tp] is not None
    assert (found[tp].offset, found[tp].timestamp, found[other]) == (1, 2_000, None)


def test_members_use_kafka_pythons_assignors_by_their_classes(cluster: ks.Cluster, kafka: ClientLibrary) -> None:
    real = pytest.importorskip("kafka.coordinator.assignors.cooperative_sticky")
    ours = kafka.coordinator.assignors
    assert ours.cooperative_sticky.CooperativeStickyAssignor.name == real.CooperativeStickyAssignor.name
    assert ours.sticky.sticky_assignor.StickyPartitionAssignor.name == real.StickyPartitionAssignor.name
    consumer = kafka.KafkaConsumer(
        "t", bootstrap_servers=BOOTSTRAP, group_id="g",
        partition_assignment_strategy=[ours.cooperative_sticky.CooperativeStickyAssignor],
    )  # fmt: skip
    while not consumer.assignment():
        consumer.poll(500)
    assert cluster.admin().describe_consumer_group("g").get().assignor == "cooperative-sticky"
