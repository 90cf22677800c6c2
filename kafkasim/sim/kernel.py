"""The clock, the chance and the calendar of a run, on SimPy.

The clock counts integer microseconds, so nothing drifts under a strict comparison. What happens in one event is
caused by what led to the event: every timer, message and future carries the fact that was the cause when it was made,
and gives it back to the journal before anything else runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, cast

import simpy

from kafkasim.errors import UsageError
from kafkasim.trace import Fact, Journal

T = TypeVar("T")

US_PER_MS = 1000


class Timer(simpy.Event):
    """A call at a later time: one slim event in the heap. A cancelled timer stays there and does nothing."""

    def __init__(self, kernel: Kernel, delay_us: int, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        assert delay_us >= 0, delay_us
        self.env = kernel.env
        self.callbacks = [self._run]
        self._ok = True
        self._value = None
        self._kernel = kernel
        self._cause = kernel.journal.cause
        self._function: Callable[..., object] | None = function
        self._args = args
        kernel.env.schedule(self, delay=delay_us)

    def cancel(self) -> None:
        """Forget the call."""
        self._function = None

    def _run(self, _: simpy.Event) -> None:
        if self._function is not None:
            self._kernel.journal.cause = self._cause
            self._function(*self._args)


class Future(simpy.Event, Generic[T]):
    """What a call that takes simulated time returns.

    ``yield`` it in a ``@cluster.process`` generator, or call :meth:`get` outside one. A future that fails keeps its
    error until somebody asks for it; an error that nobody asks for stops nothing.
    """

    def __init__(self, kernel: Kernel, what: str = "this") -> None:
        super().__init__(kernel.env)
        self._kernel = kernel
        self._what = what
        self._cause: Fact | None = None
        self.callbacks.append(self._restore_cause)

    def __repr__(self) -> str:
        state = "done" if self.is_done() else "not done yet"
        return f"<Future of {self._what}: {state}>"

    def _restore_cause(self, _: simpy.Event) -> None:
        self._kernel.journal.cause = self._cause

    def succeed(self, value: Any = None) -> Future[T]:
        """Complete with a value."""
        self._cause = self._kernel.journal.cause
        super().succeed(value)
        return self

    def fail(self, exception: BaseException) -> Future[T]:
        """Complete with an error."""
        assert isinstance(exception, Exception)
        self._cause = self._kernel.journal.cause
        super().fail(exception)
        self.defused = True
        return self

    def is_done(self) -> bool:
        """Whether there is a value or an error."""
        return self.triggered

    def then(self, function: Callable[[Future[T]], object]) -> None:
        """Call a function with this future when it is done, at once when it is done already."""
        if self.callbacks is None:
            function(self)
        else:
            self.callbacks.append(cast("Callable[[simpy.Event], None]", function))

    @property
    def error(self) -> Exception | None:
        """The error of a failed future."""
        return self._value if self.triggered and not self._ok else None

    def result(self) -> T:
        """The value of a future that is done; raises its error."""
        assert self.triggered
        if not self._ok:
            raise self._value
        return cast("T", self._value)

    def get(self) -> T:
        """Let simulated time pass until this is done; give the value or raise the error."""
        kernel = self._kernel
        if kernel.is_running:
            raise UsageError(f"get() waits, and a @cluster.process must not. Write `yield` before {self._what}.")
        kernel.run_until_done(self)
        return self.result()


class Kernel:
    """The simulated time and chance of one cluster."""

    def __init__(self, seed: int, start_time_ms: int) -> None:
        self.env = simpy.Environment(initial_time=0)
        self.journal = Journal(lambda: cast("int", self.env.now))
        self.seed = seed
        self.start_time_ms = start_time_ms
        self.is_running = False

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the cluster."""
        return cast("int", self.env.now)

    @property
    def now_ms(self) -> int:
        """The wall clock of every machine in whole milliseconds, as Kafka reads it."""
        return self.start_time_ms + self.now_us // US_PER_MS

    def rng(self, name: str) -> random.Random:
        """A stream of chance of its own for each part, so that adding one part does not change another's luck."""
        return random.Random(f"{self.seed}/{name}")

    def after_us(self, delay_us: int, function: Callable[..., object], *args: Any) -> Timer:
        """Call a function later."""
        return Timer(self, delay_us, function, args)

    def after_ms(self, delay_ms: float, function: Callable[..., object], *args: Any) -> Timer:
        """Call a function later; fractions of a microsecond are rounded."""
        return Timer(self, round(delay_ms * US_PER_MS), function, args)

    def future(self, what: str) -> Future[Any]:
        """A future to complete later; ``what`` names it in messages."""
        return Future(self, what)

    def sleep_ms(self, delay_ms: float) -> Future[None]:
        """A future that is done after a delay."""
        future: Future[None] = Future(self, f"sleep_ms({delay_ms:g})")
        self.after_ms(delay_ms, future.succeed)
        return future

    def process(self, generator: Generator[Any, Any, T], name: str) -> Future[T]:
        """Run a generator that yields futures; the future of its return value."""
        done: Future[T] = Future(self, name)
        self.env.process(self._guarded(generator, done, name, self.journal.cause))
        return done

    def _guarded(
        self, generator: Generator[Any, Any, T], done: Future[T], name: str, cause: Fact | None
    ) -> Generator[Any, Any, None]:
        self.journal.cause = cause
        try:
            value = yield from generator
        except Exception as error:
            error.add_note(f"(raised in {name} at {self.now_us / US_PER_MS:g} ms of simulated time)")
            raise
        done.succeed(value)

    def run_until(self, at_us: int) -> None:
        """Let time pass up to a moment, events of that moment included."""
        assert at_us >= self.now_us
        self.is_running = True
        try:
            while self.env.peek() <= at_us:
                self.env.step()
            if at_us > self.now_us:
                self.env.run(until=at_us)
        finally:
            self.is_running = False
            self.journal.cause = None

    def run_until_done(self, future: Future[Any], within_ms: float = float("inf")) -> None:
        """Let time pass until a future is done; UsageError when it can never be, or has not come ``within_ms``."""
        self.is_running = True
        until_us = self.now_us + within_ms * US_PER_MS
        try:
            while not future.triggered:
                at_us = self.env.peek()
                if until_us < at_us < float("inf"):
                    raise UsageError(
                        f"{future!r} after {within_ms / 1000:g} s of simulated time. Is there a quorum of ZooKeeper"
                        " servers, and can they be reached? Mend what is broken; trace.of(HostChanged) tells more."
                    )
                if at_us == float("inf"):
                    raise UsageError(
                        f"{future!r} can never be done: nothing is left to happen in this cluster. Is a broker or a"
                        " ZooKeeper quorum down? Restart it, then try again."
                    )
                self.env.step()
        finally:
            self.is_running = False
            self.journal.cause = None
