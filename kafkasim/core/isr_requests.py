"""Whether a leader may have the ISR that it asks for. Kafka: KafkaController.tryProcessAlterPartition."""

from __future__ import annotations

from kafkasim.core.controller_context import ControllerContext
from kafkasim.core.guards import holds
from kafkasim.errors import (
    FencedLeaderEpochException,
    IneligibleReplicaException,
    InvalidUpdateVersionException,
    NotControllerException,
    StaleBrokerEpochException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.control import AlterPartitionRequest, AlterPartitionResponse


def answer_at_once(context: ControllerContext, request: AlterPartitionRequest) -> AlterPartitionResponse | None:
    """The answer that needs no write: a refusal, or that it is so already; None when the new ISR is to be written."""
    state = context.partitions.get(request.tp)
    if context.broker_epochs.get(request.broker_id) != request.broker_epoch:
        return AlterPartitionResponse(StaleBrokerEpochException)
    if state is None or request.tp.topic in context.deleting:
        return AlterPartitionResponse(UnknownTopicOrPartitionException)
    if not holds("partition-epoch-check"):
        return None
    if request.leader_epoch > state.leader_epoch or request.partition_epoch > state.partition_epoch:
        return AlterPartitionResponse(NotControllerException)  # a newer controller has said so
    if request.leader_epoch < state.leader_epoch:
        return AlterPartitionResponse(FencedLeaderEpochException)
    if set(request.new_isr) == set(state.isr) and not state.is_recovering:
        return AlterPartitionResponse(None, state.isr, state.partition_epoch)
    if request.partition_epoch < state.partition_epoch:
        return AlterPartitionResponse(InvalidUpdateVersionException)
    if not all(context.is_online(broker) for broker in request.new_isr):
        return AlterPartitionResponse(IneligibleReplicaException)
    return None
