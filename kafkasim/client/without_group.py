"""A subscription without a group_id: the consumer owns every partition of the topics, alone.

kafka-python: ConsumerCoordinator._auto_assign_all_partitions. New topics of a pattern and new partitions are seen every
metadata_max_age_ms, while the program polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kafkasim.client.catalogue import Catalogue
from kafkasim.client.futures import finished
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.kernel import US_PER_MS, Kernel


class WithoutGroup:
    """The topics, or the pattern, of one consumer that has no group."""

    def __init__(self, kernel: Kernel, native: Consumer, catalogue: Catalogue, max_age_ms: int) -> None:
        self.topics: tuple[str, ...] = ()
        self.matches: Callable[[str], object] | None = None
        self._kernel = kernel
        self._native = native
        self._catalogue = catalogue
        self._max_age_us = max_age_ms * US_PER_MS
        self._look_again_us = 0

    @property
    def is_on(self) -> bool:
        """Whether there is such a subscription."""
        return bool(self.topics) or self.matches is not None

    def choose(self, topics: Iterable[str], matches: Callable[[str], object] | None) -> None:
        """Subscribe anew, or with neither topics nor a pattern no longer."""
        self.topics, self.matches = tuple(dict.fromkeys(topics)), matches
        self._look_again_us = 0

    def assign(self, timeout_ms: float | None) -> bool:
        """Own all partitions of the topics; False when they are not known in time."""
        if not self.is_on or self._kernel.now_us < self._look_again_us:
            return True
        if self.matches is not None:
            self.topics = tuple(topic for topic in sorted(self._catalogue.topics()) if self.matches(topic))
        found: list[TopicPartition] = []
        for topic in self.topics:
            future = self._native.partitions_for(topic)
            if not finished(self._kernel, future, "poll()", timeout_ms) or future.error is not None:
                return False
            found += [TopicPartition(topic, number) for number in future.result()]
        if set(found) != self._native.assignment():
            self._native.assign(found)
        self._look_again_us = self._kernel.now_us + self._max_age_us
        return True
