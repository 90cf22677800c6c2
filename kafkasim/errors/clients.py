"""Exceptions that exist only in a client."""

from __future__ import annotations

from kafkasim.errors.base import KafkaError, RetriableException
from kafkasim.errors.topics import TimeoutException


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


class TransactionAbortedException(KafkaError, code=-18, name="TRANSACTION_ABORTED"):
    """The record was not sent yet when its transaction was aborted."""


class BufferExhaustedException(TimeoutException, code=-19, name="BUFFER_EXHAUSTED"):
    """buffer.memory was used up, and nothing became free within max.block.ms."""
