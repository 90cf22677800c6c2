"""A machine: it runs, pauses, is killed, stops and starts again; what is in its memory dies with its incarnation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING, Any

import simpy

from kafkasim.errors import ClientKilledError
from kafkasim.sim.kernel import US_PER_MS, Future, Kernel, Timer
from kafkasim.trace import Fact
from kafkasim.trace.facts import HostChanged

if TYPE_CHECKING:
    from kafkasim.sim.network import Connection, Network, Reply


class HostState(Enum):
    """What a machine does.

    A killed process lost its memory without a word, and its files are as it left them; without power the files lose
    what was not flushed, too, and no peer is told. A paused process has lost nothing and knows nothing of it.
    """

    RUNNING = "running"
    PAUSED = "paused"
    KILLED = "killed"
    POWERED_OFF = "powered off"
    STOPPED = "stopped"


class Host:
    """A named machine on the network.

    Timers made with :meth:`after_ms` belong to the present incarnation: after a crash they do nothing, and during a
    pause they wait. A restarted host keeps only what its subclass calls its disk.
    """

    def __init__(self, name: str, kernel: Kernel, network: Network) -> None:
        self.name = name
        self.kernel = kernel
        self.network = network
        self.state = HostState.STOPPED
        self.incarnation = 0
        self.listens = True
        self.ended: Future[None] = Future[None](kernel, f"the end of {name}").succeed()
        self._waiting: deque[tuple[Fact | None, Callable[..., object], tuple[Any, ...]]] = deque()
        network.add(self)

    @property
    def is_running(self) -> bool:
        """Whether the process works: it is alive and not paused."""
        return self.state is HostState.RUNNING

    @property
    def is_alive(self) -> bool:
        """Whether there is a process, running or paused."""
        return self.state is HostState.RUNNING or self.state is HostState.PAUSED

    # --- life --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a new incarnation."""
        assert not self.is_alive
        self.incarnation += 1
        self.listens = True
        self.ended = Future(self.kernel, f"the end of {self.name}")
        boots = self.state is HostState.POWERED_OFF
        self._become(HostState.RUNNING)
        if boots:
            self.network.booted(self)
        self.on_start()

    def kill(self) -> None:
        """The process dies at once; the operating system closes its connections."""
        self._end(HostState.KILLED)
        self.network.process_ended(self, "killed")

    def stop(self) -> None:
        """The process ends by itself; what must be said before has been said."""
        self._end(HostState.STOPPED)
        self.network.process_ended(self, "stopped")

    def check_alive(self) -> None:
        """Raise ClientKilledError when there is no process that could do anything."""
        if not self.is_alive:
            raise ClientKilledError(
                f"{self.name} was {self.state.value}, and its program has ended. Make a new client."
            )

    def future(self, what: str) -> Future[Any]:
        """A future that only this program can complete; ``what`` names it in messages."""
        return Future(self.kernel, what, self)

    def stop_serving(self) -> None:
        """Hang up on everybody who has called, and take no calls any more; the process goes on."""
        self.listens = False
        self.network.stopped_serving(self, "stopped")

    def lose_power(self) -> None:
        """The machine is dark: nobody is told, and the disk loses what was not flushed."""
        self._end(HostState.POWERED_OFF)
        self.network.power_lost(self)
        self.on_power_lost()

    def pause(self) -> None:
        """The process stands still."""
        assert self.is_running
        self._become(HostState.PAUSED)
        self.network.review(self)

    def resume(self) -> None:
        """The process goes on, with all that was due and all that has come in the meantime, in that order."""
        assert self.state is HostState.PAUSED
        self._become(HostState.RUNNING)
        resumed = self.kernel.journal.cause
        incarnation = self.incarnation
        while self._waiting and self.is_running and self.incarnation == incarnation:
            self.kernel.journal.cause, function, args = self._waiting.popleft()
            function(*args)
        self.kernel.journal.cause = resumed
        self.network.review(self)

    def _end(self, state: HostState) -> None:
        assert self.is_alive
        self._waiting.clear()
        self._become(state)
        self.on_end()
        self.ended.succeed()

    def shut_down(self) -> Future[None]:
        """End in good order, in as much time as that takes."""
        self.stop()
        return Future[None](self.kernel, f"the end of {self.name}").succeed()

    def up(self) -> Future[None]:
        """Done when a started process serves; fails with the error with which it has ended by itself."""
        return Future[None](self.kernel, f"the start of {self.name}").succeed()

    def on_start(self) -> None:
        """What a subclass does when its process begins."""

    def on_end(self) -> None:
        """What a subclass forgets when its process is gone."""

    def on_power_lost(self) -> None:
        """What a subclass's disk loses with the power."""

    # --- work --------------------------------------------------------------------------------------------

    def accepted(self, connection: Connection) -> None:
        """What a subclass notes of a client's new connection."""

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        """Answer a request of a connection, now or later; ``reply(None)`` ends it without an answer."""
        raise NotImplementedError

    def after_ms(self, delay_ms: float, function: Callable[..., object], *args: Any) -> Timer:
        """Call a function later, unless this incarnation has ended by then; what is due in a pause waits for its
        end."""
        return HostTimer(self, round(delay_ms * US_PER_MS), function, args)

    def after_us(self, delay_us: int, function: Callable[..., object], *args: Any) -> Timer:
        """The same, in microseconds."""
        return HostTimer(self, delay_us, function, args)

    def sleep_ms(self, delay_ms: float) -> Future[None]:
        """A future that is done after a delay, unless this incarnation has ended by then."""
        future: Future[None] = Future(self.kernel, f"sleep_ms({delay_ms:g})")
        self.after_ms(delay_ms, future.happen)
        return future

    def process(self, generator: Generator[Any, Any, Any], name: str) -> Future[Any]:
        """Run a generator of this machine. After a crash nothing that it waits for ever comes."""
        return self.kernel.process(generator, f"{name} of {self.name}")

    def when_running(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function now, or when the pause is over."""
        if self.state is HostState.PAUSED:
            self._waiting.append((self.kernel.journal.cause, function, args))
        else:
            function(*args)

    def _become(self, state: HostState) -> None:
        self.state = state
        self.kernel.journal.because(HostChanged(self.name, state.value, self.incarnation))


class HostTimer(Timer):
    """A timer of one incarnation of a machine."""

    def __init__(self, host: Host, delay_us: int, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._host = host
        self._incarnation = host.incarnation
        super().__init__(host.kernel, delay_us, function, args)

    def _run(self, event: simpy.Event) -> None:
        host = self._host
        if self._function is None or host.incarnation != self._incarnation:
            return
        if host.state is HostState.RUNNING:
            super()._run(event)
        elif host.state is HostState.PAUSED:
            host.when_running(self._run, event)


class ClientHost(Host):
    """The machine of a client program: it calls and is never called."""

    def __init__(self, name: str, kernel: Kernel, network: Network) -> None:
        super().__init__(name, kernel, network)
        self.start()

    def on_end(self) -> None:
        self.kernel.has_killed_clients = True
