"""The calls about transactions as a user makes them: what is refused at once, and how long a call waits.

A call waits up to max.block.ms and then fails, but what it has begun goes on: the same call may be made again, no
other one may. It begins when every record that was sent before is in a batch: in Java, where send() itself waits for
metadata and memory, it cannot be made earlier. Kafka: KafkaProducer (initTransactions and the others),
TransactionManager (pendingTransition).
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from kafkasim.config import ProducerConfig
from kafkasim.errors import TimeoutException, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.offsets_for_transaction import OffsetsForTransaction
from kafkasim.sim.transaction_manager import TransactionManager

SEND_OFFSETS = "send_offsets_to_transaction()"
"""The one waiting call that need not be repeated after a time-out: its transaction may be aborted. Kafka:
TransactionManager.handleCachedTransactionRequestResult is for the others alone."""


class TransactionalCalls:
    """One producer's transactional calls; ``manager`` is None for a producer that is not idempotent.

    ``sends`` holds the records that are in no batch yet; ``after_sends`` calls a function when those of now are.
    """

    def __init__(
        self, host: Host, config: ProducerConfig, manager: TransactionManager | None, *, sends: Sized,
        after_sends: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self._host = host
        self._kernel = host.kernel
        self._config = config
        self._manager = manager
        self._sends, self._after_sends = sends, after_sends
        self._unfinished: tuple[str, Future[Any]] | None = None

    def refusal(self, call: str) -> Exception | None:
        """Why a transactional producer may not send now; None when it may. Kafka: maybeAddPartition."""
        transaction = None if self._manager is None else self._manager.transaction
        if transaction is None:
            return None
        try:
            transaction.check_error()
            self._refuse_other(call)
            transaction.check_in_transaction(call)
        except Exception as refusal:
            return refusal
        return None

    def refusal_outside(self) -> Exception | None:
        """Why send() is refused whatever the cluster will say: no transaction is open."""
        transaction = None if self._manager is None else self._manager.transaction
        return None if transaction is None or transaction.is_open else self.refusal("send()")

    def add_partition(self, tp: TopicPartition, refusal: Exception | None) -> None:
        """A record has been put into a batch of this partition: its coordinator must know of it before that is sent.

        What may not be sent raises, but stays in its batch: it goes out with the next transaction that writes to this
        partition, or is thrown away with one that is aborted, and until then no transaction can be committed.
        """
        refusal = refusal or self.refusal("send()")
        if refusal is not None:
            raise refusal
        if self._manager is not None and self._manager.transaction is not None:
            self._manager.transaction.add(tp)

    def record_failed(self, error: Exception) -> Exception:
        """A record could not be taken in: its transaction can only be aborted. What the user is told."""
        transaction = None if self._manager is None else self._manager.transaction
        if self._manager is None or transaction is None:
            return error
        if not transaction.is_open and not transaction.has_fatal_error:
            return UsageError(f"send() needs an open transaction; the state is {transaction.state.value}. {error}")
        self._manager.batch_failed(error)
        return error

    def init(self) -> Future[None]:
        """initTransactions()."""
        return self._wait("init_transactions()", lambda manager: manager.init_transactions())

    def begin(self) -> None:
        """beginTransaction()."""
        manager = self._transactional("begin_transaction()")
        self._refuse_other("begin_transaction()")
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        manager.begin_transaction()

    def end(self, *, committed: bool) -> Future[None]:
        """commitTransaction() or abortTransaction()."""
        call = "commit_transaction()" if committed else "abort_transaction()"
        return self._wait(call, lambda manager: manager.end_transaction(committed=committed))

    def send_offsets(self, offsets: OffsetsForTransaction) -> Future[None]:
        """sendOffsetsToTransaction()."""
        call = SEND_OFFSETS
        if not offsets.offsets:
            self._transactional(call)
            return Future[None](self._kernel, call).succeed()
        return self._wait(call, lambda manager: manager.send_offsets(offsets))

    def abort_at_close(self) -> Future[Any] | None:
        """close() aborts an open transaction; the future of that, or None when there is nothing to abort."""
        transaction = None if self._manager is None else self._manager.transaction
        if self._manager is None or transaction is None or not transaction.is_open:
            return None
        if self._unfinished is not None and not self._unfinished[1].is_done():
            return self._unfinished[1]
        return None if transaction.is_ending else self._manager.end_transaction(committed=False)

    def _transactional(self, call: str) -> TransactionManager:
        self._host.check_alive()
        if self._manager is None or self._manager.transaction is None:
            raise UsageError(f"{call} needs a producer with a transactional.id. Make one with transactional_id=....")
        return self._manager

    def _refuse_other(self, call: str) -> None:
        if self._unfinished is not None and self._unfinished[0] != call:
            raise UsageError(
                f"{call} makes no sense now: {self._unfinished[0]} has timed out and may still take effect. Call"
                " that again first."
            )

    def _wait(self, call: str, begin: Callable[[TransactionManager], Future[Any]]) -> Future[None]:
        manager = self._transactional(call)
        self._refuse_other(call)
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        future: Future[None] = self._host.future(call)

        def late() -> None:
            try:
                self._begin(call, begin, manager, future)
            except UsageError as error:
                future.fail(error)

        if self._sends:
            self._after_sends(late)
        else:
            self._begin(call, begin, manager, future)
        return future

    def _begin(
        self, call: str, begin: Callable[[TransactionManager], Future[Any]], manager: TransactionManager,
        future: Future[None],
    ) -> None:  # fmt: skip
        result = self._unfinished[1] if self._unfinished is not None else self._begun(begin, manager, future)
        self._unfinished = None
        if result is None:
            return

        def done(result: Future[Any]) -> None:
            if not future.is_done():
                if result.error is None:
                    future.succeed()
                else:
                    future.fail(result.error)

        def too_long() -> None:
            if not future.is_done():
                if call != SEND_OFFSETS:
                    self._unfinished = (call, result)
                block_ms = self._config.max_block_ms
                future.fail(TimeoutException(f"Timeout expired after {block_ms} ms while awaiting {call}."))

        result.then(done)
        self._host.after_ms(self._config.max_block_ms, too_long)

    @staticmethod
    def _begun(
        begin: Callable[[TransactionManager], Future[Any]], manager: TransactionManager, future: Future[None]
    ) -> Future[Any] | None:
        """The future of what was begun; an error of the cluster goes to the caller's future, his own is raised."""
        try:
            return begin(manager)
        except UsageError:
            raise
        except Exception as error:
            future.fail(error)
            return None
