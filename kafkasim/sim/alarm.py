"""An alarm that is set often and rings seldom: it costs the calendar one event at a time, however often it is set."""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Timer
from kafkasim.trace import Fact


class Alarm:
    """A call at a time that is changed again and again, for the present incarnation of a machine.

    Setting it later, or off, leaves its timer in the calendar: that looks when it comes, and is set anew if it has come
    too early. ``at_us`` is when it rings, None for never; its cause is what was the cause when it was set. A process
    that was paused looks first at what has come in the meantime, then at what is too late.
    """

    __slots__ = ("_cause", "_function", "_host", "_timer", "_timer_at_us", "at_us")

    def __init__(self, host: Host, function: Callable[[], object]) -> None:
        self.at_us: int | None = None
        self._host = host
        self._function = function
        self._cause: Fact | None = None
        self._timer: Timer | None = None
        self._timer_at_us = 0

    def set(self, at_us: int) -> None:
        """Ring at this time, and at no other; what has passed is due at once."""
        self.at_us = at_us
        self._cause = self._host.kernel.journal.cause
        if self._timer is not None:
            if self._timer_at_us <= at_us:
                return
            self._timer.cancel()
        self._arm(at_us)

    def off(self) -> None:
        """Do not ring."""
        self.at_us = None

    def _arm(self, at_us: int) -> None:
        kernel = self._host.kernel
        self._timer_at_us = max(at_us, kernel.now_us)
        self._timer = self._host.after_us(self._timer_at_us - kernel.now_us, self._look)

    def _look(self) -> None:
        self._timer = None
        if self.at_us is None:
            return
        kernel = self._host.kernel
        if self.at_us > kernel.now_us or self._timer_at_us < kernel.now_us:
            self._arm(self.at_us)
            return
        self.at_us = None
        kernel.journal.cause = self._cause
        self._function()
