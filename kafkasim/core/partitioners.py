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
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from kafkasim.core.hashing import in_hash_map_order, java_hash_code, partition_for_key


class Chance(Protocol):
    """Where random numbers come from: a ``random.Random`` of the part's own."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to ``stop`` - 1."""


def in_metadata_order(topic: str, available: Sequence[int], known: int) -> list[int]:
    """A topic's available partitions in the order in which a Java client keeps them: that of a HashMap.

    ``known`` is how many partitions the client knows, of all topics together. Kafka: MetadataSnapshot,
    Cluster.availablePartitionsForTopic.

    >>> in_metadata_order("rr3", [0, 1, 2], 7)
    [1, 2, 0]
    """
    code = java_hash_code(topic)
    table = 1 << max(0, known - 1).bit_length()
    return in_hash_map_order(available, lambda number: 31 * (31 + number) + code, known, table)


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

    The counter of each topic begins at ``start`` and goes round at 2³¹, as a Java int without its sign does.
    """

    def __init__(self, start: int = 0) -> None:
        self._start = start
        self._next: dict[str, int] = {}

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """The next one of this topic."""
        turn = self._next.get(topic, self._start)
        self._next[topic] = (turn + 1) % 2**31
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

    def on_new_batch(
        self, topic: str, available: Sequence[int], partitions: int, previous: int | None = None
    ) -> None:  # fmt: skip
        """A record did not fit into a batch of ``previous``: change to another available partition.

        Nothing changes when the choice has moved on from there already. Kafka: StickyPartitionCache.nextPartition.
        """
        current = self._current.get(topic)
        if current is not None and previous not in (None, current):
            return
        others = [number for number in available if number != current]
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

    def partition(self, topic: str) -> int | None:
        """The present partition of a topic; None before the first choice."""
        choice = self._choices.get(topic)
        return None if choice is None else choice.partition

    def change(
        self, topic: str, available: Sequence[int], partitions: int, queues: Sequence[int] = (), *,
        too_slow: Collection[int] = (),
    ) -> int:  # fmt: skip
        """Choose another partition and give it; ``queues`` are the waiting batches of each available one, if all have
        some, and ``too_slow`` those whose node keeps records waiting."""
        choice = self._choices[topic] = StickyChoice(self._next(available, partitions, queues, too_slow))
        return choice.partition

    def appended(self, topic: str, size: int, *, batch_is_full: bool) -> bool:
        """``size`` bytes have gone to the present partition; True when it has had its share: then :meth:`change`."""
        choice = self._choices[topic]
        choice.produced_bytes += size
        share_is_full = choice.produced_bytes >= self._batch_size and batch_is_full
        return share_is_full or choice.produced_bytes >= 2 * self._batch_size

    def _next(
        self, available: Sequence[int], partitions: int, queues: Sequence[int], too_slow: Collection[int] = ()
    ) -> int:
        pool = list(available) or list(range(partitions))
        table = None
        if self._adaptive and len(queues) == len(pool):
            fast = [place for place, number in enumerate(pool) if number not in too_slow]
            if len(fast) == len(pool):
                table = cumulative_weights(queues)
            elif fast:
                pool = [pool[place] for place in fast]
                table = cumulative_weights([queues[place] for place in fast])
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
