"""A broker: it answers requests, keeps replicas, follows other leaders, and can be controller and coordinator.

The requests of a client's record pass through here: Produce (append, then wait for the high watermark with acks=all)
and Fetch (read, then wait for more). Kafka: KafkaApis, ReplicaManager, KafkaServer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from kafkasim.config import BrokerConfig, TopicConfig
from kafkasim.core import znode_payloads as znodes
from kafkasim.core.log import Log
from kafkasim.core.metadata import Metadata
from kafkasim.core.partition import Partition, Role
from kafkasim.core.zk_errors import NodeExistsError
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.errors import (
    InvalidRequiredAcksException,
    KafkaError,
    OffsetNotAvailableException,
    StaleBrokerEpochException,
    StaleControllerEpochException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages import admin, control, data, groups, transactions
from kafkasim.records import TopicPartition
from kafkasim.sim.alter_partition import AlterPartitions
from kafkasim.sim.controller import Controller
from kafkasim.sim.coordinator import GroupCoordinator
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.disk import Disk
from kafkasim.sim.fetch_sessions import FetchSessions
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future, Kernel, Timer
from kafkasim.sim.network import Connection, Network, Reply
from kafkasim.sim.produce_purgatory import DelayedProduce, ProducePurgatory
from kafkasim.sim.replication import ReplicaFetchers
from kafkasim.sim.topic_admin import TopicAdmin
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.trace.facts import BrokerRegistered

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT = 9092


class Broker(Host):
    """One Kafka broker; ``broker_id`` 102 runs on the machine ``broker-102``."""

    def __init__(
        self, broker_id: int, kernel: Kernel, network: Network, *, config: BrokerConfig,
        zookeepers: Sequence[str], rack: str | None,
    ) -> None:  # fmt: skip
        super().__init__(f"broker-{broker_id}", kernel, network)
        self.broker_id = broker_id
        self.config = config
        self.rack = rack
        self.disk = Disk()
        self._zookeepers = tuple(zookeepers)
        self._on_end: list[Callable[[], None]] = []
        self._forget_everything()

    def _forget_everything(self) -> None:
        """What a new process knows: nothing but its disk."""
        config = self.config
        self.metadata = Metadata()
        self.partitions: dict[TopicPartition, Partition] = {}
        self.controller_epoch = 0
        self.broker_epoch = -1
        self.deadlines = Deadlines(self)
        self.sessions = FetchSessions(self, self.partitions, self.settle)
        self.purgatory = ProducePurgatory(self.partitions, self.deadlines)
        self.fetchers = ReplicaFetchers(self, self.broker_id, config)
        self.zookeeper = ZooKeeperClient(
            self, self._zookeepers, timeout_ms=config.zookeeper_session_timeout_ms,
            setting=f"zookeeper.session.timeout.ms={config.zookeeper_session_timeout_ms}",
            on_expired=self._session_expired,
        )  # fmt: skip
        self.alter_partitions = AlterPartitions(self)
        self.controller = Controller(self)
        self.topic_admin = TopicAdmin(self)
        self.coordinator = GroupCoordinator(self)
        self._committed: dict[TopicPartition, int] = {}
        self._isr_tick: Timer | None = None
        self._checkpoint_tick: Timer | None = None

    # --- life ------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        self._forget_everything()
        self.disk.recover()
        self.registered: Future[None] = self.kernel.future(f"the registration of {self.name}")
        self.process(self._join_cluster(), "start-up")

    def on_end(self) -> None:
        self._forget_everything()

    def _join_cluster(self) -> Generator[Any, Any, None]:
        """Register under /brokers/ids and take part in the controller election. Kafka: KafkaServer.startup."""
        yield self.zookeeper.start()
        for path in znodes.PERSISTENT:
            yield self.zookeeper.ensure(path)
        path = znodes.broker_path(self.broker_id)
        payload = znodes.broker_payload(self.name, PORT, self.kernel.now_ms, self.rack)
        try:
            yield self.zookeeper.multi([Create(path, b"", ephemeral=True), SetData(path, payload, -1)])
        except NodeExistsError as error:
            self.stop()
            self.registered.fail(error)
            return
        _, stat = yield self.zookeeper.get(path)
        self.broker_epoch = stat.czxid
        self.kernel.journal.because(BrokerRegistered(self.broker_id, self.broker_epoch))
        yield from self.controller.elect()
        if not self.registered.is_done():
            self.registered.succeed()

    def _session_expired(self) -> None:
        """Resign, then begin again with a new session and so a new broker epoch."""
        self.controller.resign()
        self.process(self._join_cluster(), "registration")

    def topic_config(self, own: Mapping[str, str]) -> TopicConfig:
        """A topic's settings: its own over the broker's defaults."""
        return self.config.topic_defaults().overridden(own)

    # --- requests --------------------------------------------------------------------------------------

    def accepted(self, connection: Connection) -> None:
        connection.on_server_lost = lambda reason: self.sessions.forget(connection)

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        match request:
            case data.ProduceRequest():
                self._produce(request, connection, reply)
            case data.FetchRequest():
                self.sessions.fetch(request, connection, reply)
            case data.ListOffsetsRequest():
                reply(self._list_offsets(request))
            case data.MetadataRequest():
                self.topic_admin.metadata(request, reply)
            case admin.CreateTopicsRequest():
                self.topic_admin.create(request, reply)
            case transactions.InitProducerIdRequest():
                self.topic_admin.init_producer_id(request, reply)
            case control.LeaderAndIsrRequest():
                fenced = self._fence(request)
                if fenced is None:
                    self._leader_and_isr(request)
                reply(control.LeaderAndIsrResponse(fenced))
            case control.UpdateMetadataRequest():
                fenced = self._fence(request)
                if fenced is None:
                    self._update_metadata(request)
                reply(control.UpdateMetadataResponse(fenced))
            case control.AlterPartitionRequest():
                self.controller.alter_partition(request, reply)
            case groups.GroupRequest():
                self.coordinator.handle(request, reply)
            case _:
                raise AssertionError(f"no broker answers {request!r}")

    def _produce(self, request: data.ProduceRequest, connection: Connection, reply: Reply) -> None:
        """Append, then answer at once (acks=1), never (acks=0) or when all is committed (acks=all)."""
        response = data.ProduceResponse({})
        required: dict[TopicPartition, int] = {}
        for tp, batch in request.batches.items():
            try:
                if request.acks not in (0, 1, -1):
                    raise InvalidRequiredAcksException
                partition = self._partition(tp)
                base_offset, required[tp] = partition.append(batch, request.acks, self.kernel.now_ms)
                response.partitions[tp] = data.PartitionProduceResponse(None, base_offset, partition.log.start_offset)
            except KafkaError as error:
                known = self.partitions.get(tp)
                leader = None if known is None else (known.leader, known.leader_epoch)
                response.partitions[tp] = data.PartitionProduceResponse(
                    type(error), new_leader=leader, message=str(error)
                )
        for tp in required:
            self.appended(tp, response.partitions[tp].base_offset)
        if request.acks == 0:
            reply(None)
            if len(required) < len(request.batches):
                connection.close(self, "a produce request with acks=0 failed")
        elif request.acks == 1 or not required:
            reply(response)
        else:
            self.purgatory.park(DelayedProduce(required, response, reply), request.timeout_ms)

    def appended(self, tp: TopicPartition, base_offset: int) -> None:
        """This broker has appended as leader: wake the followers, and see what is committed by that."""
        self.sessions.appended(tp, base_offset)
        self.settle(self.partitions[tp])

    def _partition(self, tp: TopicPartition) -> Partition:
        partition = self.partitions.get(tp)
        if partition is None:
            raise UnknownTopicOrPartitionException(f"broker-{self.broker_id} does not hold {tp}.")
        return partition

    def _list_offsets(self, request: data.ListOffsetsRequest) -> data.ListOffsetsResponse:
        """EARLIEST, LATEST, or the first offset at or after a time (2.6)."""
        response = data.ListOffsetsResponse({})
        for tp, time in request.timestamps.items():
            try:
                partition = self._partition(tp)
                partition.check_leader()
                log = partition.log
                if time == -2:
                    part = data.PartitionOffset(None, log.start_offset, -1, partition.leader_epoch)
                elif log.high_watermark < partition.epoch_start_offset:
                    raise OffsetNotAvailableException
                elif time == -1:
                    end = log.last_stable_offset if request.read_committed else log.high_watermark
                    part = data.PartitionOffset(None, end, -1, partition.leader_epoch)
                else:
                    found = log.offset_for_time(time)
                    part = data.PartitionOffset(None, *(found or (-1, -1)), partition.leader_epoch)
                response.offsets[tp] = part
            except KafkaError as error:
                response.offsets[tp] = data.PartitionOffset(type(error))
        return response

    # --- what the controller says ----------------------------------------------------------------------

    def _fence(self, request: control.LeaderAndIsrRequest | control.UpdateMetadataRequest) -> data.Error:
        """Refuse an older controller, and one that talks to an earlier life of this broker."""
        if request.controller_epoch < self.controller_epoch:
            return StaleControllerEpochException
        if request.broker_epoch < self.broker_epoch:
            return StaleBrokerEpochException
        self.controller_epoch = request.controller_epoch
        return None

    def _update_metadata(self, request: control.UpdateMetadataRequest) -> None:
        """Take over the picture. Topic settings come with it; real brokers read them from ZooKeeper."""
        self.metadata.apply(request)
        for tp, log in self.disk.logs.items():
            if tp.topic in request.topic_configs:
                log.config = self.topic_config(request.topic_configs[tp.topic])
        self.topic_admin.metadata_changed()

    def _leader_and_isr(self, request: control.LeaderAndIsrRequest) -> None:
        """Take up roles. Kafka: ReplicaManager.becomeLeaderOrFollower."""
        for tp, state in request.partitions.items():
            partition = self.partitions.get(tp)
            if partition is None:
                partition = self.partitions[tp] = self._open(tp)
            was = partition.role
            if not partition.become(state, self.kernel.now_ms):
                continue
            if partition.role is Role.LEADER:
                self.fetchers.forget(tp)
            elif state.leader in request.live_leaders:
                self.fetchers.follow(partition, request.live_leaders[state.leader])
            else:
                self.fetchers.forget(tp)
            if was is Role.LEADER or partition.role is Role.LEADER:
                self.sessions.role_changed(tp)
                self.purgatory.check(tp)
                self.coordinator.role_changed(partition)
            self.settle(partition)

    def _open(self, tp: TopicPartition) -> Partition:
        """The replica on this broker's disk, made if it is not there."""
        if tp not in self.disk.logs:
            own = self.metadata.topic_configs.get(tp.topic, {})
            self.disk.logs[tp] = Log(self.topic_config(own), self.kernel.now_ms)
        return Partition(
            self.broker_id, tp, self.disk.logs[tp], lag_max_ms=self.config.replica_lag_time_max_ms,
            emit=self.kernel.journal.record, is_alive=self.metadata.is_live,
        )  # fmt: skip

    # --- what follows from a change of a partition -------------------------------------------------------

    def settle(self, partition: Partition) -> None:
        """After anything that may have moved a partition's high watermark or ISR: do what waits for that."""
        tp = partition.tp
        if self._committed.get(tp) != partition.log.high_watermark:
            self._committed[tp] = partition.log.high_watermark
            self._checkpoint_soon()
            if partition.role is Role.LEADER:
                self.purgatory.check(tp)
                self.sessions.high_watermark_moved(tp)
        self.alter_partitions.ask(partition)
        if partition.role is Role.LEADER and self._isr_tick is None and self._is_lagging(partition):
            self._isr_tick = self.after_ms(self._until_next(self.config.replica_lag_time_max_ms / 2), self._check_isrs)

    @staticmethod
    def _is_lagging(partition: Partition) -> bool:
        end = partition.log.end_offset
        return any(partition.followers[b].log_end_offset != end for b in partition.isr if b in partition.followers)

    def _until_next(self, interval_ms: float) -> float:
        """How long until the next beat of a periodic task; the task is only run when there is something to do."""
        interval_us = round(interval_ms * 1000)
        return (interval_us - self.kernel.now_us % interval_us) / 1000

    def _check_isrs(self) -> None:
        """Kafka: the isr-expiration task, every replica.lag.time.max.ms / 2."""
        self._isr_tick = None
        for partition in self.partitions.values():
            partition.shrink(self.kernel.now_ms)
            self.settle(partition)

    def _checkpoint_soon(self) -> None:
        if self._checkpoint_tick is None:
            interval_ms = self.config.replica_high_watermark_checkpoint_interval_ms
            self._checkpoint_tick = self.after_ms(self._until_next(interval_ms), self._checkpoint)

    def _checkpoint(self) -> None:
        self._checkpoint_tick = None
        self.disk.high_watermarks = {tp: one.log.high_watermark for tp, one in self.partitions.items()}
