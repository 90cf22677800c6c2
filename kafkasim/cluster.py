"""The cluster: made of machines, run in simulated time, broken and mended, watched through its trace."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from kafkasim import faults
from kafkasim.client.library import ClientLibrary
from kafkasim.client.zookeeper import ZooKeeperEnsemble
from kafkasim.config import (
    AdminConfig,
    BrokerConfig,
    ConsumerConfig,
    NetworkConfig,
    ProducerConfig,
    ZooKeeperConfig,
    checks,
)
from kafkasim.core.truncation import Truncation, truncation_variant
from kafkasim.errors import ConfigError, UsageError, unknown_name
from kafkasim.faults import Fault
from kafkasim.sim.admin import Admin
from kafkasim.sim.broker import PORT, Broker
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.disk_inspector import DiskInspector
from kafkasim.sim.host import ClientHost
from kafkasim.sim.injector import Injector
from kafkasim.sim.kernel import US_PER_MS, Future, Kernel
from kafkasim.sim.network import Network
from kafkasim.sim.producer import Producer
from kafkasim.sim.zookeeper import ZooKeeperServer, ensemble
from kafkasim.trace import Trace

FIRST_BROKER_ID = 101
START_TIME_MS = 1_700_000_000_000
READY_MS = 1_000
"""Simulated time when a new cluster is handed to its user: everything is registered and quiet by then."""
SETTLE_MS = 100
"""How long more, again and again, until every broker has heard of all the others."""
PATIENCE_MS = 600_000
"""How long start, stop and restart wait for a process, in simulated time, until they say that it will not do."""
SETTLED_BY_MS = 600_000
"""By then they have, or there is a fault in the simulator, which must not hang."""
MAX_BROKERS = 1_000


class Cluster:
    """A Kafka cluster and its ZooKeeper ensemble, in simulated time.

    ``brokers`` is a count (ids from 101 on) or a list of ids; ``zookeepers`` the number of ZooKeeper servers; ``racks``
    one rack per broker. ``broker_config`` and ``zookeeper_config`` are settings under their own names; ``network``
    those of :class:`NetworkConfig`. ``first_broker`` starts first and so becomes the controller. ``start_time_ms`` is
    the wall clock at time 0. ``zookeeper_observers`` names ZooKeeper servers that serve and do not vote.
    ``truncation="high-watermark"`` is how followers cut their logs before Kafka 0.11, which lost records; it may also
    be an object as those of core/truncation. With ``brokers=0`` there is the ensemble alone; with ``start=False``
    nothing runs until :meth:`start` is called for it. With ``eager`` each heartbeat of a group's member and each ping
    of a ZooKeeper session is a message; otherwise those that change nothing are only computed: the same happens at the
    same times, and costs less. Automatic commits that repeat the last one are sent only with ``eager``, too. The same
    arguments and calls give the same trace, to the byte.
    """

    def __init__(
        self, brokers: int | Sequence[int] = 3, *, zookeepers: int = 3, racks: Sequence[str] | None = None,
        broker_config: Mapping[str, object] | None = None, zookeeper_config: Mapping[str, object] | None = None,
        network: Mapping[str, object] | None = None, first_broker: int | str | None = None,
        zookeeper_observers: Sequence[str] = (), truncation: str | Truncation = "leader-epoch", start: bool = True,
        start_time_ms: int = START_TIME_MS, eager: bool = False, seed: int = 7,
    ) -> None:  # fmt: skip
        checks.flag(start, "start")
        checks.flag(eager, "eager")
        ids = _broker_ids(brokers)
        checks.whole_number(zookeepers, "zookeepers", at_least=1, at_most=99)
        checks.whole_number(start_time_ms, "start_time_ms", at_least=0)
        if racks is not None and len(checks.names(racks, "racks")) != len(ids):
            raise ConfigError(f"racks must name one rack for each of the {len(ids)} brokers. Got {len(racks)}.")
        config = BrokerConfig.parse(broker_config or {})
        zookeeper = ZooKeeperConfig.parse(zookeeper_config or {})
        variant = truncation_variant(truncation)
        self._kernel = Kernel(checks.seed(seed), start_time_ms)
        self._network = Network(self._kernel, NetworkConfig.parse(network or {}), eager=eager)
        self._trace = Trace(self._kernel.journal.facts)
        self._injector = Injector(self._kernel, self._network)
        observers = _observers(zookeeper_observers, zookeepers)
        self._zookeepers: list[ZooKeeperServer] = ensemble(
            zookeepers, self._kernel, self._network, zookeeper, observers
        )
        names = [server.name for server in self._zookeepers]
        self._brokers = {
            broker: Broker(
                broker, self._kernel, self._network, config=config, zookeepers=names,
                rack=None if racks is None else racks[place], truncation=variant,
            )
            for place, broker in enumerate(ids)
        }  # fmt: skip
        self.seed = seed
        self._clients: dict[str, int] = {}
        self._admin: Admin | None = None
        first = None if first_broker is None else self._broker(first_broker)
        if start:
            self._start(first)

    def _start(self, first: Broker | None) -> None:
        """Start everything; come back when every broker is registered, one is the controller and all know it."""
        for server in self._zookeepers:
            self._kernel.journal.cause = None
            server.start()
        for server in self._zookeepers:
            self._kernel.run_until_done(server.serves)
        order = list(self._brokers.values())
        if first is not None:
            first.start()
            self._kernel.run_until_done(first.registered)
            order.remove(first)
        for broker in order:
            self._kernel.journal.cause = None
            broker.start()
        for broker in order:
            self._kernel.run_until_done(broker.registered)
        self._kernel.run_until(max(self._kernel.now_us, READY_MS * US_PER_MS))
        while any(broker.metadata.brokers.keys() != self._brokers.keys() for broker in self._brokers.values()):
            assert self._kernel.now_us < SETTLED_BY_MS * US_PER_MS, "a broker never hears of another"
            self._kernel.run_until(self._kernel.now_us + SETTLE_MS * US_PER_MS)

    def __repr__(self) -> str:
        states = ", ".join(f"{broker.name} {broker.state.value}" for broker in self._brokers.values())
        return f"<Cluster at {self.now_ms:g} ms: {states}>"

    # --- time --------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> float:
        """Milliseconds of simulated time since the cluster's start."""
        return self._kernel.now_us / US_PER_MS

    def run(self, *, for_ms: float | None = None, until_ms: float | None = None) -> Trace:
        """Let simulated time pass, for a while or until a time; give the trace."""
        if (for_ms is None) == (until_ms is None):
            raise ConfigError("run() takes either for_ms=... or until_ms=....")
        self._not_inside("run()")
        if for_ms is not None:
            at_ms = self.now_ms + checks.milliseconds(for_ms, "for_ms")
        else:
            at_ms = checks.milliseconds(until_ms, "until_ms")
            if at_ms < self.now_ms:
                raise ConfigError(f"until_ms={until_ms:g} lies in the past: it is {self.now_ms:g} ms now.")
        self._kernel.run_until(round(at_ms * US_PER_MS))
        return self.trace

    def sleep_ms(self, delay_ms: float) -> Future[None]:
        """A future that is done after a delay: ``yield`` it in a process."""
        return self._kernel.sleep_ms(checks.milliseconds(delay_ms, "delay_ms"))

    def process(self, function: Callable[[], Generator[Any, Any, Any]]) -> Future[Any]:
        """Run a generator function side by side with everything else: it ``yield``s futures. Usable as a decorator.

        The future that comes back is done when the generator returns. An exception in it stops the run.
        """
        name = getattr(function, "__name__", "process")
        generator = function() if callable(function) else function
        if not isinstance(generator, Generator):
            raise ConfigError(
                f"@cluster.process needs a generator function, one with `yield` in it. {name} gave {generator!r}."
            )
        return self._kernel.process(generator, name)

    def at(self, at_ms: float, action: Fault | Callable[[], object]) -> None:
        """Break, mend or call something at a time."""
        moment = checks.milliseconds(at_ms, "at_ms")
        if moment < self.now_ms:
            raise ConfigError(f"at_ms={moment:g} lies in the past: it is {self.now_ms:g} ms now.")
        if isinstance(action, Fault):
            self._injector.check(action)
        elif not callable(action):
            raise ConfigError(f"action must be a fault of ks.faults or a function. Got {action!r}.")
        self._kernel.journal.cause = None
        self._kernel.after_us(round(moment * US_PER_MS) - self._kernel.now_us, self._do, action)

    def _do(self, action: Fault | Callable[[], object]) -> None:
        if isinstance(action, Fault):
            self._injector.inject(action, planned=True)
        else:
            action()

    def _not_inside(self, call: str) -> None:
        if self._kernel.is_running:
            raise UsageError(f"{call} lets time pass, and a @cluster.process must not. Yield cluster.sleep_ms() there.")

    # --- machines ----------------------------------------------------------------------------------------

    @property
    def brokers(self) -> tuple[int, ...]:
        """The ids of all brokers, running or not."""
        return tuple(self._brokers)

    def inject(self, fault: Fault | faults.Plan) -> None:
        """Break or mend something now, or follow a plan from now on; nothing is waited for, so processes may call it.

        Raises UsageError when that makes no sense, as to kill what is dead.
        """
        if isinstance(fault, faults.Plan):
            for _, step in fault:
                self._injector.check(step)
            for at_ms, step in fault:
                self.at(self.now_ms + at_ms, step)
        else:
            self._injector.inject(fault)

    def kill(self, target: object) -> None:
        """A process dies at once; its files stay. See :class:`kafkasim.faults.Kill`."""
        self._injector.inject(faults.Kill(target))

    def power_loss(self, target: object) -> None:
        """A machine loses its power. See :class:`kafkasim.faults.PowerLoss`."""
        self._injector.inject(faults.PowerLoss(target))

    def pause(self, target: object) -> None:
        """A process stands still. See :class:`kafkasim.faults.Pause`."""
        self._injector.inject(faults.Pause(target))

    def resume(self, target: object) -> None:
        """A paused process goes on."""
        self._injector.inject(faults.Resume(target))

    def stop(self, target: object) -> None:
        """A broker or a ZooKeeper server ends in good order; come back when it has ended."""
        self._wait("stop()", faults.Stop(target))

    def start(self, target: object) -> None:
        """Start a process, once; come back when a broker is registered.

        Raises the error of a process that ends again at once: NodeExistsError when its old session is still alive.
        """
        self._wait("start()", faults.Start(target))

    def restart(self, target: object) -> None:
        """Start a process until it stays; come back when a broker is registered.

        A broker whose old session is still alive ends again at once, as Kafka's does. Like a supervisor, restart()
        starts it once more each second.
        """
        self._wait("restart()", faults.Restart(target))

    def heal(self) -> None:
        """All faults of the network end."""
        self._injector.inject(faults.Heal())

    def _wait(self, call: str, fault: Fault) -> None:
        self._not_inside(call)
        done = self._injector.inject(fault)
        self._kernel.run_until_done(done, PATIENCE_MS)
        done.result()

    def _broker(self, broker: object) -> Broker:
        named = {target.name: target for target in self._brokers.values()}
        if isinstance(broker, int) and not isinstance(broker, bool) and broker in self._brokers:
            return self._brokers[broker]
        if isinstance(broker, str) and broker in named:
            return named[broker]
        raise unknown_name("broker", broker if isinstance(broker, str) else str(broker), named)

    def disk(self, broker: int | str) -> DiskInspector:
        """What lies on a broker's disk now."""
        target = self._broker(broker)
        return DiskInspector(target.disk, target)

    # --- topics and clients ------------------------------------------------------------------------------

    def create_topic(
        self, topic: str, partitions: int = -1, replication_factor: int = -1, *,
        assignment: Mapping[int, Sequence[int]] | None = None, **config: object,
    ) -> None:  # fmt: skip
        """Create a topic and wait until it has leaders; -1 means the broker's default (1).

        ``config`` are topic settings (``min_insync_replicas=2``). Raises Kafka's errors, as TopicExistsException.
        """
        self._not_inside("create_topic()")
        if self._admin is None or not self._admin.host.is_alive:
            self._admin = self.admin(client_id="cluster-admin")
        self._admin.create_topic(topic, partitions, replication_factor, config, assignment=assignment).get()

    def producer(self, config: Mapping[str, object] | None = None, **settings: object) -> Producer:
        """A native producer with the Java client's settings: ``acks="all"``, ``linger_ms=5``, ``{"linger.ms": 5}``."""
        parsed = ProducerConfig.parse(_merged(config, settings))
        host, bootstrap = self._client_host(parsed.client_id, "producer", parsed.bootstrap_servers)
        return Producer(host, bootstrap, parsed)

    def consumer(self, *topics: str, config: Mapping[str, object] | None = None, **settings: object) -> Consumer:
        """A native consumer with the Java client's settings, subscribed to ``topics`` if any are named."""
        checks.topics(topics)
        parsed = ConsumerConfig.parse(_merged(config, settings))
        if topics and parsed.group_id is None:
            raise ConfigError(
                "A subscription needs a group: give the consumer a group_id, or choose partitions with assign().",
                java_name="InvalidGroupIdException",
            )
        host, bootstrap = self._client_host(parsed.client_id, "consumer", parsed.bootstrap_servers)
        consumer = Consumer(host, bootstrap, parsed)
        if topics:
            consumer.subscribe(topics)
        return consumer

    def admin(self, config: Mapping[str, object] | None = None, **settings: object) -> Admin:
        """A native admin client with the Java client's settings."""
        parsed = AdminConfig.parse(_merged(config, settings))
        host, bootstrap = self._client_host(parsed.client_id, "admin", parsed.bootstrap_servers)
        return Admin(host, bootstrap, parsed)

    @property
    def zookeeper(self) -> ZooKeeperEnsemble:
        """The ZooKeeper ensemble: its servers, and sessions with it."""
        return ZooKeeperEnsemble(self._zookeepers, lambda: self._client_host(None, "zookeeper-client", None)[0])

    def client_library(self) -> ClientLibrary:
        """What stands where ``import kafka`` stands on a real cluster: kafka-python's classes and errors."""
        return ClientLibrary(self, self._kernel)

    def _client_host(
        self, client_id: str | None, role: str, bootstrap: Iterable[str] | None
    ) -> tuple[ClientHost, list[str]]:
        """A machine for a client, and the brokers that it knows at first."""
        servers = [broker.name for broker in self._brokers.values()]
        if not servers and role != "zookeeper-client":
            raise UsageError("This cluster has no brokers, only a ZooKeeper ensemble: cluster.zookeeper.client().")
        if bootstrap:
            servers = [self._address(address) for address in bootstrap]
        self._kernel.journal.cause = None
        if not client_id:
            self._clients[role] = self._clients.get(role, 0) + 1
            client_id = f"{role}-{self._clients[role]}"
        name = client_id
        while name in self._network.hosts:
            self._clients[client_id] = self._clients.get(client_id, 1) + 1
            name = f"{client_id}-{self._clients[client_id]}"
        return ClientHost(name, self._kernel, self._network), servers

    def _address(self, address: str) -> str:
        host, colon, port = address.partition(":")
        known = {broker.name for broker in self._brokers.values()}
        if host not in known or (colon and port != str(PORT)):
            raise ConfigError(
                f"bootstrap.servers must name brokers of this cluster, as {min(known)}:{PORT}. Got {address!r}.",
                java_name="KafkaException",
            )
        return host

    # --- what happened -----------------------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """Everything that has happened; it grows while the cluster runs."""
        return self._trace


def _observers(observers: Sequence[str], zookeepers: int) -> tuple[str, ...]:
    names = [f"zookeeper-{number}" for number in range(1, zookeepers + 1)]
    for observer in checks.names(observers, "zookeeper_observers"):
        if observer not in names:
            raise unknown_name("ZooKeeper server", observer, names)
    if observers and zookeepers - len(set(observers)) < 2:
        raise ConfigError(f"zookeeper_observers must leave at least two servers that vote. Got {observers!r}.")
    return tuple(observers)


def _broker_ids(brokers: object) -> list[int]:
    if isinstance(brokers, int) and not isinstance(brokers, bool):
        checks.whole_number(brokers, "brokers", at_least=0, at_most=MAX_BROKERS)
        return list(range(FIRST_BROKER_ID, FIRST_BROKER_ID + brokers))
    if isinstance(brokers, Sequence) and not isinstance(brokers, str | bytes) and brokers:
        ids = [checks.whole_number(broker, "a broker id", at_least=0, at_most=2**31 - 1) for broker in brokers]
        if len(set(ids)) == len(ids) <= MAX_BROKERS:
            return ids
        raise ConfigError(f"Broker ids must differ from each other, at most {MAX_BROKERS} of them. Got {brokers!r}.")
    raise ConfigError(f"brokers must be a whole number of at least 0 or a list of broker ids. Got {brokers!r}.")


def _merged(config: Mapping[str, object] | None, settings: Mapping[str, object]) -> dict[str, object]:
    if config is not None and not isinstance(config, Mapping):
        raise ConfigError(f"config must be a dict of settings. Got {config!r}.")
    return {**(config or {}), **settings}
