"""Faults at work: breaks and mends machines and links, and writes down when each fault starts and ends.

A fault that is asked for now and makes no sense (to kill what is dead) is refused. One that was planned for a time and
makes no sense by then does nothing: another one was there first.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from kafkasim import faults
from kafkasim.errors import ConfigError, UsageError, unknown_name
from kafkasim.faults import Fault
from kafkasim.sim import broker_faults
from kafkasim.sim.broker import Broker
from kafkasim.sim.host import ClientHost, Host, HostState
from kafkasim.sim.kernel import Future, Kernel
from kafkasim.sim.links import Trouble
from kafkasim.sim.network import Network
from kafkasim.trace.facts import FaultEnded, FaultStarted

RESTART_PAUSE_MS = 1_000
"""How long a supervisor waits before it starts a process again."""

Mend = Callable[[], object]


class Injector:
    """All faults of one cluster."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        self._kernel = kernel
        self._network = network
        self._count = 0
        self._of_machine: dict[str, list[tuple[int, str]]] = {}
        self._of_network: dict[int, tuple[Mend, list[tuple[str, str]]]] = {}

    # --- which machine -----------------------------------------------------------------------------------

    def host(self, target: Any) -> Host:
        """The machine that a target names; raises UnknownNameError."""
        hosts = self._network.hosts
        native = getattr(target, "_native", target)
        given = getattr(native, "host", native)
        if isinstance(given, Host):
            if hosts.get(given.name) is not given:
                raise ConfigError(f"{given.name} belongs to another cluster.")
            return given
        if isinstance(given, int) and not isinstance(given, bool) and f"broker-{given}" in hosts:
            return hosts[f"broker-{given}"]
        if isinstance(given, str) and given in hosts:
            return hosts[given]
        if isinstance(given, int) and not isinstance(given, bool):
            raise unknown_name("broker", str(given), [name for name in hosts if name.startswith("broker-")])
        raise unknown_name("machine", given, hosts)

    def check(self, fault: Fault) -> None:
        """Refuse a fault that could never be: no fault of ks.faults, or unknown machines."""
        if not isinstance(fault, Fault):
            raise ConfigError(f"A fault is one of ks.faults, such as ks.faults.Kill(102). Got {fault!r}.")
        if isinstance(fault, faults.NetworkFault):
            if not (isinstance(fault, faults.Heal) and fault.a is None):
                self._links(fault)
            return
        host = self.host(fault.target)
        if isinstance(fault, faults.BrokerFault) and not isinstance(host, Broker):
            raise UsageError(f"{type(fault).__name__} hits brokers, and {host.name} is none.")
        if isinstance(host, ClientHost) and isinstance(fault, _NOT_FOR_CLIENTS):
            raise UsageError(
                f"{host.name} is a client: close() ends it, and after a kill a new client takes its place."
            )

    def _links(self, fault: faults.NetworkFault) -> list[tuple[str, str]]:
        """The directed links between the two sides of a fault."""
        sides = [[self.host(one) for one in _several(side)] for side in (fault.a, fault.b)]
        if not all(sides):
            raise ConfigError(f"a and b of {type(fault).__name__} must name a machine each, or some. Got {fault!r}.")
        links = []
        for a, b in product(*sides):
            if a is b:
                raise ConfigError(f"{a.name} stands on both sides of a {type(fault).__name__}.")
            links.append((a.name, b.name))
            if not fault.one_way:
                links.append((b.name, a.name))
        return list(dict.fromkeys(links))

    # --- faults ------------------------------------------------------------------------------------------

    def inject(self, fault: Fault, *, planned: bool = False) -> Future[None]:
        """Break or mend now; the future is done when what was asked for has come about."""
        self.check(fault)
        self._kernel.journal.cause = None
        if isinstance(fault, faults.Heal):
            return self.heal(None if fault.a is None else self._links(fault))
        if isinstance(fault, faults.Reset):
            where = self._where(fault)
            number = self._started(fault, where)
            self._network.reset(self._links(fault))
            self._kernel.journal.because(FaultEnded(number, _name(type(fault)), where))
            return self._done()
        if isinstance(fault, faults.Partition | faults.Clog | faults.Delay | faults.Loss):
            return self._break_links(fault)
        host = self.host(fault.target)
        if isinstance(fault, faults.BrokerFault):
            assert isinstance(host, Broker)
            trouble = broker_faults.refusal(fault, host, self._network)
            hit: Callable[..., Future[None]] = self._hit_broker
        else:
            trouble = _refusal(fault, host)
            if trouble is None and isinstance(fault, faults.Restart) and isinstance(host, Broker):
                trouble = broker_faults.hindrance(host)
            hit = self._hit
        if trouble is None:
            return hit(fault, host)
        if planned:
            return self._done()
        raise UsageError(trouble)

    def _hit(self, fault: faults.MachineFault, host: Host) -> Future[None]:
        match fault:
            case faults.Kill():
                self._begin(fault, host, self._start_again)
                host.kill()
            case faults.PowerLoss():
                self._begin(fault, host, self._start_again)
                host.lose_power()
            case faults.Stop():
                self._begin(fault, host, lambda it: it.ended.then(lambda _: self._stop_is_over(it)))
                host.shut_down()
                return host.ended
            case faults.Pause():
                self._begin(fault, host, self._go_on)
                host.pause()
            case faults.Resume():
                self._go_on(host)
            case faults.Start():
                self._over(host, *_DEADLY)
                host.start()
                return host.up()
            case faults.Restart():
                return self.supervise(host)
            case faults.CrashLoop():
                self._begin(fault, host, None)
                self._crash(host, fault, fault.times)
        return self._done()

    def _hit_broker(self, fault: faults.BrokerFault, broker: Broker) -> Future[None]:
        match fault:
            case faults.Mend():
                for kind in broker_faults.OF_DISKS:
                    self._over(broker, _name(kind))
                    broker_faults.mend(kind, broker)
            case faults.ExpireSession():
                self._begin(fault, broker, None)
                broker_faults.expire_session(broker, self._network)
                self._over(broker, _name(type(fault)))
            case _:
                self._begin(fault, broker, lambda host: self._mend_disk(host, type(fault)))
                broker_faults.begin(fault, broker)
        return self._done()

    def _mend_disk(self, broker: Any, fault: type[Fault]) -> None:
        """One fault of a disk is over, and what it has halted is started again, as by a supervisor."""
        self._over(broker, _name(fault))
        broker_faults.mend(fault, broker)
        if fault is not faults.SlowDisk and not any(self._suffers(broker, name) for name in _DEADLY):
            self._start_again(broker)

    def supervise(self, host: Host) -> Future[None]:
        """Start a process until it stays; the future of its registration."""
        self._over(host, *_DEADLY)
        stays: Future[None] = Future(self._kernel, f"restart of {host.name}")

        def start() -> None:
            if not host.is_alive:
                host.start()
            host.up().then(look)

        def look(up: Future[None]) -> None:
            if up.error is None:
                stays.succeed()
            elif any(self._suffers(host, name) for name in _DEADLY):
                stays.fail(up.error)  # somebody has killed it again, and does not want it back
            else:
                self._kernel.after_ms(RESTART_PAUSE_MS, start)

        start()
        return stays

    def _start_again(self, host: Host) -> None:
        if not host.is_alive:
            self.supervise(host)

    def _stop_is_over(self, host: Host) -> None:
        """The process has ended, in good order or not; who has killed it meanwhile may want it dead for longer."""
        self._over(host, "stop")
        if not any(self._suffers(host, name) for name in _DEADLY):
            self._start_again(host)

    def _go_on(self, host: Host) -> None:
        self._over(host, "pause")
        if host.state is HostState.PAUSED:
            host.resume()

    def _crash(self, host: Host, fault: faults.CrashLoop, left: int) -> None:
        """Die, lie, come back, live, and so on; somebody else may have mended it in between."""
        if host.is_alive:
            self._over(host, "pause")
            host.kill()
        self._kernel.after_ms(fault.down_ms, self._come_back, host, fault, left - 1)

    def _come_back(self, host: Host, fault: faults.CrashLoop, left: int) -> None:
        if not self._suffers(host, "crash loop"):
            return
        if not left:
            self._over(host, "crash loop")
            self._start_again(host)
            return
        if not host.is_alive:
            host.start()
        self._kernel.after_ms(fault.up_ms, self._crash_again, host, fault, left)

    def _crash_again(self, host: Host, fault: faults.CrashLoop, left: int) -> None:
        if self._suffers(host, "crash loop"):
            self._crash(host, fault, left)

    def _begin(self, fault: Any, host: Host, mend: Callable[[Host], object] | None) -> None:
        """A machine suffers something; ``mend`` is what ends it after its ``for_ms``, unless it has ended before."""
        suffered = (self._started(fault, host.name), _name(type(fault)))
        if isinstance(fault, faults.Kill | faults.PowerLoss | faults.LogDirFailure):
            self._over(host, "pause")  # what stood still has ended
        self._of_machine.setdefault(host.name, []).append(suffered)

        def due() -> None:
            if mend is not None and suffered in self._of_machine[host.name]:
                mend(host)

        if mend is not None and fault.for_ms is not None:
            self._kernel.after_ms(fault.for_ms, due)

    def _suffers(self, host: Host, name: str) -> bool:
        return any(suffered == name for _, suffered in self._of_machine.get(host.name, ()))

    def _over(self, host: Host, *names: str) -> None:
        """Faults of these names on a machine are over."""
        suffered = self._of_machine.get(host.name, [])
        for number, name in [one for one in suffered if one[1] in names]:
            suffered.remove((number, name))
            self._kernel.journal.because(FaultEnded(number, name, host.name))

    # --- links -------------------------------------------------------------------------------------------

    def _break_links(self, fault: Any) -> Future[None]:
        links, where = self._links(fault), self._where(fault)
        number = self._started(fault, where)
        trouble = _trouble(fault)
        self._network.start_trouble(links, trouble)

        def mend() -> None:
            if self._of_network.pop(number, None) is not None:
                self._kernel.journal.because(FaultEnded(number, _name(type(fault)), where))
                self._network.end_trouble(links, trouble)

        self._of_network[number] = (mend, links)
        if fault.for_ms is not None:
            self._kernel.after_ms(fault.for_ms, mend)
        return self._done()

    def _where(self, fault: Any) -> str:
        """The two sides of a fault in words."""
        arrow = "->" if fault.one_way else "<->"
        return f" {arrow} ".join(
            ", ".join(self.host(one).name for one in _several(side)) for side in (fault.a, fault.b)
        )

    def heal(self, links: list[tuple[str, str]] | None = None) -> Future[None]:
        """All faults of the network end, or those that hit any of some links."""
        for mend, hit in list(self._of_network.values()):
            if links is None or any(link in hit for link in links):
                mend()
        return self._done()

    def _started(self, fault: Any, where: str) -> int:
        self._count += 1
        self._kernel.journal.because(FaultStarted(self._count, _name(type(fault)), where, _detail(fault)))
        return self._count

    def _done(self) -> Future[None]:
        return Future[None](self._kernel, "a fault").succeed()


_DEADLY = ("kill", "power loss", "stop", "crash loop")
_NOT_FOR_CLIENTS = faults.Stop | faults.Start | faults.Restart | faults.CrashLoop


def _refusal(fault: faults.MachineFault, host: Host) -> str | None:
    """Why a fault makes no sense for a machine in its present state."""
    state = host.state.value
    match fault:
        case faults.Start() | faults.Restart():
            return f"{host.name} is {state}. Kill it first." if host.is_alive else None
        case faults.Resume():
            return None if state == "paused" else f"{host.name} is {state}, not paused."
        case faults.Pause() | faults.Stop():
            return None if host.is_running else f"{host.name} is {state} already."
        case _:
            return None if host.is_alive else f"{host.name} is {state} already."


def _trouble(fault: Any) -> Trouble:
    match fault:
        case faults.Partition():
            return Trouble(drops=True)
        case faults.Clog():
            return Trouble(holds=True)
        case faults.Delay():
            return Trouble(delay_ms=fault.by_ms, jitter_ms=fault.jitter_ms)
        case _:
            return Trouble(loss=fault.probability)


def _several(side: Any) -> list[Any]:
    return list(side) if isinstance(side, list | tuple) else [side]


def _name(kind: type[Fault]) -> str:
    """``PowerLoss`` -> ``power loss``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).strip()


def _detail(fault: Any) -> str:
    """How much and for how long, as Python would say it."""
    told = {name: getattr(fault, name) for name in fault.__dataclass_fields__ if name not in ("target", "a", "b")}
    told.pop("one_way", None)
    lasting = "until it is mended" if "for_ms" in told else "at once"
    return ", ".join(f"{name}={value:g}" for name, value in told.items() if value is not None) or lasting
