"""A client that was killed does nothing any more: each call says so at once, and no future of it is waited for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.client.admin import KafkaAdminClient
from kafkasim.client.consumer import KafkaConsumer
from kafkasim.client.producer import KafkaProducer
from kafkasim.client.structs import OffsetAndMetadata
from kafkasim.errors import ClientKilledError
from kafkasim.sim.admin import Admin
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.producer import Producer
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.trace.facts import MessageSent

TP = ks.TopicPartition("t", 0)
KNOWN_TO_ITSELF = {
    "assignment", "subscription", "paused", "group_metadata", "metrics", "bootstrap_connected", "add_listener",
    "transaction", "look",
}  # fmt: skip
"""What a client knows or notes without doing anything, and what does only what it is given."""
ARGUMENTS: dict[str, Any] = {
    "topic": "t", "value": b"v", "topics": ["t"], "partitions": [TP], "partition": TP, "tp": TP, "offset": 0,
    "offsets": {TP: 0}, "times": {TP: 0}, "timestamps": {TP: 0}, "group": "g", "total_count": 3,
    "election_type": "preferred", "reassignments": {TP: None}, "config": {"retention.ms": "1"}, "transactional_id": "x",
    "producer_id": 1, "producer_epoch": 0, "group_specs": ["g"], "group_id": "g", "group_ids": ["g"],
    "group_offsets": {TP: 0}, "new_topics": ["n"], "topic_names": ["t"], "path": "/p", "operations": (),
    "steps": iter(()), "timeout_ms": 100, "group_metadata": "g", "members": ["m"],
}  # fmt: skip
"""An argument for each name that calls must be given."""
MORE: dict[tuple[type, str], dict[str, Any]] = {
    (Admin, "describe_configs"): {"topic": "t"},
    (Admin, "incremental_alter_configs"): {"topic": "t"},
    (Admin, "list_offsets"): {"specs": {TP: "latest"}},
    (Admin, "remove_member_from_consumer_group"): {"member_id": "m"},
    (Producer, "load"): {"records": 1, "per_second": 1},
    (KafkaProducer, "send"): {"value": b"v"},
    (KafkaProducer, "send_offsets_to_transaction"): {"offsets": {TP: OffsetAndMetadata(0, "", -1)}},
    (KafkaConsumer, "subscribe"): {"topics": ["t"]},
    (KafkaAdminClient, "alter_group_offsets"): {"offsets": {TP: OffsetAndMetadata(0, "", -1)}},
}
"""Arguments that a call needs although they have a default, or in another form."""


def world() -> tuple[ks.Cluster, list[Any]]:
    """A cluster, and one client of each kind in the middle of its life."""
    cluster = ks.Cluster(brokers=3, seed=3)
    cluster.create_topic("t", partitions=2, replication_factor=2)
    kafka = cluster.client_library()
    producer = cluster.producer(transactional_id="x")
    producer.init_transactions().get()
    producer.begin_transaction()
    consumer = cluster.consumer(group_id="g")
    consumer.assign([TP])
    old = kafka.KafkaConsumer(group_id="h")
    old.assign([TP])
    zookeeper = cluster.zookeeper.client()
    zookeeper.start().get()
    kafka_admin, kafka_producer = kafka.KafkaAdminClient(), kafka.KafkaProducer(transactional_id="y")
    kafka_producer.init_transactions()
    kafka_producer.begin_transaction()
    return cluster, [producer, consumer, cluster.admin(), kafka_producer, old, kafka_admin, zookeeper]


def calls_of(kind: type) -> list[str]:
    """All public calls of a client but close(), and those that only tell what the client knows."""
    return [
        name
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name != "close" and name not in KNOWN_TO_ITSELF
    ]


KINDS = (Producer, Consumer, Admin, KafkaProducer, KafkaConsumer, KafkaAdminClient, ZooKeeperClient)


@pytest.fixture(scope="module")
def killed() -> dict[type, Any]:
    cluster, clients = world()
    for client in clients:
        cluster.kill(getattr(client, "_host", client))
    return {kind: client for client in clients for kind in KINDS if isinstance(client, kind)}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in calls_of(kind)])
def test_a_call_on_a_killed_client_fails_at_once(killed: dict[type, Any], kind: type, name: str):
    call = getattr(killed[kind], name)
    parameters = inspect.signature(call).parameters.values()
    several = [TP] if any(one.kind is one.VAR_POSITIONAL for one in parameters) else []
    needed = [one for one in parameters if one.default is one.empty and one.kind is not one.VAR_POSITIONAL]
    needed = [one for one in needed if one.name not in MORE.get((kind, name), {})]
    kernel = killed[Producer].host.kernel
    before_us = kernel.now_us
    with pytest.raises(ClientKilledError, match=r"was killed, and its program has ended\. Make a new client\."):
        call(*several, **({one.name: ARGUMENTS.get(one.name) for one in needed} | MORE.get((kind, name), {})))
    assert kernel.now_us == before_us


def test_what_a_killed_client_waited_for_never_comes_and_get_says_so():
    cluster, (producer, consumer, admin, *_) = world()
    sent, flushed = producer.send("t", "v", partition=1), producer.flush()
    polled, asked = consumer.poll(60_000), admin.list_topics()
    for client in (producer, consumer, admin):
        cluster.kill(client)
    for future in (sent, flushed, polled, asked):
        before_ms = cluster.now_ms
        with pytest.raises(ClientKilledError):
            future.get()
        assert cluster.now_ms == before_ms


def test_a_get_that_is_waiting_when_the_client_is_killed_ends_then():
    cluster, (_, consumer, *_) = world()
    killed_ms = cluster.now_ms + 500
    cluster.at(killed_ms, ks.faults.Kill(consumer))
    with pytest.raises(ClientKilledError, match="consumer-1 was killed"):
        consumer.poll(60_000).get()
    assert cluster.now_ms == killed_ms


def test_kafka_pythons_futures_and_blocking_calls_say_it_too():
    cluster, (_, _, _, producer, consumer, *_) = world()
    sent = producer.send("t", b"v")
    cluster.kill(producer)
    with pytest.raises(ClientKilledError):
        sent.get(timeout=10)
    cluster.at(cluster.now_ms + 500, ks.faults.Kill(consumer))
    with pytest.raises(ClientKilledError):
        consumer.poll(timeout_ms=60_000)


def test_a_process_ends_with_its_client_and_stops_nothing_else():
    cluster, (_, consumer, *_) = world()
    seen = []

    @cluster.process
    def program():
        while True:
            seen.append((yield consumer.poll(100)))
            yield cluster.sleep_ms(100)

    cluster.run(for_ms=1_000)
    cluster.kill(consumer)
    count = len(seen)
    cluster.run(for_ms=1_000)
    assert len(seen) == count > 2
    with pytest.raises(ClientKilledError):
        program.get()


@pytest.mark.parametrize("after_ms", [50, 150], ids=["in its poll", "in its sleep"])
def test_to_wait_for_a_process_that_waits_for_a_killed_client_is_refused(after_ms: float):
    cluster, (_, consumer, *_) = world()

    @cluster.process
    def program():
        while True:
            yield consumer.poll(100)
            yield cluster.sleep_ms(100)

    cluster.at(cluster.now_ms + after_ms, ks.faults.Kill(consumer))
    with pytest.raises(ClientKilledError):
        program.get()


def test_of_a_killed_client_nothing_is_left_to_close():
    cluster, clients = world()
    for client in clients:
        cluster.kill(getattr(client, "_host", client))
    before_ms = cluster.now_ms
    messages = len(cluster.trace.of(MessageSent))
    for client in clients:
        done: Callable[[], Any] | None = getattr(client.close(), "get", None)
        if done is not None:
            done()
    assert cluster.now_ms == before_ms
    assert len(cluster.trace.of(MessageSent)) == messages


def test_a_paused_client_waits_and_goes_on():
    cluster, (producer, consumer, *_) = world()
    start_ms = cluster.now_ms
    cluster.inject(ks.faults.Pause(producer, for_ms=2_000))
    producer.send("t", "v", partition=0).get()
    assert 2_000 < cluster.now_ms - start_ms < 2_100
    start_ms = cluster.now_ms
    cluster.inject(ks.faults.Pause(consumer, for_ms=2_000))
    consumer.poll(100).get()
    assert 2_000 <= cluster.now_ms - start_ms < 2_100
