"""A load sends what a loop of a user's would send, at the same times and in the same batches, for fewer events."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.trace.facts import BatchSent, RecordSent
from tests.bench.scenes import Counter

Story = Callable[[ks.Cluster, Any], None]


def played(story: Story, at_ms: float = 3_000.3, **settings: Any) -> tuple[ks.Cluster, list[tuple[Any, ...]]]:
    """The batches that a producer has sent from a time on: when, which records, where."""
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", 3, 3)
    producer = cluster.producer(acks="all", **settings)
    producer.send("orders", "warm", partition=0).get()
    cluster.run(until_ms=at_ms)
    story(cluster, producer)
    cluster.run(for_ms=1_000)
    batches = cluster.trace.between(at_ms, cluster.now_ms + 1).of(BatchSent)
    return cluster, [(fact.at_us, fact.tp.partition, fact.records) for fact in batches]


def loop(value: Callable[[int], bytes], key: Callable[[int], bytes | None] = lambda number: None) -> Story:
    """200 records, one each millisecond."""

    def story(cluster: ks.Cluster, producer: Any) -> None:
        def sends() -> Generator[Any, Any, None]:
            for number in range(200):
                producer.send("orders", value(number), key=key(number))
                yield cluster.sleep_ms(1)

        cluster.process(sends)

    return story


def test_a_load_sends_the_batches_of_a_loop_at_the_same_times() -> None:
    _, by_hand = played(loop(lambda number: b"v%d" % number), linger_ms=5)
    cluster, by_load = played(
        lambda cluster, producer: producer.load(
            "orders", records=200, per_second=1_000, value=lambda number: b"v%d" % number
        ),
        linger_ms=5,
    )
    assert by_load == by_hand
    assert len(by_load) == 40
    sent = cluster.trace.of(RecordSent)[1:]
    assert [(fact.number, fact.value) for fact in sent] == [(number + 1, b"v%d" % number) for number in range(200)]


def test_records_of_a_load_carry_the_time_at_which_they_came() -> None:
    cluster, _ = played(
        lambda cluster, producer: producer.load("orders", records=20, per_second=500, partition=1), linger_ms=9
    )
    times = [record.timestamp for _, record in cluster.disk(101).replica(("orders", 1)).records]
    assert [time - times[0] for time in times] == list(range(0, 40, 2))


def test_a_load_that_fills_batches_does_not_wait_for_linger() -> None:
    _, batches = played(
        lambda cluster, producer: producer.load("orders", records=1_000, per_second=10_000, partition=0),
        linger_ms=500, batch_size=2_000,
    )  # fmt: skip
    assert {len(records) for _, _, records in batches[:-1]} == {17}, "61 bytes and 17 times 109 or 110 are below 2,000"
    assert batches[0][0] < 3_005_000


def test_keys_of_a_load_choose_partitions_and_it_is_done_when_all_are_answered() -> None:
    outcome: list[Any] = []

    def story(cluster: ks.Cluster, producer: Any) -> None:
        done = producer.load("orders", records=300, per_second=1_000, key=lambda number: f"truck-{number % 9}")
        done.then(lambda future: outcome.append(cluster.now_ms))

    cluster, batches = played(story, linger_ms=5)
    assert sorted(number for _, _, records in batches for number in records) == list(range(1, 301))
    assert {partition for _, partition, _ in batches} == {0, 1, 2}
    assert outcome[0] == pytest.approx(cluster.trace.of("BatchAcknowledged")[-1].at_ms)


def test_a_load_costs_an_event_a_batch() -> None:
    cluster = ks.Cluster(brokers=1, seed=1)
    cluster.create_topic("orders", 1, 1)
    producer = cluster.producer(linger_ms=10)
    producer.send("orders", "warm").get()
    cluster.run(for_ms=1_000)
    counter = Counter(cluster._kernel)
    producer.load("orders", records=1_000, per_second=1_000)
    cluster.run(for_ms=1_100)
    batches = len(cluster.trace.of(BatchSent)) - 1
    assert counter.events == pytest.approx(3 * batches, abs=10), "the load's own, the request and its answer"


def test_a_load_ends_with_its_producer() -> None:
    cluster = ks.Cluster(brokers=1, seed=1)
    cluster.create_topic("orders", 1, 1)
    producer = cluster.producer()
    producer.load("orders", records=1_000, per_second=1_000)
    cluster.run(for_ms=500)
    producer.close().get()
    cluster.run(for_ms=2_000)
    assert 400 < len(cluster.trace.of(RecordSent)) < 600
    with pytest.raises(ks.UsageError, match="is closed"):
        producer.load("orders", records=1, per_second=1)
