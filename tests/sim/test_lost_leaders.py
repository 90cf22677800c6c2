"""What becomes of a record, acknowledged by a leader that then dies, and of its partition."""

from __future__ import annotations

import json
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.faults import Kill, LogDirFailure, Partition

TP = ks.TopicPartition("orders", 0)
STATE = "/brokers/topics/orders/partitions/0/state"
QUICK = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000}


def cluster_with_orders(**topic: Any) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=7, broker_config=QUICK)
    cluster.create_topic("orders", assignment={0: [101, 102, 103]}, min_insync_replicas=1, **topic)
    return cluster


def test_acks_1_is_lost_when_nobody_has_fetched_it_and_its_offset_goes_to_the_next_record() -> None:
    cluster = cluster_with_orders()
    producer = cluster.producer(acks=1)
    for number in range(10):
        producer.send("orders", f"{number}").get()
    cluster.run(for_ms=1000)
    reader = cluster.consumer(auto_offset_reset="earliest")
    reader.assign([TP])
    cluster.inject(Partition(101, [102, 103]))
    assert producer.send("orders", "x").get().offset == 10
    cluster.inject(Kill(101))
    cluster.run(for_ms=20_000)

    assert cluster.trace.now.leader("orders-0") == 102
    assert producer.send("orders", "next").get().offset == 10
    seen = [record.value for _ in range(5) for record in reader.poll(500).get()]
    assert (seen[-1], b"x" in seen, len(seen)) == (b"next", False, 11)
    assert len(ks.invariants.delivery(cluster.trace).lost) == 1


def alone_in_sync(cluster: ks.Cluster) -> None:
    """Ten records on all; the leader is cut off until it is the ISR, and acknowledges ten more by itself."""
    producer = cluster.producer(acks="all", request_timeout_ms=30_000)
    for number in range(10):
        producer.send("orders", f"{number}").get()
    cluster.run(for_ms=1000)
    cluster.inject(Partition(101, [102, 103]))
    for number in range(10, 20):
        assert producer.send("orders", f"{number}").get().offset == number
    assert cluster.trace.now.isr("orders-0") == (101,)


def test_an_isr_of_one_that_loses_its_disk_leaves_the_partition_without_a_leader() -> None:
    cluster = cluster_with_orders()
    alone_in_sync(cluster)
    cluster.inject(LogDirFailure(101))
    cluster.run(for_ms=20_000)
    with pytest.raises(ks.KafkaSimError):
        cluster.start(101)

    state = cluster.trace.now.partition("orders-0")
    assert (state.leader, state.isr) == (-1, (101,))
    assert [cluster.disk(broker).replica(TP).log_end_offset for broker in (102, 103)] == [10, 10], (
        "ten records are gone"
    )
    late = cluster.producer(acks="all", delivery_timeout_ms=5000, request_timeout_ms=2000).send("orders", "late")
    cluster.run(for_ms=70_000)
    assert isinstance(late.error, ks.errors.TimeoutException)


def test_an_unclean_leader_loses_what_only_the_dead_one_had_and_that_one_follows() -> None:
    cluster = cluster_with_orders(unclean_leader_election_enable=True)
    alone_in_sync(cluster)
    cluster.inject(Kill(101))
    cluster.run(for_ms=20_000)
    assert cluster.trace.now.leader("orders-0") == 102
    assert cluster.disk(102).replica(TP).log_end_offset == 10
    elected = next(fact for fact in cluster.trace.of("PartitionChanged", tp="orders-0") if fact.leader == 102)
    assert elected.isr == (102,)
    written = [
        json.loads(fact.data).get("leader_recovery_state", 0)
        for fact in cluster.trace.of("ZnodeChanged")
        if fact.path == STATE and b'"leader":102' in fact.data.replace(b" ", b"")
    ]
    assert written == [1, 0], "RECOVERING as it was elected, until the leader has written it back"

    cluster.heal()
    cluster.restart(101)
    cluster.run(for_ms=5_000)
    assert cluster.disk(101).replica(TP).log_end_offset == 10
    assert [fact.log_end_offset for fact in cluster.trace.of("LogTruncated", broker=101)] == [10]
    assert len(ks.invariants.delivery(cluster.trace).lost) == 10


def test_without_zookeeper_work_goes_on_but_nobody_is_elected_and_nothing_is_decided() -> None:
    cluster = ks.Cluster(brokers=3, zookeepers=3, seed=7, broker_config=QUICK)
    cluster.create_topic("orders", assignment={0: [101, 102, 103], 1: [102, 101, 103]}, min_insync_replicas=1)
    producer = cluster.producer(acks="all", delivery_timeout_ms=8000, request_timeout_ms=2000)
    reader = cluster.consumer(auto_offset_reset="earliest")
    reader.assign([TP, ks.TopicPartition("orders", 1)])
    for partition in (0, 1):
        producer.send("orders", "before", partition=partition).get()
    assert len([record for _ in range(4) for record in reader.poll(500).get()]) == 2
    for server in cluster.zookeeper.servers:
        cluster.kill(server)
    cluster.inject(Kill(101))
    cluster.run(for_ms=20_000)

    late = producer.send("orders", "late", partition=0)
    refused = cluster.admin(request_timeout_ms=3000, default_api_timeout_ms=6000).create_topic("new", 1, 1)
    alone = cluster.producer(acks=1)
    for number in range(3):
        assert alone.send("orders", f"{number}", partition=1).get().offset == 1 + number
    cluster.run(for_ms=10_000)

    assert cluster.trace.now.leader("orders-0") == 101, "the state is as the dead leader left it"
    assert isinstance(late.error, ks.errors.TimeoutException)
    assert isinstance(refused.error, ks.errors.TimeoutException)
    assert sorted(cluster.trace.now.isr("orders-1")) == [101, 102, 103], "the leader cannot shrink it"
    assert cluster.trace.of("IsrChangeProposed", tp="orders-1"), "but it has asked"
    assert [record.value for _ in range(3) for record in reader.poll(500).get()] == [], "the mark waits for the ISR"

    for server in cluster.zookeeper.servers:
        cluster.start(server)
    cluster.run(for_ms=20_000)
    assert cluster.trace.now.leader("orders-0") in (102, 103)
    assert sorted(cluster.trace.now.isr("orders-1")) == [102, 103]
    assert [record.value for _ in range(3) for record in reader.poll(500).get()] == [b"0", b"1", b"2"]
