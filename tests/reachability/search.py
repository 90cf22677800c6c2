"""Random search: a workload, faults drawn from a seed, a quiet end, and what the checkers find then."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import kafkasim as ks
from kafkasim import faults
from kafkasim.processing import Sink, at_least_once, at_most_once, exactly_once

BROKERS = (101, 102, 103)
STORM_MS = 60_000
"""How long faults come for."""
CALM_MS = 70_000
"""Then the last faults end by themselves, sessions expire, replicas come back and producers give up."""
QUICK = {
    "zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 1, "transaction.state.log.num.partitions": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
}  # fmt: skip
LOOPS = {"at_most_once": at_most_once, "at_least_once": at_least_once}
EXACTLY_ONCE = "exactly_once"


@dataclass(frozen=True)
class Setting:
    """One configuration to search: its producer, its topic, its program, and which faults may come."""

    kinds: tuple[str, ...]
    faults_at_least: int = 1
    faults_at_most: int = 4
    producer: dict[str, Any] = field(default_factory=dict)
    topic: dict[str, Any] = field(default_factory=dict)
    loop: str | None = None
    records: int = 120


@dataclass(frozen=True)
class Run:
    """What one seed gave."""

    seed: int
    faults: int
    acknowledged: int
    findings: ks.invariants.Findings
    wrong_results: tuple[str, ...] = ()


def search(setting: Setting, seed: int) -> Run:
    """Run one seed to its quiet end."""
    chance = random.Random(f"search/{seed}")
    cluster = ks.Cluster(brokers=3, seed=seed, broker_config=QUICK)
    for topic in ("orders", "bills"):
        cluster.create_topic(topic, partitions=2, replication_factor=3, **{"min_insync_replicas": 2, **setting.topic})
    producer = cluster.producer(
        client_id="producer", request_timeout_ms=2_000, delivery_timeout_ms=20_000, **setting.producer
    )
    cluster.process(_send(cluster, producer, setting.records, random.Random(f"load/{seed}")))
    start_ms = cluster.now_ms
    for at_ms, fault in draw(setting, chance, start_ms):
        cluster.at(at_ms, fault)
    if setting.loop is not None:
        programs = Programs(cluster, setting.loop)
        for _ in range(chance.randint(1, 3)):
            cluster.at(start_ms + chance.uniform(2_000, STORM_MS), programs.crash)
    cluster.run(until_ms=start_ms + STORM_MS + CALM_MS)
    trace = cluster.trace
    count = len(trace.of("FaultStarted"))
    wrong = _wrong_results(cluster) if setting.loop == EXACTLY_ONCE else ()
    return Run(seed, count, ks.invariants.delivery(trace).acknowledged, ks.invariants.anomalies(trace), wrong)


def _wrong_results(cluster: ks.Cluster) -> tuple[str, ...]:
    """What a read_committed reader of the results misses, or sees twice, of what lies in the topic of orders."""
    orders, bills = (Counter(_read(cluster, topic)) for topic in ("orders", "bills"))
    wrong = {value: (orders[value], bills[value]) for value in orders | bills if orders[value] != bills[value]}
    return tuple(f"{value!r}: {put} in, {out} out" for value, (put, out) in sorted(wrong.items()))


def _read(cluster: ks.Cluster, topic: str) -> list[bytes]:
    reader = cluster.consumer(isolation_level="read_committed")
    reader.assign([ks.TopicPartition(topic, number) for number in range(2)])
    reader.seek_to_beginning()
    found: list[bytes] = []
    while records := reader.poll(1_000).get():
        found += [record.value for record in records]
    return found


def draw(setting: Setting, chance: random.Random, start_ms: float) -> list[tuple[float, faults.Fault]]:
    """A plan: when, what, whom, for how long; one or two machines at a time."""
    plan: list[tuple[float, faults.Fault]] = []
    for _ in range(chance.randint(setting.faults_at_least, setting.faults_at_most)):
        at_ms = start_ms + chance.uniform(100, STORM_MS - 15_000)
        for_ms = chance.choice((300, 3_000, 12_000))
        kind, broker = chance.choice(setting.kinds), chance.choice(BROKERS)
        others = [one for one in BROKERS if one != broker]
        match kind:
            case "kill":
                plan.append((at_ms, faults.Kill(broker, for_ms=for_ms)))
            case "pause":
                plan.append((at_ms, faults.Pause(broker, for_ms=for_ms)))
            case "isolate":
                plan.append((at_ms, faults.Partition(broker, others, one_way=chance.random() < 0.3, for_ms=for_ms)))
            case "isolate, then kill":
                plan.append((at_ms, faults.Partition(broker, others, for_ms=20_000)))
                plan.append((at_ms + chance.uniform(6_000, 15_000), faults.Kill(broker, for_ms=25_000)))
            case "deaf":
                plan.append((at_ms, faults.Partition(broker, "producer", one_way=True, for_ms=for_ms)))
            case "loss":
                plan.append((at_ms, faults.Loss(broker, [*others, "producer"], probability=0.3, for_ms=for_ms)))
            case "delay":
                plan.append((at_ms, faults.Delay(broker, others, by_ms=chance.choice((50, 900)), for_ms=for_ms)))
            case _:
                raise AssertionError(kind)
    return plan


def _send(cluster: ks.Cluster, producer: Any, count: int, chance: random.Random) -> Any:
    def load() -> Generator[Any, Any, None]:
        for number in range(count):
            producer.send("orders", f"v{number}", key=f"k{number % 7}")
            if chance.random() < 0.5:  # bursts, so that several requests are in flight
                yield cluster.sleep_ms(chance.uniform(1, 2 * STORM_MS / count))

    return load


class Programs:
    """A program that reads the topic, and its crashes: each kills its consumer, and another life begins."""

    def __init__(self, cluster: ks.Cluster, loop: str) -> None:
        self._cluster, self._loop = cluster, loop
        self.sink = Sink()
        self._begin()

    def _begin(self) -> None:
        self._consumer = self._cluster.consumer(
            "orders", group_id="billing", enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=3,
            session_timeout_ms=6_000,
        )  # fmt: skip
        if self._loop == EXACTLY_ONCE:
            self._producer = self._cluster.producer(
                transactional_id="billing", request_timeout_ms=2_000, delivery_timeout_ms=20_000,
                transaction_timeout_ms=10_000,
            )  # fmt: skip
            loop = exactly_once(self._consumer, self._producer, lambda r: (r.key, r.value), "bills", poll_ms=200)
        else:
            loop = LOOPS[self._loop](self._consumer, self.sink, poll_ms=200, work_ms=150)
        consumer = self._consumer
        # A program that was fenced has ended by itself: like any service it is started again.
        self._cluster.process(loop).then(lambda _: self._begin() if consumer is self._consumer else None)

    def crash(self) -> None:
        """The program dies without a goodbye and is started again."""
        self._cluster.inject(faults.Kill(self._consumer))
        if self._loop == EXACTLY_ONCE:
            self._cluster.inject(faults.Kill(self._producer))
        self._begin()
