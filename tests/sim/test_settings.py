"""Settings of topics and brokers change while everything runs; the cluster is described."""

from __future__ import annotations

from typing import Any

import pytest

import kafkasim as ks
from kafkasim.errors import (
    TimeoutException,
)
from tests.sim.clusters import cluster_of, lose


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
        ({"default.replication.factor": "1"}, {"broker": 1}, "InvalidRequestException"),
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
