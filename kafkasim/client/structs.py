"""The small values of kafka-python, field by field as there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from kafkasim.records import OffsetAndMetadata

__all__ = [
    "ConsumerGroupMetadata",
    "ConsumerRebalanceListener",
    "ConsumerRecord",
    "NewPartitions",
    "NewTopic",
    "OffsetAndMetadata",
    "OffsetAndTimestamp",
    "TopicPartitionReplica",
]


class OffsetAndTimestamp(NamedTuple):
    """Where a search by time has ended."""

    offset: int
    timestamp: int
    leader_epoch: int | None


class TopicPartitionReplica(NamedTuple):
    """One replica of a partition."""

    topic: str
    partition: int
    broker_id: int


class ConsumerGroupMetadata(NamedTuple):
    """A consumer's membership: generation -1 and member id "" outside a group."""

    group_id: str | None = None
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    state: str = "<unjoined>"


class ConsumerRecord(NamedTuple):
    """One record; ``timestamp_type`` is 0 (CreateTime) and ``checksum`` None in this model, sizes are -1 for None."""

    topic: str
    partition: int
    leader_epoch: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: Any
    value: Any
    headers: list[tuple[str, bytes | None]]
    checksum: None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int


class NewTopic:
    """A topic to create; -1 means the broker's default."""

    def __init__(
        self, name: str, num_partitions: int = -1, replication_factor: int = -1,
        replica_assignments: dict[int, list[int]] | None = None, topic_configs: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.num_partitions = num_partitions
        self.replication_factor = replication_factor
        self.replica_assignments = replica_assignments or {}
        self.topic_configs = topic_configs or {}


class NewPartitions:
    """How many partitions a topic is to have in all; the brokers of each new one, or None for the cluster's choice."""

    def __init__(self, total_count: int, new_assignments: list[list[int]] | None = None) -> None:
        self.total_count = total_count
        self.new_assignments = new_assignments


class ConsumerRebalanceListener(ABC):
    """What a program derives from to hear of rebalances. Called inside poll(); commit() in it is fine."""

    @abstractmethod
    def on_partitions_revoked(self, revoked: Any) -> object:
        """These are about to go to somebody else."""

    @abstractmethod
    def on_partitions_assigned(self, assigned: Any) -> object:
        """These are owned from now on."""

    def on_partitions_lost(self, lost: Any) -> object:
        """They belong to somebody else already: the group has gone on without this member."""
        return self.on_partitions_revoked(lost)


def header_size(headers: Any) -> int:
    """Bytes of all names and values; -1 without headers."""
    return sum(len(name.encode()) + len(value or b"") for name, value in headers) if headers else -1
