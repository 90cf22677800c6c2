"""Consumers that poll all the time, each in a process of its own, and what their listeners are told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import kafkasim as ks

QUICK = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500, "enable_auto_commit": False}
POLL_MS = 50


class Member:
    """A running consumer; ``events`` are what its listener heard and the error that ended it."""

    def __init__(self, cluster: ks.Cluster, name: str, *topics: str, **settings: Any) -> None:
        self.cluster = cluster
        given = {"group_id": "g", "auto_offset_reset": "earliest", **QUICK, **settings}
        self.consumer = cluster.consumer(client_id=name, **given)
        self.events: list[Any] = []
        self.got: list[tuple[str, int]] = []
        self.is_running = True
        self.consumer.subscribe(topics or ("t",), self)
        self.run()

    def run(self) -> None:
        """Poll in a process of its own, until told to stop or until an error."""
        self.is_running = True
        self.loop = self.cluster.process(self._loop)

    def _loop(self) -> Generator[Any, Any, None]:
        while self.is_running:
            try:
                records = yield self.consumer.poll(POLL_MS)
            except ks.KafkaSimError as error:
                self.events.append(error.java_name)
                return
            self.got += [(f"{one.topic}-{one.partition}", one.offset) for one in records]

    def stop(self) -> None:
        """Poll no longer; the process goes on living, and so do its heartbeats."""
        self.is_running = False
        self.loop.get()

    def close(self) -> None:
        self.stop()
        self.consumer.close().get()

    def _note(self, what: str, partitions: list[ks.TopicPartition]) -> None:
        names = " ".join(sorted(map(str, partitions)))
        self.events.append(f"{what} {names}".strip() + f" ({self.consumer.group_metadata().generation})")

    def on_partitions_assigned(self, partitions: list[ks.TopicPartition]) -> object:
        self._note("assigned", partitions)
        return None

    def on_partitions_revoked(self, partitions: list[ks.TopicPartition]) -> object:
        self._note("revoked", partitions)
        return None

    def on_partitions_lost(self, partitions: list[ks.TopicPartition]) -> object:
        self._note("lost", partitions)
        return None

    @property
    def owns(self) -> str:
        return " ".join(sorted(map(str, self.consumer.assignment())))


def small_cluster(partitions: int = 3, **config: object) -> ks.Cluster:
    """One broker and a short first wait, as the recordings' harness has it."""
    settings = {"group.initial.rebalance.delay.ms": 500, "offsets.topic.replication.factor": 1, **config}
    cluster = ks.Cluster(brokers=1, zookeepers=1, seed=5, broker_config=settings)
    cluster.create_topic("t", partitions=partitions)
    return cluster


def produce(cluster: ks.Cluster, count: int = 1, partitions: int = 3, topic: str = "t") -> None:
    """``count`` records into each partition."""
    producer = cluster.producer()
    for number in range(count * partitions):
        producer.send(topic, f"{number}", partition=number % partitions)
    producer.flush().get()
