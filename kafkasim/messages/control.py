"""What the controller tells the brokers, and what brokers ask of the controller."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A partition as its state znode and its assignment tell it; ``partition_epoch`` is the znode's version."""

    leader: int
    leader_epoch: int
    isr: tuple[int, ...]
    partition_epoch: int
    replicas: tuple[int, ...]
    is_new: bool = False


@dataclass(slots=True)
class LeaderAndIsrRequest:
    """Roles to take up: fenced by controller epoch, broker epoch and each partition's leader epoch."""

    controller_id: int
    controller_epoch: int
    broker_epoch: int
    partitions: dict[TopicPartition, PartitionState]
    live_leaders: dict[int, str]
    is_new: bool = False

    def describe(self) -> str:
        return f"LeaderAndIsr {', '.join(f'{tp} led by {state.leader}' for tp, state in self.partitions.items())}"


@dataclass(slots=True)
class LeaderAndIsrResponse:
    error: Error = None

    def describe(self) -> str:
        return "LeaderAndIsr answer"


@dataclass(slots=True)
class UpdateMetadataRequest:
    """The whole list of live brokers and the partitions that have changed."""

    controller_id: int
    controller_epoch: int
    broker_epoch: int
    live_brokers: dict[int, str]
    partitions: dict[TopicPartition, PartitionState]
    topic_configs: dict[str, dict[str, str]]

    def describe(self) -> str:
        return f"UpdateMetadata brokers {', '.join(map(str, self.live_brokers))}; {len(self.partitions)} partition(s)"


@dataclass(slots=True)
class UpdateMetadataResponse:
    error: Error = None

    def describe(self) -> str:
        return "UpdateMetadata answer"


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
        return "StopReplica answer"


@dataclass(slots=True)
class AlterPartitionRequest:
    """A leader asks for another ISR (KIP-497)."""

    broker_id: int
    broker_epoch: int
    tp: TopicPartition
    leader_epoch: int
    new_isr: tuple[int, ...]
    partition_epoch: int

    def describe(self) -> str:
        return f"AlterPartition {self.tp} ISR {' '.join(map(str, self.new_isr))}"


@dataclass(slots=True)
class AlterPartitionResponse:
    error: Error = None
    isr: tuple[int, ...] = ()
    partition_epoch: int = -1

    def describe(self) -> str:
        return "AlterPartition answer" if self.error is None else f"AlterPartition answer {self.error.name}"
