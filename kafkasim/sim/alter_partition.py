"""How leaders ask the controller for another ISR: one request in flight per broker, the others queue (KIP-497).

Kafka: AlterPartitionManager.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from kafkasim.core.partition import Partition
from kafkasim.errors import KafkaError
from kafkasim.messages.control import AlterPartitionRequest, AlterPartitionResponse
from kafkasim.sim.channel import Channel
from kafkasim.trace import Fact

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

RETRY_MS = 50
WHOLE_REQUEST = ("NOT_CONTROLLER", "STALE_BROKER_EPOCH")
"""Errors of the request as a whole: it is sent again, by then perhaps to another controller or in a new session."""


class AlterPartitions:
    """The queue of one broker's incarnation."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._queue: deque[tuple[Partition, tuple[int, ...], Fact]] = deque()
        self._busy = False
        self._channels: dict[str, Channel] = {}

    def ask(self, partition: Partition) -> None:
        """Pass on what a partition proposes, if it does."""
        proposal = partition.in_sync.take_proposal()
        if proposal is not None and partition.in_sync.proposed is not None:
            self._queue.append((partition, partition.in_sync.proposed, proposal))
            if not self._busy:
                self._next()

    def _next(self) -> None:
        while self._queue and self._queue[0][0].in_sync.proposed != self._queue[0][1]:
            self._queue.popleft()  # a newer role has overtaken the proposal
        self._busy = bool(self._queue)
        if not self._queue:
            return
        broker = self._broker
        controller = broker.metadata.brokers.get(broker.metadata.controller_id)
        if controller is None:
            broker.after_ms(RETRY_MS, self._next)
            return
        if controller not in self._channels:
            timeout_ms = broker.config.controller_socket_timeout_ms
            self._channels[controller] = Channel(broker, controller, request_timeout_ms=timeout_ms)
        partition, isr, broker.kernel.journal.cause = self._queue[0]
        request = AlterPartitionRequest(
            broker.broker_id,
            broker.broker_epoch,
            partition.tp,
            partition.leader_epoch,
            isr,
            partition.in_sync.partition_epoch,
        )
        self._channels[controller].send(request, self._answered)

    def _answered(self, response: AlterPartitionResponse | None, error: type[KafkaError] | None) -> None:
        broker = self._broker
        partition, isr, _ = self._queue[0]
        if response is None or (response.error is not None and response.error.name in WHOLE_REQUEST):
            broker.after_ms(RETRY_MS, self._next)
            return
        if not partition.isr_answered(isr, response, broker.kernel.now_ms):
            self._queue.popleft()
        broker.replicas.settle(partition)
        broker.replicas.sessions.isr_changed(partition.tp)
        self._next()
