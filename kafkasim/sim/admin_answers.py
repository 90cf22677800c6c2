"""What the calls of an admin client give back, under the Java client's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kafkasim.messages.admin import ConfigEntry, Node
from kafkasim.messages.data import MetadataResponse


class TopicMetadataAndConfig(NamedTuple):
    """What a new topic has: its numbers, and all its settings by name. Kafka: CreateTopicsResult."""

    num_partitions: int
    replication_factor: int
    config: dict[str, ConfigEntry]


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    """One partition: ``leader`` is None when there is none; ``replicas`` start with the preferred leader."""

    partition: int
    leader: int | None
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline_replicas: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as the broker that was asked knows it."""

    name: str
    partitions: tuple[PartitionDescription, ...]

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.partitions)} partition(s)"]
        for part in self.partitions:
            replicas, isr = (" ".join(map(str, brokers)) for brokers in (part.replicas, part.isr))
            leader = "nobody" if part.leader is None else part.leader
            lines.append(f"  partition {part.partition}: leader {leader}, replicas {replicas}, ISR {isr}")
        return "\n".join(lines)

    __repr__ = __str__


def topic_description(topic: str, response: MetadataResponse) -> TopicDescription:
    """What a Metadata answer says of a topic; raises the error that it has instead."""
    error, partitions = response.topics[topic]
    if error is not None:
        raise error(f"There is no topic {topic!r}.")
    return TopicDescription(
        topic,
        tuple(
            PartitionDescription(
                number, part.leader if part.leader >= 0 else None, part.leader_epoch, part.replicas, part.isr,
                part.offline_replicas,
            )
            for number, part in enumerate(partitions)
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OffsetInfo:
    """Where a time lies in a partition; all -1 when nothing is there. Kafka: ListOffsetsResultInfo."""

    offset: int
    timestamp: int
    leader_epoch: int


class ClusterDescription(NamedTuple):
    """The cluster as the broker that was asked knows it; ``controller_id`` is None when it knows of none."""

    cluster_id: str
    controller_id: int | None
    nodes: tuple[Node, ...]
