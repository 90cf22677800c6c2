"""Replicas go online and offline, and are stopped for good. Kafka: ReplicaStateMachine."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafkasim.records import TopicPartition
from kafkasim.sim.partition_states import PartitionStates

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


class ReplicaStates:
    """The replica state machine of the active controller."""

    def __init__(self, controller: Controller, partitions: PartitionStates) -> None:
        self._controller = controller
        self._partitions = partitions

    def online(self, replicas: Mapping[int, Sequence[TopicPartition]]) -> None:
        """Tell brokers the roles that they have (OnlineReplica, NewReplica)."""
        batch = self._controller.batch()
        for broker, partitions in replicas.items():
            for tp in partitions:
                if tp in self._controller.context.partitions:
                    batch.leader_and_isr([broker], tp)
        self._controller.send(batch)

    def offline(self, replicas: Mapping[int, Sequence[TopicPartition]], reason: str, setting: str = "") -> Steps:
        """Replicas stop fetching and leave the ISR, a decision each (OfflineReplica); the others are told."""
        context = self._controller.context
        batch = self._controller.batch()
        for broker, partitions in replicas.items():
            for tp in partitions:
                batch.stop_replica(broker, tp, delete=False)
            text = reason.format(broker=broker)
            changed = yield from self._partitions.take_out(broker, partitions, text, setting)
            for tp in changed:
                if tp.topic not in context.deleting:
                    others = [one for one in context.assignments[tp].replicas if one != broker]
                    batch.leader_and_isr(others, tp)
        self._controller.send(batch)

    def delete(self, replicas: Mapping[int, Sequence[TopicPartition]]) -> None:
        """Have replicas stopped and their files deleted (ReplicaDeletionStarted)."""
        batch = self._controller.batch()
        for broker, partitions in replicas.items():
            for tp in partitions:
                batch.stop_replica(broker, tp, delete=True)
        self._controller.send(batch)
