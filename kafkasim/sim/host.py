"""A machine: it runs, is killed, stops and starts again; what is in its memory dies with its incarnation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING, Any

from kafkasim.sim.kernel import Future, Kernel, Timer
from kafkasim.trace.facts import HostChanged

if TYPE_CHECKING:
    from kafkasim.sim.network import Connection, Network, Reply


class HostState(Enum):
    """What a machine does. A killed process lost its memory without a word; its files are as it left them."""

    RUNNING = "running"
    KILLED = "killed"
    STOPPED = "stopped"


class Host:
    """A named machine on the network.

    Timers made with :meth:`after_ms` belong to the present incarnation: after a crash they do nothing. A restarted
    host keeps only what its subclass calls its disk.
    """

    def __init__(self, name: str, kernel: Kernel, network: Network) -> None:
        self.name = name
        self.kernel = kernel
        self.network = network
        self.state = HostState.STOPPED
        self.incarnation = 0
        network.add(self)

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self.state is HostState.RUNNING

    def start(self) -> None:
        """Begin a new incarnation."""
        assert not self.is_running
        self.incarnation += 1
        self._become(HostState.RUNNING)
        self.on_start()

    def kill(self) -> None:
        """The process dies at once; the operating system closes its connections."""
        assert self.is_running
        self._become(HostState.KILLED)
        self.on_end()
        self.network.close_connections_of(self, "killed")

    def stop(self) -> None:
        """The process ends in good order; what must be said before has been said."""
        assert self.is_running
        self._become(HostState.STOPPED)
        self.on_end()
        self.network.close_connections_of(self, "stopped")

    def on_start(self) -> None:
        """What a subclass does when its process begins."""

    def on_end(self) -> None:
        """What a subclass forgets when its process is gone."""

    def accepted(self, connection: Connection) -> None:
        """What a subclass notes of a client's new connection."""

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        """Answer a request of a connection, now or later; ``reply(None)`` ends it without an answer."""
        raise NotImplementedError

    def after_ms(self, delay_ms: float, function: Callable[..., object], *args: Any) -> Timer:
        """Call a function later, unless this incarnation has ended by then."""
        return self.kernel.after_ms(delay_ms, self._if_alive, self.incarnation, function, args)

    def sleep_ms(self, delay_ms: float) -> Future[None]:
        """A future that is done after a delay, unless this incarnation has ended by then."""
        future: Future[None] = Future(self.kernel, f"sleep_ms({delay_ms:g})")
        self.after_ms(delay_ms, future.succeed)
        return future

    def process(self, generator: Generator[Any, Any, Any], name: str) -> Future[Any]:
        """Run a generator of this machine. After a crash nothing that it waits for ever comes."""
        return self.kernel.process(generator, f"{name} of {self.name}")

    def _if_alive(self, incarnation: int, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        if self.is_running and self.incarnation == incarnation:
            function(*args)

    def _become(self, state: HostState) -> None:
        self.state = state
        self.kernel.journal.because(HostChanged(self.name, state.value, self.incarnation))


class ClientHost(Host):
    """The machine of a client program: it calls and is never called."""

    def __init__(self, name: str, kernel: Kernel, network: Network) -> None:
        super().__init__(name, kernel, network)
        self.start()
