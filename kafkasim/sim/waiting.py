"""How a client waits in its calls: for a condition, until a time; woken whenever something is new."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from kafkasim.config import checks
from kafkasim.errors import TimeoutException, UsageError, WakeupException
from kafkasim.sim.deadlines import Deadline, Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future


class Waiting:
    """The waiting calls of one client; ``api_timeout_ms`` is default.api.timeout.ms."""

    def __init__(self, host: Host, api_timeout_ms: int) -> None:
        self._host = host
        self._kernel = host.kernel
        self._api_timeout_ms = api_timeout_ms
        self._wakeups: list[tuple[Future[None], Deadline]] = []
        self._deadlines = Deadlines(host)
        self._interrupted = False
        self._calls = 0
        self.is_closed = False
        self.on_call: Callable[[], None] = lambda: None

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way."""
        return self._calls > 0

    def check_open(self) -> None:
        """Raise when the client is closed: it can be asked nothing any more."""
        if self.is_closed:
            raise UsageError(f"{self._host.name} is closed. Make a new consumer.")
        self._host.check_alive()

    def changed(self) -> None:
        """Something is new: whoever waits looks again."""
        wakeups, self._wakeups = self._wakeups, []
        for wakeup, deadline in wakeups:
            deadline.cancel()
            if not wakeup.is_done():
                wakeup.succeed()

    def happened(self) -> None:
        """The same as the last act of an event: whoever waits looks again at once."""
        wakeups, self._wakeups = self._wakeups, []
        for wakeup, deadline in wakeups:
            deadline.cancel()
            if not wakeup.is_done():
                wakeup.happen()

    def interrupt(self) -> None:
        """Whoever waits, or the next one that would, is interrupted."""
        self._host.check_alive()
        self._interrupted = True
        self.changed()

    def check_interrupt(self) -> None:
        """Raise WakeupException once if somebody wants that."""
        if self._interrupted:
            self._interrupted = False
            raise WakeupException

    def by(self, until_us: int) -> Future[None]:
        """Done when something is new, at the latest at ``until_us``."""
        wakeup: Future[None] = Future(self._kernel, f"something new for {self._host.name}")
        wait_ms = max(0, until_us - self._kernel.now_us) / US_PER_MS
        self._wakeups.append((wakeup, self._deadlines.add(wait_ms, partial(_wake, wakeup))))
        return wakeup

    def deadline_us(self, timeout_ms: float | None = None) -> int:
        """When a call that may wait so long, default.api.timeout.ms if it was not told, gives up."""
        if timeout_ms is None:
            timeout_ms = self._api_timeout_ms
        return self._kernel.now_us + round(checks.milliseconds(timeout_ms, "timeout_ms") * US_PER_MS)

    def until(self, condition: Callable[[], bool], what: str, until_us: int | None = None) -> Generator[Any, Any, None]:
        """Wait until something holds; TimeoutException at that time, or after default.api.timeout.ms."""
        began_us = self._kernel.now_us
        if until_us is None:
            until_us = self.deadline_us()
        while not condition():
            if self._kernel.now_us >= until_us:
                raise TimeoutException(f"{what} was not done within {(until_us - began_us) / US_PER_MS:g} ms.")
            self.check_interrupt()
            yield self.by(until_us)

    def start(self, story: Generator[Any, Any, Any], call: str) -> Future[Any]:
        """Run a call's story, at once as far as it goes without waiting; its errors are the future's."""
        self.check_open()
        future: Future[Any] = self._host.future(f"{call} of {self._host.name}")
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        self._calls += 1
        future.then(self._ended)
        self.on_call()
        self._kernel.begin(story, future)
        return future

    def _ended(self, future: Future[Any]) -> None:
        self._calls -= 1

    def run(self, story: Generator[Any, Any, None], call: str) -> Future[Any]:
        """As :meth:`start`, but an error that comes without waiting is raised."""
        future = self.start(story, call)
        if future.is_done():
            future.result()
        return future


def _wake(wakeup: Future[None]) -> None:
    if not wakeup.is_done():
        wakeup.succeed()
