"""Consume, transform, produce in transactions: after a crash at any step each result is there once."""

from __future__ import annotations

from typing import Any

import pytest

import kafkasim as ks
from kafkasim.processing import Crash, Stream, exactly_once

VALUES = [f"v{number}".encode() for number in range(6)]


def cluster_with_orders() -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=7)
    for topic in ("orders", "bills"):
        cluster.create_topic(topic, partitions=1, replication_factor=3, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    for number, value in enumerate(VALUES):
        producer.send("orders", value, key=f"k{number}").get()
    return cluster


def parts(cluster: ks.Cluster) -> tuple[Any, Any]:
    """A program's consumer and producer."""
    consumer = cluster.consumer(
        "orders", group_id="billing", enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=2,
        session_timeout_ms=6000,
    )  # fmt: skip
    return consumer, cluster.producer(transactional_id="billing-1")


def read(cluster: ks.Cluster, isolation_level: str) -> list[bytes]:
    """The values in the topic of results."""
    reader = cluster.consumer(isolation_level=isolation_level)
    reader.assign([ks.TopicPartition("bills", 0)])
    reader.seek_to_beginning()
    found: list[bytes] = []
    for _ in range(20):
        found += [record.value for record in reader.poll(200).get()]
    return found


@pytest.mark.parametrize(
    ("crash", "visible_to_all"),
    [
        (Crash("poll", 2), []),
        (Crash("begin", 2), []),
        (Crash("send", 3), [b"V2"]),
        (Crash("offsets", 2), [b"V2", b"V3"]),
        (Crash("commit", 2), []),
    ],
    ids=str,
)
def test_a_crash_at_any_step_leaves_each_result_once(crash: Crash, visible_to_all: list[bytes]) -> None:
    cluster = cluster_with_orders()
    for its_crash in (crash, None):
        consumer, producer = parts(cluster)
        loop = exactly_once(
            consumer, producer, lambda record: (record.key, record.value.upper()), "bills", crash=its_crash
        )
        cluster.process(loop)
        cluster.run(for_ms=70_000)

    results = [value.upper() for value in VALUES]
    assert read(cluster, "read_committed") == results
    left_over = read(cluster, "read_uncommitted")
    for value in results:
        left_over.remove(value)
    assert set(left_over) <= set(visible_to_all)
    assert str(ks.invariants.anomalies(cluster.trace)) == "no findings"


def test_a_second_program_with_the_same_id_fences_the_first() -> None:
    cluster = cluster_with_orders()
    for _ in range(2):
        cluster.process(exactly_once(*parts(cluster), lambda record: (record.key, record.value), "bills"))
        cluster.run(for_ms=5_000)
    producer = cluster.producer(acks="all")
    for number in range(10):
        producer.send("orders", f"w{number}").get()
    cluster.run(for_ms=20_000)

    assert sorted(read(cluster, "read_committed")) == sorted([*VALUES, *(f"w{n}".encode() for n in range(10))])
    assert str(ks.invariants.anomalies(cluster.trace)) == "no findings"


def test_a_stream_is_a_chain_of_steps() -> None:
    cluster = cluster_with_orders()
    stream = Stream(*parts(cluster)).filter(lambda key, value: value != b"v1").map_values(bytes.upper)
    cluster.process(stream.map(lambda key, value: (None, value + b"!")).to("bills"))
    cluster.run(for_ms=10_000)

    assert read(cluster, "read_committed") == [b"V0!", b"V2!", b"V3!", b"V4!", b"V5!"]
