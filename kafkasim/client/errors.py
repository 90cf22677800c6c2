"""The errors of kafka-python under its own names, and what each error of the cluster is called there.

Every code of Kafka's protocol has its class, with ``errno``, ``message`` (the code's name there), ``retriable`` and
``invalid_metadata`` as in kafka-python 3. ``description`` is ours, ``cause`` the cluster's own error behind it. Where
kafka-python's name differs from Kafka's, or its judgement whether a retry may help, kafka-python is followed.
"""

from __future__ import annotations

import re

from kafkasim import errors as native
from kafkasim.errors import ConfigError, KafkaSimError, UsageError


class KafkaError(KafkaSimError):
    """What all errors of kafka-python have in common."""

    retriable = False
    invalid_metadata = False

    def __init__(self, *args: object, cause: BaseException | None = None) -> None:
        Exception.__init__(self, *args)
        self.cause = cause

    def __str__(self) -> str:
        name = type(self).__name__
        return f"{name}: {Exception.__str__(self)}" if self.args else name


class RetriableError(KafkaError):
    """The same call may succeed later."""

    retriable = True


class InvalidMetadataError(RetriableError):
    """The client's picture of the cluster is out of date."""

    invalid_metadata = True


class BrokerResponseError(KafkaError):
    """An error that a broker has put into its answer."""

    errno: int | None = None
    message: str | None = None
    description: str | None = None

    def __str__(self) -> str:
        return f"[Error {self.errno}] {super().__str__()}"


class AuthorizationError(BrokerResponseError):
    """The client may not do this. Never raised here: the cluster knows no users."""


class IllegalStateError(KafkaError, UsageError):
    """A call that makes no sense now."""

    java_name = "IllegalStateException"


class IllegalArgumentError(KafkaError, ConfigError):
    """An argument that cannot be."""


class KafkaConfigurationError(KafkaError, ConfigError):
    """A configuration that cannot be."""


class KafkaTimeoutError(RetriableError):
    """Time is over in the client; whether the request took effect is not known."""

    java_name = "TimeoutException"


class KafkaConnectionError(InvalidMetadataError):
    """The connection was lost before an answer came."""


class CommitFailedError(KafkaError):
    """The group has rebalanced; the partitions belong to another member now."""


class NoOffsetForPartitionError(KafkaError):
    """There is no committed offset, and auto_offset_reset is none."""


class LogTruncationError(KafkaError):
    """The log was truncated below the position, and auto_offset_reset is none."""


class WrongTypeError(ConfigError, TypeError):
    """A value of the wrong type, where kafka-python raises a TypeError."""


KINDS: dict[str, tuple[type[KafkaError], ...]] = {
    "": (BrokerResponseError,),
    "retriable": (RetriableError, BrokerResponseError),
    "metadata": (InvalidMetadataError, BrokerResponseError),
    "authorization": (AuthorizationError,),
}

CODES = """
    -1 Unknown, 0 No, 1 OffsetOutOfRange, 2 CorruptRecord, 3 UnknownTopicOrPartition metadata, 4 InvalidFetchRequest,
    5 LeaderNotAvailable metadata, 6 NotLeaderForPartition metadata, 7 RequestTimedOut retriable,
    8 BrokerNotAvailable, 9 ReplicaNotAvailable metadata, 10 MessageSizeTooLarge, 11 StaleControllerEpoch,
    12 OffsetMetadataTooLarge, 13 NetworkException metadata, 14 CoordinatorLoadInProgress retriable,
    15 CoordinatorNotAvailable retriable, 16 NotCoordinator retriable, 17 InvalidTopic, 18 RecordListTooLarge,
    19 NotEnoughReplicas retriable, 20 NotEnoughReplicasAfterAppend retriable, 21 InvalidRequiredAcks,
    22 IllegalGeneration, 23 InconsistentGroupProtocol, 24 InvalidGroupId, 25 UnknownMemberId,
    26 InvalidSessionTimeout, 27 RebalanceInProgress, 28 InvalidCommitOffsetSize,
    29 TopicAuthorizationFailed authorization, 30 GroupAuthorizationFailed authorization,
    31 ClusterAuthorizationFailed authorization, 32 InvalidTimestamp, 33 UnsupportedSaslMechanism,
    34 IllegalSaslState, 35 UnsupportedVersion, 36 TopicAlreadyExists, 37 InvalidPartitions,
    38 InvalidReplicationFactor, 39 InvalidReplicationAssignment, 40 InvalidConfiguration,
    41 NotController retriable, 42 InvalidRequest, 43 UnsupportedForMessageFormat, 44 PolicyViolation,
    45 OutOfOrderSequenceNumber, 46 DuplicateSequenceNumber, 47 InvalidProducerEpoch, 48 InvalidTxnState,
    49 InvalidProducerIdMapping, 50 InvalidTransactionTimeout, 51 ConcurrentTransactions retriable,
    52 TransactionCoordinatorFenced, 53 TransactionalIdAuthorizationFailed authorization, 54 SecurityDisabled,
    55 OperationNotAttempted, 56 KafkaStorage metadata, 57 LogDirNotFound, 58 SaslAuthenticationFailed,
    59 UnknownProducerId, 60 ReassignmentInProgress, 61 DelegationTokenAuthDisabled, 62 DelegationTokenNotFound,
    63 DelegationTokenOwnerMismatch, 64 DelegationTokenRequestNotAllowed,
    65 DelegationTokenAuthorizationFailed authorization, 66 DelegationTokenExpired, 67 InvalidPrincipalType,
    68 NonEmptyGroup, 69 GroupIdNotFound, 70 FetchSessionIdNotFound retriable, 71 InvalidFetchSessionEpoch retriable,
    72 ListenerNotFound metadata, 73 TopicDeletionDisabled, 74 FencedLeaderEpoch metadata,
    75 UnknownLeaderEpoch metadata, 76 UnsupportedCompressionType, 77 StaleBrokerEpoch,
    78 OffsetNotAvailable retriable, 79 MemberIdRequired, 80 PreferredLeaderNotAvailable metadata,
    81 GroupMaxSizeReached, 82 FencedInstanceId, 83 EligibleLeadersNotAvailable metadata,
    84 ElectionNotNeeded metadata, 85 NoReassignmentInProgress, 86 GroupSubscribedToTopic, 87 InvalidRecord,
    88 UnstableOffsetCommit retriable, 89 ThrottlingQuotaExceeded retriable, 90 ProducerFenced, 91 ResourceNotFound,
    92 DuplicateResource, 93 UnacceptableCredential, 94 InconsistentVoterSet, 95 InvalidUpdateVersion,
    96 FeatureUpdateFailed, 97 PrincipalDeserializationFailure, 98 SnapshotNotFound, 99 PositionOutOfRange,
    100 UnknownTopicId metadata, 101 DuplicateBrokerRegistration, 102 BrokerIdNotRegistered,
    103 InconsistentTopicId metadata, 104 InconsistentClusterId, 105 TransactionalIdNotFound,
    106 FetchSessionTopicId retriable, 107 IneligibleReplica, 108 NewLeaderElected, 109 OffsetMovedToTieredStorage,
    110 FencedMemberEpoch, 111 UnreleasedInstanceId, 112 UnsupportedAssignor, 113 StaleMemberEpoch,
    114 MismatchedEndpointType, 115 UnsupportedEndpointType, 116 UnknownControllerId, 117 UnknownSubscriptionId,
    118 TelemetryTooLarge, 119 InvalidRegistration, 120 TransactionAbortable, 121 InvalidRecordState,
    122 ShareSessionNotFound retriable, 123 InvalidShareSessionEpoch retriable, 124 FencedStateEpoch,
    125 InvalidVoterKey, 126 DuplicateVoter, 127 VoterNotFound
"""
"""Code, name without its ending, kind."""

MESSAGES = {
    0: "NO_ERROR",
    2: "CORRUPT_MESSAGE",
    4: "INVALID_FETCH_SIZE",
    40: "INVALID_CONFIG",
    56: "KAFKA_STORAGE_ERROR",
    106: "FETCH_SESSION_TOPIC_ID_ERROR",
}
"""Where the code's name is not the class's."""

ONLY_NAMED: dict[str, tuple[type[KafkaError], ...]] = {
    "Cancelled": (RetriableError,),
    "KafkaProtocolError": (KafkaError,),
    "MetadataEmptyBrokerList": (RetriableError,),
    "NodeNotReadyError": (RetriableError,),
    "UnknownBrokerIdError": (KafkaError,),
    "QuotaViolationError": (KafkaError,),
    "StaleMetadata": (InvalidMetadataError,),
    "TooManyInFlightRequests": (RetriableError,),
    "UnrecognizedBrokerVersion": (KafkaError,),
    "TransactionAbortedError": (KafkaError,),
    "UnsupportedCodecError": (KafkaError,),
}
"""Errors of kafka-python's own workings: never raised here, but a program may name them in an except clause."""


def _broker_error(code: int, name: str, bases: tuple[type[KafkaError], ...]) -> type[BrokerResponseError]:
    known = native.KafkaError.by_code.get(code)
    sentence = known.summary() if known else "Kafka's protocol has this error; the simulated cluster never gives it."
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("Error")).upper()
    body: dict[str, object] = {"__doc__": sentence, "__module__": __name__, "errno": code, "description": sentence}
    body["message"] = MESSAGES.get(code, words)
    body["java_name"] = known.java_name if known else None
    made = type(name, bases, body)
    assert issubclass(made, BrokerResponseError)
    return made


def _broker_errors() -> dict[int, type[BrokerResponseError]]:
    rows = [row.split() for row in CODES.split(",")]
    return {int(code): _broker_error(int(code), f"{name}Error", KINDS[" ".join(kind)]) for code, name, *kind in rows}


BY_CODE = _broker_errors()

EXPORTED: dict[str, type[KafkaError]] = {
    **{
        one.__name__: one
        for one in (
            KafkaError, RetriableError, InvalidMetadataError, BrokerResponseError, AuthorizationError,
            IllegalStateError, IllegalArgumentError, KafkaConfigurationError, KafkaTimeoutError, KafkaConnectionError,
            CommitFailedError, NoOffsetForPartitionError, LogTruncationError,
        )
    },
    **{error.__name__: error for error in BY_CODE.values()},
    **{name: type(name, bases, {"__module__": __name__}) for name, bases in ONLY_NAMED.items()},
}  # fmt: skip
"""Every class of ``kafka.errors`` by its name there."""
EXPORTED["InvalidReceiveError"] = type("InvalidReceiveError", (EXPORTED["KafkaProtocolError"],), {})
EXPORTED["CorrelationIdError"] = type("CorrelationIdError", (RetriableError, EXPORTED["KafkaProtocolError"]), {})
EXPORTED["IncompatibleBrokerVersion"] = type("IncompatibleBrokerVersion", (BY_CODE[35],), {})
EXPORTED["CorruptRecordException"] = BY_CODE[2]

IN_THE_CLIENT: dict[type[native.KafkaError], type[KafkaError]] = {
    native.TimeoutException: KafkaTimeoutError,
    native.NetworkException: KafkaConnectionError,
    native.DisconnectException: KafkaConnectionError,
    native.CommitFailedException: CommitFailedError,
    native.RetriableCommitFailedException: RetriableError,
    native.NoOffsetForPartitionException: NoOffsetForPartitionError,
    native.LogTruncationException: LogTruncationError,
}
"""What the client itself finds out. A lost connection is no answer, whatever code the Java client gives it."""


def for_code(error_code: int) -> type[BrokerResponseError]:
    """The class for a code of the protocol; a subclass of UnknownError for a code that nobody knows."""
    if error_code in BY_CODE:
        return BY_CODE[error_code]
    return type("UnrecognizedBrokerError", (BY_CODE[-1],), {"errno": error_code})


def translated(error: BaseException) -> BaseException:
    """kafka-python's error for one of the cluster; other errors are what they were.

    A broker's REQUEST_TIMED_OUT carries no text of its own; a timeout that has one is the client's.
    """
    if not isinstance(error, native.KafkaError):
        return error
    text = str(error)
    if isinstance(error, native.TimeoutException) and text == error.summary():
        made: KafkaError = BY_CODE[native.TimeoutException.code](text, cause=error)
    elif type(error) in IN_THE_CLIENT:
        made = IN_THE_CLIENT[type(error)](text, cause=error)
    elif getattr(error, "code", -2) >= -1:
        made = for_code(error.code)(text, cause=error)
    else:
        made = KafkaError(text, cause=error)
    made.java_name = error.java_name
    return made
