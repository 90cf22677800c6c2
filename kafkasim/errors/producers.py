"""Errors of idempotent and transactional producers."""

from __future__ import annotations

from kafkasim.errors.base import KafkaError, RetriableException


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


class TransactionalIdNotFoundException(KafkaError, code=105, name="TRANSACTIONAL_ID_NOT_FOUND"):
    """Nobody has used this transactional id."""


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
