"""Producing, fetching and looking things up: one request and one response per Kafka API, under Kafka's names.

A response carries the error *class* of a partition (None when all went well), as the protocol carries its code.
Left out: versions, topic ids, throttling.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.errors import KafkaError
from kafkasim.records import RecordBatch, TopicPartition

Error = type[KafkaError] | None

CONSUMER = -1
"""The replica id of a fetch by a consumer."""


def _named(error: Error) -> str:
    return "ok" if error is None else error.name


@dataclass(slots=True)
class ProduceRequest:
    """At most one batch per partition; ``acks`` is 0, 1 or -1 (all)."""

    acks: int
    timeout_ms: int
    batches: dict[TopicPartition, RecordBatch]
    transactional_id: str | None = None

    def describe(self) -> str:
        parts = ", ".join(f"{tp} {batch.count} rec" for tp, batch in self.batches.items())
        return f"Produce {parts}"


@dataclass(slots=True)
class PartitionProduceResponse:
    """The offset of the batch's first record, or why there is none; ``new_leader`` is (broker, leader epoch),
    KIP-951; ``record_errors`` are the places of bad records in the batch (KIP-467)."""

    error: Error = None
    base_offset: int = -1
    log_start_offset: int = -1
    new_leader: tuple[int, int] | None = None
    message: str = ""
    record_errors: tuple[int, ...] = ()


@dataclass(slots=True)
class ProduceResponse:
    partitions: dict[TopicPartition, PartitionProduceResponse]

    def describe(self) -> str:
        parts = ", ".join(
            f"{tp} @{p.base_offset}" if p.error is None else f"{tp} {_named(p.error)}"
            for tp, p in self.partitions.items()
        )
        return f"Produce answer {parts}"


@dataclass(slots=True)
class FetchPosition:
    """Where a fetcher stands in a partition; ``last_epoch`` is a follower's epoch of its last record, else -1."""

    fetch_offset: int
    leader_epoch: int = -1
    last_epoch: int = -1
    log_start_offset: int = -1
    max_bytes: int = 1048576


@dataclass(slots=True)
class FetchRequest:
    """An incremental fetch (KIP-227): only ``changed`` positions are named, ``forgotten`` ones leave the session.

    ``replica_id`` is a follower's broker id or CONSUMER. ``session`` names the fetcher; ``is_new`` starts it afresh.
    """

    replica_id: int
    session: str
    is_new: bool
    changed: dict[TopicPartition, FetchPosition]
    forgotten: tuple[TopicPartition, ...] = ()
    max_wait_ms: int = 500
    max_bytes: int = 52428800
    read_committed: bool = False
    min_bytes: int = 1

    def describe(self) -> str:
        parts = ", ".join(f"{tp} from {position.fetch_offset}" for tp, position in self.changed.items())
        return f"Fetch {parts or 'as before'}"


@dataclass(slots=True)
class PartitionFetchResponse:
    """Whole batches from the one that holds the fetch offset on; ``diverging`` is (epoch, end offset) or None.

    With read_committed ``aborted`` names the aborted transactions in them, as (producer id, first offset).
    """

    error: Error = None
    high_watermark: int = -1
    last_stable_offset: int = -1
    log_start_offset: int = -1
    batches: tuple[RecordBatch, ...] = ()
    diverging: tuple[int, int] | None = None
    new_leader: tuple[int, int] | None = None
    aborted: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class FetchResponse:
    """Only partitions with something new are named."""

    error: Error = None
    partitions: dict[TopicPartition, PartitionFetchResponse] = field(default_factory=dict)

    def describe(self) -> str:
        if self.error is not None:
            return f"Fetch answer {_named(self.error)}"
        parts = []
        for tp, part in self.partitions.items():
            count = sum(batch.count for batch in part.batches)
            parts.append(f"{tp} {_named(part.error)}" if part.error else f"{tp} {count} rec, HW {part.high_watermark}")
        return f"Fetch answer {', '.join(parts) or 'nothing new'}"


@dataclass(slots=True)
class OffsetForLeaderEpochRequest:
    """For each partition (the leader epoch that the client knows, the epoch whose end it asks for)."""

    epochs: dict[TopicPartition, tuple[int, int]]

    def describe(self) -> str:
        return "OffsetForLeaderEpoch " + ", ".join(f"{tp} epoch {epoch}" for tp, (_, epoch) in self.epochs.items())


@dataclass(slots=True)
class EpochEndOffset:
    """The largest epoch not above the one asked for, and where it ends; (-1, -1) when the leader does not know."""

    error: Error = None
    leader_epoch: int = -1
    end_offset: int = -1


@dataclass(slots=True)
class OffsetForLeaderEpochResponse:
    partitions: dict[TopicPartition, EpochEndOffset]

    def describe(self) -> str:
        return "OffsetForLeaderEpoch answer " + ", ".join(
            f"{tp} epoch {part.leader_epoch} ends at {part.end_offset}" if part.error is None else _named(part.error)
            for tp, part in self.partitions.items()
        )


@dataclass(slots=True)
class ListOffsetsRequest:
    """``timestamps`` are EARLIEST (-2), LATEST (-1) or milliseconds; ``replica_id`` is a follower's id or CONSUMER."""

    timestamps: dict[TopicPartition, int]
    read_committed: bool = False
    replica_id: int = CONSUMER

    def describe(self) -> str:
        words = {-2: "earliest", -1: "latest"}
        return "ListOffsets " + ", ".join(f"{tp} {words.get(time, time)}" for tp, time in self.timestamps.items())


@dataclass(slots=True)
class PartitionOffset:
    error: Error = None
    offset: int = -1
    timestamp: int = -1
    leader_epoch: int = -1


@dataclass(slots=True)
class ListOffsetsResponse:
    offsets: dict[TopicPartition, PartitionOffset]

    def describe(self) -> str:
        return "ListOffsets answer " + ", ".join(
            f"{tp} {part.offset if part.error is None else _named(part.error)}" for tp, part in self.offsets.items()
        )


@dataclass(slots=True)
class MetadataRequest:
    """``topics`` None asks for all; ``allow_auto_topic_creation`` lets an unknown one be made."""

    topics: tuple[str, ...] | None
    allow_auto_topic_creation: bool = False

    def describe(self) -> str:
        return f"Metadata {'of all topics' if self.topics is None else ', '.join(self.topics) or 'of the brokers'}"


@dataclass(slots=True)
class PartitionMetadata:
    error: Error
    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline_replicas: tuple[int, ...] = ()


@dataclass(slots=True)
class MetadataResponse:
    """``brokers`` maps ids to host names; ``topics`` maps a name to its error or its partitions in order."""

    brokers: dict[int, str]
    controller_id: int
    topics: dict[str, tuple[Error, tuple[PartitionMetadata, ...]]]

    def describe(self) -> str:
        return f"Metadata answer {len(self.brokers)} brokers, topics {', '.join(self.topics) or 'none'}"
