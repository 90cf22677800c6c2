"""Administrating: one request and one response per Kafka API, under Kafka's names.

A response carries error *classes* (None when all went well). A topic or a config resource has a request of its own;
Kafka packs several into one. Left out: versions, topic ids, throttling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition


def _named(error: Error) -> str:
    return "ok" if error is None else error.name


def _only(validate_only: bool) -> str:
    return " (validate only)" if validate_only else ""


@dataclass(slots=True)
class AdminResponse:
    """What became of a request: an error and its message, or neither."""

    error: Error = None
    message: str = ""

    def describe(self) -> str:
        return f"{type(self).__name__.removesuffix('Response')} answer {_named(self.error)}"


# --- topics: the controller answers ----------------------------------------------------------------------------


@dataclass(slots=True)
class CreateTopicsRequest:
    """One topic: an ``assignment`` (partition -> brokers) or counts, -1 meaning the broker's default.

    With ``validate_only`` everything is checked and nothing is made.
    """

    topic: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    assignment: Mapping[int, tuple[int, ...]] | None = None
    timeout_ms: int = 30000
    validate_only: bool = False

    def describe(self) -> str:
        return f"CreateTopics {self.topic}{_only(self.validate_only)}"


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One setting of a topic or a broker.

    ``value`` is the one in force as a text, None when unset. ``source`` is Kafka's name for where it comes from
    (DYNAMIC_TOPIC_CONFIG, DYNAMIC_BROKER_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG), ``type`` Kafka's for what it is
    (LONG, LIST, ...); ``is_read_only`` holds for what no running broker takes over.
    """

    name: str
    value: str | None
    source: str
    is_default: bool
    is_read_only: bool = False
    type: str = "STRING"


@dataclass(slots=True)
class CreateTopicsResponse(AdminResponse):
    """What the topic has, or would have: -1 and nothing with an error."""

    num_partitions: int = -1
    replication_factor: int = -1
    entries: tuple[ConfigEntry, ...] = ()


@dataclass(slots=True)
class DeleteTopicsRequest:
    topic: str
    timeout_ms: int = 30000

    def describe(self) -> str:
        return f"DeleteTopics {self.topic}"


@dataclass(slots=True)
class DeleteTopicsResponse(AdminResponse):
    pass


@dataclass(slots=True)
class CreatePartitionsRequest:
    """``assignments`` lists the brokers of each new partition, or is None for the cluster's own choice."""

    topic: str
    total_count: int
    assignments: tuple[tuple[int, ...], ...] | None = None
    timeout_ms: int = 30000
    validate_only: bool = False

    def describe(self) -> str:
        return f"CreatePartitions {self.topic}: {self.total_count} in all{_only(self.validate_only)}"


@dataclass(slots=True)
class CreatePartitionsResponse(AdminResponse):
    pass


# --- leaders and replicas: the controller answers --------------------------------------------------------------

PREFERRED, UNCLEAN = "preferred", "unclean"


@dataclass(slots=True)
class ElectLeadersRequest:
    """``election_type`` is PREFERRED or UNCLEAN; ``partitions`` None means all."""

    election_type: str
    partitions: tuple[TopicPartition, ...] | None
    timeout_ms: int = 30000

    def describe(self) -> str:
        which = "all partitions" if self.partitions is None else ", ".join(map(str, self.partitions))
        return f"ElectLeaders {self.election_type} {which}"


@dataclass(slots=True)
class ElectLeadersResponse(AdminResponse):
    """``results`` has an error and its message for each partition."""

    results: dict[TopicPartition, tuple[Error, str]] = field(default_factory=dict)


@dataclass(slots=True)
class AlterPartitionReassignmentsRequest:
    """The replicas that each partition is to have; None cancels a reassignment under way."""

    partitions: Mapping[TopicPartition, tuple[int, ...] | None]
    timeout_ms: int = 30000

    def describe(self) -> str:
        return "AlterPartitionReassignments " + ", ".join(
            f"{tp} {'as before' if replicas is None else ' '.join(map(str, replicas))}"
            for tp, replicas in self.partitions.items()
        )


@dataclass(slots=True)
class AlterPartitionReassignmentsResponse(AdminResponse):
    results: dict[TopicPartition, tuple[Error, str]] = field(default_factory=dict)


@dataclass(slots=True)
class ListPartitionReassignmentsRequest:
    def describe(self) -> str:
        return "ListPartitionReassignments"


@dataclass(frozen=True, slots=True)
class PartitionReassignment:
    """A reassignment under way: all present replicas, those that are being added and those that will go."""

    replicas: tuple[int, ...]
    adding_replicas: tuple[int, ...]
    removing_replicas: tuple[int, ...]


@dataclass(slots=True)
class ListPartitionReassignmentsResponse(AdminResponse):
    reassignments: dict[TopicPartition, PartitionReassignment] = field(default_factory=dict)


# --- settings and the cluster: any broker answers, a broker's own settings that broker -----------------------------

TOPIC, BROKER = "topic", "broker"


@dataclass(slots=True)
class DescribeConfigsRequest:
    """``resource_type`` is TOPIC or BROKER; the name of a broker is its id, or "" for the cluster's defaults."""

    resource_type: str
    resource_name: str

    def describe(self) -> str:
        return f"DescribeConfigs {self.resource_type} {self.resource_name}"


@dataclass(slots=True)
class DescribeConfigsResponse(AdminResponse):
    entries: tuple[ConfigEntry, ...] = ()


@dataclass(slots=True)
class IncrementalAlterConfigsRequest:
    """``changes`` maps a setting to its new value, or to None to delete it."""

    resource_type: str
    resource_name: str
    changes: Mapping[str, str | None]
    validate_only: bool = False

    def describe(self) -> str:
        what = ", ".join(self.changes) + _only(self.validate_only)
        return f"IncrementalAlterConfigs {self.resource_type} {self.resource_name}: {what}"


@dataclass(slots=True)
class IncrementalAlterConfigsResponse(AdminResponse):
    pass


@dataclass(slots=True)
class DescribeClusterRequest:
    def describe(self) -> str:
        return "DescribeCluster"


@dataclass(frozen=True, slots=True)
class Node:
    """A live broker. Kafka: org.apache.kafka.common.Node."""

    id: int
    host: str
    port: int
    rack: str | None = None


@dataclass(slots=True)
class DescribeClusterResponse(AdminResponse):
    """The live brokers, ids ascending; ``controller_id`` is -1 when none is known."""

    cluster_id: str = ""
    controller_id: int = -1
    nodes: tuple[Node, ...] = ()


# --- records and producers: the partition's leader answers -------------------------------------------------------

HIGH_WATERMARK = -1
"""The offset that DeleteRecords reads as the high watermark."""


@dataclass(slots=True)
class DeleteRecordsRequest:
    """Everything below these offsets is to go."""

    offsets: Mapping[TopicPartition, int]
    timeout_ms: int = 30000

    def describe(self) -> str:
        return "DeleteRecords " + ", ".join(f"{tp} below {offset}" for tp, offset in self.offsets.items())


@dataclass(slots=True)
class PartitionDeleteRecords:
    """The lowest log start offset of the live replicas; -1 with an error."""

    error: Error = None
    low_watermark: int = -1


@dataclass(slots=True)
class DeleteRecordsResponse:
    partitions: dict[TopicPartition, PartitionDeleteRecords]

    def describe(self) -> str:
        return "DeleteRecords answer " + ", ".join(
            f"{tp} {part.low_watermark if part.error is None else _named(part.error)}"
            for tp, part in self.partitions.items()
        )


@dataclass(slots=True)
class DescribeProducersRequest:
    partitions: tuple[TopicPartition, ...]

    def describe(self) -> str:
        return f"DescribeProducers {', '.join(map(str, self.partitions))}"


@dataclass(frozen=True, slots=True)
class ProducerState:
    """What a partition remembers of a producer; -1 and None where there is nothing."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int | None = None
    current_transaction_start_offset: int | None = None


@dataclass(slots=True)
class PartitionProducers:
    error: Error = None
    active_producers: tuple[ProducerState, ...] = ()


@dataclass(slots=True)
class DescribeProducersResponse:
    partitions: dict[TopicPartition, PartitionProducers]

    def describe(self) -> str:
        return "DescribeProducers answer " + ", ".join(
            f"{tp} {len(part.active_producers) if part.error is None else _named(part.error)}"
            for tp, part in self.partitions.items()
        )
