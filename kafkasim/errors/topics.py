"""Errors of topics, partitions, leaders and requests."""

from __future__ import annotations

from kafkasim.errors.base import InvalidMetadataException, KafkaError, RetriableException


class UnknownServerException(KafkaError, code=-1, name="UNKNOWN_SERVER_ERROR"):
    """The server met an error that it has no name for."""


class OffsetOutOfRangeException(KafkaError, code=1, name="OFFSET_OUT_OF_RANGE"):
    """The offset lies below the log start offset or above the log end offset."""


class CorruptRecordException(RetriableException, code=2, name="CORRUPT_MESSAGE"):
    """The batch fails its checksum."""


class UnknownTopicOrPartitionException(InvalidMetadataException, code=3, name="UNKNOWN_TOPIC_OR_PARTITION"):
    """This broker does not host that topic or partition."""


class LeaderNotAvailableException(InvalidMetadataException, code=5, name="LEADER_NOT_AVAILABLE"):
    """The partition has no leader at the moment."""


class NotLeaderOrFollowerException(InvalidMetadataException, code=6, name="NOT_LEADER_OR_FOLLOWER"):
    """This broker is not the leader of that partition."""


class TimeoutException(RetriableException, code=7, name="REQUEST_TIMED_OUT"):
    """The request was not answered in time; whether it took effect is not known."""


class ReplicaNotAvailableException(InvalidMetadataException, code=9, name="REPLICA_NOT_AVAILABLE"):
    """The replica is not available on this broker."""


class RecordTooLargeException(KafkaError, code=10, name="MESSAGE_TOO_LARGE"):
    """The record or batch is larger than the limit."""


class StaleControllerEpochException(KafkaError, code=11, name="STALE_CONTROLLER_EPOCH"):
    """A newer controller has been elected."""


class OffsetMetadataTooLarge(KafkaError, code=12, name="OFFSET_METADATA_TOO_LARGE"):
    """The text beside a committed offset is too long."""


class NetworkException(InvalidMetadataException, code=13, name="NETWORK_EXCEPTION"):
    """The connection was lost before an answer came; whether the request took effect is not known."""


class InvalidTopicException(KafkaError, code=17, name="INVALID_TOPIC_EXCEPTION"):
    """The name of the topic is not allowed."""


class RecordBatchTooLargeException(KafkaError, code=18, name="RECORD_LIST_TOO_LARGE"):
    """The batch is larger than a segment."""


class NotEnoughReplicasException(RetriableException, code=19, name="NOT_ENOUGH_REPLICAS"):
    """Fewer in-sync replicas than min.insync.replicas; nothing was appended."""


class NotEnoughReplicasAfterAppendException(RetriableException, code=20, name="NOT_ENOUGH_REPLICAS_AFTER_APPEND"):
    """The in-sync replicas fell below min.insync.replicas after the append; the records are in the log."""


class InvalidRequiredAcksException(KafkaError, code=21, name="INVALID_REQUIRED_ACKS"):
    """acks is not one of 0, 1 and all (-1)."""


class InvalidTimestampException(KafkaError, code=32, name="INVALID_TIMESTAMP"):
    """The timestamp of the record is outside the allowed range."""


class TopicExistsException(KafkaError, code=36, name="TOPIC_ALREADY_EXISTS"):
    """A topic with this name exists."""


class InvalidPartitionsException(KafkaError, code=37, name="INVALID_PARTITIONS"):
    """The number of partitions is not allowed."""


class InvalidReplicationFactorException(KafkaError, code=38, name="INVALID_REPLICATION_FACTOR"):
    """The replication factor is below 1 or above the number of live brokers."""


class InvalidReplicaAssignmentException(KafkaError, code=39, name="INVALID_REPLICA_ASSIGNMENT"):
    """The replica assignment is not consistent."""


class InvalidConfigurationException(KafkaError, code=40, name="INVALID_CONFIG"):
    """The configuration of the topic is not valid."""


class NotControllerException(RetriableException, code=41, name="NOT_CONTROLLER"):
    """This broker is not the controller."""


class InvalidRequestException(KafkaError, code=42, name="INVALID_REQUEST"):
    """The request is malformed."""


class PolicyViolationException(KafkaError, code=44, name="POLICY_VIOLATION"):
    """The request breaks a policy of the topic."""


class KafkaStorageException(InvalidMetadataException, code=56, name="KAFKA_STORAGE_ERROR"):
    """The log directory of the partition has failed."""


class ReassignmentInProgressException(KafkaError, code=60, name="REASSIGNMENT_IN_PROGRESS"):
    """The replicas of the topic are being moved."""


class FetchSessionIdNotFoundException(RetriableException, code=70, name="FETCH_SESSION_ID_NOT_FOUND"):
    """The broker does not know this fetch session."""


class InvalidFetchSessionEpochException(RetriableException, code=71, name="INVALID_FETCH_SESSION_EPOCH"):
    """The fetch session is not at this epoch."""


class TopicDeletionDisabledException(KafkaError, code=73, name="TOPIC_DELETION_DISABLED"):
    """delete.topic.enable is false."""


class FencedLeaderEpochException(InvalidMetadataException, code=74, name="FENCED_LEADER_EPOCH"):
    """The request carries an older leader epoch than the broker knows."""


class UnknownLeaderEpochException(RetriableException, code=75, name="UNKNOWN_LEADER_EPOCH"):
    """The request carries a newer leader epoch than the broker knows."""


class BrokerNotAvailableException(KafkaError, code=8, name="BROKER_NOT_AVAILABLE"):
    """The controller does not know this broker as registered."""


class StaleBrokerEpochException(KafkaError, code=77, name="STALE_BROKER_EPOCH"):
    """The broker has been registered again since."""


class OffsetNotAvailableException(RetriableException, code=78, name="OFFSET_NOT_AVAILABLE"):
    """The new leader does not know yet how far the log is committed."""


class PreferredLeaderNotAvailableException(InvalidMetadataException, code=80, name="PREFERRED_LEADER_NOT_AVAILABLE"):
    """The preferred leader is not live or not in sync."""


class EligibleLeadersNotAvailableException(InvalidMetadataException, code=83, name="ELIGIBLE_LEADERS_NOT_AVAILABLE"):
    """No live replica may become leader."""


class ElectionNotNeededException(InvalidMetadataException, code=84, name="ELECTION_NOT_NEEDED"):
    """The wanted leader leads already."""


class NoReassignmentInProgressException(KafkaError, code=85, name="NO_REASSIGNMENT_IN_PROGRESS"):
    """There is no reassignment of this partition to cancel."""


class InvalidRecordException(KafkaError, code=87, name="INVALID_RECORD"):
    """The broker refuses a record of the batch, as a null key on a compacted topic."""


class InvalidUpdateVersionException(KafkaError, code=95, name="INVALID_UPDATE_VERSION"):
    """The partition has changed since the epoch that the request names."""


class UnknownTopicIdException(InvalidMetadataException, code=100, name="UNKNOWN_TOPIC_ID"):
    """This broker does not know that topic id."""


class BrokerIdNotRegisteredException(KafkaError, code=102, name="BROKER_ID_NOT_REGISTERED"):
    """No broker of this id is registered."""


class InconsistentTopicIdException(InvalidMetadataException, code=103, name="INCONSISTENT_TOPIC_ID"):
    """The topic of this name has another id now."""


class IneligibleReplicaException(KafkaError, code=107, name="INELIGIBLE_REPLICA"):
    """A proposed member of the ISR is not live."""


class OperationNotAttemptedException(KafkaError, code=55, name="OPERATION_NOT_ATTEMPTED"):
    """Another part of the same request failed first."""
