"""The leader of a partition asks the coordinator whether a transactional batch belongs to a transaction (KIP-890).

Only the first batch of a transaction in a partition needs it; once the transaction is open in the log the leader knows.
Kafka: ReplicaManager.maybeSendPartitionsToTransactionCoordinator, AddPartitionsToTxnManager.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkasim.core.hashing import partition_for_group
from kafkasim.core.transaction_records import TOPIC
from kafkasim.errors import (
    ConcurrentTransactionsException,
    CoordinatorLoadInProgressException,
    CoordinatorNotAvailableException,
    InvalidProducerEpochException,
    KafkaError,
    NetworkException,
    NotCoordinatorException,
    NotEnoughReplicasException,
    ProducerFencedException,
)
from kafkasim.messages.data import Error, ProduceRequest
from kafkasim.messages.transactions import AddPartitionsToTxnRequest, AddPartitionsToTxnResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

PASSING = (
    ConcurrentTransactionsException, CoordinatorLoadInProgressException, CoordinatorNotAvailableException,
    NotCoordinatorException, NetworkException,
)  # fmt: skip
"""What a producer may retry after: it is told NOT_ENOUGH_REPLICAS, which it knows to be retriable."""
Verified = Callable[[dict[TopicPartition, Error]], None]


class TransactionVerification:
    """One broker's questions to coordinators."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._channels: dict[str, Channel] = {}

    def check(self, request: ProduceRequest, then: Verified) -> None:
        """Call ``then`` with the error of each partition that does not belong to the request's transaction."""
        batches = {tp: batch for tp, batch in request.batches.items() if self._is_unknown(tp, request)}
        if request.transactional_id is None or not batches or not self._is_on:
            then({})
            return
        batch = next(iter(batches.values()))
        question = AddPartitionsToTxnRequest(
            request.transactional_id, batch.producer_id, batch.producer_epoch, tuple(batches), verify_only=True
        )

        def answered(response: AddPartitionsToTxnResponse | None, lost: type[KafkaError] | None) -> None:
            if response is None or response.error is not None:
                error = NetworkException if response is None else response.error
                found = dict.fromkeys(batches, _told(error))
            else:
                found = {tp: _told(error) for tp, error in response.errors.items()}
            then({tp: error for tp, error in found.items() if error is not None})

        self._ask(question, answered)

    @property
    def _is_on(self) -> bool:
        return self._broker.config.transaction_partition_verification_enable

    def _is_unknown(self, tp: TopicPartition, request: ProduceRequest) -> bool:
        batch = request.batches[tp]
        partition = self._broker.replicas.partitions.get(tp)
        if partition is None or not partition.is_leader or not batch.is_transactional:
            return False
        producers = partition.log.producers
        return (
            not producers.has_open_transaction(batch.producer_id, batch.producer_epoch)
            and producers.duplicate_of(batch) is None
        )

    def _ask(
        self, question: AddPartitionsToTxnRequest,
        answered: Callable[[AddPartitionsToTxnResponse | None, type[KafkaError] | None], None],
    ) -> None:  # fmt: skip
        broker = self._broker
        number = partition_for_group(question.transactional_id, broker.config.transaction_state_log_num_partitions)
        state = broker.metadata.of_topic(TOPIC).get(number)
        host = None if state is None else broker.metadata.brokers.get(state.leader)
        if host is None:
            answered(AddPartitionsToTxnResponse(CoordinatorNotAvailableException), None)
        elif host == broker.name:
            broker.transactions.add_partitions(question, lambda response: answered(response, None))
        else:
            if host not in self._channels:
                timeout_ms = broker.config.request_timeout_ms
                self._channels[host] = Channel(broker, host, request_timeout_ms=timeout_ms)
            self._channels[host].send(question, answered)


def _told(error: Error) -> Error:
    """What the producer is told; a fenced one under the name that Produce has for it."""
    if error is None:
        return None
    if issubclass(error, ProducerFencedException):
        return InvalidProducerEpochException
    return NotEnoughReplicasException if issubclass(error, PASSING) else error
