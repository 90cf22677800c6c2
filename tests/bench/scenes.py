"""The scenes that are measured, and how: events are counted as the calendar gives them out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

import kafkasim as ks
from kafkasim.sim.kernel import Kernel
from kafkasim.trace.facts import MessageSent

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Cost:
    """What a scene took."""

    records: int
    events: int
    messages: int
    facts: int


class Counter:
    """Counts the events and facts of a run from now on."""

    def __init__(self, kernel: Kernel) -> None:
        self.events = 0
        self._journal = kernel.journal
        self._facts = len(kernel.journal.facts)
        step = kernel.env.step

        def counted() -> None:
            self.events += 1
            step()

        kernel.env.step = counted  # type: ignore[method-assign]

    def cost(self, records: int) -> Cost:
        """What has happened since."""
        facts = self._journal.facts[self._facts :]
        return Cost(records, self.events, sum(isinstance(fact, MessageSent) for fact in facts), len(facts))


def warm_cluster(
    brokers: int, partitions: int, *, linger_ms: int = 5, eager: bool = False
) -> tuple[ks.Cluster, Any]:  # fmt: skip
    """A cluster at rest with the topic orders, and a producer that knows it."""
    cluster = ks.Cluster(brokers=brokers, seed=7, eager=eager)
    cluster.create_topic("orders", partitions, min(3, brokers), min_insync_replicas=2)
    producer = cluster.producer(acks="all", linger_ms=linger_ms)
    for number in range(partitions):
        producer.send("orders", "warm", partition=number)
    producer.flush().get()
    cluster.run(for_ms=2_000)
    return cluster, producer


def load(cluster: ks.Cluster, producer: Any, records: int, partitions: int) -> None:
    """A record each millisecond, the partitions in turn, five records to each before the next."""

    def sends() -> Generator[Any, Any, None]:
        for number in range(records):
            producer.send("orders", bytes(100), partition=number // 5 % partitions)
            yield cluster.sleep_ms(1)

    cluster.process(sends)
    cluster.run(for_ms=records + 500)


def loaded(records: int = 2_000) -> Cost:
    """One partition, one record a millisecond from a user's own process, which costs an event for each sleep."""
    cluster, producer = warm_cluster(3, 1)
    counter = Counter(cluster._kernel)
    load(cluster, producer, records, 1)
    return counter.cost(records)


def streamed(
    records: int, per_second: float, *, brokers: int = 3, partitions: int = 1, busy: int = 1, offset_ms: float = 0.0
) -> Cost:
    """The reference load: replication factor 3, acks=all, linger.ms=5, and a consumer that reads it all.

    The first ``busy`` partitions are written to, each with its share of the records. Counted from the first record on
    until all are read. Records come on whole milliseconds, so that six of a thousand a second fit into five; with
    ``offset_ms`` beside them, and then it is five, as Kafka's clock knows no fractions.
    """
    cluster, producer = warm_cluster(brokers, partitions)
    consumer = cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([ks.TopicPartition("orders", number) for number in range(busy)])
    read = 0

    def polls() -> Generator[Any, Any, None]:
        nonlocal read
        while True:
            read += len((yield consumer.poll(240_000)))

    cluster.process(polls)
    cluster.run(until_ms=cluster.now_ms // 1 + 10_000 + offset_ms)
    before, counter = read, Counter(cluster._kernel)
    for number in range(busy):
        producer.load("orders", records=records // busy, per_second=per_second / busy, partition=number)
    cluster.run(for_ms=records / per_second * 1_000 + 100)
    assert read - before == records // busy * busy, (read, before)
    return counter.cost(records)


def calls_per_event(scene: Callable[[], tuple[ks.Cluster, Any, int]], records: int = 500) -> float:
    """Calls of Python functions an event, under load: a count, the same on every machine."""
    cluster, producer, partitions, counter = warmed(scene)
    load(cluster, producer, records, partitions)
    calls, before = 0, counter.events

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        load(cluster, producer, records, partitions)
    finally:
        sys.setprofile(None)
    return calls / (counter.events - before)


def idle_hour(consumers: int, *, eager: bool = False) -> int:
    """The events of an hour in which nobody sends anything."""
    cluster, _ = warm_cluster(3, 30, eager=eager)

    def polls(consumer: Any) -> Callable[[], Generator[Any, Any, None]]:
        def forever() -> Generator[Any, Any, None]:
            while True:
                yield consumer.poll(240_000)

        return forever

    for _ in range(consumers):
        cluster.process(polls(cluster.consumer("orders", group_id="billing")))
    cluster.run(for_ms=20_000)
    counter = Counter(cluster._kernel)
    cluster.run(for_ms=HOUR_MS)
    return counter.events


def never_simulated(consumers: int) -> dict[str, int]:
    """What also an eager cluster only computes in that hour, one event each: counted from Kafka's default intervals."""
    brokers, replicas_of_leaders = 3, 6  # each broker follows each of the two others
    a_second, both_ways = 3_600, 2
    counts = {
        "follower fetches (replica.fetch.wait.max.ms=500)": replicas_of_leaders * 2 * a_second * both_ways,
        "ZooKeeper pings between servers (half a tick)": 2 * a_second * both_ways,
        "ISR checks (replica.lag.time.max.ms/2=15 s)": brokers * a_second // 15,
        "high watermark checkpoints (each 5 s)": brokers * a_second // 5,
        "retention and cleaner checks (300 s, 15 s)": brokers * (a_second // 300 + a_second // 15),
    }
    if consumers:
        counts["consumer fetches (fetch.max.wait.ms=500)"] = consumers * brokers * 2 * a_second * both_ways
    return counts


def small_cluster() -> tuple[ks.Cluster, Any, int]:
    """3 brokers, 30 partitions."""
    return (*warm_cluster(3, 30), 30)


def large_cluster() -> tuple[ks.Cluster, Any, int]:
    """100 brokers, 1,000 partitions."""
    return (*warm_cluster(100, 1_000), 1_000)


_warm: dict[Callable[[], tuple[ks.Cluster, Any, int]], tuple[ks.Cluster, Any, int, Counter]] = {}


def warmed(scene: Callable[[], tuple[ks.Cluster, Any, int]]) -> tuple[ks.Cluster, Any, int, Counter]:
    """A cluster that is made once and goes on from round to round."""
    if scene not in _warm:
        cluster, producer, partitions = scene()
        _warm[scene] = (cluster, producer, partitions, Counter(cluster._kernel))
    return _warm[scene]


def cpu_us_per_event(scene: Callable[[], tuple[ks.Cluster, Any, int]], records: int = 1_000) -> float:
    """CPU microseconds an event under load."""
    cluster, producer, partitions, counter = warmed(scene)
    before, start = counter.events, time.process_time()
    load(cluster, producer, records, partitions)
    return (time.process_time() - start) * 1e6 / (counter.events - before)


def bare_event_us(events: int = 100_000) -> float:
    """CPU microseconds of a slim SimPy event that does nothing but schedule the next."""
    env = simpy.Environment()
    left = events

    def again(_: simpy.Event) -> None:
        nonlocal left
        left -= 1
        if left:
            env.timeout(1).callbacks.append(again)

    env.timeout(1).callbacks.append(again)
    start = time.process_time()
    env.run()
    return (time.process_time() - start) * 1e6 / events
