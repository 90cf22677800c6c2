"""A task that Kafka runs at fixed beats, and this model only at those at which there is something for it to do."""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer

NEVER_US = 2**62


class PeriodicTask:
    """Beats ``first_ms`` after now and then every ``period_ms``, for the present incarnation of a machine.

    Whoever changes something says when the task would find work, with :meth:`due`; it runs at the first beat that is
    not before that. ``run`` gives the time at which there will be work again, or None.
    """

    def __init__(self, host: Host, first_ms: float, period_ms: float, run: Callable[[], int | None]) -> None:
        self._host = host
        self._first_us = host.kernel.now_us + round(first_ms * US_PER_MS)
        self._period_us = round(period_ms * US_PER_MS)
        self._run = run
        self._timer: Timer | None = None
        self._timer_us = 0

    def due(self, at_ms: int | None) -> None:
        """There will be work at this time of the wall clock, in ms; None for never."""
        if at_ms is None:
            return
        kernel = self._host.kernel
        at_us = (at_ms - kernel.start_time_ms) * US_PER_MS
        if self._timer is not None and self._timer_us <= at_us:
            return
        beat_us = self._beat(max(kernel.now_us + 1, at_us))
        if beat_us > NEVER_US or (self._timer is not None and self._timer_us <= beat_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = beat_us
        self._timer = self._host.after_ms((beat_us - kernel.now_us) / US_PER_MS, self._fire)

    def _beat(self, from_us: int) -> int:
        beats = max(0, -(-(from_us - self._first_us) // self._period_us))
        return self._first_us + beats * self._period_us

    def _fire(self) -> None:
        self._timer = None
        self.due(self._run())
