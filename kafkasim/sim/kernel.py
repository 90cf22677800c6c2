"""The clock, the chance and the calendar of a run, on SimPy.

The clock counts integer microseconds, so nothing drifts under a strict comparison. What happens in one event is
caused by what led to the event: every timer, message and future carries the fact that was the cause when it was made,
and gives it back to the journal before anything else runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Any, Generic, Protocol, TypeVar, cast

import simpy
from simpy.events import NORMAL, URGENT, EventPriority

from kafkasim.errors import ClientKilledError, UsageError
from kafkasim.trace import Fact, Journal

T = TypeVar("T")

US_PER_MS = 1000


class Timer(simpy.Event):
    """A call at a later time: one slim event in the heap. A cancelled timer stays there and does nothing."""

    def __init__(
        self, kernel: Kernel, delay_us: int, function: Callable[..., object], args: tuple[Any, ...],
        priority: EventPriority = NORMAL,
    ) -> None:  # fmt: skip
        assert delay_us >= 0, delay_us
        self.env = kernel.env
        self.callbacks = [self._run]
        self._ok = True
        self._value = None
        self._kernel = kernel
        self._cause = kernel.journal.cause
        self._function: Callable[..., object] | None = function
        self._args = args
        kernel.env.schedule(self, priority, delay_us)

    def cancel(self) -> None:
        """Forget the call."""
        self._function = None

    def _run(self, _: simpy.Event) -> None:
        if self._function is not None:
            self._kernel.journal.cause = self._cause
            self._function(*self._args)


class Owner(Protocol):
    """The program that a future is of."""

    name: str

    @property
    def is_alive(self) -> bool:
        """Whether it could still complete the future."""

    def check_alive(self) -> None:
        """Raise ClientKilledError when it could not."""


class Future(simpy.Event, Generic[T]):
    """What a call that takes simulated time returns.

    ``yield`` it in a ``@cluster.process`` generator, or call :meth:`get` outside one. A future that fails keeps its
    error until somebody asks for it; an error that nobody asks for stops nothing. It is an event in the calendar only
    when somebody waits for it as it is completed. It is never done once the program that it is of (``owner``) was
    killed; get() says so.
    """

    def __init__(self, kernel: Kernel, what: str = "this", owner: Owner | None = None) -> None:
        super().__init__(kernel.env)
        self.owner = owner
        self.awaits: simpy.Event | None = None
        self._kernel = kernel
        self._what = what
        self._cause: Fact | None = None

    def __repr__(self) -> str:
        state = "done" if self.is_done() else "not done yet"
        return f"<Future of {self._what}: {state}>"

    def succeed(self, value: Any = None) -> Future[T]:
        """Complete with a value; who waits goes on at this moment, after everything that happens in it."""
        if self.callbacks:
            self._keep_cause()
            super().succeed(value)
        else:
            self.happen(value)
        return self

    def fail(self, exception: BaseException) -> Future[T]:
        """Complete with an error."""
        assert isinstance(exception, Exception)
        if self.callbacks:
            self._keep_cause()
            super().fail(exception)
            self.defused = True
        else:
            assert not self.triggered
            self._ok, self._value = False, exception
            self.callbacks = None  # type: ignore[assignment]
        return self

    def happen(self, value: Any = None) -> None:
        """Complete with a value within the present event, as its last act: who waits goes on at once."""
        assert not self.triggered
        callbacks = self.callbacks
        self.callbacks = None  # type: ignore[assignment]
        self._ok, self._value = True, value
        for callback in callbacks:
            callback(self)

    def _keep_cause(self) -> None:
        self._cause = self._kernel.journal.cause
        self.callbacks.insert(0, self._restore_cause)

    def _restore_cause(self, _: simpy.Event) -> None:
        self._kernel.journal.cause = self._cause

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
        self.journal = Journal(self.env)
        self.seed = seed
        self.start_time_ms = start_time_ms
        self.is_running = False
        self.has_killed_clients = False

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the cluster."""
        return self.env.now  # type: ignore[return-value]

    @property
    def now_ms(self) -> int:
        """The wall clock of every machine in whole milliseconds, as Kafka reads it."""
        return self.start_time_ms + self.env.now // US_PER_MS  # type: ignore[return-value]

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
        self.after_ms(delay_ms, future.happen)
        return future

    def process(self, generator: Generator[Any, Any, T], name: str) -> Future[T]:
        """Run a generator that yields futures, from this moment on; the future of its return value.

        A call on a client that was killed ends it, since the client's program has ended: the future has the error.
        """
        done: Future[T] = Future(self, name)
        Timer(self, 0, Story(self, self._noting(generator, name), done).go_on, (), URGENT)
        return done

    def _noting(self, generator: Generator[Any, Any, T], name: str) -> Generator[Any, Any, T]:
        try:
            return (yield from generator)
        except Exception as error:
            error.add_note(f"(raised in {name} at {self.now_us / US_PER_MS:g} ms of simulated time)")
            raise

    def begin(self, generator: Generator[Any, Any, T], done: Future[T]) -> None:
        """Run such a generator at once, as far as it goes without waiting; its errors are the future's."""
        was_running, cause, self.is_running = self.is_running, self.journal.cause, True
        try:
            Story(self, generator, done, keeps_errors=True).go_on()
        finally:
            self.is_running, self.journal.cause = was_running, cause

    def run_until(self, at_us: int) -> None:
        """Let time pass up to a moment, events of that moment included."""
        assert at_us >= self.now_us
        self.is_running = True
        try:
            if at_us > self.now_us:
                self.env.run(until=at_us)
            while self.env.peek() <= at_us:
                self.env.step()
        finally:
            self.is_running = False
            self.journal.cause = None

    @staticmethod
    def _check_owner(future: Future[Any]) -> None:
        """Raise when only a client that was killed could complete a future, or what its process waits for."""
        waited_for: simpy.Event | None = future
        while isinstance(waited_for, Future):
            if waited_for.owner is not None and not waited_for.triggered:
                waited_for.owner.check_alive()
            waited_for = waited_for.awaits

    def run_until_done(self, future: Future[Any], within_ms: float = float("inf")) -> None:
        """Let time pass until a future is done; UsageError when it can never be, or has not come ``within_ms``."""
        self.is_running = True
        until_us = self.now_us + within_ms * US_PER_MS
        try:
            while not future.triggered:
                if self.has_killed_clients:
                    self._check_owner(future)
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


class Story:
    """A generator on its way from one future to the next; what it returns completes ``done``."""

    def __init__(
        self, kernel: Kernel, generator: Generator[Any, Any, Any], done: Future[Any], *, keeps_errors: bool = False
    ) -> None:
        self._kernel, self._generator, self._done, self._keeps_errors = kernel, generator, done, keeps_errors

    def go_on(self, event: simpy.Event | None = None) -> None:
        """What it waited for has happened: run it up to the next future that is not done yet."""
        while True:
            try:
                event = self._next(event)
            except StopIteration as end:
                value = end.value
                break
            except Exception as error:
                if not self._keeps_errors and not isinstance(error, ClientKilledError):
                    raise
                self._done.fail(error)
                return
            if event.callbacks is not None:
                event.callbacks.append(self.go_on)
                self._done.awaits = event  # a story that nothing will ever wake is thrown away as a whole
                return
        self._done.happen(value)

    def _next(self, event: simpy.Event | None) -> simpy.Event:
        if event is None:
            target = next(self._generator)
        elif event.ok:
            target = self._generator.send(event.value)
        else:
            target = self._generator.throw(cast("BaseException", event.value))
        while not isinstance(target, simpy.Event):
            problem = f"A process yields futures. Got {target!r}. Yield what a call returns: `yield producer.flush()`."
            target = self._generator.throw(UsageError(problem))
        return target
