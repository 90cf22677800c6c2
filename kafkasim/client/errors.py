"""kafka-python's error classes, by their names there, for the errors of the simulated cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafkasim import errors as cluster
from kafkasim.errors import KafkaError, KafkaSimError

T = TypeVar("T")

OTHER_NAMES = {
    "REQUEST_TIMED_OUT": "RequestTimedOutError",
    "NETWORK_EXCEPTION": "NetworkExceptionError",
    "CORRUPT_MESSAGE": "CorruptRecordError",
    "NOT_LEADER_OR_FOLLOWER": "NotLeaderForPartitionError",
    "MESSAGE_TOO_LARGE": "MessageSizeTooLargeError",
    "RECORD_LIST_TOO_LARGE": "RecordListTooLargeError",
    "INVALID_TOPIC_EXCEPTION": "InvalidTopicError",
    "TOPIC_ALREADY_EXISTS": "TopicAlreadyExistsError",
    "INVALID_REPLICA_ASSIGNMENT": "InvalidReplicationAssignmentError",
    "INVALID_CONFIG": "InvalidConfigurationError",
    "OFFSET_METADATA_TOO_LARGE": "OffsetMetadataTooLargeError",
    "UNKNOWN_SERVER_ERROR": "UnknownError",
    "NON_EMPTY_GROUP": "NonEmptyGroupError",
    "OUT_OF_ORDER_SEQUENCE_NUMBER": "OutOfOrderSequenceNumberError",
    "DUPLICATE_SEQUENCE_NUMBER": "DuplicateSequenceNumberError",
    "INVALID_PRODUCER_ID_MAPPING": "InvalidProducerIdMappingError",
    "INVALID_TRANSACTION_TIMEOUT": "InvalidTransactionTimeoutError",
    "COMMIT_FAILED": "CommitFailedError",
    "NO_OFFSET_FOR_PARTITION": "NoOffsetForPartitionError",
    "LOG_TRUNCATION": "LogTruncationError",
    "COORDINATOR_LOAD_IN_PROGRESS": "CoordinatorLoadInProgressError",
}
"""Where kafka-python's name is not the Java name with Error for Exception."""


class Errors:
    """The namespace ``kafka.errors``: each error of the cluster under kafka-python's name.

    A class carries ``errno`` and ``retriable`` as there, and is a :class:`kafkasim.errors.KafkaError` as well.
    """

    def __init__(self) -> None:
        self.KafkaError = KafkaError
        self.by_native: dict[type[KafkaError], type[KafkaError]] = {}
        for name, native in KafkaError.by_name.items():
            python_name = OTHER_NAMES.get(name) or f"{native.__name__.removesuffix('Exception')}Error"
            made = type(python_name, (native,), {"errno": native.code, "__doc__": native.__doc__})
            made.java_name = native.java_name
            self.by_native[native] = made
            setattr(self, python_name, made)
        self.KafkaTimeoutError = type("KafkaTimeoutError", (cluster.TimeoutException,), {"errno": None})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"kafka.errors has no {name!r}")

    def translated(self, error: Exception, *, waited: bool = False) -> Exception:
        """An error under kafka-python's name; ``waited`` when the client itself gave up waiting."""
        if not isinstance(error, KafkaError) or type(error) not in self.by_native:
            return error
        kind = self.by_native[type(error)]
        if waited and isinstance(error, cluster.TimeoutException):
            kind = self.KafkaTimeoutError
        return kind(str(error), cause=error.cause)

    def call(self, function: Callable[[], T]) -> T:
        """Call something native; what it raises comes under kafka-python's name."""
        try:
            return function()
        except KafkaSimError as error:
            raise self.translated(error, waited=True) from None
