"""Every sort of fact, in the order in which a cluster comes to life; ``text`` is the sentence that all readers show."""

from kafkasim.trace.fact import Fact
from kafkasim.trace.facts.clients import (
    BatchAcknowledged,
    BatchFailed,
    BatchRetried,
    BatchSent,
    MetadataLearned,
    RecordSent,
)
from kafkasim.trace.facts.controller import (
    BrokerRegistered,
    ControllerElected,
    LiveBrokersChanged,
    PartitionChanged,
    TopicCreated,
)
from kafkasim.trace.facts.groups import (
    GroupChanged,
    OffsetCommitted,
    PartitionsAssigned,
    PartitionsRevoked,
    PositionSet,
    RecordsPolled,
)
from kafkasim.trace.facts.machines import (
    Disconnected,
    FaultEnded,
    FaultStarted,
    HostChanged,
    MessageLost,
    MessageReleased,
    MessageSent,
)
from kafkasim.trace.facts.processing import (
    ProgramDied,
    RecordProcessed,
)
from kafkasim.trace.facts.replicas import (
    DuplicateRecognised,
    FollowerPositionMoved,
    HighWatermarkMoved,
    IsrChangeProposed,
    LogTruncated,
    ProduceRefused,
    RecordsAppended,
    ReplicaRoleChanged,
)
from kafkasim.trace.facts.storage import (
    LogCleaned,
    LogRecovered,
    LogStartMoved,
    RecordsFlushed,
    SegmentRolled,
    SegmentsDeleted,
    UnflushedLost,
)
from kafkasim.trace.facts.zookeeper import (
    SessionChanged,
    WatchFired,
    ZnodeChanged,
    ZooKeeperLeaderElected,
)

__all__ = [
    "BatchAcknowledged",
    "BatchFailed",
    "BatchRetried",
    "BatchSent",
    "BrokerRegistered",
    "ControllerElected",
    "Disconnected",
    "DuplicateRecognised",
    "Fact",
    "FaultEnded",
    "FaultStarted",
    "FollowerPositionMoved",
    "GroupChanged",
    "HighWatermarkMoved",
    "HostChanged",
    "IsrChangeProposed",
    "LiveBrokersChanged",
    "LogCleaned",
    "LogRecovered",
    "LogStartMoved",
    "LogTruncated",
    "MessageLost",
    "MessageReleased",
    "MessageSent",
    "MetadataLearned",
    "OffsetCommitted",
    "PartitionChanged",
    "PartitionsAssigned",
    "PartitionsRevoked",
    "PositionSet",
    "ProduceRefused",
    "ProgramDied",
    "RecordProcessed",
    "RecordSent",
    "RecordsAppended",
    "RecordsFlushed",
    "RecordsPolled",
    "ReplicaRoleChanged",
    "SegmentRolled",
    "SegmentsDeleted",
    "SessionChanged",
    "TopicCreated",
    "UnflushedLost",
    "WatchFired",
    "ZnodeChanged",
    "ZooKeeperLeaderElected",
]
