"""Markers: the coordinator tells the leader of each partition how a transaction has ended, until all have it.

Kafka: TransactionMarkerChannelManager (the coordinator's side), KafkaApis.handleWriteTxnMarkersRequest (the leader's).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkasim.core.offsets import TOPIC as OFFSETS_TOPIC
from kafkasim.core.transactions import Transaction
from kafkasim.errors import KafkaError
from kafkasim.messages.data import Error, PartitionProduceResponse, ProduceResponse
from kafkasim.messages.transactions import TransactionMarker, WriteTxnMarkersRequest, WriteTxnMarkersResponse
from kafkasim.records import TopicPartition, end_marker
from kafkasim.sim.channel import Channel
from kafkasim.sim.network import Reply
from kafkasim.sim.produce_purgatory import DelayedProduce
from kafkasim.trace.facts import MarkerWritten

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

RETRY_MS = 100
FENCED = ("INVALID_PRODUCER_EPOCH", "TRANSACTION_COORDINATOR_FENCED")
"""A newer coordinator is at work: it will see to the rest."""


class TransactionMarkers:
    """The markers that one coordinator has to send; ``on_complete`` hears of a transaction when all have arrived."""

    def __init__(self, broker: Broker, on_complete: Callable[[Transaction], None]) -> None:
        self._broker = broker
        self._on_complete = on_complete
        self._channels: dict[str, Channel] = {}
        self._pending: dict[str, dict[TopicPartition, None]] = {}

    def send(self, transaction: Transaction, committed: bool, coordinator_epoch: int) -> None:
        """Begin to tell all partitions of a transaction how it has ended."""
        name = transaction.transactional_id
        self._pending[name] = dict.fromkeys(sorted(transaction.partitions))
        marker = TransactionMarker(
            transaction.producer_id, transaction.producer_epoch, committed, coordinator_epoch, ()
        )
        self._send(transaction, marker, list(self._pending[name]))
        self._look(transaction)

    def forget(self, transactional_id: str) -> None:
        """Another broker coordinates the id."""
        self._pending.pop(transactional_id, None)

    def _send(self, transaction: Transaction, marker: TransactionMarker, partitions: list[TopicPartition]) -> None:
        """One request to each leader; where there is none, wait; a topic that is gone needs none."""
        pending = self._pending.get(transaction.transactional_id, {})
        by_host: dict[str, list[TopicPartition]] = {}
        homeless: list[TopicPartition] = []
        metadata = self._broker.metadata
        for tp in [one for one in partitions if one in pending]:
            state = metadata.of_topic(tp.topic).get(tp.partition)
            host = None if state is None else metadata.brokers.get(state.leader)
            if state is None:
                pending.pop(tp)
            elif host is None:
                homeless.append(tp)
            else:
                by_host.setdefault(host, []).append(tp)
        for host, mine in by_host.items():
            self._ask(host, transaction, marker, mine)
        self._again(transaction, marker, homeless)

    def _ask(
        self, host: str, transaction: Transaction, marker: TransactionMarker, partitions: list[TopicPartition]
    ) -> None:
        told = TransactionMarker(
            marker.producer_id, marker.producer_epoch, marker.committed, marker.coordinator_epoch, tuple(partitions)
        )

        def answered(response: WriteTxnMarkersResponse | None, error: type[KafkaError] | None) -> None:
            pending = self._pending.get(transaction.transactional_id)
            if pending is None or (transaction.producer_id, transaction.producer_epoch) != (
                marker.producer_id, marker.producer_epoch,
            ):  # fmt: skip
                return
            if response is None:
                self._again(transaction, marker, partitions)
                return
            errors = response.errors[marker.producer_id]
            if any(problem is not None and problem.name in FENCED for problem in errors.values()):
                self.forget(transaction.transactional_id)
                return
            for tp, problem in errors.items():
                if problem is None:
                    pending.pop(tp, None)
            self._again(transaction, marker, [tp for tp, problem in errors.items() if problem is not None])
            self._look(transaction)

        if host == self._broker.name:
            request = WriteTxnMarkersRequest((told,))
            write_markers(self._broker, request, lambda response: answered(response, None))
            return
        if host not in self._channels:
            timeout_ms = self._broker.config.request_timeout_ms
            self._channels[host] = Channel(self._broker, host, request_timeout_ms=timeout_ms)
        self._channels[host].send(WriteTxnMarkersRequest((told,)), answered)

    def _again(self, transaction: Transaction, marker: TransactionMarker, partitions: list[TopicPartition]) -> None:
        if partitions:
            self._broker.after_ms(RETRY_MS, self._retry, transaction, marker, partitions)

    def _retry(self, transaction: Transaction, marker: TransactionMarker, partitions: list[TopicPartition]) -> None:
        self._send(transaction, marker, partitions)
        self._look(transaction)

    def _look(self, transaction: Transaction) -> None:
        if self._pending.get(transaction.transactional_id) == {}:
            del self._pending[transaction.transactional_id]
            self._on_complete(transaction)


def write_markers(broker: Broker, request: WriteTxnMarkersRequest, reply: Reply | Callable[..., None]) -> None:
    """Append a marker in each partition; answered when all in-sync replicas have them."""
    response = WriteTxnMarkersResponse({})
    waiting = [len(request.markers)]

    def done(marker: TransactionMarker, errors: dict[TopicPartition, Error]) -> None:
        response.errors[marker.producer_id] = errors
        for tp, error in errors.items():
            if error is None and tp.topic == OFFSETS_TOPIC:
                broker.coordinator.offsets.transaction_ended(tp.partition, marker.producer_id, marker.committed)
        waiting[0] -= 1
        if not waiting[0]:
            reply(response)

    for marker in request.markers:
        _append(broker, marker, done)


def _append(
    broker: Broker, marker: TransactionMarker, done: Callable[[TransactionMarker, dict[TopicPartition, Error]], None]
) -> None:
    now_ms = broker.kernel.now_ms
    required: dict[TopicPartition, int] = {}
    response = ProduceResponse({})
    for tp in marker.partitions:
        batch = end_marker(
            marker.producer_id, marker.producer_epoch, committed=marker.committed,
            coordinator_epoch=marker.coordinator_epoch, timestamp=now_ms,
        )  # fmt: skip
        try:
            base_offset, required[tp] = broker.replicas.partition(tp).append_marker(batch, now_ms)
            response.partitions[tp] = PartitionProduceResponse(None, base_offset)
        except KafkaError as error:
            response.partitions[tp] = PartitionProduceResponse(type(error))
            continue
        kind = "commit" if marker.committed else "abort"
        broker.kernel.journal.record(
            MarkerWritten(broker.broker_id, tp, marker.producer_id, marker.producer_epoch, kind, base_offset)
        )
    for tp in required:
        broker.replicas.appended(tp, response.partitions[tp].base_offset)

    def answer(response: ProduceResponse) -> None:
        done(marker, {tp: part.error for tp, part in response.partitions.items()})

    broker.replicas.purgatory.park(DelayedProduce(required, response, answer), broker.config.request_timeout_ms)
