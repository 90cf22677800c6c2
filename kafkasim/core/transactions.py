"""The transactions of one transactional id, as their coordinator rules them: states, epochs, fencing.

A request's rule gives an error to answer with, or a :class:`Transition`: what is to be written to
``__transaction_state`` before it takes effect (:meth:`Transaction.complete`). Meanwhile the transaction is *pending*,
and other requests are told to come again. Kafka: TransactionCoordinator, TransactionMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from kafkasim.errors import (
    ConcurrentTransactionsException,
    InvalidPidMappingException,
    InvalidTxnStateException,
    KafkaError,
    ProducerFencedException,
    TransactionAbortableException,
)
from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition

LARGEST_EPOCH = 32767
NO_EPOCH = -1


class TransactionState(Enum):
    """Where the transaction of a transactional id stands."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    DEAD = "Dead"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"


_S = TransactionState

TRANSITIONS: dict[TransactionState, frozenset[TransactionState]] = {
    _S.EMPTY: frozenset({_S.EMPTY, _S.ONGOING, _S.DEAD}),
    _S.ONGOING: frozenset({_S.ONGOING, _S.PREPARE_COMMIT, _S.PREPARE_ABORT, _S.PREPARE_EPOCH_FENCE}),
    _S.PREPARE_COMMIT: frozenset({_S.COMPLETE_COMMIT}),
    _S.PREPARE_ABORT: frozenset({_S.COMPLETE_ABORT}),
    _S.COMPLETE_COMMIT: frozenset({_S.EMPTY, _S.ONGOING, _S.DEAD}),
    _S.COMPLETE_ABORT: frozenset({_S.EMPTY, _S.ONGOING, _S.DEAD}),
    _S.PREPARE_EPOCH_FENCE: frozenset({_S.PREPARE_ABORT}),
    _S.DEAD: frozenset(),
}
"""From each state, where it may go. Kafka: TransactionState.validPreviousStates, read the other way round."""

AT_REST = frozenset({_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT})
"""No transaction is under way."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What a transaction is to become; times are in ms, ``start_ms`` is -1 while none is under way."""

    state: TransactionState
    producer_id: int
    producer_epoch: int
    last_epoch: int
    timeout_ms: int
    partitions: tuple[TopicPartition, ...]
    start_ms: int
    updated_ms: int


@dataclass(slots=True)
class Transaction:
    """One transactional id. ``last_epoch`` is the epoch before a producer raised its own one, by which its retry is
    recognised. ``failed_fence``: an epoch was raised that could not be written down; it is not raised again.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int = NO_EPOCH
    last_epoch: int = NO_EPOCH
    timeout_ms: int = 60_000
    state: TransactionState = TransactionState.EMPTY
    partitions: dict[TopicPartition, None] = field(default_factory=dict)
    start_ms: int = -1
    updated_ms: int = -1
    pending: TransactionState | None = None
    failed_fence: bool = False

    # --- requests ----------------------------------------------------------------------------------------------

    def init_producer_id(
        self, timeout_ms: int, expected: tuple[int, int] | None, new_producer_id: int, now_ms: int
    ) -> Transition | type[KafkaError]:  # fmt: skip
        """A producer wants to begin, or (``expected``: its id and epoch) to go on after an error.

        An open transaction is to be fenced first: the transition to PrepareEpochFence is not written but followed by
        :meth:`end`. ``new_producer_id`` is used when the epoch has reached its end.
        """
        if self.pending is not None:
            return ConcurrentTransactionsException
        if expected is not None and self.producer_epoch != NO_EPOCH and expected[0] != self.producer_id:
            return ProducerFencedException
        if self.state in (_S.PREPARE_COMMIT, _S.PREPARE_ABORT):
            return ConcurrentTransactionsException
        if self.state is _S.ONGOING:
            return self.fence()
        epoch, last = self.producer_epoch + (not self.failed_fence), NO_EPOCH
        if self.producer_epoch >= LARGEST_EPOCH - 1 and (expected is None or expected[1] == self.producer_epoch):
            return self._to(
                _S.EMPTY, now_ms, producer_id=new_producer_id, producer_epoch=0, last_epoch=NO_EPOCH,
                timeout_ms=timeout_ms, partitions=(), start_ms=-1,
            )  # fmt: skip
        if expected is not None:
            if self.producer_epoch in (NO_EPOCH, expected[1]):
                last = self.producer_epoch
            elif expected[1] == self.last_epoch:
                epoch, last = self.producer_epoch, self.last_epoch
            else:
                return ProducerFencedException
        return self._to(
            _S.EMPTY, now_ms, producer_epoch=epoch, last_epoch=last, timeout_ms=timeout_ms, partitions=(), start_ms=-1
        )

    def add_partitions(
        self, producer_id: int, producer_epoch: int, partitions: Iterable[TopicPartition], now_ms: int
    ) -> Transition | Error:
        """More partitions take part; None when all of them do already."""
        trouble = self._trouble_with(producer_id, producer_epoch)
        if trouble is not None:
            return trouble
        if self.pending is not None or self.state in (_S.PREPARE_COMMIT, _S.PREPARE_ABORT):
            return ConcurrentTransactionsException
        added = {**self.partitions, **dict.fromkeys(partitions)}
        if self.state is _S.ONGOING and len(added) == len(self.partitions):
            return None
        start_ms = self.start_ms if self.state is _S.ONGOING else now_ms
        return self._to(_S.ONGOING, now_ms, partitions=tuple(added), start_ms=start_ms)

    def verify(
        self, producer_id: int, producer_epoch: int, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Error]:
        """Whether partitions take part, as their leaders ask (KIP-890)."""
        trouble = self._trouble_with(producer_id, producer_epoch)
        if trouble is None and self.state in (_S.PREPARE_COMMIT, _S.PREPARE_ABORT):
            trouble = ConcurrentTransactionsException
        return {tp: trouble or (None if tp in self.partitions else TransactionAbortableException) for tp in partitions}

    def end(
        self, producer_id: int, producer_epoch: int, now_ms: int, *, committed: bool, from_client: bool = True
    ) -> Transition | Error:
        """Commit or abort; None when that has been done already. Kafka: endTransaction.

        What the coordinator does by itself (not ``from_client``) carries the epoch that it has raised for it.
        """
        if producer_id != self.producer_id:
            return InvalidPidMappingException
        if (from_client and producer_epoch != self.producer_epoch) or producer_epoch < self.producer_epoch:
            return ProducerFencedException
        if self.pending not in (None, _S.PREPARE_EPOCH_FENCE):
            return ConcurrentTransactionsException
        if from_client and self.pending is not None:
            return ConcurrentTransactionsException
        match self.state:
            case TransactionState.ONGOING:
                state = _S.PREPARE_COMMIT if committed else _S.PREPARE_ABORT
                if self.pending is _S.PREPARE_EPOCH_FENCE:
                    self.pending = None
                    self.producer_epoch, self.last_epoch = producer_epoch, NO_EPOCH
                return self._to(state, now_ms)
            case TransactionState.COMPLETE_COMMIT | TransactionState.COMPLETE_ABORT:
                same = committed == (self.state is _S.COMPLETE_COMMIT)
                return None if same else InvalidTxnStateException
            case TransactionState.PREPARE_COMMIT | TransactionState.PREPARE_ABORT:
                same = committed == (self.state is _S.PREPARE_COMMIT)
                return ConcurrentTransactionsException if same else InvalidTxnStateException
        return InvalidTxnStateException

    # --- what the coordinator does by itself -----------------------------------------------------------------------

    def fence(self) -> Transition:
        """Raise the epoch of an open transaction, so that its producer can do nothing more. Kafka:
        prepareFenceProducerEpoch."""
        epoch = self.producer_epoch + (not self.failed_fence)
        return self._to(_S.PREPARE_EPOCH_FENCE, self.updated_ms, producer_epoch=epoch, last_epoch=NO_EPOCH)

    def finish(self, now_ms: int) -> Transition:
        """Every partition has its marker. Kafka: prepareComplete."""
        state = _S.COMPLETE_COMMIT if self.state is _S.PREPARE_COMMIT else _S.COMPLETE_ABORT
        return self._to(state, now_ms, partitions=())

    def expire(self, now_ms: int) -> Transition:
        """The transactional id was not used for too long. Kafka: prepareDead."""
        return self._to(_S.DEAD, now_ms, partitions=())

    def has_timed_out(self, now_ms: int) -> bool:
        """Whether the transaction has been open longer than its ``transaction.timeout.ms``."""
        return self.state is _S.ONGOING and self.pending is None and self.start_ms + self.timeout_ms < now_ms

    def has_expired(self, now_ms: int, expiration_ms: int) -> bool:
        """Whether nothing has happened for ``transactional.id.expiration.ms``."""
        return self.state in AT_REST and self.pending is None and self.updated_ms + expiration_ms <= now_ms

    # --- transitions -------------------------------------------------------------------------------------------

    def as_transition(self) -> Transition:
        """What the transaction is now, in the form of what was written."""
        return Transition(
            self.state, self.producer_id, self.producer_epoch, self.last_epoch, self.timeout_ms,
            tuple(self.partitions), self.start_ms, self.updated_ms,
        )  # fmt: skip

    def _to(self, state: TransactionState, now_ms: int, **changes: object) -> Transition:
        assert state in TRANSITIONS[self.state], (self.state, state)
        self.pending = state
        return replace(self.as_transition(), state=state, updated_ms=now_ms, **changes)  # type: ignore[arg-type]

    def complete(self, transition: Transition) -> None:
        """It is written down on all in-sync replicas: now it holds."""
        self.pending = None
        self.failed_fence = False
        self.take(transition)

    def take(self, transition: Transition) -> None:
        """Be what the log says."""
        self.state, self.timeout_ms = transition.state, transition.timeout_ms
        self.producer_id, self.producer_epoch = transition.producer_id, transition.producer_epoch
        self.last_epoch = transition.last_epoch
        self.partitions = dict.fromkeys(transition.partitions)
        self.start_ms, self.updated_ms = transition.start_ms, transition.updated_ms

    def give_up(self, *, fenced: bool) -> None:
        """It could not be written down: nothing has changed, but a raised epoch stays raised."""
        self.pending = None
        self.failed_fence = self.failed_fence or fenced

    def _trouble_with(self, producer_id: int, producer_epoch: int) -> Error:
        if producer_id != self.producer_id:
            return InvalidPidMappingException
        return None if producer_epoch == self.producer_epoch else ProducerFencedException
