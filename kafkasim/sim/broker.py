"""A broker: it answers requests, keeps replicas, follows other leaders, and can be controller and coordinator.

The requests of a client's record pass through here: Produce (append, then wait for the high watermark with acks=all)
and Fetch (read, then wait for more). Kafka: KafkaApis, ReplicaManager, KafkaServer.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kafkasim.config import BrokerConfig, TopicConfig
from kafkasim.core import znode_payloads as znodes
from kafkasim.core.guards import holds
from kafkasim.core.metadata import Metadata
from kafkasim.core.truncation import Truncation
from kafkasim.core.zk_errors import NodeExistsError, ZooKeeperClientTimeoutException
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.errors import (
    KafkaException,
    KafkaStorageException,
    StaleBrokerEpochException,
    StaleControllerEpochException,
)
from kafkasim.messages import admin, control, data, groups, transactions
from kafkasim.sim.config_changes import ConfigChanges
from kafkasim.sim.controlled_shutdown import leave_leaderships
from kafkasim.sim.controller import Controller
from kafkasim.sim.coordinator import GroupCoordinator
from kafkasim.sim.data_requests import list_offsets, offset_for_leader_epoch, produce
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.disk import Disk
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future, Kernel
from kafkasim.sim.log_manager import LogManager
from kafkasim.sim.log_requests import describe_producers
from kafkasim.sim.network import Connection, Network, Reply
from kafkasim.sim.producer_ids import ProducerIds
from kafkasim.sim.replica_manager import ReplicaManager
from kafkasim.sim.topic_admin import TopicAdmin
from kafkasim.sim.transaction_coordinator import TransactionCoordinator, handlers
from kafkasim.sim.transaction_markers import write_markers
from kafkasim.sim.transaction_verification import TransactionVerification
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.trace.facts import BrokerRegistered

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT = 9092
SHUTDOWN_MS = 200
"""How long a real broker needs between hanging up and the end of its session, so that others ask who lives before."""

Handler = Callable[[Any, Connection, Reply], object]
"""Answers a request of a connection: (request, connection, reply)."""


class Broker(Host):
    """One Kafka broker; ``broker_id`` 102 runs on the machine ``broker-102``."""

    def __init__(
        self, broker_id: int, kernel: Kernel, network: Network, *, config: BrokerConfig,
        zookeepers: Sequence[str], rack: str | None, truncation: Truncation | None = None,
    ) -> None:  # fmt: skip
        super().__init__(f"broker-{broker_id}", kernel, network)
        self.broker_id = broker_id
        self.config = self._static_config = config
        self.rack = rack
        self.truncation = truncation
        self.disk = Disk(on_failed=lambda: self.after_ms(0, self._halt))
        self._zookeepers = tuple(zookeepers)
        self._on_end: list[Callable[[], None]] = []
        self._forget_everything()

    def _forget_everything(self) -> None:
        """What a new process knows: nothing but its disk."""
        config = self.config = self._static_config
        self.metadata = Metadata()
        self.controller_epoch = 0
        self._written_us = 0
        self.broker_epoch = -1
        self.cluster_id = ""
        self.deadlines = Deadlines(self)
        self._going: Future[None] | None = None
        self.logs = LogManager(self)
        self.replicas = ReplicaManager(self)
        self.zookeeper = ZooKeeperClient(
            self, self._zookeepers, timeout_ms=config.zookeeper_session_timeout_ms,
            setting=f"zookeeper.session.timeout.ms={config.zookeeper_session_timeout_ms}",
            on_expired=self._session_expired, retries=True,
        )  # fmt: skip
        self.controller = Controller(self)
        self.topic_admin = TopicAdmin(self)
        self.producer_ids = ProducerIds(self)
        self.config_changes = ConfigChanges(self)
        self.coordinator = GroupCoordinator(self)
        self.transactions = TransactionCoordinator(self)
        self.verification = TransactionVerification(self)
        self._handlers = self._answers()

    # --- life ------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        self.listens = False
        self._forget_everything()
        self.registered: Future[None] = self.kernel.future(f"the registration of {self.name}")
        self._gave_up: Exception | None = None
        if self.disk.has_failed:
            self._gave_up = KafkaStorageException(f"The log directory of {self.name} has failed.")
            self._halt()
            return
        self.logs.start()
        self.process(self._join_cluster(), "start-up")

    def _give_up(self, error: Exception) -> None:
        """The start has failed: the process ends in good order, with an error."""
        self._gave_up = error
        self.logs.shut_down()
        self.stop()

    def _halt(self) -> None:
        """Kafka: LogManager.handleLogDirFailure halts a broker whose log directories have all failed."""
        self.kill()

    def on_end(self) -> None:
        if not self.registered.is_done():
            killed = KafkaException(f"{self.name} was {self.state.value} before it was registered.")
            self.registered.fail(self._gave_up or killed)
        self._forget_everything()

    def on_power_lost(self) -> None:
        self.disk.power_loss()

    def up(self) -> Future[None]:
        return self.registered

    def shut_down(self) -> Future[None]:
        if self._going is None:  # a second SIGTERM changes nothing
            self._going = self.process(self._leave_cluster(), "shut-down")
        return self._going

    def _leave_cluster(self) -> Generator[Any, Any, None]:
        """End in good order: leaderships, clients, followers, files, then the session. Kafka: KafkaServer.shutdown.

        The session comes last: nobody can hear from this broker any more when the others are told that it is gone.
        """
        yield from leave_leaderships(self)
        yield from self._end_in_order()

    def _end_in_order(self) -> Generator[Any, Any, None]:
        self.stop_serving()
        self.replicas.shut_down()
        self.logs.shut_down()
        yield self.sleep_ms(SHUTDOWN_MS)
        yield self.zookeeper.close()
        self.stop()

    def _join_cluster(self) -> Generator[Any, Any, None]:
        """Register under /brokers/ids and take part in the controller election. Kafka: KafkaServer.startup.

        Nobody can connect before it is registered: there is no old picture of the cluster to be had from it.
        """
        try:
            yield self.zookeeper.start(self.config.zookeeper_connection_timeout_ms if self.broker_epoch < 0 else None)
        except ZooKeeperClientTimeoutException as error:
            self._give_up(error)
            return
        for path in znodes.PERSISTENT:
            yield self.zookeeper.ensure(path)
        self.cluster_id = yield from self._get_or_create_cluster_id()
        path = znodes.broker_path(self.broker_id)
        payload = znodes.broker_payload(self.name, PORT, self.kernel.now_ms, self.rack)
        try:
            yield self.zookeeper.multi([Create(path, b"", ephemeral=True), SetData(path, payload, -1)])
        except NodeExistsError as error:
            self._give_up(error)
            return
        _, stat = yield self.zookeeper.get(path)
        self.broker_epoch = stat.czxid
        self.listens = True
        self.kernel.journal.because(BrokerRegistered(self.broker_id, self.broker_epoch))
        yield from self.config_changes.start()
        yield from self.controller.elect()
        if not self.registered.is_done():
            self.registered.succeed()

    def _get_or_create_cluster_id(self) -> Generator[Any, Any, str]:
        """The cluster's name, drawn by the first broker. Kafka: KafkaServer.getOrGenerateClusterId."""
        chance = self.kernel.rng("cluster id")
        drawn = urlsafe_b64encode(chance.randbytes(16)).decode().rstrip("=")
        try:
            yield self.zookeeper.create(znodes.CLUSTER_ID, znodes.cluster_id_payload(drawn))
        except NodeExistsError:
            data, _ = yield self.zookeeper.get(znodes.CLUSTER_ID)
            return str(znodes.decode(data)["id"])
        return drawn

    def _session_expired(self) -> None:
        """Resign, then begin again with a new session and so a new broker epoch, unless it is about to stop."""
        self.controller.resign("its ZooKeeper session has expired")
        if self._going is None:
            self.process(self._join_cluster(), "registration")
        else:  # what it has asked ZooKeeper for is never answered: its leaderships stay where they are
            self.process(self._end_in_order(), "shut-down")

    def topic_config(self, own: Mapping[str, str]) -> TopicConfig:
        """A topic's settings: its own over the broker's defaults."""
        return self.config.topic_defaults().overridden(own)

    # --- requests --------------------------------------------------------------------------------------

    def accepted(self, connection: Connection) -> None:
        connection.on_server_lost = lambda reason: self.replicas.sessions.forget(connection)

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        if isinstance(request, groups.FindCoordinatorRequest) and request.key_type == "transaction":
            reply(self.transactions.find(request))
        elif isinstance(request, groups.GroupRequest):
            self.coordinator.handle(request, connection, reply)
        elif self.disk.append_ms and isinstance(request, data.ProduceRequest):
            self.after_ms(self.append_ms(), produce, self, request, connection, reply)
        else:
            self._handlers[type(request)](request, connection, reply)

    def append_ms(self) -> float:
        """How long it takes until an append that is asked for now is done: one at a time, at the disk's pace."""
        if not self.disk.append_ms:
            return 0.0
        now_us = self.kernel.now_us
        self._written_us = max(now_us, self._written_us) + round(self.disk.append_ms * 1000)
        return (self._written_us - now_us) / 1000

    def _answers(self) -> dict[type, Handler]:
        """Which part of the broker answers which request; groups' requests go to the coordinator. Kafka: KafkaApis."""
        return {
            data.ProduceRequest: partial(produce, self),
            data.FetchRequest: self.replicas.sessions.fetch,
            data.ListOffsetsRequest: at_once(partial(list_offsets, self)),
            data.OffsetForLeaderEpochRequest: at_once(partial(offset_for_leader_epoch, self)),
            data.MetadataRequest: later(self.topic_admin.metadata),
            admin.DeleteRecordsRequest: later(self.replicas.deletions.handle),
            admin.DescribeProducersRequest: at_once(partial(describe_producers, self)),
            admin.CreateTopicsRequest: later(self.topic_admin.create),
            admin.DeleteTopicsRequest: later(self.topic_admin.delete),
            admin.CreatePartitionsRequest: later(self.topic_admin.create_partitions),
            admin.ElectLeadersRequest: self._for_controller(lambda one: one.elections.elect),
            admin.AlterPartitionReassignmentsRequest: self._for_controller(lambda one: one.reassignment.alter),
            admin.ListPartitionReassignmentsRequest: self._for_controller(lambda one: one.reassignment.list),
            admin.DescribeConfigsRequest: at_once(self.config_changes.describe),
            admin.IncrementalAlterConfigsRequest: later(self.config_changes.alter),
            admin.DescribeClusterRequest: at_once(self._describe_cluster),
            **{kind: later(handle) for kind, handle in handlers(self.transactions).items()},
            transactions.WriteTxnMarkersRequest: later(partial(write_markers, self)),
            transactions.DescribeTransactionsRequest: at_once(self.transactions.describe),
            transactions.ListTransactionsRequest: at_once(self.transactions.list),
            control.LeaderAndIsrRequest: at_once(self._leader_and_isr),
            control.UpdateMetadataRequest: at_once(self._update_metadata),
            control.StopReplicaRequest: at_once(self._stop_replica),
            control.AlterPartitionRequest: self._for_controller(lambda one: one.isr_changes.handle),
            control.ControlledShutdownRequest: self._for_controller(lambda one: one.shutdowns.handle),
            control.AllocateProducerIdsRequest: self._for_controller(lambda one: one.producer_ids.handle),
        }

    def _for_controller(self, handler: Callable[[Controller], Callable[[Any, Reply], object]]) -> Handler:
        """A handler of the controller's present term."""
        return lambda request, connection, reply: handler(self.controller)(request, reply)

    def _describe_cluster(self, request: admin.DescribeClusterRequest) -> admin.DescribeClusterResponse:
        known = self.metadata
        nodes = tuple(admin.Node(one, host, PORT, known.racks.get(one)) for one, host in known.brokers.items())
        return admin.DescribeClusterResponse(None, "", self.cluster_id, known.controller_id, nodes)

    # --- what the controller says ----------------------------------------------------------------------

    def _fence(
        self, request: control.LeaderAndIsrRequest | control.UpdateMetadataRequest | control.StopReplicaRequest
    ) -> data.Error:
        """Refuse an older controller, and one that talks to an earlier life of this broker."""
        if request.controller_epoch < self.controller_epoch and holds("controller-epoch-fence"):
            return StaleControllerEpochException
        if request.broker_epoch < self.broker_epoch and holds("broker-epoch-fence"):
            return StaleBrokerEpochException
        self.controller_epoch = request.controller_epoch
        return None

    def _leader_and_isr(self, request: control.LeaderAndIsrRequest) -> control.LeaderAndIsrResponse:
        fenced = self._fence(request)
        if fenced is None:
            self.replicas.leader_and_isr(request)
        return control.LeaderAndIsrResponse(fenced)

    def _stop_replica(self, request: control.StopReplicaRequest) -> control.StopReplicaResponse:
        fenced = self._fence(request)
        return control.StopReplicaResponse(fenced, {} if fenced else self.replicas.stop_replicas(request))

    def _update_metadata(self, request: control.UpdateMetadataRequest) -> control.UpdateMetadataResponse:
        """Take over the picture. Topic settings come with it; real brokers read them from ZooKeeper."""
        fenced = self._fence(request)
        if fenced is None:
            known = self.metadata.topic_configs
            new = [topic for topic in request.topic_configs if topic not in known]
            for topic in dict.fromkeys(tp.topic for tp in self.metadata.apply(request)):
                self.coordinator.topic_deleted(topic)
            for topic in new:
                self.replicas.configure(topic, known.get(topic, {}))
            self.topic_admin.waits.changed()
        return control.UpdateMetadataResponse(fenced)

    def until_next(self, interval_ms: float) -> float:
        """How long until the next beat of a periodic task; the task is only run when there is something to do."""
        interval_us = round(interval_ms * 1000)
        return (interval_us - self.kernel.now_us % interval_us) / 1000


def at_once(answer: Callable[[Any], Any]) -> Handler:
    """A handler whose answer is what a function of the request gives."""
    return lambda request, connection, reply: reply(answer(request))


def later(handle: Callable[[Any, Reply], object]) -> Handler:
    """A handler that answers in its own time, and does not mind the connection."""
    return lambda request, connection, reply: handle(request, reply)
