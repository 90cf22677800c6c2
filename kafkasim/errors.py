"""Every error of the package, of three kinds that are never mixed.

::

    KafkaSimError
    ├── ConfigError            a value that cannot be, found at the call; nothing has changed
    ├── UsageError             a call that makes no sense now or here; nothing has changed
    │   └── UnknownNameError   a name that does not exist, with the nearest ones that do
    └── KafkaError             an answer of the simulated cluster, under Kafka's own name
        └── RetriableException         the same request may succeed later
            └── InvalidMetadataException   ... after the client has refreshed its metadata

The first two are about *our* arguments. A :class:`KafkaError` is a result: it is put into a response
as a class, travels to the client and is raised there, as in Kafka. Our own bugs are assertions.

Kafka: org.apache.kafka.common.protocol.Errors and org.apache.kafka.common.errors. The codes are the
protocol's; codes below -1 mark exceptions that exist only in a client and never travel.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class KafkaSimError(Exception):
    """Whatever this package raises on purpose.

    ``java_name`` is the simple name of the exception class that Kafka's Java client raises in the same
    place (None where it has none); ``cause`` is the error inside it, as in an ``ExecutionException``.
    """

    java_name: str | None = None
    cause: BaseException | None = None


class ConfigError(KafkaSimError, ValueError):
    """A value that cannot be: what it is for, what was given, what is allowed, what to do."""

    java_name = "ConfigException"

    def __init__(self, message: str, *, java_name: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(message)
        if java_name is not None:
            self.java_name = java_name
        self.cause = cause


class UsageError(KafkaSimError, RuntimeError):
    """A call that makes no sense now or here, and what to call instead."""

    java_name = "IllegalStateException"

    def __init__(self, message: str, *, java_name: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(message)
        if java_name is not None:
            self.java_name = java_name
        self.cause = cause


class UnknownNameError(UsageError, LookupError):
    """A name that does not exist here; the message lists the nearest ones."""

    java_name = "IllegalArgumentException"


def unknown_name(what: str, given: object, known: Iterable[str], advice: str = "") -> UnknownNameError:
    """The error for a name that is not among ``known``: near misses first, the whole list when it is short."""
    names = sorted(known)
    near = difflib.get_close_matches(str(given), names, n=3, cutoff=0.6)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif names and len(names) <= 10:
        hint = f"There is {', '.join(names)}."
    else:
        hint = f"There are {len(names)} of them." if names else "There is none yet."
    return UnknownNameError(" ".join(filter(None, [f"There is no {what} {given!r}.", hint, advice])))


class KafkaError(KafkaSimError):
    """An answer of the simulated cluster: ``code`` and ``name`` as in Kafka's protocol, ``retriable`` as in Kafka."""

    code: ClassVar[int]
    name: ClassVar[str]
    retriable: ClassVar[bool] = False
    by_code: ClassVar[dict[int, type[KafkaError]]] = {}
    by_name: ClassVar[dict[str, type[KafkaError]]] = {}

    def __init_subclass__(cls, *, code: int | None = None, name: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.java_name = cls.__name__
        if code is None or name is None:
            return
        assert name not in KafkaError.by_name, name
        cls.code, cls.name = code, name
        KafkaError.by_name[name] = cls
        if code >= -1:
            assert code not in KafkaError.by_code, code
            KafkaError.by_code[code] = cls

    def __init__(self, message: str = "", *, cause: BaseException | None = None) -> None:
        super().__init__(message or self.summary())
        self.cause = cause

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the error's documentation."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class RetriableException(KafkaError):
    """The same request may succeed later."""

    retriable = True


class InvalidMetadataException(RetriableException):
    """The client's picture of the cluster is out of date: refresh it, then retry."""


# --- topics, partitions, leaders --------------------------------------------------------------------


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


class FetchSessionIdNotFoundException(RetriableException, code=70, name="FETCH_SESSION_ID_NOT_FOUND"):
    """The broker does not know this fetch session."""


class InvalidFetchSessionEpochException(RetriableException, code=71, name="INVALID_FETCH_SESSION_EPOCH"):
    """The fetch session is not at this epoch."""


class FencedLeaderEpochException(InvalidMetadataException, code=74, name="FENCED_LEADER_EPOCH"):
    """The request carries an older leader epoch than the broker knows."""


class UnknownLeaderEpochException(RetriableException, code=75, name="UNKNOWN_LEADER_EPOCH"):
    """The request carries a newer leader epoch than the broker knows."""


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


class InvalidRecordException(KafkaError, code=87, name="INVALID_RECORD"):
    """The broker refuses a record of the batch, as a null key on a compacted topic."""


class InvalidUpdateVersionException(KafkaError, code=95, name="INVALID_UPDATE_VERSION"):
    """The partition has changed since the epoch that the request names."""


class UnknownTopicIdException(InvalidMetadataException, code=100, name="UNKNOWN_TOPIC_ID"):
    """This broker does not know that topic id."""


class InconsistentTopicIdException(InvalidMetadataException, code=103, name="INCONSISTENT_TOPIC_ID"):
    """The topic of this name has another id now."""


class IneligibleReplicaException(KafkaError, code=107, name="INELIGIBLE_REPLICA"):
    """A proposed member of the ISR is not live."""


class OperationNotAttemptedException(KafkaError, code=55, name="OPERATION_NOT_ATTEMPTED"):
    """Another part of the same request failed first."""


# --- groups ----------------------------------------------------------------------------------------


class CoordinatorLoadInProgressException(RetriableException, code=14, name="COORDINATOR_LOAD_IN_PROGRESS"):
    """The coordinator is still reading its partition."""


class CoordinatorNotAvailableException(RetriableException, code=15, name="COORDINATOR_NOT_AVAILABLE"):
    """The coordinator's partition has no leader, or the topic is just being created."""


class NotCoordinatorException(RetriableException, code=16, name="NOT_COORDINATOR"):
    """This broker is not the coordinator of that group."""


class IllegalGenerationException(KafkaError, code=22, name="ILLEGAL_GENERATION"):
    """The group has moved on to another generation."""


class InconsistentGroupProtocolException(KafkaError, code=23, name="INCONSISTENT_GROUP_PROTOCOL"):
    """The member supports no assignor that all the others support."""


class InvalidGroupIdException(KafkaError, code=24, name="INVALID_GROUP_ID"):
    """The group id is empty or missing."""


class UnknownMemberIdException(KafkaError, code=25, name="UNKNOWN_MEMBER_ID"):
    """The coordinator does not know this member of the group."""


class InvalidSessionTimeoutException(KafkaError, code=26, name="INVALID_SESSION_TIMEOUT"):
    """session.timeout.ms is outside the broker's limits."""


class RebalanceInProgressException(KafkaError, code=27, name="REBALANCE_IN_PROGRESS"):
    """The group is rebalancing: join again."""


class InvalidCommitOffsetSizeException(KafkaError, code=28, name="INVALID_COMMIT_OFFSET_SIZE"):
    """The committed offsets do not fit into a batch."""


class GroupNotEmptyException(KafkaError, code=68, name="NON_EMPTY_GROUP"):
    """The group has members."""


class GroupIdNotFoundException(KafkaError, code=69, name="GROUP_ID_NOT_FOUND"):
    """There is no such group."""


class MemberIdRequiredException(KafkaError, code=79, name="MEMBER_ID_REQUIRED"):
    """Join again with the member id that this answer carries."""


class GroupMaxSizeReachedException(KafkaError, code=81, name="GROUP_MAX_SIZE_REACHED"):
    """The group is full."""


class FencedInstanceIdException(KafkaError, code=82, name="FENCED_INSTANCE_ID"):
    """Another member has joined with the same group.instance.id."""


class GroupSubscribedToTopicException(KafkaError, code=86, name="GROUP_SUBSCRIBED_TO_TOPIC"):
    """The group is subscribed to the topic whose offsets were to be deleted."""


class UnstableOffsetCommitException(RetriableException, code=88, name="UNSTABLE_OFFSET_COMMIT"):
    """A transaction that carries offsets of this partition is still open."""


# --- idempotence and transactions --------------------------------------------------------------------


class OutOfOrderSequenceException(KafkaError, code=45, name="OUT_OF_ORDER_SEQUENCE_NUMBER"):
    """The sequence number is not the next one of this producer."""


class DuplicateSequenceException(KafkaError, code=46, name="DUPLICATE_SEQUENCE_NUMBER"):
    """The batch has been appended before."""


class InvalidProducerEpochException(KafkaError, code=47, name="INVALID_PRODUCER_EPOCH"):
    """A producer with a newer epoch of the same id is at work."""


class InvalidTxnStateException(KafkaError, code=48, name="INVALID_TXN_STATE"):
    """The transaction is not in a state that allows this."""


class InvalidPidMappingException(KafkaError, code=49, name="INVALID_PRODUCER_ID_MAPPING"):
    """The producer id does not belong to this transactional id."""


class InvalidTxnTimeoutException(KafkaError, code=50, name="INVALID_TRANSACTION_TIMEOUT"):
    """transaction.timeout.ms is above the broker's limit."""


class ConcurrentTransactionsException(RetriableException, code=51, name="CONCURRENT_TRANSACTIONS"):
    """The previous transaction of this producer is still being completed."""


class TransactionCoordinatorFencedException(KafkaError, code=52, name="TRANSACTION_COORDINATOR_FENCED"):
    """A newer transaction coordinator is at work."""


class UnknownProducerIdException(KafkaError, code=59, name="UNKNOWN_PRODUCER_ID"):
    """The broker has no state of this producer any more."""


class ProducerFencedException(KafkaError, code=90, name="PRODUCER_FENCED"):
    """Another producer with the same transactional.id has taken over."""


class TransactionAbortableException(KafkaError, code=120, name="TRANSACTION_ABORTABLE"):
    """The transaction can only be aborted."""


# --- exceptions that exist only in a client ------------------------------------------------------------


class DisconnectException(RetriableException, code=-10, name="DISCONNECTED"):
    """The connection closed before an answer came."""


class CommitFailedException(KafkaError, code=-11, name="COMMIT_FAILED"):
    """The group has rebalanced; the partitions belong to another member now."""


class RetriableCommitFailedException(RetriableException, code=-12, name="RETRIABLE_COMMIT_FAILED"):
    """An asynchronous commit failed and is not repeated."""


class NoOffsetForPartitionException(KafkaError, code=-13, name="NO_OFFSET_FOR_PARTITION"):
    """There is no committed offset, and auto.offset.reset is none."""


class LogTruncationException(KafkaError, code=-14, name="LOG_TRUNCATION"):
    """The log was truncated below the position, and auto.offset.reset is none."""


class SerializationException(KafkaError, code=-15, name="SERIALIZATION"):
    """A key or value cannot be turned into bytes."""


class WakeupException(KafkaError, code=-16, name="WAKEUP"):
    """poll() was interrupted."""


class KafkaException(KafkaError, code=-17, name="KAFKA_EXCEPTION"):
    """An error of the client that Kafka has no better name for; see its cause."""
