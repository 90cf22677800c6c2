"""What the controller tells the brokers, and what brokers ask of the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition

LEADER_DURING_DELETE = -2
"""The leader in an UpdateMetadata about a topic that is being deleted: forget it."""
EPOCH_DURING_DELETE = -2
"""The leader epoch of a StopReplica for a topic that is being deleted: it goes before any other."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A partition as its state znode and its assignment tell it; ``partition_epoch`` is the znode's version.

    ``is_recovering`` after an unclean election, until the leader's first change of the ISR (LeaderRecoveryState).
    """

    leader: int
    leader_epoch: int
    isr: tuple[int, ...]
    partition_epoch: int
    replicas: tuple[int, ...]
    is_recovering: bool = False


@dataclass(slots=True)
class LeaderAndIsrRequest:
    """Roles to take up: fenced by controller epoch, broker epoch and each partition's leader epoch."""

    controller_id: int
    controller_epoch: int
    broker_epoch: int
    partitions: dict[TopicPartition, PartitionState]
    live_leaders: dict[int, str]

    def describe(self) -> str:
        return f"LeaderAndIsr {', '.join(f'{tp} led by {state.leader}' for tp, state in self.partitions.items())}"


@dataclass(slots=True)
class LeaderAndIsrResponse:
    """``failed`` names the partitions whose log directory is offline (KAFKA_STORAGE_ERROR)."""

    error: Error = None
    failed: tuple[TopicPartition, ...] = ()

    def describe(self) -> str:
        return f"LeaderAndIsr answer{'' if self.error is None else f' {self.error.name}'}"


@dataclass(slots=True)
class UpdateMetadataRequest:
    """The whole list of live brokers and the partitions that have changed.

    ``topic_configs`` holds the settings of topics that the receiver may not know yet. A real broker reads them from
    ZooKeeper when it makes the log.
    """

    controller_id: int
    controller_epoch: int
    broker_epoch: int
    live_brokers: Mapping[int, str]
    partitions: Mapping[TopicPartition, PartitionState]
    topic_configs: Mapping[str, dict[str, str]]
    racks: dict[int, str] = field(default_factory=dict)

    def describe(self) -> str:
        return f"UpdateMetadata brokers {', '.join(map(str, self.live_brokers))}; {len(self.partitions)} partition(s)"


@dataclass(slots=True)
class UpdateMetadataResponse:
    error: Error = None

    def describe(self) -> str:
        return f"UpdateMetadata answer{'' if self.error is None else f' {self.error.name}'}"


@dataclass(frozen=True, slots=True)
class StopReplica:
    """What a broker is to do with one replica; ``leader_epoch`` -2 goes before every other (a topic is deleted)."""

    leader_epoch: int
    delete: bool = False


@dataclass(slots=True)
class StopReplicaRequest:
    """Replicas to follow no longer, and perhaps to delete."""

    controller_id: int
    controller_epoch: int
    broker_epoch: int
    partitions: dict[TopicPartition, StopReplica]

    def describe(self) -> str:
        return "StopReplica " + ", ".join(
            f"{tp} (delete)" if stop.delete else str(tp) for tp, stop in self.partitions.items()
        )


@dataclass(slots=True)
class StopReplicaResponse:
    """``error`` is for the request as a whole, ``partitions`` has the error of each, None where all went well."""

    error: Error = None
    partitions: dict[TopicPartition, Error] = field(default_factory=dict)

    def describe(self) -> str:
        return f"StopReplica answer{'' if self.error is None else f' {self.error.name}'}"


@dataclass(slots=True)
class WantedIsr:
    """The ISR that the leader of a partition asks for, and the epochs that it knows."""

    leader_epoch: int
    new_isr: tuple[int, ...]
    partition_epoch: int


@dataclass(slots=True)
class AlterPartitionRequest:
    """A broker asks for other ISRs of partitions that it leads (KIP-497)."""

    broker_id: int
    broker_epoch: int
    partitions: dict[TopicPartition, WantedIsr]

    def describe(self) -> str:
        wanted = (f"{tp} ISR {' '.join(map(str, one.new_isr))}" for tp, one in self.partitions.items())
        return f"AlterPartition {', '.join(wanted)}"


@dataclass(slots=True)
class AlteredPartition:
    """What has become of one partition: an error, or its ISR and partition epoch now."""

    error: Error = None
    isr: tuple[int, ...] = ()
    partition_epoch: int = -1


@dataclass(slots=True)
class AlterPartitionResponse:
    """An error of the whole request, or the answer for each of its partitions."""

    error: Error = None
    partitions: dict[TopicPartition, AlteredPartition] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[str, ...]:
        """The names of all errors in it."""
        found = (self.error, *(one.error for one in self.partitions.values()))
        return tuple(dict.fromkeys(error.name for error in found if error is not None))

    def describe(self) -> str:
        return " ".join(["AlterPartition answer", *self.errors])


@dataclass(slots=True)
class ControlledShutdownRequest:
    """A broker wants to stop: who shall lead what it leads?"""

    broker_id: int
    broker_epoch: int

    def describe(self) -> str:
        return f"ControlledShutdown {self.broker_id}"


@dataclass(slots=True)
class ControlledShutdownResponse:
    """The partitions with more than one replica that the broker still leads."""

    error: Error = None
    remaining: tuple[TopicPartition, ...] = ()

    def describe(self) -> str:
        word = f"still leads {', '.join(map(str, self.remaining))}" if self.remaining else "nothing is left to lead"
        return f"ControlledShutdown answer {word if self.error is None else self.error.name}"


@dataclass(slots=True)
class AllocateProducerIdsRequest:
    """A broker has used up its block of producer ids."""

    broker_id: int
    broker_epoch: int

    def describe(self) -> str:
        return f"AllocateProducerIds for broker {self.broker_id}"


@dataclass(slots=True)
class AllocateProducerIdsResponse:
    """A block of ``count`` ids from ``start`` on."""

    error: Error = None
    start: int = -1
    count: int = 0

    def describe(self) -> str:
        word = f"{self.start} to {self.start + self.count - 1}" if self.error is None else self.error.name
        return f"AllocateProducerIds answer {word}"
