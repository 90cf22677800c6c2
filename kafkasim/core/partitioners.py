"""Which partition a record goes to.

With a key: murmur2 of its bytes, over all partitions (:func:`kafkasim.core.hashing.partition_for_key`). Without one:
"sticky", one partition until a batch has gone there, then another (since 3.3 by bytes, KIP-794); round robin before
2.4.

A learner's own partitioner is any object with the method of :class:`Partitioner`. Chance comes in as an argument.
Kafka: BuiltInPartitioner, RoundRobinPartitioner, DefaultPartitioner, UniformStickyPartitioner.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kafkasim.core.hashing import partition_for_key


class Chance(Protocol):
    """Where random numbers come from: a ``random.Random`` of the part's own."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to ``stop`` - 1."""


class Partitioner(Protocol):
    """The choice for one record: ``available`` are the partitions that have a leader, ``partitions`` is their count."""

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """A number from 0 to ``partitions`` - 1."""


class RoundRobinPartitioner:
    """One available partition after the other, keys ignored.

    A producer asks it once more whenever a record opens a new batch, so that with a record a batch every other
    partition is passed over (KAFKA-9965). Kafka: RoundRobinPartitioner (2.4+).

    >>> round_robin = RoundRobinPartitioner()
    >>> [round_robin.partition("t", b"k", None, (0, 1, 2), 3) for _ in range(4)]
    [0, 1, 2, 0]
    """

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """The next one of this topic."""
        turn = self._next.get(topic, 0)
        self._next[topic] = turn + 1
        return available[turn % len(available)] if available else turn % partitions


class DefaultPartitioner:
    """The default before 2.4: murmur2 with a key, else round robin from a random start over available partitions."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._next: dict[str, int] = {}

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """By key, or the next one."""
        if key is not None:
            return partition_for_key(key, partitions)
        turn = self._next.get(topic)
        if turn is None:
            turn = self._chance.randrange(1 << 31)
        self._next[topic] = turn + 1
        return available[turn % len(available)] if available else turn % partitions


class UniformStickyPartitioner:
    """The keyless choice of 2.4 to 3.2 for every record: one partition until a batch is complete, then another one."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._current: dict[str, int] = {}

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """The present one."""
        if topic not in self._current:
            self.on_new_batch(topic, available, partitions)
        return self._current[topic]

    def on_new_batch(self, topic: str, available: Sequence[int], partitions: int) -> None:
        """A record did not fit into the open batch: change to another available partition."""
        others = [number for number in available if number != self._current.get(topic)]
        pool = others or list(available) or list(range(partitions))
        self._current[topic] = pool[self._chance.randrange(len(pool))]


@dataclass(slots=True)
class StickyChoice:
    """The present partition of a topic for keyless records, and how many bytes have gone there."""

    partition: int
    produced_bytes: int = 0


class StickyPartitioner:
    """The keyless choice since 3.3 (KIP-794): change after ``batch_size`` bytes.

    Kafka: BuiltInPartitioner. The batch header's 61 bytes count. A change waits until the batch is complete, at most
    until twice ``batch_size``. With ``adaptive`` a partition with a shorter queue is more likely to be next.
    """

    def __init__(self, batch_size: int, chance: Chance, *, adaptive: bool = True) -> None:
        self._batch_size = max(1, batch_size)
        self._chance = chance
        self._adaptive = adaptive
        self._choices: dict[str, StickyChoice] = {}

    def partition(self, topic: str, available: Sequence[int], partitions: int, queues: Sequence[int] = ()) -> int:
        """The present partition of a topic; ``queues`` are the waiting batches of each available one, if all have
        some."""
        if topic not in self._choices:
            self._choices[topic] = StickyChoice(self._next(available, partitions, queues))
        return self._choices[topic].partition

    def appended(
        self, topic: str, size: int, available: Sequence[int], partitions: int, queues: Sequence[int] = (), *,
        batch_is_full: bool,
    ) -> None:  # fmt: skip
        """``size`` bytes have gone to the present partition: change when it has had its share."""
        choice = self._choices[topic]
        choice.produced_bytes += size
        share_is_full = choice.produced_bytes >= self._batch_size and batch_is_full
        if share_is_full or choice.produced_bytes >= 2 * self._batch_size:
            self._choices[topic] = StickyChoice(self._next(available, partitions, queues))

    def _next(self, available: Sequence[int], partitions: int, queues: Sequence[int]) -> int:
        pool = list(available) or list(range(partitions))
        table = cumulative_weights(queues) if self._adaptive and len(queues) == len(pool) else None
        if table is not None:
            return pool[bisect.bisect_right(table, self._chance.randrange(table[-1]))]
        return pool[self._chance.randrange(len(pool))]


def cumulative_weights(queues: Sequence[int]) -> list[int] | None:
    """Running sums of the weights, longest queue + 1 - own queue; None when all are equal and chance decides alone.

    >>> cumulative_weights([0, 3, 1])
    [4, 5, 8]
    """
    if len(set(queues)) < 2:
        return None
    longest = max(queues)
    return list(itertools.accumulate(longest + 1 - queue for queue in queues))
