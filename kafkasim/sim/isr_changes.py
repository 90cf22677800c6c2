"""Leaders ask the active controller for another ISR. Kafka: KafkaController.alterPartitions (KIP-497)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kafkasim.core.isr_requests import answer_at_once
from kafkasim.errors import InvalidUpdateVersionException, NotControllerException, StaleBrokerEpochException
from kafkasim.messages.control import AlteredPartition, AlterPartitionRequest, AlterPartitionResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.network import Reply
from kafkasim.sim.partition_states import Wanted

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


class IsrChanges:
    """What the controller does with AlterPartition requests."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def handle(self, request: AlterPartitionRequest, reply: Reply) -> None:
        """Write the ISRs that a leader asks for, or refuse them."""
        refused = AlterPartitionResponse(NotControllerException)
        self._controller.ask(lambda: self._alter(request, reply), lambda: reply(refused))

    def _alter(self, request: AlterPartitionRequest, reply: Reply) -> Steps:
        controller, context = self._controller, self._controller.context
        if context.broker_epochs.get(request.broker_id) != request.broker_epoch:
            reply(AlterPartitionResponse(StaleBrokerEpochException))
            return
        response = AlterPartitionResponse()
        reason = f"its leader broker-{request.broker_id} asked for it"
        writes: dict[TopicPartition, Wanted] = {}
        for tp, wanted in request.partitions.items():
            answer = answer_at_once(context, tp, wanted)
            if answer is not None:
                response.partitions[tp] = answer
                continue
            # The first change after an unclean election says that the leader has recovered.
            state = replace(context.partitions[tp], isr=wanted.new_isr, is_recovering=False)
            writes[tp] = (state, reason, "")
        again = yield from controller.partitions.write(writes)
        written = [tp for tp in writes if tp not in again]
        for tp in written:
            known = context.partitions[tp]
            response.partitions[tp] = AlteredPartition(None, known.isr, known.partition_epoch)
        response.partitions |= {tp: AlteredPartition(InvalidUpdateVersionException) for tp in again}
        if written:
            batch = controller.batch()
            batch.update_metadata(context.brokers, written)
            controller.send(batch)
        reply(response)
        for tp in written:
            yield from controller.reassignment.isr_changed(tp)
