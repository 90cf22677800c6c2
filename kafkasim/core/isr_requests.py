"""Whether a leader may have the ISR that it asks for. Kafka: KafkaController.tryProcessAlterPartition."""

from __future__ import annotations

from kafkasim.core.controller_context import ControllerContext
from kafkasim.core.guards import holds
from kafkasim.errors import (
    FencedLeaderEpochException,
    IneligibleReplicaException,
    InvalidUpdateVersionException,
    NotControllerException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.control import AlteredPartition, WantedIsr
from kafkasim.records import TopicPartition


def answer_at_once(context: ControllerContext, tp: TopicPartition, wanted: WantedIsr) -> AlteredPartition | None:
    """The answer that needs no write: a refusal, or that it is so already; None when the new ISR is to be written."""
    state = context.partitions.get(tp)
    if state is None or tp.topic in context.deleting:
        return AlteredPartition(UnknownTopicOrPartitionException)
    if not holds("partition-epoch-check"):
        return None
    if wanted.leader_epoch > state.leader_epoch or wanted.partition_epoch > state.partition_epoch:
        return AlteredPartition(NotControllerException)  # a newer controller has said so
    if wanted.leader_epoch < state.leader_epoch:
        return AlteredPartition(FencedLeaderEpochException)
    if set(wanted.new_isr) == set(state.isr) and not state.is_recovering:
        return AlteredPartition(None, state.isr, state.partition_epoch)
    if wanted.partition_epoch < state.partition_epoch:
        return AlteredPartition(InvalidUpdateVersionException)
    if not all(context.is_online(broker) for broker in wanted.new_isr):
        return AlteredPartition(IneligibleReplicaException)
    return None
