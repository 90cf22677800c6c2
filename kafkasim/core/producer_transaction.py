"""The transaction as its producer sees it: the client's states, and what each call may do in them.

Kafka: TransactionManager (its State and the checks of its calls).
"""

from __future__ import annotations

from enum import Enum

from kafkasim.errors import (
    InvalidPidMappingException,
    InvalidProducerEpochException,
    KafkaException,
    ProducerFencedException,
    UsageError,
)
from kafkasim.records import TopicPartition


class TransactionState(Enum):
    """Where a transactional producer stands."""

    UNINITIALIZED = "UNINITIALIZED"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    IN_TRANSACTION = "IN_TRANSACTION"
    COMMITTING_TRANSACTION = "COMMITTING_TRANSACTION"
    ABORTING_TRANSACTION = "ABORTING_TRANSACTION"
    ABORTABLE_ERROR = "ABORTABLE_ERROR"
    FATAL_ERROR = "FATAL_ERROR"


_S = TransactionState

TRANSITIONS: dict[TransactionState, frozenset[TransactionState]] = {
    _S.UNINITIALIZED: frozenset({_S.INITIALIZING, _S.FATAL_ERROR}),
    _S.INITIALIZING: frozenset({_S.READY, _S.ABORTABLE_ERROR, _S.FATAL_ERROR}),
    _S.READY: frozenset({_S.IN_TRANSACTION, _S.FATAL_ERROR}),
    _S.IN_TRANSACTION: frozenset(
        {_S.COMMITTING_TRANSACTION, _S.ABORTING_TRANSACTION, _S.ABORTABLE_ERROR, _S.FATAL_ERROR}
    ),
    _S.COMMITTING_TRANSACTION: frozenset({_S.READY, _S.INITIALIZING, _S.ABORTABLE_ERROR, _S.FATAL_ERROR}),
    _S.ABORTING_TRANSACTION: frozenset({_S.READY, _S.INITIALIZING, _S.FATAL_ERROR}),
    _S.ABORTABLE_ERROR: frozenset({_S.ABORTING_TRANSACTION, _S.ABORTABLE_ERROR, _S.FATAL_ERROR}),
    _S.FATAL_ERROR: frozenset({_S.FATAL_ERROR}),
}
"""From each state, where it may go."""


class ProducerTransaction:
    """One transactional producer's state, its error, and the partitions of the transaction under way.

    ``new`` partitions have been written to and are not told to the coordinator yet; ``pending`` are being told. After
    an error the producer's epoch must be raised with the abort (``epoch_bump_required``).
    """

    def __init__(self, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self.state = TransactionState.UNINITIALIZED
        self.error: Exception | None = None
        self.is_started = False
        self.epoch_bump_required = False
        self.new: dict[TopicPartition, None] = {}
        self.pending: dict[TopicPartition, None] = {}
        self.partitions: dict[TopicPartition, None] = {}

    @property
    def has_fatal_error(self) -> bool:
        """Whether only close() is left."""
        return self.state is TransactionState.FATAL_ERROR

    @property
    def has_abortable_error(self) -> bool:
        """Whether only abort is left."""
        return self.state is TransactionState.ABORTABLE_ERROR

    @property
    def is_ending(self) -> bool:
        """Whether the transaction is being committed or aborted."""
        return self.state in (TransactionState.COMMITTING_TRANSACTION, TransactionState.ABORTING_TRANSACTION)

    @property
    def is_open(self) -> bool:
        """Whether a transaction was begun and has not ended."""
        return self.is_ending or self.has_abortable_error or self.state is TransactionState.IN_TRANSACTION

    def allowed(self, partition: TopicPartition) -> bool:
        """Whether batches of this partition may be sent: the coordinator must know of it first."""
        return partition in self.partitions

    def move(self, state: TransactionState, call: str) -> None:
        """Take another state; UsageError (Java: IllegalStateException) where none leads there."""
        if state not in TRANSITIONS[self.state]:
            raise UsageError(
                f"{call} makes no sense for transactional.id {self.transactional_id!r} now: its state is"
                f" {self.state.value}."
            )
        self.state = state

    def check_error(self) -> None:
        """Raise what stands in the way of any call but close(), or abort after an abortable error."""
        if not (self.has_fatal_error or self.has_abortable_error):
            return
        assert self.error is not None
        if isinstance(self.error, ProducerFencedException | InvalidProducerEpochException | UsageError):
            raise self.error
        raise KafkaException(
            f"Cannot execute transactional method because we are in an error state: {self.error}", cause=self.error
        )

    def begin(self) -> None:
        """beginTransaction(): local, nobody is told."""
        self.check_error()
        self.move(TransactionState.IN_TRANSACTION, "begin_transaction()")

    def begin_commit(self) -> None:
        """commitTransaction() has been called."""
        self.check_error()
        self.move(TransactionState.COMMITTING_TRANSACTION, "commit_transaction()")

    def begin_abort(self) -> None:
        """abortTransaction() has been called: what is not told to the coordinator never will be."""
        if not self.has_abortable_error:
            self.check_error()
        self.move(TransactionState.ABORTING_TRANSACTION, "abort_transaction()")
        self.new.clear()

    def check_in_transaction(self, call: str) -> None:
        """send() and send_offsets_to_transaction() need an open transaction."""
        self.check_error()
        if self.state is not TransactionState.IN_TRANSACTION:
            hint = "init_transactions()" if self.state is TransactionState.UNINITIALIZED else "begin_transaction()"
            raise UsageError(f"{call} needs an open transaction; the state is {self.state.value}. Call {hint} first.")

    def add(self, tp: TopicPartition) -> None:
        """A record goes to this partition."""
        if tp not in self.partitions and tp not in self.pending:
            self.new[tp] = None

    def complete(self) -> None:
        """The transaction has ended: ready for the next one, or for the higher epoch that an error has made due."""
        bump = self.epoch_bump_required
        self.move(TransactionState.INITIALIZING if bump else TransactionState.READY, "the end of the transaction")
        self.error = None
        self.is_started = self.epoch_bump_required = False
        for partitions in (self.new, self.pending, self.partitions):
            partitions.clear()

    def batch_failed(self, error: Exception) -> None:
        """A batch has failed: a fenced producer is done for, after anything else the transaction can be aborted."""
        if isinstance(error, ProducerFencedException | InvalidPidMappingException):
            self.fail_for_good(error)
        elif not self.has_fatal_error:
            self.fail_abortable(error)

    def fail_abortable(self, error: Exception) -> None:
        """Only abort is left. While the transaction is being aborted already, nothing changes."""
        if self.state is TransactionState.ABORTING_TRANSACTION:
            return
        if TransactionState.ABORTABLE_ERROR not in TRANSITIONS[self.state]:
            self.fail_for_good(UsageError(f"An error in the state {self.state.value}: {error}"))
            return
        if not self.is_ending:
            self.epoch_bump_required = True
        self.move(TransactionState.ABORTABLE_ERROR, "an error")
        self.error = error

    def fail_for_good(self, error: Exception) -> None:
        """Only close() is left."""
        self.state = TransactionState.FATAL_ERROR
        self.error = error
