"""Many deadlines, one timer: only the earliest is in the calendar, and what was done in time costs nothing more."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.trace import Fact


class Deadline:
    """A call to make at a time, unless it is called off before."""

    __slots__ = ("cause", "function")

    def __init__(self, function: Callable[[], object], cause: Fact | None) -> None:
        self.function: Callable[[], object] | None = function
        self.cause = cause

    def cancel(self) -> None:
        """It was done in time."""
        self.function = None


class Deadlines:
    """The deadlines of one machine's incarnation. Those that have passed in a pause are due when it is over."""

    def __init__(self, host: Host) -> None:
        self._kernel = host.kernel
        self._heap: list[tuple[int, int, Deadline]] = []
        self._count = 0
        self._alarm = Alarm(host, self._fire)

    def add(self, delay_ms: float, function: Callable[[], object]) -> Deadline:
        """Call ``function`` after a delay, unless it is cancelled."""
        self._count += 1
        deadline = Deadline(function, self._kernel.journal.cause)
        heapq.heappush(self._heap, (self._kernel.now_us + round(delay_ms * US_PER_MS), self._count, deadline))
        self._arm()
        return deadline

    def _arm(self) -> None:
        heap = self._heap
        while heap and heap[0][2].function is None:
            heapq.heappop(heap)
        if heap and heap[0][0] != self._alarm.at_us:
            self._alarm.set(heap[0][0])

    def _fire(self) -> None:
        while self._heap and self._heap[0][0] <= self._kernel.now_us:
            deadline = heapq.heappop(self._heap)[2]
            if deadline.function is not None:
                self._kernel.journal.cause = deadline.cause
                deadline.function()
        self._arm()
