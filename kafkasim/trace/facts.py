"""Every sort of fact, in the order in which a cluster comes to life; ``text`` is the sentence that all readers show."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact

# --- machines and messages -----------------------------------------------------------------------------


@fact("host", host="host", text="{host} is {state} (incarnation {incarnation})")
class HostChanged(Fact):
    """A machine or client is now ``running``, ``killed`` or ``stopped``; a restart is a new incarnation."""

    host: str
    state: str
    incarnation: int


@fact("fault", "target", text="fault {fault} on {target} starts")
class FaultStarted(Fact):
    """Somebody broke something."""

    fault: str
    target: str


@fact("fault", "target", text="fault {fault} on {target} ends")
class FaultEnded(Fact):
    """Somebody mended it."""

    fault: str
    target: str


@fact("number", host="source", text="{source} sends {destination} {about}")
class MessageSent(Fact):
    """A message is on its way; ``arrives_us`` is None when the network has lost it, ``api`` is Kafka's name of it.

    ``number`` counts the messages of a run; ``reply_to`` is the request's number when this is an answer, else None.
    """

    number: int
    source: str
    destination: str
    api: str
    about: str
    arrives_us: int | None
    reply_to: int | None


@fact("number", host="destination", text="message {number} is lost: {destination} is {reason}")
class MessageLost(Fact):
    """A message reached nobody."""

    number: int
    destination: str
    reason: str


@fact("client", "host", host="client", text="{client} has lost its connection to {host}: {reason}")
class Disconnected(Fact):
    """One side of a connection has noticed that it is gone."""

    client: str
    host: str
    reason: str


# --- ZooKeeper -------------------------------------------------------------------------------------------


@fact(host="server", text="{server} leads the ZooKeeper ensemble, epoch {epoch}")
class ZooKeeperLeaderElected(Fact):
    """The ensemble has a leader."""

    server: str
    epoch: int


@fact("session", host="server", text="session {session} of {owner} is {state} ({setting})")
class SessionChanged(Fact):
    """A ZooKeeper session is ``open``, ``expired`` or ``closed``."""

    session: str
    owner: str
    server: str
    state: str
    setting: str


@fact("path", text="znode {path} {change} (version {version}, zxid {zxid})")
class ZnodeChanged(Fact):
    """A znode was ``created``, ``set`` or ``deleted``; ``ephemeral_owner`` is the session it dies with, or none."""

    path: str
    change: str
    data: bytes
    version: int
    zxid: str
    ephemeral_owner: str | None


@fact("owner", "path", host="owner", text="watch of {owner} on {path} fires: {event}")
class WatchFired(Fact):
    """A one-shot watch has told its owner that something changed, not what."""

    owner: str
    path: str
    event: str


# --- the controller's decisions ----------------------------------------------------------------------------


@fact(host="broker", text="{broker} is the controller, epoch {controller_epoch}")
class ControllerElected(Fact):
    """One broker has created /controller."""

    broker: int
    controller_epoch: int


@fact("broker", host="broker", text="{broker} is registered, broker epoch {broker_epoch}")
class BrokerRegistered(Fact):
    """A broker has created its ephemeral znode under /brokers/ids."""

    broker: int
    broker_epoch: int


@fact(host="controller", text="{controller} knows the live brokers: {brokers}")
class LiveBrokersChanged(Fact):
    """The controller's list of registered brokers."""

    controller: int
    brokers: tuple[int, ...]


@fact("topic", text="topic {topic} exists: {partitions} partition(s), replication factor {replication_factor}")
class TopicCreated(Fact):
    """A topic and where its replicas lie: ``assignment[p]`` lists the brokers of partition p, preferred leader
    first."""

    topic: str
    partitions: int
    replication_factor: int
    assignment: tuple[tuple[int, ...], ...]
    config: tuple[tuple[str, str], ...]


@fact("tp", host="controller", text="{tp} is led by {leader}, ISR {isr}, leader epoch {leader_epoch}: {reason}")
class PartitionChanged(Fact):
    """The controller has written a partition's state; ``leader`` is -1 when there is none."""

    controller: int
    tp: TopicPartition
    leader: int
    isr: tuple[int, ...]
    leader_epoch: int
    partition_epoch: int
    reason: str


# --- replicas ----------------------------------------------------------------------------------------------


@fact("broker", "tp", host="broker", text="{broker} is {role} of {tp}, leader epoch {leader_epoch}")
class ReplicaRoleChanged(Fact):
    """A broker has taken up the role of ``leader`` or ``follower`` that the controller gave it."""

    broker: int
    tp: TopicPartition
    role: str
    leader: int
    leader_epoch: int


@fact("broker", "tp", host="broker", text="{broker} ({role}) appends {tp} offsets {base_offset} to {last_offset}")
class RecordsAppended(Fact):
    """A batch is in a replica's log; ``batch_id`` is the producer's name for it, the same on every replica."""

    broker: int
    tp: TopicPartition
    role: str
    base_offset: int
    last_offset: int
    leader_epoch: int
    batch_id: str

    @property
    def log_end_offset(self) -> int:
        """The offset that the next record of this replica gets."""
        return self.last_offset + 1


@fact("broker", "tp", host="broker", text="{broker} knows {batch_id} for {tp} already: it is at offset {base_offset}")
class DuplicateRecognised(Fact):
    """A retried batch of an idempotent producer was in the log already; nothing is appended."""

    broker: int
    tp: TopicPartition
    base_offset: int
    batch_id: str


@fact("broker", "tp", host="broker", text="{broker} cuts its log of {tp}: it ends at offset {log_end_offset} now")
class LogTruncated(Fact):
    """A replica has thrown away the end of its log, which its leader does not have."""

    broker: int
    tp: TopicPartition
    log_end_offset: int


@fact("broker", "tp", "follower", host="broker", text="{broker} sees {follower} fetch {tp} from {log_end_offset}")
class FollowerPositionMoved(Fact):
    """The leader has learned a follower's log end offset: it is the offset that the follower fetches next."""

    broker: int
    tp: TopicPartition
    follower: int
    log_end_offset: int


@fact("broker", "tp", host="broker", text="{broker} moves the high watermark of {tp} to {high_watermark}")
class HighWatermarkMoved(Fact):
    """Everything below the high watermark is committed, as far as this replica knows."""

    broker: int
    tp: TopicPartition
    high_watermark: int


@fact("broker", "tp", host="broker", text="{broker} asks for the ISR {isr} of {tp}: {reason} ({setting})")
class IsrChangeProposed(Fact):
    """A leader has asked the controller to change the in-sync replicas."""

    broker: int
    tp: TopicPartition
    isr: tuple[int, ...]
    reason: str
    setting: str


@fact("broker", "tp", host="broker", text="{broker} refuses {batch_id} for {tp}: {error}, {reason} ({setting})")
class ProduceRefused(Fact):
    """A leader has not appended a batch."""

    broker: int
    tp: TopicPartition
    batch_id: str
    error: str
    reason: str
    setting: str


# --- clients -------------------------------------------------------------------------------------------------


@fact("client", host="client", text="{client} learns the leaders {leaders}")
class MetadataLearned(Fact):
    """A client has a new picture of the cluster; ``leaders`` are texts such as ``orders-0 on 101``."""

    client: str
    leaders: tuple[str, ...]


@fact("producer", "number", host="producer", text="{producer} puts record {number} (key {key}) into a batch for {tp}")
class RecordSent(Fact):
    """send() has chosen the partition; ``number`` counts the sends of this producer, from 0."""

    producer: str
    number: int
    tp: TopicPartition
    key: bytes | None
    value: bytes | None


@fact(
    "producer", "batch_id", host="producer", text="{producer} sends batch {batch_id} of {tp} to {leader}, try {attempt}"
)
class BatchSent(Fact):
    """A batch has left the producer; ``records`` are the numbers of its records, ``attempt`` counts from 1."""

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    attempt: int
    leader: int


@fact("producer", "batch_id", host="producer", text="{producer} will repeat batch {batch_id} of {tp}: {error}")
class BatchRetried(Fact):
    """A try has failed in a way that may pass; the batch waits to be sent again."""

    producer: str
    batch_id: str
    tp: TopicPartition
    error: str


@fact(
    "producer", "batch_id", host="producer", text="batch {batch_id} of {tp} is acknowledged from offset {base_offset}"
)
class BatchAcknowledged(Fact):
    """The producer reports success; ``base_offset`` is -1 with acks=0, where nobody has confirmed anything."""

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    base_offset: int


@fact("producer", "batch_id", host="producer", text="batch {batch_id} of {tp} has failed: {error} ({setting})")
class BatchFailed(Fact):
    """The producer reports an error; when not ``definite`` the records may be in the log all the same."""

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    error: str
    definite: bool
    setting: str


# --- groups and consumers ----------------------------------------------------------------------------------------


@fact("group", host="coordinator", text="group {group} is {state}, generation {generation}, members: {members}")
class GroupChanged(Fact):
    """The coordinator's picture of a group."""

    coordinator: int
    group: str
    state: str
    generation: int
    members: tuple[str, ...]
    leader: str | None
    protocol: str | None


@fact("consumer", host="consumer", text="{consumer} owns {partitions} in generation {generation}")
class PartitionsAssigned(Fact):
    """A consumer's whole assignment."""

    consumer: str
    group: str | None
    generation: int
    partitions: tuple[TopicPartition, ...]


@fact("consumer", host="consumer", text="{consumer} gives up {partitions}: {reason}")
class PartitionsRevoked(Fact):
    """A consumer no longer owns these partitions; ``reason`` says whether they were revoked or lost."""

    consumer: str
    partitions: tuple[TopicPartition, ...]
    reason: str


@fact("consumer", "tp", host="consumer", text="{consumer} reads {tp} offsets {first_offset} to {last_offset}")
class RecordsPolled(Fact):
    """poll() has handed ``count`` records to the application; the position is now ``last_offset`` + 1."""

    consumer: str
    tp: TopicPartition
    first_offset: int
    last_offset: int
    count: int

    @property
    def position(self) -> int:
        """The offset that this consumer reads next."""
        return self.last_offset + 1


@fact("consumer", "tp", host="consumer", text="{consumer} starts {tp} at offset {position}: {reason}")
class PositionSet(Fact):
    """A consumer's position was set by a committed offset, by auto.offset.reset or by seek()."""

    consumer: str
    tp: TopicPartition
    position: int
    reason: str


@fact("group", "tp", host="coordinator", text="group {group} has committed offset {offset} of {tp}")
class OffsetCommitted(Fact):
    """The coordinator has stored the offset that the group reads next."""

    coordinator: int
    group: str
    tp: TopicPartition
    offset: int
