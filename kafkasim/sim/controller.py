"""The controller: the one broker that decides who leads, after the rules of core/.

Every broker runs this part and waits for /controller to be free. All work of the active controller is done by one
event queue, an event at a time, in the order in which the events came. Every write to ZooKeeper is a transaction that
checks the version of /controller_epoch, so that a controller that was replaced without knowing it can change nothing.

Here are election, failover, and brokers that come and go. partition_states and replica_states write decisions and
announce them; topic_changes, topic_deletion, reassignment, preferred_election, isr_changes and controlled_shutdown
make them.
Kafka: KafkaController, ControllerEventManager.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.controller_context import ControllerContext
from kafkasim.core.zk_errors import BadVersionError, NodeExistsError, NoNodeError
from kafkasim.core.zk_requests import Check, Create, Delete, SetData
from kafkasim.messages.control import PartitionState, StopReplicaRequest
from kafkasim.records import TopicPartition
from kafkasim.sim.controlled_shutdown import ControlledShutdown
from kafkasim.sim.controller_channels import Batch, ControllerChannels
from kafkasim.sim.isr_changes import IsrChanges
from kafkasim.sim.partition_states import ControllerMoved, PartitionStates
from kafkasim.sim.preferred_election import PreferredElection
from kafkasim.sim.producer_ids import ProducerIdBlocks
from kafkasim.sim.reassignment import Reassignment
from kafkasim.sim.replica_states import ReplicaStates
from kafkasim.sim.topic_changes import TopicChanges
from kafkasim.sim.topic_deletion import TopicDeletion
from kafkasim.trace import Fact
from kafkasim.trace.facts import ControllerElected, ControllerResigned, LiveBrokersChanged, PartitionChanged

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

Steps = Generator[Any, Any, None]


class Controller:
    """One broker's part in the control of the cluster: candidate, or active controller."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.broker_id = broker.broker_id
        self.zookeeper = broker.zookeeper
        self.journal = broker.kernel.journal
        self.is_active = False
        self.epoch = 0
        self._epoch_version = -1
        self._begin_term()

    def _begin_term(self) -> None:
        self.context = ControllerContext()
        self.partitions = PartitionStates(self)
        self.replicas = ReplicaStates(self, self.partitions)
        self.topics = TopicChanges(self)
        self.deletion = TopicDeletion(self)
        self.reassignment = Reassignment(self)
        self.elections = PreferredElection(self)
        self.shutdowns = ControlledShutdown(self)
        self.isr_changes = IsrChanges(self)
        self.producer_ids = ProducerIdBlocks(self)
        self._events: deque[tuple[Fact | None, Callable[[], Steps]]] = deque()
        self._working = False
        self._decision: Fact | None = None
        self._channels = ControllerChannels(
            self.broker, self.broker_id, self.context, self._answered,
            timeout_ms=self.broker.config.controller_socket_timeout_ms,
        )  # fmt: skip

    # --- election -------------------------------------------------------------------------------------

    def elect(self) -> Steps:
        """Become the controller if nobody is; else wait for /controller to vanish. Kafka: KafkaController.elect."""
        while True:
            found = yield self.zookeeper.exists(znodes.CONTROLLER, watch=self._controller_changed)
            if found is not None:
                return
            epoch, version = yield from self._last_epoch()
            payload = znodes.controller_payload(self.broker_id, self.broker.kernel.now_ms)
            try:
                yield self.zookeeper.multi(
                    [
                        Create(znodes.CONTROLLER, payload, ephemeral=True),
                        SetData(znodes.CONTROLLER_EPOCH, str(epoch + 1).encode(), version),
                    ]
                )
            except (NodeExistsError, BadVersionError):
                continue
            self.epoch, self._epoch_version = epoch + 1, version + 1
            yield from self._take_over()
            return

    def _last_epoch(self) -> Generator[Any, Any, tuple[int, int]]:
        while True:
            try:
                data, stat = yield self.zookeeper.get(znodes.CONTROLLER_EPOCH)
                return int(data), stat.version
            except NoNodeError:
                try:
                    yield self.zookeeper.create(znodes.CONTROLLER_EPOCH, b"0")
                except NodeExistsError:
                    continue

    def _controller_changed(self, event: Any) -> None:
        if self.is_active:
            if event.event == "NodeDeleted":
                self.enqueue(self._step_down)
        else:
            self.broker.process(self.elect(), "controller election")

    def _step_down(self) -> Steps:
        """Somebody has deleted /controller: stop being it, and take part in the next election."""
        self.resign("/controller was deleted")
        yield from self.elect()

    def resign(self, reason: str) -> None:
        """Whatever was queued is for the next controller to do."""
        if self.is_active:
            self.journal.because(ControllerResigned(self.broker_id, self.epoch, reason))
        self._channels.close_all()
        self.elections.stop()
        self.is_active = False
        self._begin_term()

    # --- failover ---------------------------------------------------------------------------------------

    def _take_over(self) -> Steps:
        """Read everything, tell everyone, elect what has no leader. Kafka: onControllerFailover."""
        self._begin_term()
        self.is_active = self._working = True
        self.journal.because(ControllerElected(self.broker_id, self.epoch))
        yield from self._run(self._fail_over)

    def _fail_over(self) -> Steps:
        context = self.context
        context.controller_id = self.broker_id
        yield self.zookeeper.exists(znodes.CONTROLLER, watch=self._controller_changed)
        yield from self._once(Create(znodes.FEATURE, znodes.feature_payload()))
        for broker, (server, broker_epoch, rack) in (yield from self._read_brokers()).items():
            context.came(broker, server, broker_epoch, rack)
            self._channels.open(broker, server)
        self.journal.record(LiveBrokersChanged(self.broker_id, tuple(context.brokers)))
        yield from self.topics.read_all()
        batch = self.batch()
        batch.update_metadata(context.brokers, context.partitions)
        self.send(batch)
        deleting = yield self.zookeeper.get_children(znodes.DELETE_TOPICS)
        context.deleting.update((topic, None) for topic in deleting if context.has_topic(topic))
        self.replicas.online({broker: self._kept(broker) for broker in context.brokers})
        dead = sorted({one for its in context.assignments.values() for one in its.replicas} - set(context.brokers))
        yield from self.replicas.offline({broker: self._kept(broker) for broker in dead}, "broker-{broker} is gone")
        yield from self.partitions.trigger_online()
        yield from self.reassignment.resume()
        yield from self.deletion.look()
        self.elections.start()

    def _kept(self, broker: int) -> list[TopicPartition]:
        """The partitions on a broker that are not being deleted."""
        return [tp for tp in self.context.replicas_on(broker) if tp.topic not in self.context.deleting]

    def _once(self, operation: Create) -> Steps:
        try:
            yield from self.checked([self.epoch_check(), operation])
        except NodeExistsError:
            return

    # --- the event queue ----------------------------------------------------------------------------------

    def enqueue(self, event: Callable[[], Steps]) -> None:
        """Do something after everything that came before; only an active controller has anything to do."""
        if self.is_active:
            self._events.append((self.journal.cause, event))
            self._work()

    def ask(self, event: Callable[[], Steps], refuse: Callable[[], None]) -> None:
        """Enqueue what a request asks for, or refuse it because another broker is the controller."""
        if self.is_active:
            self.enqueue(event)
        else:
            refuse()

    def _work(self) -> None:
        if not self._working and self._events and self.is_active:
            self._working = True
            self.journal.cause, event = self._events.popleft()
            self.broker.process(self._run(event), "controller event")

    def _run(self, event: Callable[[], Steps]) -> Steps:
        term = self._channels
        try:
            yield from event()
        except ControllerMoved:
            # Somebody else has become the controller: nothing was written, and this one has nothing to say any more.
            if self._channels is term:
                self.resign("another broker has raised /controller_epoch")
                self.broker.process(self.elect(), "controller election")
            return
        if self._channels is term:
            self._working = False
            self._work()

    # --- writing and telling ----------------------------------------------------------------------------------

    def epoch_check(self) -> Check:
        """What makes a write fail that comes from a controller of the past."""
        return Check(znodes.CONTROLLER_EPOCH, self._epoch_version)

    def checked(self, operations: Sequence[Check | Create | SetData | Delete]) -> Steps:
        """Write something that only a foreign controller could make fail with BadVersion."""
        try:
            yield self.zookeeper.multi(operations)
        except BadVersionError as error:
            raise ControllerMoved from error

    def check_still_controller(self) -> Steps:
        """Tell a partition that has changed from a controller that has: raises ControllerMoved."""
        _, stat = yield self.zookeeper.get(znodes.CONTROLLER_EPOCH)
        if stat.version != self._epoch_version:
            raise ControllerMoved

    def know(self, tp: TopicPartition, state: PartitionState, reason: str, setting: str) -> None:
        """A partition's new state is written."""
        self.context.put(tp, state)
        self.elections.soon()
        self._decision = self.journal.record(
            PartitionChanged(
                self.broker_id, tp, state.leader, state.isr, state.leader_epoch, state.partition_epoch, reason, setting
            )
        )

    def batch(self) -> Batch:
        """Gather what a decision has to say to the brokers."""
        return Batch(self._channels, self.epoch)

    def send(self, batch: Batch) -> None:
        """Say it; what the brokers do then is caused by the last decision."""
        before = self.journal.cause
        if self._decision is not None:
            self.journal.cause, self._decision = self._decision, None
        batch.send()
        self.journal.cause = before

    def _answered(self, broker: int, request: Any, response: Any) -> None:
        if isinstance(request, StopReplicaRequest):
            self.deletion.answered(broker, request, response)

    def allows_unclean(self, topic: str) -> bool:
        """Whether a topic may be led by a replica that was not in sync."""
        return self.broker.topic_config(self.context.topic_configs.get(topic, {})).unclean_leader_election_enable

    # --- brokers come and go --------------------------------------------------------------------------------

    def _read_brokers(self) -> Generator[Any, Any, dict[int, tuple[str, int, str | None]]]:
        """The registered brokers: id -> (host, broker epoch, rack). Reading sets the watch again."""
        ids = yield self.zookeeper.get_children(znodes.BROKER_IDS, watch=self._brokers_changed)
        reads = {broker: self.zookeeper.get(znodes.broker_path(broker)) for broker in sorted(map(int, ids))}
        brokers: dict[int, tuple[str, int, str | None]] = {}
        for broker, read in reads.items():
            try:
                data, stat = yield read
            except NoNodeError:
                continue
            payload = znodes.decode(data)
            brokers[broker] = (payload["host"], stat.czxid, payload.get("rack"))
        return brokers

    def _brokers_changed(self, event: object) -> None:
        self.enqueue(self._brokers_may_have_changed)

    def _brokers_may_have_changed(self) -> Steps:
        """Compare the list with the one before: new, dead, and bounced (the same id with a newer session)."""
        context = self.context
        brokers = yield from self._read_brokers()
        known = context.broker_epochs
        bounced = [b for b, (_, epoch, _) in brokers.items() if b in known and epoch > known[b]]
        dead = [b for b in known if b not in brokers] + bounced
        new = [b for b in brokers if b not in known] + bounced
        for broker in dead:
            self._channels.close(broker)
            context.went(broker)
        if dead:
            self._announce_brokers()
            yield from self._on_failure(dead)
        for broker in new:
            context.came(broker, *brokers[broker])
            self._channels.open(broker, brokers[broker][0])
        if new:
            self._announce_brokers()
            yield from self._on_startup(new)

    def _announce_brokers(self) -> None:
        self.journal.because(LiveBrokersChanged(self.broker_id, tuple(self.context.brokers)))

    def _on_failure(self, dead: list[int]) -> Steps:
        """Kafka: onBrokerFailure. First new leaders, then the dead replicas leave every ISR that they are still in."""
        self.deletion.brokers_died(dead)
        yield from self.partitions.trigger_online()
        hit = {broker: self._kept(broker) for broker in dead}
        yield from self.replicas.offline(hit, "broker-{broker} is gone")
        batch = self.batch()
        batch.update_metadata(self.context.brokers, ())
        self.send(batch)

    def _on_startup(self, new: list[int]) -> Steps:
        """Kafka: onBrokerStartup. The broker learns everything and takes up its replicas as a follower."""
        batch = self.batch()
        batch.update_metadata([broker for broker in self.context.brokers if broker not in new], ())
        batch.update_metadata(new, self.context.partitions)
        self.send(batch)
        self.replicas.online({broker: self._kept(broker) for broker in new})
        yield from self.partitions.trigger_online()
        yield from self.reassignment.resume()
        yield from self.deletion.brokers_came(new)
