"""Golden conversations about what a broker keeps and what it throws away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from tests.scenarios.test_scenarios import told

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def small_cluster(**broker_config: object) -> ks.Cluster:
    return ks.Cluster(brokers=1, zookeepers=1, broker_config=broker_config or None, seed=7)


def eight_days_of_retention() -> str:
    """A reading a day; after a week whole days go, the log starts later, and a reader that slept is reset."""
    cluster = small_cluster()
    cluster.create_topic("readings", segment_ms=23 * HOUR_MS)
    tp = ks.TopicPartition("readings", 0)
    producer = cluster.producer()
    reader = cluster.consumer(auto_offset_reset="earliest")
    reader.assign([tp])
    for day in range(9):
        producer.send("readings", f"day {day}").get()
        if day == 0:
            while not list(reader.poll(1_000).get()):
                pass
        cluster.run(for_ms=DAY_MS)
    start = cluster.now_ms - 2 * DAY_MS
    reader.seek(tp, 1)
    while not (found := list(reader.poll(1_000).get())):
        pass
    assert [record.offset for record in found][:1] == [2]
    return told(cluster.trace, start)


def compaction() -> str:
    """Three prices of one article and its end: the last of each key stays, a tombstone for one pass longer."""
    cluster = small_cluster(**{"log.cleaner.backoff.ms": 1_000})
    cluster.create_topic(
        "prices", cleanup_policy="compact", segment_bytes=300, min_cleanable_dirty_ratio=0.1, delete_retention_ms=1_000
    )
    start = cluster.now_ms
    producer = cluster.producer()
    for key, value in (("tea", "2"), ("coffee", "3"), ("tea", "4"), ("coffee", None), ("cake", "5"), ("cake", "6")):
        producer.send("prices", value, key=key).get()
    cluster.run(for_ms=3_000)
    for key in ("juice", "water", "juice", "water", "juice"):
        producer.send("prices", "1", key=key).get()
    cluster.run(for_ms=3_000)
    return f"{told(cluster.trace, start)}\n\n{cluster.disk(101).replica('prices-0')}"


@pytest.mark.parametrize("scenario", [eight_days_of_retention, compaction], ids=lambda one: one.__name__)
def test_scenario(scenario: Callable[[], str], golden: Callable[[str, str], None]) -> None:
    golden(f"{scenario.__name__}.txt", scenario())
