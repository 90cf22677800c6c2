"""Facts about brokers in the cluster and what the controller decides."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


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


@fact("topic", text="topic {topic} is marked for deletion")
class TopicDeletionStarted(Fact):
    """For clients the topic is gone; its replicas are being deleted."""

    topic: str


@fact("topic", text="topic {topic} is deleted")
class TopicDeleted(Fact):
    """Every replica is deleted, and ZooKeeper knows the topic no more."""

    topic: str


@fact("tp", host="controller", text="{tp} is assigned to {replicas} (adding {adding}, removing {removing})")
class AssignmentChanged(Fact):
    """The controller has written where a partition's replicas lie, preferred leader first; some may come or go."""

    controller: int
    tp: TopicPartition
    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


@fact("tp", host="controller", text="{tp} is led by {leader}, ISR {isr}, leader epoch {leader_epoch}: {reason}")
class PartitionChanged(Fact):
    """The controller has written a partition's state; ``leader`` is -1 when there is none.

    ``setting`` is what decided, or empty when that lies with a cause.
    """

    controller: int
    tp: TopicPartition
    leader: int
    isr: tuple[int, ...]
    leader_epoch: int
    partition_epoch: int
    reason: str
    setting: str = ""


@fact(host="broker", text="{broker} is the controller no more (epoch {controller_epoch}): {reason}")
class ControllerResigned(Fact):
    """A broker has learned that it is not the controller any more."""

    broker: int
    controller_epoch: int
    reason: str


@fact("entity", text="the settings of {entity} are now {config}")
class ConfigChanged(Fact):
    """A broker has written the own settings of ``topics/...`` or ``brokers/...`` to ZooKeeper."""

    entity: str
    config: tuple[tuple[str, str], ...]
