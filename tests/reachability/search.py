"""Random search: a workload, faults drawn from a seed, a quiet end, and what the checkers find then."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import kafkasim as ks
from kafkasim import faults
from kafkasim.processing import Sink, at_least_once, at_most_once, exactly_once

BROKERS = (101, 102, 103)
ZOOKEEPERS = ("zookeeper-1", "zookeeper-2", "zookeeper-3")
STORM_MS = 60_000
"""How long faults come for."""
FIRST_MS = 3_000
"""No fault comes before: by then brokers have made their own topics. A coordinator of transactions that does not know
one yet takes it for deleted and tells it nothing, as in Kafka (TransactionMarkerChannelManager)."""
CALM_MS = 70_000
"""Then the last faults end by themselves, sessions expire, replicas come back and producers give up."""
QUICK = {
    "zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 1, "transaction.state.log.num.partitions": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
}  # fmt: skip
LOOPS = {"at_most_once": at_most_once, "at_least_once": at_least_once}
EXACTLY_ONCE = "exactly_once"
Kind = Callable[[random.Random, float], faults.Fault]


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
            cluster.at(start_ms + chance.uniform(FIRST_MS, STORM_MS), programs.crash)
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
    """A plan: when, what, whom, for how long."""
    plan: list[tuple[float, faults.Fault]] = []
    for _ in range(chance.randint(setting.faults_at_least, setting.faults_at_most)):
        at_ms = start_ms + chance.uniform(FIRST_MS, STORM_MS - 15_000)
        kind = chance.choice(setting.kinds)
        if kind == "isolate, then kill":
            broker = chance.choice(BROKERS)
            plan.append((at_ms, faults.Partition(broker, _others(broker), for_ms=20_000)))
            plan.append((at_ms + chance.uniform(6_000, 15_000), faults.Kill(broker, for_ms=25_000)))
        else:
            plan.append((at_ms, KINDS[kind](chance, chance.choice((300, 3_000, 12_000)))))
    return plan


def _others(machine: int | str) -> list[int | str]:
    """The servers of the same sort."""
    return [one for one in (BROKERS if machine in BROKERS else ZOOKEEPERS) if one != machine]


def _machine(fault: Callable[..., faults.Fault], machines: Sequence[int | str] = BROKERS) -> Kind:
    return lambda chance, for_ms: fault(chance.choice(machines), for_ms=for_ms)


def _isolated(machines: Sequence[int | str], others: Callable[[int | str], list[int | str]] = _others) -> Kind:
    def isolate(chance: random.Random, for_ms: float) -> faults.Fault:
        machine = chance.choice(machines)
        return faults.Partition(machine, others(machine), one_way=chance.random() < 0.3, for_ms=for_ms)

    return isolate


def _loss(chance: random.Random, for_ms: float) -> faults.Fault:
    broker = chance.choice(BROKERS)
    return faults.Loss(broker, [*_others(broker), "producer"], probability=0.3, for_ms=for_ms)


def _delay(chance: random.Random, for_ms: float) -> faults.Fault:
    broker = chance.choice(BROKERS)
    return faults.Delay(broker, _others(broker), by_ms=chance.choice((50, 900)), for_ms=for_ms)


def _clog(chance: random.Random, for_ms: float) -> faults.Fault:
    broker = chance.choice(BROKERS)
    return faults.Clog(broker, chance.choice(_others(broker)), one_way=chance.random() < 0.5, for_ms=for_ms)


KINDS: dict[str, Kind] = {
    "kill": _machine(faults.Kill),
    "pause": _machine(faults.Pause),
    "stop": _machine(faults.Stop),
    "crash loop": _machine(lambda host, for_ms: faults.CrashLoop(host, 2, for_ms / 2, for_ms / 2)),
    "isolate": _isolated(BROKERS),
    "without zookeeper": _isolated(BROKERS, lambda _: list(ZOOKEEPERS)),
    "deaf": _machine(lambda host, for_ms: faults.Partition(host, "producer", one_way=True, for_ms=for_ms)),
    "loss": _loss,
    "delay": _delay,
    "clog": _clog,
    "session": _machine(lambda host, for_ms: faults.ExpireSession(host)),
    "slow disk": _machine(lambda host, for_ms: faults.SlowDisk(host, by_ms=50, for_ms=for_ms)),
    "full disk": _machine(faults.DiskFull),
    "broken disk": _machine(faults.LogDirFailure),
    "zookeeper kill": _machine(faults.Kill, ZOOKEEPERS),
    "zookeeper pause": _machine(faults.Pause, ZOOKEEPERS),
    "zookeeper isolate": _isolated(ZOOKEEPERS),
}
"""What may come, by name: a fault that is over after so many ms."""


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
