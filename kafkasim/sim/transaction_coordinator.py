"""The coordinator of the transactions whose partition of ``__transaction_state`` this broker leads.

Every transition that core/transactions rules is written with acks=all before it takes effect and is answered. Markers
are in sim/transaction_markers. Kafka: TransactionCoordinator, TransactionStateManager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kafkasim.core.hashing import in_hash_map_order, java_hash_code, partition_for_group
from kafkasim.core.offsets import TOPIC as OFFSETS_TOPIC
from kafkasim.core.partition import Partition
from kafkasim.core.transaction_records import TOPIC, decoded, transaction_record
from kafkasim.core.transactions import NO_EPOCH, Transaction, TransactionState, Transition
from kafkasim.errors import (
    ConcurrentTransactionsException,
    CoordinatorLoadInProgressException,
    CoordinatorNotAvailableException,
    InvalidPidMappingException,
    InvalidRequestException,
    InvalidTxnTimeoutException,
    KafkaError,
    NotCoordinatorException,
    TransactionalIdNotFoundException,
)
from kafkasim.messages import transactions as api
from kafkasim.messages.data import Error, PartitionProduceResponse, ProduceResponse
from kafkasim.messages.groups import FindCoordinatorRequest, FindCoordinatorResponse
from kafkasim.records import RecordBatch, TopicPartition
from kafkasim.sim.coordinator_load import load_ms
from kafkasim.sim.kernel import Timer
from kafkasim.sim.network import Reply
from kafkasim.sim.produce_purgatory import DelayedProduce
from kafkasim.sim.transaction_expiry import TransactionExpiry
from kafkasim.sim.transaction_markers import TransactionMarkers
from kafkasim.trace.facts import TransactionChanged

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

RETRY_MS = 10
"""How long after a failed write the end of a transaction is written down again."""
CLIENT_ERRORS: dict[str, type[KafkaError]] = {
    "UNKNOWN_TOPIC_OR_PARTITION": CoordinatorNotAvailableException,
    "NOT_ENOUGH_REPLICAS": CoordinatorNotAvailableException,
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND": CoordinatorNotAvailableException,
    "REQUEST_TIMED_OUT": CoordinatorNotAvailableException,
    "NOT_LEADER_OR_FOLLOWER": NotCoordinatorException,
    "KAFKA_STORAGE_ERROR": NotCoordinatorException,
}
"""What a producer is told when the log refuses a transition."""
Done = Callable[[Error], object]


class TransactionCoordinator:
    """One broker's part; ``transactions`` are those that it coordinates, by transactional id."""

    def __init__(self, broker: Broker) -> None:
        self.transactions: dict[str, Transaction] = {}
        self._broker = broker
        self._epochs: dict[int, int] = {}
        self._loading: dict[int, Partition] = {}
        self._markers = TransactionMarkers(broker, self._marked)
        self._expiry = TransactionExpiry(broker, self)
        self._check: Timer | None = None

    # --- who coordinates whom ------------------------------------------------------------------------------------

    def partition_of(self, transactional_id: str) -> int:
        """The number of its partition of ``__transaction_state``."""
        return partition_for_group(transactional_id, self._broker.config.transaction_state_log_num_partitions)

    def find(self, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        """The leader of the id's partition; the first question of all makes the topic."""
        broker, config = self._broker, self._broker.config
        states = broker.metadata.of_topic(TOPIC)
        if not states:
            settings = {
                "cleanup.policy": "compact", "unclean.leader.election.enable": "false",
                "min.insync.replicas": str(config.transaction_state_log_min_isr),
                "segment.bytes": str(config.transaction_state_log_segment_bytes),
            }  # fmt: skip
            broker.topic_admin.auto_create(
                TOPIC, config.transaction_state_log_num_partitions, config.transaction_state_log_replication_factor,
                settings,
            )  # fmt: skip
            return FindCoordinatorResponse(CoordinatorNotAvailableException)
        state = states.get(self.partition_of(request.group_id))
        host = None if state is None else broker.metadata.brokers.get(state.leader)
        if state is None or host is None:
            return FindCoordinatorResponse(CoordinatorNotAvailableException)
        return FindCoordinatorResponse(None, state.leader, host)

    def trouble_with(self, transactional_id: str) -> Error:
        """Why this broker does not serve the id, or None."""
        number = self.partition_of(transactional_id)
        if number in self._loading:
            return CoordinatorLoadInProgressException
        return None if number in self._epochs else NotCoordinatorException

    def role_changed(self, partition: Partition) -> None:
        """This broker has begun or ceased to lead a partition of ``__transaction_state``."""
        if partition.tp.topic != TOPIC:
            return
        number = partition.tp.partition
        if not partition.is_leader:
            self._loading.pop(number, None)
            self._unload(number)
        elif self._epochs.get(number) != partition.leader_epoch:
            self._unload(number)
            self._loading[number] = partition
            wait_ms = load_ms(partition.log)
            if wait_ms:
                self._broker.after_ms(wait_ms, self._load, number, partition)
            else:
                self._load(number, partition)

    def _unload(self, number: int) -> None:
        if self._epochs.pop(number, None) is not None:
            for name in [one for one in self.transactions if self.partition_of(one) == number]:
                del self.transactions[name]
                self._markers.forget(name)

    def _load(self, number: int, partition: Partition) -> None:
        """Read everything, then bring to its end what the last coordinator has decided."""
        if self._loading.get(number) is not partition:
            return
        del self._loading[number]
        self._epochs[number] = partition.leader_epoch
        for batch in partition.log.batches:
            for record in batch.records:
                name, transition = decoded(record)
                if transition is None:
                    self.transactions.pop(name, None)
                else:
                    known = self.transactions.setdefault(name, Transaction(name, transition.producer_id))
                    known.take(transition)
        for transaction in self._in_order():
            if self.partition_of(transaction.transactional_id) == number and transaction.state in PREPARED:
                self._send_markers(transaction)
        self.plan()

    # --- requests ------------------------------------------------------------------------------------------------

    def init_producer_id(self, request: api.InitProducerIdRequest, reply: Reply) -> None:
        """A producer id; with a transactional id the one that belongs to it, in an epoch that fences earlier users."""
        name = request.transactional_id
        if name is None:
            self._broker.topic_admin.init_producer_id(request, reply)
            return

        def answer(error: Error) -> None:
            transaction = self.transactions.get(name)
            if error is not None or transaction is None:
                reply(api.InitProducerIdResponse(error or NotCoordinatorException))
            else:
                reply(api.InitProducerIdResponse(None, transaction.producer_id, transaction.producer_epoch))

        error = self.trouble_with(name) if name else InvalidRequestException
        if error is None and not 0 < request.transaction_timeout_ms <= self._broker.config.transaction_max_timeout_ms:
            error = InvalidTxnTimeoutException
        new_id = None if error is not None else self._broker.producer_ids.take()
        if error is not None or new_id is None:
            answer(error or CoordinatorLoadInProgressException)
            return
        transaction = self.transactions.get(name)
        if transaction is None:
            transaction = self.transactions[name] = Transaction(name, new_id)
        expected = None if request.producer_id < 0 else (request.producer_id, request.producer_epoch)
        now_ms = self._broker.kernel.now_ms
        ruled = transaction.init_producer_id(request.transaction_timeout_ms, expected, new_id, now_ms)
        if not isinstance(ruled, Transition):
            answer(ruled)
        elif ruled.state is TransactionState.PREPARE_EPOCH_FENCE:
            self._abort_fenced(transaction, ruled, lambda error: answer(error or ConcurrentTransactionsException))
        else:
            self._write(transaction, ruled, answer)

    def add_partitions(
        self, request: api.AddPartitionsToTxnRequest, reply: Callable[[api.AddPartitionsToTxnResponse], object]
    ) -> None:
        """More partitions take part; or a leader asks whether one does."""

        def ruled(transaction: Transaction) -> Transition | Error:
            return transaction.add_partitions(
                request.producer_id, request.producer_epoch, request.partitions, self._broker.kernel.now_ms
            )

        if not request.verify_only:
            self._rule(request, ruled, lambda error: reply(api.AddPartitionsToTxnResponse(error)))
            return
        error, transaction = self._known(request.transactional_id)
        if transaction is None:
            reply(api.AddPartitionsToTxnResponse(error))
        else:
            found = transaction.verify(request.producer_id, request.producer_epoch, request.partitions)
            reply(api.AddPartitionsToTxnResponse(None, found))

    def add_offsets(self, request: api.AddOffsetsToTxnRequest, reply: Reply) -> None:
        """The group's partition of ``__consumer_offsets`` takes part."""
        number = partition_for_group(request.group_id, self._broker.config.offsets_topic_num_partitions)
        added = (TopicPartition(OFFSETS_TOPIC, number),)

        def ruled(transaction: Transaction) -> Transition | Error:
            return transaction.add_partitions(
                request.producer_id, request.producer_epoch, added, self._broker.kernel.now_ms
            )

        self._rule(request, ruled, lambda error: reply(api.AddOffsetsToTxnResponse(error)))

    def end(self, request: api.EndTxnRequest, reply: Reply) -> None:
        """Commit or abort: answered when that is written down, then the markers go out."""

        def ruled(transaction: Transaction) -> Transition | Error:
            return transaction.end(
                request.producer_id, request.producer_epoch, self._broker.kernel.now_ms, committed=request.committed
            )

        self._rule(request, ruled, lambda error: reply(api.EndTxnResponse(error)))

    def describe(self, request: api.DescribeTransactionsRequest) -> api.DescribeTransactionsResponse:
        """One transaction as it is."""
        error, known = self._known(request.transactional_id)
        if known is None:
            unknown = error is InvalidPidMappingException
            return api.DescribeTransactionsResponse(TransactionalIdNotFoundException if unknown else error)
        return api.DescribeTransactionsResponse(
            None, known.state.value, known.producer_id, known.producer_epoch, known.timeout_ms, known.start_ms,
            tuple(sorted(known.partitions)),
        )  # fmt: skip

    def list(self, request: api.ListTransactionsRequest) -> api.ListTransactionsResponse:
        """All that this broker coordinates."""
        if self._loading:
            return api.ListTransactionsResponse(CoordinatorLoadInProgressException)
        listed = sorted((name, one.producer_id, one.state.value) for name, one in self.transactions.items())
        return api.ListTransactionsResponse(None, tuple(listed))

    def _known(self, name: str) -> tuple[Error, Transaction | None]:
        error = self.trouble_with(name) if name else InvalidRequestException
        transaction = None if error is not None else self.transactions.get(name)
        return error or (None if transaction is not None else InvalidPidMappingException), transaction

    def _rule(
        self, request: api.TransactionRequest, rule: Callable[[Transaction], Transition | Error], done: Done
    ) -> None:
        error, transaction = self._known(request.transactional_id)
        ruled = error if transaction is None else rule(transaction)
        if transaction is not None and isinstance(ruled, Transition):
            self._write(transaction, ruled, done)
        else:
            assert not isinstance(ruled, Transition)
            done(ruled)

    # --- transitions -----------------------------------------------------------------------------------------------

    def _abort_fenced(self, transaction: Transaction, fence: Transition, done: Done) -> None:
        """Abort in the name of the raised epoch, whatever the producer is about to do."""
        ruled = transaction.end(
            fence.producer_id, fence.producer_epoch, self._broker.kernel.now_ms, committed=False, from_client=False
        )
        assert isinstance(ruled, Transition)
        self._write(transaction, ruled, done, fenced=True)

    def _write(self, transaction: Transaction, transition: Transition, done: Done, *, fenced: bool = False) -> None:
        """Append the transition; on all in-sync replicas it takes effect. Kafka: appendTransactionToLog."""
        broker, name = self._broker, transaction.transactional_id
        number = self.partition_of(name)
        tp, epoch = TopicPartition(TOPIC, number), self._epochs[number]

        def stored(error: Error) -> None:
            if self.transactions.get(name) is not transaction or self._epochs.get(number) != epoch:
                done(NotCoordinatorException)
            elif error is not None:
                transaction.give_up(fenced=fenced)
                if transaction.producer_epoch == NO_EPOCH:
                    del self.transactions[name]
                done(CLIENT_ERRORS.get(error.name, error))
            else:
                transaction.complete(transition)
                self._took_effect(transaction)
                done(None)

        batch = RecordBatch((transaction_record(name, transition, broker.kernel.now_ms),))
        try:
            base_offset, end_offset = broker.replicas.partition(tp).append(batch, -1, broker.kernel.now_ms)
        except KafkaError as error:
            stored(type(error))
            return
        response = ProduceResponse({tp: PartitionProduceResponse(None, base_offset)})
        broker.replicas.appended({tp: base_offset})
        broker.replicas.purgatory.park(
            DelayedProduce({tp: end_offset}, response, lambda answer: stored(answer.partitions[tp].error)),
            transition.timeout_ms,
        )

    def _took_effect(self, transaction: Transaction) -> None:
        self._broker.kernel.journal.because(
            TransactionChanged(
                self._broker.broker_id, transaction.transactional_id, transaction.producer_id,
                transaction.producer_epoch, transaction.state.value, tuple(map(str, sorted(transaction.partitions))),
            )
        )  # fmt: skip
        if transaction.state is TransactionState.DEAD:
            del self.transactions[transaction.transactional_id]
        elif transaction.state in PREPARED:
            self._send_markers(transaction)
        self.plan()

    def _send_markers(self, transaction: Transaction) -> None:
        epoch = self._epochs[self.partition_of(transaction.transactional_id)]
        self._markers.send(transaction, transaction.state is TransactionState.PREPARE_COMMIT, epoch)

    def _marked(self, transaction: Transaction) -> None:
        """Every partition has its marker: the transaction is complete, as soon as that is written down, too."""
        if self.transactions.get(transaction.transactional_id) is not transaction or transaction.pending is not None:
            return

        def written(error: Error) -> None:
            if error is CoordinatorNotAvailableException:
                self._broker.after_ms(RETRY_MS, self._marked, transaction)

        self._write(transaction, transaction.finish(self._broker.kernel.now_ms), written)

    # --- timeouts --------------------------------------------------------------------------------------------------

    def plan(self) -> None:
        """Check for timeouts at the next beat while a transaction is open, and for ids that nobody uses any more."""
        ongoing = any(one.state is TransactionState.ONGOING for one in self.transactions.values())
        if ongoing and self._check is None:
            interval_ms = self._broker.config.transaction_abort_timed_out_transaction_cleanup_interval_ms
            self._check = self._broker.after_ms(self._broker.until_next(interval_ms), self._abort_timed_out)
        self._expiry.plan()

    def _abort_timed_out(self) -> None:
        """Kafka: abortTimedOutTransactions."""
        self._check = None
        for transaction in self._in_order():
            if transaction.has_timed_out(self._broker.kernel.now_ms):
                self._abort_fenced(transaction, transaction.fence(), lambda error: None)
        self.plan()

    def _in_order(self) -> Iterable[Transaction]:
        """Partition by partition, in the order of Java's ConcurrentHashMap, which grows one entry sooner than a
        HashMap. Kafka: TransactionStateManager.transactionMetadataCache."""
        numbers: dict[int, Any] = {}
        for name in self.transactions:
            numbers.setdefault(self.partition_of(name), []).append(name)
        return tuple(
            self.transactions[name]
            for _, names in sorted(numbers.items())
            for name in in_hash_map_order(names, java_hash_code, len(names) + 1)
        )

    def forget_unused(self, transaction: Transaction) -> None:
        """``transactional.id.expiration.ms`` is over for an id."""
        self._write(transaction, transaction.expire(self._broker.kernel.now_ms), lambda error: None)


PREPARED = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


def handlers(coordinator: TransactionCoordinator) -> dict[type, Any]:
    """Which of the coordinator's methods answers which request with a reply in its own time."""
    return {
        api.InitProducerIdRequest: coordinator.init_producer_id,
        api.AddPartitionsToTxnRequest: coordinator.add_partitions,
        api.AddOffsetsToTxnRequest: coordinator.add_offsets,
        api.EndTxnRequest: coordinator.end,
    }
