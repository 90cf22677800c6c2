"""Markers: the coordinator tells the leader of each partition how a transaction has ended, until all have it.

Kafka: TransactionMarkerChannelManager (the coordinator's side), KafkaApis.handleWriteTxnMarkersRequest (the leader's).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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

OWN_MARKER_MS = 1
"""How long a broker takes to tell itself: its own partitions, too, are told by a request."""
RETRY_MS = 100
FENCED = ("INVALID_PRODUCER_EPOCH", "TRANSACTION_COORDINATOR_FENCED")
"""A newer coordinator is at work: it will see to the rest."""


@dataclass(slots=True, eq=False)
class _Errand:
    """What one transaction still has to tell to whom."""

    transaction: Transaction
    marker: TransactionMarker
    pending: dict[TopicPartition, None]


class TransactionMarkers:
    """The markers that one coordinator has to send; ``on_complete`` hears of a transaction when all have arrived.

    Answers to an errand that was taken back, or taken up anew in a later epoch, count for nothing.
    """

    def __init__(self, broker: Broker, on_complete: Callable[[Transaction], None]) -> None:
        self._broker = broker
        self._on_complete = on_complete
        self._channels: dict[str, Channel] = {}
        self._errands: dict[str, _Errand] = {}

    def send(self, transaction: Transaction, committed: bool, coordinator_epoch: int) -> None:
        """Begin to tell all partitions of a transaction how it has ended."""
        marker = TransactionMarker(
            transaction.producer_id, transaction.producer_epoch, committed, coordinator_epoch, ()
        )
        errand = _Errand(transaction, marker, dict.fromkeys(sorted(transaction.partitions)))
        self._errands[transaction.transactional_id] = errand
        self._send(errand, list(errand.pending))

    def forget(self, transactional_id: str) -> None:
        """Another broker coordinates the id, or this one in a later epoch."""
        self._errands.pop(transactional_id, None)

    def _is_over(self, errand: _Errand) -> bool:
        return self._errands.get(errand.transaction.transactional_id) is not errand

    def _send(self, errand: _Errand, partitions: list[TopicPartition]) -> None:
        """One request to each leader; where there is none, wait; a topic that is gone needs none."""
        if self._is_over(errand):
            return
        by_host: dict[str, list[TopicPartition]] = {}
        homeless: list[TopicPartition] = []
        metadata = self._broker.metadata
        for tp in partitions:
            state = metadata.of_topic(tp.topic).get(tp.partition)
            host = None if state is None else metadata.brokers.get(state.leader)
            if state is None:
                errand.pending.pop(tp)
            elif host is None:
                homeless.append(tp)
            else:
                by_host.setdefault(host, []).append(tp)
        for host, mine in by_host.items():
            self._ask(host, errand, mine)
        self._again(errand, homeless)
        self._look(errand)

    def _ask(self, host: str, errand: _Errand, partitions: list[TopicPartition]) -> None:
        def answered(response: WriteTxnMarkersResponse | None, error: type[KafkaError] | None) -> None:
            if self._is_over(errand):
                return
            if response is None:
                self._again(errand, partitions)
                return
            errors = response.errors[errand.marker.producer_id]
            if any(problem is not None and problem.name in FENCED for problem in errors.values()):
                self.forget(errand.transaction.transactional_id)
                return
            for tp, problem in errors.items():
                if problem is None:
                    errand.pending.pop(tp, None)
            self._again(errand, [tp for tp, problem in errors.items() if problem is not None])
            self._look(errand)

        request = WriteTxnMarkersRequest((replace(errand.marker, partitions=tuple(partitions)),))
        if host == self._broker.name:
            self._broker.after_ms(
                OWN_MARKER_MS, write_markers, self._broker, request, lambda response: answered(response, None)
            )
            return
        if host not in self._channels:
            timeout_ms = self._broker.config.request_timeout_ms
            self._channels[host] = Channel(self._broker, host, request_timeout_ms=timeout_ms)
        self._channels[host].send(request, answered)

    def _again(self, errand: _Errand, partitions: list[TopicPartition]) -> None:
        if partitions:
            self._broker.after_ms(RETRY_MS, self._send, errand, partitions)

    def _look(self, errand: _Errand) -> None:
        if not errand.pending and not self._is_over(errand):
            self.forget(errand.transaction.transactional_id)
            self._on_complete(errand.transaction)


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
    broker.replicas.appended({tp: response.partitions[tp].base_offset for tp in required})

    def answer(response: ProduceResponse) -> None:
        done(marker, {tp: part.error for tp, part in response.partitions.items()})

    broker.replicas.purgatory.park(DelayedProduce(required, response, answer), broker.config.request_timeout_ms)
