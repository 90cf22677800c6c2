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
