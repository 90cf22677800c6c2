"""A producer's talk with coordinators: its producer id, the partitions and offsets of a transaction, its end.

One request at a time; while one is under way, or backs off, the sender sends no batches. What may be called when is
ruled by core/producer_transaction, the sequence numbers by core/sequences. Kafka: TransactionManager (its handlers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.config import ProducerConfig
from kafkasim.core.producer_transaction import ProducerTransaction, TransactionState
from kafkasim.core.sequences import Sequences
from kafkasim.errors import (
    CommitFailedException,
    ConcurrentTransactionsException,
    FencedInstanceIdException,
    IllegalGenerationException,
    InvalidPidMappingException,
    InvalidProducerEpochException,
    KafkaError,
    KafkaException,
    ProducerFencedException,
    TransactionAbortableException,
    UnknownMemberIdException,
    UnknownProducerIdException,
)
from kafkasim.messages import transactions
from kafkasim.messages.data import Error
from kafkasim.sim.coordinator_asks import (
    ADD_PARTITIONS_OR_OFFSETS,
    END_TXN,
    EPOCH_BUMP,
    FIND_COORDINATOR,
    INIT_PRODUCER_ID,
    Ask,
    CoordinatorAsks,
)
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.offsets_for_transaction import OffsetsForTransaction
from kafkasim.trace.facts import ProducerEpochBumped, ProducerIdObtained, ProducerTransactionChanged

FIRST_ADD_PARTITIONS_BACKOFF_MS = 20
"""A shorter wait for a transaction whose predecessor is still being completed (KAFKA-5477)."""
FENCED = (ProducerFencedException, InvalidProducerEpochException)
LOST_ID = (UnknownProducerIdException, InvalidPidMappingException)


class TransactionManager:
    """Ids, sequences and transactions of one producer; ``wake`` lets the sender come around."""

    def __init__(self, host: Host, config: ProducerConfig, client: NetworkClient, wake: Callable[[], None]) -> None:
        self.sequences = Sequences(is_transactional=config.transactional_id is not None)
        self.transaction = None if config.transactional_id is None else ProducerTransaction(config.transactional_id)
        self._host = host
        self._config = config
        self._asks = CoordinatorAsks(host, config, client, wake, self._answered_with)
        if config.transactional_id is not None:
            self._asks.coordinate("transaction", config.transactional_id)
        self._told: ProducerTransactionChanged | None = None

    # --- what the sender asks ----------------------------------------------------------------------------------

    @property
    def has_pending(self) -> bool:
        """Whether a request waits or is under way."""
        return self._asks.is_busy or bool(self._asks.waiting) or bool(self.transaction and self.transaction.new)

    @property
    def is_quiet(self) -> bool:
        """Whether the sender has nothing to see to here, and only batches to send."""
        return self.transaction is None and self.sequences.is_settled and not self.has_pending

    def settle_sequences(self) -> None:
        """See to unresolved sequences, and begin anew where that is needed; ask for an id while there is none."""
        lost = self.sequences.resolve()
        if lost is not None and self.transaction is not None:
            self.transaction.fail_abortable(
                KafkaException(
                    f"The client has no acknowledgment for some records of {lost} and can no longer retry them. It is"
                    " safe to abort the transaction and continue."
                )
            )
            self._tell()
        if self.transaction is not None:
            return
        if self.sequences.wants_new_epoch and self.sequences.has_id and self.sequences.bump_epoch():
            self._host.kernel.journal.record(
                ProducerEpochBumped(self._host.name, self.sequences.producer_id, self.sequences.producer_epoch)
            )
        if not self.sequences.has_id and not self._asks.is_busy and not self._asks.waiting:
            self._asks.waiting.append(
                self._init_producer_id(INIT_PRODUCER_ID, Future(self._host.kernel, "InitProducerId"))
            )

    def send_next(self, *, has_incomplete: bool) -> bool:
        """Send the next request, if there is one and none is under way; whether one is under way now."""
        asks, transaction = self._asks, self.transaction
        if asks.is_busy:
            return True
        if transaction is not None and transaction.new:
            self._add_partitions(transaction)
        while (ask := asks.next()) is not None and not (ask.ends and has_incomplete):
            asks.waiting.remove(ask)
            if self._is_refused(ask):
                continue
            if ask.ends and transaction is not None and not transaction.is_started:
                self._ended(ask)
                continue
            asks.send(ask)
            return True
        return False

    def _is_refused(self, ask: Ask) -> bool:
        """After an error no request but the search for a coordinator makes sense."""
        transaction = self.transaction
        if transaction is None or not (transaction.has_fatal_error or transaction.has_abortable_error):
            return False
        if transaction.has_abortable_error and ask.priority == FIND_COORDINATOR:
            return False
        assert transaction.error is not None
        ask.fail(transaction.error)
        return True

    # --- the user's calls ----------------------------------------------------------------------------------------

    def init_transactions(self) -> Future[Any]:
        """Get the id, and abort what an earlier producer of this transactional.id has left open."""
        self._in_transactions().check_error()
        self._in_transactions().move(TransactionState.INITIALIZING, "init_transactions()")
        self._tell()
        return self._asks.add(self._init_producer_id(INIT_PRODUCER_ID, self._result("init_transactions()")))

    def begin_transaction(self) -> None:
        """Begin; nobody is told."""
        self._in_transactions().begin()
        self._tell()

    def end_transaction(self, *, committed: bool) -> Future[Any]:
        """Commit or abort once every batch is answered; after an error the epoch is raised, too."""
        transaction = self._in_transactions()
        if committed:
            transaction.begin_commit()
        else:
            transaction.begin_abort()
        self._tell()
        if transaction.new:
            self._add_partitions(transaction)
        call = "commit_transaction()" if committed else "abort_transaction()"
        result = self._asks.add(self._end(transaction, self._result(call), committed=committed))
        if transaction.epoch_bump_required:
            bump = self._result(call)
            self._asks.add(self._init_producer_id(EPOCH_BUMP, bump))
            return bump
        return result

    def send_offsets(self, offsets: OffsetsForTransaction) -> Future[Any]:
        """Make offsets of a group a part of the transaction: its coordinator is told, then the group's."""
        transaction = self._in_transactions()
        transaction.check_in_transaction("send_offsets_to_transaction()")
        self._asks.coordinate("group", offsets.group_id)
        result = self._result("send_offsets_to_transaction()")

        def added(response: transactions.AddOffsetsToTxnResponse) -> Error:
            if response.error is not None:
                return self._answered_with(ask, response.error)
            transaction.is_started = True
            self._asks.add(self._commit_offsets(offsets, result))
            return None

        ask = Ask(
            ADD_PARTITIONS_OR_OFFSETS, "transaction",
            lambda: transactions.AddOffsetsToTxnRequest(*self._who(), offsets.group_id), added, result,
        )  # fmt: skip
        return self._asks.add(ask)

    def batch_failed(self, error: Exception) -> None:
        """A batch has failed for good; that decides about its transaction."""
        if self.transaction is not None:
            self.transaction.batch_failed(error)
            self._tell()

    def _in_transactions(self) -> ProducerTransaction:
        assert self.transaction is not None
        return self.transaction

    def _result(self, what: str) -> Future[Any]:
        return Future(self._host.kernel, f"{what} of {self._host.name}")

    # --- requests ------------------------------------------------------------------------------------------------

    def _who(self) -> tuple[str, int, int]:
        sequences, name = self.sequences, self._config.transactional_id
        assert name is not None
        return name, sequences.producer_id, sequences.producer_epoch

    def _init_producer_id(self, priority: int, result: Future[Any]) -> Ask:
        """Kafka: InitProducerIdHandler; with EPOCH_BUMP it names the id that the producer has."""
        bump = priority == EPOCH_BUMP
        sequences, config = self.sequences, self._config

        def request() -> Any:
            known = (sequences.producer_id, sequences.producer_epoch) if bump else (-1, -1)
            return transactions.InitProducerIdRequest(config.transactional_id, config.transaction_timeout_ms, *known)

        def answered(response: transactions.InitProducerIdResponse) -> Error:
            if response.error is not None:
                return self._answered_with(ask, response.error)
            sequences.set_id(response.producer_id, response.producer_epoch)
            self._host.kernel.journal.record(
                ProducerIdObtained(self._host.name, response.producer_id, response.producer_epoch)
            )
            if self.transaction is not None:
                self.transaction.move(TransactionState.READY, "init_transactions()")
                self.transaction.error = None
                if bump:
                    sequences.forget_all()
                self._tell()
            result.succeed()
            return None

        ask = Ask(priority, None if config.transactional_id is None else "transaction", request, answered, result)
        return ask

    def _add_partitions(self, transaction: ProducerTransaction) -> None:
        """Kafka: AddPartitionsToTxnHandler."""
        partitions = tuple(sorted(transaction.new))
        transaction.pending.update(dict.fromkeys(partitions))
        transaction.new.clear()

        def answered(response: transactions.AddPartitionsToTxnResponse) -> Error:
            if response.error is ConcurrentTransactionsException and not transaction.partitions:
                ask.backoff_ms = FIRST_ADD_PARTITIONS_BACKOFF_MS
            if response.error is not None and response.error.retriable:
                return self._answered_with(ask, response.error)
            for tp in partitions:
                transaction.pending.pop(tp, None)
            if response.error is not None:
                return self._answered_with(ask, response.error)
            transaction.partitions.update(dict.fromkeys(partitions))
            transaction.is_started = True
            ask.result.succeed()
            return None

        ask = Ask(
            ADD_PARTITIONS_OR_OFFSETS, "transaction",
            lambda: transactions.AddPartitionsToTxnRequest(*self._who(), partitions), answered,
            self._result("AddPartitionsToTxn"),
        )  # fmt: skip
        self._asks.add(ask)

    def _commit_offsets(self, offsets: OffsetsForTransaction, result: Future[Any]) -> Ask:
        """Kafka: TxnOffsetCommitHandler."""

        def answered(response: transactions.TxnOffsetCommitResponse) -> Error:
            error = response.error
            if error is None and response.errors:
                return next(iter(response.errors.values()))
            if error is None:
                result.succeed()
                return None
            if issubclass(error, UnknownMemberIdException | IllegalGenerationException):
                problem = CommitFailedException(f"The group has moved on: {error.name}.", cause=error())
                return self._abort_only(ask, problem)
            if issubclass(error, FencedInstanceIdException):
                return self._abort_only(ask, error())
            return self._answered_with(ask, error)

        ask = Ask(
            ADD_PARTITIONS_OR_OFFSETS, "group", lambda: offsets.request(*self._who()), answered, result
        )  # fmt: skip
        return ask

    def _end(self, transaction: ProducerTransaction, result: Future[Any], *, committed: bool) -> Ask:
        """Kafka: EndTxnHandler."""

        def answered(response: transactions.EndTxnResponse) -> Error:
            if response.error is not None:
                return self._answered_with(ask, response.error)
            self._ended(ask)
            return None

        ask = Ask(
            END_TXN, "transaction", lambda: transactions.EndTxnRequest(*self._who(), committed), answered, result
        )  # fmt: skip
        return ask

    def _ended(self, ask: Ask) -> None:
        transaction = self._in_transactions()
        transaction.complete()
        self._tell()
        ask.result.succeed()

    # --- errors -------------------------------------------------------------------------------------

    def _answered_with(self, ask: Ask, error: type[KafkaError]) -> Error:
        """What an error does: once more, only abort is left, or only close() is. Gives the error to try again for."""
        if error.retriable:
            return error
        if issubclass(error, FENCED):
            return self._done_for(ask, ProducerFencedException())
        if issubclass(error, TransactionAbortableException) or (
            issubclass(error, LOST_ID) and ask.priority != INIT_PRODUCER_ID
        ):
            return self._abort_only(ask, error())
        name = type(ask.request()).__name__.removesuffix("Request")
        known = ask.ends
        return self._done_for(
            ask, error() if known else KafkaException(f"Unexpected error in {name}: {error.summary()}", cause=error())
        )

    def _abort_only(self, ask: Ask, error: Exception) -> Error:
        if self.transaction is not None:
            self.transaction.fail_abortable(error)
            self._tell()
        ask.fail(error)
        return None

    def _done_for(self, ask: Ask, error: Exception) -> Error:
        if self.transaction is not None:
            self.transaction.fail_for_good(error)
            self._tell()
        ask.fail(error)
        return None

    def _tell(self) -> None:
        """The trace hears of every new state."""
        transaction = self._in_transactions()
        why = "" if transaction.error is None else f": {getattr(transaction.error, 'name', 'ERROR')}"
        fact = ProducerTransactionChanged(self._host.name, transaction.transactional_id, transaction.state.value, why)
        if fact != self._told:
            self._told = fact
            self._host.kernel.journal.record(fact)
