"""kafka-python's partitioners: by key as Kafka's, without one at random, or sticky until a new batch (KIP-480).

The Java client has been sticky since 2.4. Chance comes from the producer: ``cluster.chance``, a stream of its own.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.core import hashing
from kafkasim.errors import ConfigError

__all__ = ["ClusterMetadata", "DefaultPartitioner", "Partitioner", "StickyPartitioner", "murmur2"]


def murmur2(data: bytes) -> int:
    """Kafka's hash of some bytes, without a sign as in kafka-python."""
    return hashing.murmur2(bytes(data)) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """What a producer knows of the topic that it asks about."""

    topic: str
    available: tuple[int, ...]
    partitions: int
    chance: random.Random

    def topics(self) -> set[str]:
        """The known topics: this one."""
        return {self.topic}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """All partitions of the topic; None for another one."""
        return set(range(self.partitions)) if topic == self.topic else None

    def available_partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions whose leader is known; None for another topic."""
        return set(self.available) if topic == self.topic else None


class Partitioner(ABC):
    """What a program's own partitioner derives from.

    It may have a method ``on_new_batch(topic, cluster, prev_partition)``: called when a keyless record opens a batch,
    before :meth:`partition` is asked once more.
    """

    @abstractmethod
    def partition(
        self, topic: str, key: Any, serialized_key: Any, value: Any, serialized_value: Any, cluster: ClusterMetadata
    ) -> int:
        """The partition for a record."""


class DefaultPartitioner(Partitioner):
    """By key; without one, any available partition for each record anew."""

    def partition(
        self, topic: str, key: Any, serialized_key: Any, value: Any, serialized_value: Any, cluster: ClusterMetadata
    ) -> int:
        """By murmur2, or at random."""
        if serialized_key is not None:
            return hashing.partition_for_key(bytes(serialized_key), cluster.partitions)
        return cluster.chance.choice(_pool(cluster))


class StickyPartitioner(DefaultPartitioner):
    """By key; without one, the same partition until a new batch is opened."""

    def __init__(self) -> None:
        self._sticky: dict[str, int] = {}

    def partition(
        self, topic: str, key: Any, serialized_key: Any, value: Any, serialized_value: Any, cluster: ClusterMetadata
    ) -> int:
        """By murmur2, or the present one while it is available."""
        if serialized_key is not None:
            return super().partition(topic, key, serialized_key, value, serialized_value, cluster)
        if self._sticky.get(topic) not in _pool(cluster):
            self._sticky[topic] = cluster.chance.choice(_pool(cluster))
        return self._sticky[topic]

    def on_new_batch(self, topic: str, cluster: ClusterMetadata, prev_partition: int) -> None:
        """Change to another partition, if there is one."""
        if self._sticky.get(topic) == prev_partition:
            others = [number for number in _pool(cluster) if number != prev_partition]
            self._sticky[topic] = cluster.chance.choice(others or _pool(cluster))


def _pool(cluster: ClusterMetadata) -> Sequence[int]:
    return cluster.available or range(cluster.partitions)


@dataclass(slots=True)
class Asking:
    """The record whose partition is asked for."""

    key: Any
    value: Any
    first: int | None = None


class PartitionerBridge:
    """A kafka-python partitioner where the native producer expects one of its own.

    The native producer asks again when the record opens a new batch. Like kafka-python this calls ``on_new_batch``
    and the partitioner then only for records without a key.
    """

    def __init__(self, partitioner: Partitioner) -> None:
        self._partitioner = partitioner
        self.chance = random.Random(0)
        self.asking = Asking(None, None)

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """The choice for the record that :attr:`asking` is about."""
        asking = self.asking
        metadata = ClusterMetadata(topic, tuple(available), partitions, self.chance)
        if asking.first is not None:
            if key is not None:
                return asking.first
            change = getattr(self._partitioner, "on_new_batch", None)
            if change is not None:
                change(topic, metadata, asking.first)
        chosen = self._partitioner.partition(topic, asking.key, key, asking.value, value, metadata)
        if isinstance(chosen, bool) or not isinstance(chosen, int) or not 0 <= chosen < partitions:
            raise ConfigError(f"The partitioner gave {chosen!r} for {topic!r}, which has {partitions} partition(s).")
        asking.first = chosen
        return chosen
