"""Many deadlines, one timer: only the earliest is in the calendar, and what was done in time costs nothing more."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer


@dataclass(order=True, slots=True)
class Deadline:
    """A call to make at a time, unless it is called off before."""

    at_us: int
    number: int
    function: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        """It was done in time."""
        self.function = None


class Deadlines:
    """The deadlines of one machine's incarnation."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._heap: list[Deadline] = []
        self._count = 0
        self._timer: Timer | None = None
        self._timer_at_us = 0

    def add(self, delay_ms: float, function: Callable[[], object]) -> Deadline:
        """Call ``function`` after a delay, unless it is cancelled."""
        self._count += 1
        deadline = Deadline(self._host.kernel.now_us + round(delay_ms * US_PER_MS), self._count, function)
        heapq.heappush(self._heap, deadline)
        self._arm()
        return deadline

    def _arm(self) -> None:
        while self._heap and self._heap[0].function is None:
            heapq.heappop(self._heap)
        if not self._heap or (self._timer is not None and self._timer_at_us <= self._heap[0].at_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at_us = self._heap[0].at_us
        # A process that was paused works off deadlines that have passed meanwhile: those are due at once.
        left_us = max(0, self._timer_at_us - self._host.kernel.now_us)
        self._timer = self._host.after_ms(left_us / US_PER_MS, self._fire)

    def _fire(self) -> None:
        self._timer = None
        while self._heap and self._heap[0].at_us <= self._host.kernel.now_us:
            function = heapq.heappop(self._heap).function
            if function is not None:
                function()
        self._arm()
