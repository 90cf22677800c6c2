"""Answers that wait until this broker's picture of the cluster shows what was asked for.

Kafka: DelayedCreatePartitions, DelayedDeleteTopics, DelayedElectLeader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkasim.sim.deadlines import Deadline

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker


class MetadataWaits:
    """What one broker's administrators wait for."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._waiting: list[tuple[Callable[[], bool], Callable[[], None], Deadline]] = []

    def until(
        self, is_so: Callable[[], bool], then: Callable[[], None], timeout_ms: float, too_late: Callable[[], None]
    ) -> None:
        """Call ``then`` as soon as ``is_so``, or ``too_late`` after ``timeout_ms``."""
        if is_so():
            then()
            return

        def late() -> None:
            self._waiting.remove(entry)
            too_late()

        entry = (is_so, then, self._broker.deadlines.add(timeout_ms, late))
        self._waiting.append(entry)

    def changed(self) -> None:
        """The picture has changed."""
        for entry in list(self._waiting):
            is_so, then, deadline = entry
            if is_so():
                self._waiting.remove(entry)
                deadline.cancel()
                then()
