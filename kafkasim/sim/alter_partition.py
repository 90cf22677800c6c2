"""How leaders ask the controller for other ISRs: one request of a broker is in flight, what comes meanwhile goes into
the next (KIP-497).

Kafka: DefaultAlterPartitionManager (unsentIsrUpdates, inflightRequest), NodeToControllerRequestThread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkasim.core.partition import Partition
from kafkasim.errors import KafkaError, OperationNotAttemptedException
from kafkasim.messages.control import AlteredPartition, AlterPartitionRequest, AlterPartitionResponse, WantedIsr
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.trace import Fact

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

RETRY_MS = 50
NOT_CONTROLLER = "NOT_CONTROLLER"
"""Wherever it stands in an answer, the same request is sent again, by then perhaps to another broker."""


class AlterPartitions:
    """What the leaders of one broker's incarnation want, and the request in flight.

    A partition stays in ``_pending`` from its proposal to the answer, so that a second one waits for neither: it is
    given up at once. An error of the request as a whole (STALE_BROKER_EPOCH) is followed by a new one after 50 ms.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._pending: dict[TopicPartition, tuple[Partition, WantedIsr, Fact]] = {}
        self._request: AlterPartitionRequest | None = None
        self._channels: dict[str, Channel] = {}

    def ask(self, partition: Partition) -> None:
        """Pass on what a partition proposes, if it does."""
        proposal, isr = partition.in_sync.take_proposal(), partition.in_sync.proposed
        if proposal is None or isr is None:
            return
        if partition.tp in self._pending:
            self._tell(partition, isr, AlteredPartition(OperationNotAttemptedException))
            return
        wanted = WantedIsr(partition.leader_epoch, isr, partition.in_sync.partition_epoch)
        self._pending[partition.tp] = (partition, wanted, proposal)
        self._propagate()

    def _propagate(self) -> None:
        """Kafka: maybePropagateIsrChanges."""
        if self._request is None and self._pending:
            broker, wanted = self._broker, {tp: one for tp, (_, one, _) in self._pending.items()}
            self._request = AlterPartitionRequest(broker.broker_id, broker.broker_epoch, wanted)
            self._send()

    def _send(self) -> None:
        broker, request = self._broker, self._request
        assert request is not None
        controller = broker.metadata.brokers.get(broker.metadata.controller_id)
        if controller is None:
            broker.after_ms(RETRY_MS, self._send)
            return
        if controller not in self._channels:
            timeout_ms = broker.config.controller_socket_timeout_ms
            self._channels[controller] = Channel(broker, controller, request_timeout_ms=timeout_ms)
        _, _, broker.kernel.journal.cause = self._pending[next(iter(request.partitions))]
        self._channels[controller].send(request, self._answered)

    def _answered(self, response: AlterPartitionResponse | None, error: type[KafkaError] | None) -> None:
        if response is None or NOT_CONTROLLER in response.errors:
            self._broker.after_ms(RETRY_MS, self._send)
            return
        assert self._request is not None
        if response.error is not None:
            self._request = None
            self._broker.after_ms(RETRY_MS, self._propagate)
            return
        for tp in self._request.partitions:
            partition, wanted, proposal = self._pending.pop(tp)
            if self._tell(partition, wanted.new_isr, response.partitions[tp]) and tp not in self._pending:
                again = WantedIsr(partition.leader_epoch, wanted.new_isr, partition.in_sync.partition_epoch)
                self._pending[tp] = (partition, again, proposal)
        self._request = None
        self._propagate()

    def _tell(self, partition: Partition, isr: tuple[int, ...], answer: AlteredPartition) -> bool:
        """Whether the partition wants to ask once more."""
        broker = self._broker
        again = partition.isr_answered(isr, answer, broker.kernel.now_ms)
        broker.replicas.settle(partition)
        broker.replicas.sessions.isr_changed(partition.tp)
        return again
