"""The controller: the one broker that decides who leads, after the rules of core/election.

Every broker runs this part and waits for /controller to be free. All work of the active controller is done by one
event queue, an event at a time, in the order in which the events came. Every write to ZooKeeper is a transaction that
checks the version of /controller_epoch, so that a controller that was replaced without knowing it can change nothing.

Kafka: KafkaController, ControllerEventManager, PartitionStateMachine, ReplicaStateMachine. Left out as yet: deleting
topics, reassignment, preferred elections, controlled shutdown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.election import offline_election
from kafkasim.core.metadata import NO_LEADER, Metadata
from kafkasim.core.zk_errors import BadVersionError, NodeExistsError, NoNodeError
from kafkasim.core.zk_requests import Check, Create, SetData
from kafkasim.errors import (
    FencedLeaderEpochException,
    IneligibleReplicaException,
    InvalidUpdateVersionException,
    NotControllerException,
    StaleBrokerEpochException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.control import AlterPartitionRequest, AlterPartitionResponse, PartitionState
from kafkasim.records import TopicPartition
from kafkasim.sim.controller_channels import ControllerChannels
from kafkasim.sim.network import Reply
from kafkasim.trace import Fact
from kafkasim.trace.facts import ControllerElected, LiveBrokersChanged, PartitionChanged, TopicCreated

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

Steps = Generator[Any, Any, None]


class Controller:
    """One broker's part in the control of the cluster: candidate, or active controller."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._zookeeper = broker.zookeeper
        self._journal = broker.kernel.journal
        self.is_active = False
        self.epoch = 0
        self._epoch_version = -1
        self._decision: Fact | None = None
        self._begin_term()

    def _begin_term(self) -> None:
        self.metadata = Metadata()
        self._broker_epochs: dict[int, int] = {}
        self._events: deque[tuple[Fact | None, Callable[[], Steps]]] = deque()
        self._working = False
        self._channels = ControllerChannels(
            self._broker, self._broker.broker_id, self.metadata, self._broker_epochs,
            timeout_ms=self._broker.config.controller_socket_timeout_ms,
        )  # fmt: skip

    # --- election -------------------------------------------------------------------------------------

    def elect(self) -> Steps:
        """Become the controller if nobody is; else wait for /controller to vanish. Kafka: KafkaController.elect."""
        while True:
            found = yield self._zookeeper.exists(znodes.CONTROLLER, watch=self._controller_changed)
            if found is not None:
                return
            epoch, version = yield from self._last_epoch()
            payload = znodes.controller_payload(self._broker.broker_id, self._broker.kernel.now_ms)
            try:
                yield self._zookeeper.multi(
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
                data, stat = yield self._zookeeper.get(znodes.CONTROLLER_EPOCH)
                return int(data), stat.version
            except NoNodeError:
                try:
                    yield self._zookeeper.create(znodes.CONTROLLER_EPOCH, b"0")
                except NodeExistsError:
                    continue

    def _controller_changed(self, event: object) -> None:
        if not self.is_active:
            self._broker.process(self.elect(), "controller election")

    def resign(self) -> None:
        """The session has expired: whatever was queued is for the next controller to do."""
        self._channels.close_all()
        self.is_active = False
        self._begin_term()

    def _take_over(self) -> Steps:
        """Read everything, tell everyone, elect what has no leader. Kafka: onControllerFailover."""
        self._begin_term()
        self.is_active = True
        self._working = True
        self._journal.because(ControllerElected(self._broker.broker_id, self.epoch))
        metadata = self.metadata
        metadata.controller_id = self._broker.broker_id
        for broker, (server, broker_epoch) in (yield from self._read_brokers()).items():
            metadata.brokers[broker] = server
            self._broker_epochs[broker] = broker_epoch
            self._channels.open(broker, server)
        self._journal.record(LiveBrokersChanged(self._broker.broker_id, tuple(metadata.brokers)))
        created: list[str] = []
        for topic in (yield self._zookeeper.get_children(znodes.TOPICS, watch=self._topics_changed)):
            known = yield from self._read_topic(topic)
            if not known:
                created.append(topic)
        everything = list(metadata.partitions)
        self._channels.update_metadata(self.epoch, everything, metadata.brokers)
        dead = [tp for tp in everything if not all(map(metadata.is_live, metadata.partitions[tp].replicas))]
        yield from self._take_offline(dead, [b for tp in dead for b in metadata.partitions[tp].replicas])
        self._channels.tell(self.epoch, everything)
        yield from self._elect_offline()
        for topic in created:
            yield from self._bring_online(topic)
        self._working = False
        self._work()

    # --- the event queue ----------------------------------------------------------------------------------

    def enqueue(self, event: Callable[[], Steps]) -> None:
        """Do something after everything that came before."""
        self._events.append((self._journal.cause, event))
        self._work()

    def _work(self) -> None:
        if not self._working and self._events and self.is_active:
            self._working = True
            self._journal.cause, event = self._events.popleft()
            self._broker.process(self._run(event), "controller event")

    def _run(self, event: Callable[[], Steps]) -> Steps:
        term = self._channels
        try:
            yield from event()
        except BadVersionError:
            # Somebody else has become the controller: nothing was written, and this one has nothing to say any more.
            if self._channels is term:
                self.resign()
                self._broker.process(self.elect(), "controller election")
            return
        if self._channels is term:
            self._working = False
            self._work()

    # --- brokers come and go --------------------------------------------------------------------------------

    def _read_brokers(self) -> Generator[Any, Any, dict[int, tuple[str, int]]]:
        """The registered brokers: id -> (host, broker epoch). Reading sets the watch again."""
        ids = yield self._zookeeper.get_children(znodes.BROKER_IDS, watch=self._brokers_changed)
        brokers: dict[int, tuple[str, int]] = {}
        for broker in sorted(map(int, ids)):
            try:
                data, stat = yield self._zookeeper.get(znodes.broker_path(broker))
            except NoNodeError:
                continue
            payload = znodes.decode(data)
            brokers[broker] = (payload["host"], stat.czxid)
            if "rack" in payload:
                self.metadata.racks[broker] = payload["rack"]
        return brokers

    def _brokers_changed(self, event: object) -> None:
        self.enqueue(self._brokers_may_have_changed)

    def _brokers_may_have_changed(self) -> Steps:
        """Compare the list with the one before: new, dead, and bounced (the same id with a newer session)."""
        brokers = yield from self._read_brokers()
        known = self._broker_epochs
        bounced = [b for b, (_, epoch) in brokers.items() if b in known and epoch > known[b]]
        dead = [b for b in known if b not in brokers] + bounced
        new = [b for b in brokers if b not in known] + bounced
        for broker in dead:
            self._channels.close(broker)
            del self.metadata.brokers[broker], self._broker_epochs[broker]
        if dead:
            self._announce_brokers()
            yield from self._on_failure(dead)
        for broker in new:
            server, self._broker_epochs[broker] = brokers[broker]
            self.metadata.brokers[broker] = server
            self._channels.open(broker, server)
        if new:
            self.metadata.brokers = dict(sorted(self.metadata.brokers.items()))
            self._announce_brokers()
            yield from self._on_startup(new)

    def _announce_brokers(self) -> None:
        self._journal.because(LiveBrokersChanged(self._broker.broker_id, tuple(sorted(self.metadata.brokers))))

    def _on_failure(self, dead: list[int]) -> Steps:
        """Kafka: onBrokerFailure. First new leaders, then the dead replicas leave every ISR that they are still in."""
        yield from self._elect_offline()
        hit = [tp for broker in dead for tp in self.metadata.with_replica_on(broker)]
        yield from self._take_offline(list(dict.fromkeys(hit)), dead)
        self._channels.update_metadata(self.epoch, (), self.metadata.brokers)

    def _on_startup(self, new: list[int]) -> Steps:
        """Kafka: onBrokerStartup. The broker learns everything and takes up its replicas as a follower."""
        old = [broker for broker in self.metadata.brokers if broker not in new]
        self._channels.update_metadata(self.epoch, (), old)
        self._channels.update_metadata(self.epoch, list(self.metadata.partitions), new)
        mine = list(dict.fromkeys(tp for broker in new for tp in self.metadata.with_replica_on(broker)))
        self._channels.tell(self.epoch, mine, only_to=new)
        yield from self._elect_offline()

    def _elect_offline(self) -> Steps:
        """Elect a leader for every partition whose leader is not live."""
        changed = []
        for tp, state in sorted(self.metadata.partitions.items()):
            if self.metadata.is_live(state.leader):
                continue
            chosen = offline_election(
                state.replicas, state.isr, self.metadata.brokers, unclean=self._allows_unclean(tp.topic)
            )
            if chosen is not None:
                was = f"broker-{state.leader} is gone" if state.leader >= 0 else "it had no leader"
                reason = f"{was}, broker-{chosen.leader} is the first live in-sync replica"
                new = replace(state, leader=chosen.leader, isr=chosen.isr, leader_epoch=state.leader_epoch + 1)
                yield from self._write(tp, new, reason)
                changed.append(tp)
        self._tell(changed)

    def _allows_unclean(self, topic: str) -> bool:
        own = self.metadata.topic_configs.get(topic, {})
        return self._broker.topic_config(own).unclean_leader_election_enable

    def _take_offline(self, partitions: list[TopicPartition], gone: list[int]) -> Steps:
        """Dead replicas leave the ISR, one decision each; the last member stays listed. Kafka: OfflineReplica."""
        changed: dict[TopicPartition, None] = {}
        for tp in partitions:
            for broker in dict.fromkeys(gone):
                state = self.metadata.partitions[tp]
                if self.metadata.is_live(broker) or broker not in state.replicas:
                    continue
                if broker not in state.isr and broker != state.leader:
                    continue
                isr = tuple(one for one in state.isr if one != broker) or state.isr
                leader = NO_LEADER if state.leader == broker else state.leader
                if (leader, isr) == (state.leader, state.isr):
                    continue
                new = replace(state, leader=leader, isr=isr, leader_epoch=state.leader_epoch + 1)
                yield from self._write(tp, new, f"broker-{broker} is gone")
                changed[tp] = None
        self._tell(list(changed))

    def _write(self, tp: TopicPartition, new: PartitionState, reason: str) -> Steps:
        """Write a partition's state if it is still the one that is known here, and only as the present controller."""
        payload = znodes.state_payload(new, self.epoch)
        yield self._zookeeper.multi(
            [
                Check(znodes.CONTROLLER_EPOCH, self._epoch_version),
                SetData(znodes.state_path(tp), payload, new.partition_epoch),
            ]
        )
        self._know(tp, replace(new, partition_epoch=new.partition_epoch + 1), reason)

    def _know(self, tp: TopicPartition, state: PartitionState, reason: str) -> None:
        self.metadata.partitions[tp] = state
        self._decision = self._journal.record(
            PartitionChanged(
                self._broker.broker_id, tp, state.leader, state.isr, state.leader_epoch, state.partition_epoch, reason
            )
        )

    def _tell(self, changed: Sequence[TopicPartition], *, leader_and_isr: bool = True, new: bool = False) -> None:
        """Tell the brokers what was decided; what they do then is caused by the last decision."""
        if changed:
            self._journal.cause = self._decision
            self._channels.tell(self.epoch, changed, leader_and_isr=leader_and_isr, new=new)

    # --- topics ------------------------------------------------------------------------------------------------

    def create_topic(
        self, topic: str, assignment: Mapping[int, tuple[int, ...]], config: Mapping[str, str], topic_id: str
    ) -> Steps:
        """Write a new topic into ZooKeeper; its watch brings it online. Raises NodeExistsError when it is there."""
        yield self._zookeeper.multi(
            [
                Check(znodes.CONTROLLER_EPOCH, self._epoch_version),
                Create(znodes.config_path(topic), znodes.config_payload(config)),
                Create(znodes.topic_path(topic), znodes.topic_payload(topic_id, assignment)),
            ]
        )
        replicas = tuple(assignment[number] for number in sorted(assignment))
        settings = tuple(sorted(config.items()))
        self._journal.record(TopicCreated(topic, len(replicas), len(replicas[0]), replicas, settings))

    def _topics_changed(self, event: object) -> None:
        self.enqueue(self._topics_may_have_changed)

    def _topics_may_have_changed(self) -> Steps:
        topics = yield self._zookeeper.get_children(znodes.TOPICS, watch=self._topics_changed)
        known = set(self.metadata.topics)
        for topic in sorted(topics):
            if topic not in known:
                yield from self._read_topic(topic)
                yield from self._bring_online(topic)

    def _read_topic(self, topic: str) -> Generator[Any, Any, bool]:
        """Read a topic's assignment, settings and states; False when its partitions never were online."""
        data, _ = yield self._zookeeper.get(znodes.topic_path(topic))
        config, _ = yield self._zookeeper.get(znodes.config_path(topic))
        self.metadata.topic_configs[topic] = znodes.decode(config)["config"]
        online = True
        for number, replicas in znodes.assignment_of(data).items():
            tp = TopicPartition(topic, number)
            try:
                state, stat = yield self._zookeeper.get(znodes.state_path(tp))
            except NoNodeError:
                online = False
                self.metadata.partitions[tp] = PartitionState(NO_LEADER, -1, (), -1, replicas, is_new=True)
            else:
                self.metadata.partitions[tp] = znodes.state_of(state, stat.version, replicas)
        return online

    def _bring_online(self, topic: str) -> Steps:
        """New to Online: the first live replica leads, all live replicas are in sync, leader epoch 0."""
        online = []
        parents = [f"{znodes.topic_path(topic)}/partitions"]
        for number, state in self.metadata.of_topic(topic).items():
            tp = TopicPartition(topic, number)
            live = tuple(broker for broker in state.replicas if self.metadata.is_live(broker))
            if not live or not state.is_new:
                continue
            new = PartitionState(live[0], 0, live, 0, state.replicas)
            parents.append(f"{znodes.topic_path(topic)}/partitions/{number}")
            yield self._zookeeper.multi(
                [
                    Check(znodes.CONTROLLER_EPOCH, self._epoch_version),
                    *(Create(path, b"") for path in parents),
                    Create(znodes.state_path(tp), znodes.state_payload(new, self.epoch)),
                ]
            )
            parents = []
            self._know(tp, new, "the topic is new")
            online.append(tp)
        self._tell(online, new=True)

    # --- in-sync replicas -----------------------------------------------------------------------------------------

    def alter_partition(self, request: AlterPartitionRequest, reply: Reply) -> None:
        """A leader asks for another ISR (4.10)."""
        if not self.is_active:
            reply(AlterPartitionResponse(NotControllerException))
        else:
            self.enqueue(lambda: self._alter_partition(request, reply))

    def _alter_partition(self, request: AlterPartitionRequest, reply: Reply) -> Steps:
        tp = request.tp
        state = self.metadata.partitions.get(tp)
        if self._broker_epochs.get(request.broker_id) != request.broker_epoch:
            reply(AlterPartitionResponse(StaleBrokerEpochException))
        elif state is None:
            reply(AlterPartitionResponse(UnknownTopicOrPartitionException))
        elif request.leader_epoch > state.leader_epoch or request.partition_epoch > state.partition_epoch:
            reply(AlterPartitionResponse(NotControllerException))
        elif request.leader_epoch < state.leader_epoch:
            reply(AlterPartitionResponse(FencedLeaderEpochException))
        elif set(request.new_isr) == set(state.isr):
            reply(AlterPartitionResponse(None, state.isr, state.partition_epoch))
        elif request.partition_epoch < state.partition_epoch:
            reply(AlterPartitionResponse(InvalidUpdateVersionException))
        elif not all(map(self.metadata.is_live, request.new_isr)):
            reply(AlterPartitionResponse(IneligibleReplicaException))
        else:
            isr = tuple(broker for broker in state.replicas if broker in request.new_isr)
            yield from self._write(tp, replace(state, isr=isr), f"its leader broker-{request.broker_id} asked for it")
            self._tell([tp], leader_and_isr=False)
            reply(AlterPartitionResponse(None, isr, self.metadata.partitions[tp].partition_epoch))
