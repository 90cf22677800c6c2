"""Leaders ask the active controller for another ISR. Kafka: KafkaController.alterPartitions (KIP-497)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kafkasim.core.isr_requests import answer_at_once
from kafkasim.errors import InvalidUpdateVersionException, NotControllerException
from kafkasim.messages.control import AlterPartitionRequest, AlterPartitionResponse
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


class IsrChanges:
    """What the controller does with AlterPartition requests."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def handle(self, request: AlterPartitionRequest, reply: Reply) -> None:
        """Write the ISR that a leader asks for, or refuse it."""
        refused = AlterPartitionResponse(NotControllerException)
        self._controller.ask(lambda: self._alter(request, reply), lambda: reply(refused))

    def _alter(self, request: AlterPartitionRequest, reply: Reply) -> Steps:
        controller, tp = self._controller, request.tp
        answer = answer_at_once(controller.context, request)
        if answer is not None:
            reply(answer)
            return
        # The first change after an unclean election says that the leader has recovered.
        state = replace(controller.context.partitions[tp], isr=request.new_isr, is_recovering=False)
        reason = f"its leader broker-{request.broker_id} asked for it"
        again = yield from controller.partitions.write({tp: (state, reason, "")})
        if again:
            reply(AlterPartitionResponse(InvalidUpdateVersionException))
            return
        batch = controller.batch()
        batch.update_metadata(controller.context.brokers, [tp])
        controller.send(batch)
        known = controller.context.partitions[tp]
        reply(AlterPartitionResponse(None, known.isr, known.partition_epoch))
        yield from controller.reassignment.isr_changed(tp)
