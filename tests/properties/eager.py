"""The oracle of leases: the same play with every sign of life simulated must give the same transitions at the same times.

Automatic commits that repeat the last one are no signs of life but records, which move logs and watermarks; an eager
cluster writes them and others do not. So the members here commit by themselves, or not at all.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import kafkasim as ks
from kafkasim import faults
from kafkasim.messages.beats import BEATS
from kafkasim.trace.facts import MessageLost, MessageReleased, MessageSent

STORM_MS = 60_000
CALM_MS = 60_000
CLIENTS = ("alice", "bob", "carol")
QUICK = {"group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 1}
APIS = frozenset(kind.__name__ for kind in BEATS)


def transitions(trace: ks.Trace) -> list[tuple[Any, ...]]:
    """All facts but beats, each with its time; messages by what they are, since their numbers count beats too."""
    names: dict[int, str | None] = {}
    told: list[tuple[Any, ...]] = []
    for fact in trace:
        match fact:
            case MessageSent():
                name = f"{fact.source}>{fact.destination} {fact.about}"
                names[fact.number] = None if fact.api in APIS else name
                if fact.api not in APIS:
                    told.append((fact.at_us, fact.kind, fact.source, fact.destination, fact.api, fact.arrives_us))
            case MessageLost() | MessageReleased():
                if names[fact.number] is not None:
                    told.append((fact.at_us, fact.kind, names[fact.number]))
            case _:
                told.append((fact.at_us, fact.kind, *fact.values.items()))
    return told


def play(seed: int, *, eager: bool, **plan: Any) -> ks.Cluster:
    """Three members of one group under a random plan of faults, which may hit brokers, members and ZooKeeper servers."""
    cluster = ks.Cluster(brokers=3, seed=seed, eager=eager, broker_config=QUICK)
    cluster.create_topic("t", partitions=4, replication_factor=3, min_insync_replicas=2)
    producer = cluster.producer(acks="all", client_id="producer")
    end_ms = cluster.now_ms + STORM_MS + CALM_MS

    @cluster.process
    def work() -> Generator[Any, Any, None]:
        number = 0
        while cluster.now_ms < end_ms:
            producer.send("t", f"{number}", key=f"k{number % 5}")
            number += 1
            yield cluster.sleep_ms(1_700)

    for place, name in enumerate(CLIENTS):
        consumer = cluster.consumer(
            "t", group_id="g", client_id=name, session_timeout_ms=(6_000, 10_000, 45_000)[(seed + place) % 3],
            heartbeat_interval_ms=(2_000, 3_000)[seed % 2], group_instance_id=name if seed % 3 == 1 else None,
            max_poll_interval_ms=(300_000, 15_000)[seed % 5 == 0], enable_auto_commit=False,
            partition_assignment_strategy=("cooperative-sticky" if seed % 4 < 2 else "range",),
        )  # fmt: skip
        cluster.process(_read(cluster, consumer, commits=bool(seed % 2)))
    others = (*CLIENTS, *plan.pop("others", ()))
    cluster.run(for_ms=8_000)
    cluster.inject(faults.plan(seed, brokers=cluster.brokers, others=others, for_ms=STORM_MS, **plan))
    cluster.run(for_ms=STORM_MS + CALM_MS)
    return cluster


def _read(cluster: ks.Cluster, consumer: Any, *, commits: bool) -> Any:
    def forever() -> Generator[Any, Any, None]:
        while True:
            yield consumer.poll(700)
            if commits:
                consumer.commit_async()
            yield cluster.sleep_ms(300)

    return forever
