"""Replicas move: the new ones come first, and when they are in sync the old ones go.

Phase A gives the partition all replicas, old and new, under a new leader epoch. When every replica of the target is in
the ISR, phase B elects a leader among them if need be, takes the old ones out of the ISR and deletes them.
Kafka: KafkaController.onPartitionReassignment (KIP-455). Left out: the trigger /admin/reassign_partitions.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.assignment import ReplicaAssignment
from kafkasim.core.topic_rules import check_target
from kafkasim.core.zk_requests import SetData
from kafkasim.errors import (
    KafkaError,
    NoReassignmentInProgressException,
    NotControllerException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.admin import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    PartitionReassignment,
)
from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition
from kafkasim.sim.network import Reply
from kafkasim.trace.facts import AssignmentChanged

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]
SETTING = "alterPartitionReassignments"


class Reassignment:
    """The moves that the active controller carries out (``context.reassigning``)."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    # --- requests ----------------------------------------------------------------------------------------------

    def alter(self, request: AlterPartitionReassignmentsRequest, reply: Reply) -> None:
        """Begin, change or cancel moves."""
        refused = AlterPartitionReassignmentsResponse(NotControllerException)
        self._controller.ask(lambda: self._alter(request, reply), lambda: reply(refused))

    def _alter(self, request: AlterPartitionReassignmentsRequest, reply: Reply) -> Steps:
        response = AlterPartitionReassignmentsResponse()
        for tp, target in request.partitions.items():
            try:
                wanted = self._wanted(tp, target)
            except KafkaError as error:
                response.results[tp] = (type(error), str(error))
            else:
                yield from self.move(tp, wanted)
                response.results[tp] = (None, "")
        reply(response)

    def _wanted(self, tp: TopicPartition, target: tuple[int, ...] | None) -> ReplicaAssignment:
        context = self._controller.context
        present = context.assignments.get(tp)
        if present is None or tp.topic in context.deleting or tp not in context.partitions:
            raise UnknownTopicOrPartitionException("The partition does not exist.")
        if target is None:
            if not present.is_being_reassigned:
                raise NoReassignmentInProgressException
            return present.reassign_to(present.origin)
        check_target(target, present, context.live)
        return present.reassign_to(target)

    def list(self, request: ListPartitionReassignmentsRequest, reply: Reply) -> None:
        """Name the moves under way."""

        def answer() -> Steps:
            context = self._controller.context
            moves = {tp: context.assignments[tp] for tp in sorted(context.reassigning)}
            reply(
                ListPartitionReassignmentsResponse(
                    reassignments={
                        tp: PartitionReassignment(one.replicas, one.adding, one.removing) for tp, one in moves.items()
                    }
                )
            )
            yield from ()

        error: Error = NotControllerException
        self._controller.ask(answer, lambda: reply(ListPartitionReassignmentsResponse(error)))

    # --- moving --------------------------------------------------------------------------------------------------

    def resume(self) -> Steps:
        """Go on with every move: a new controller does, and when brokers have come."""
        for tp in sorted(self._controller.context.reassigning):
            yield from self.move(tp, self._controller.context.assignments[tp])

    def isr_changed(self, tp: TopicPartition) -> Steps:
        """The ISR of a partition has changed: perhaps its move can be completed."""
        context = self._controller.context
        if tp in context.reassigning and context.assignments[tp].is_complete(context.partitions[tp].isr):
            yield from self.move(tp, context.assignments[tp])

    def move(self, tp: TopicPartition, wanted: ReplicaAssignment) -> Steps:
        """One step of a move: phase A, or phase B when everybody of the target is in sync."""
        context, controller = self._controller.context, self._controller
        present = context.assignments[tp]
        if present != wanted:
            yield from self._write(tp, wanted)
            context.assign(tp, wanted)
            unneeded = tuple(broker for broker in present.replicas if broker not in wanted.replicas)
            yield from self._stop(tp, unneeded)
        if not wanted.is_complete(context.partitions[tp].isr):
            yield from controller.partitions.raise_epochs([tp], "replicas are being added", SETTING)
            controller.replicas.online({broker: [tp] for broker in wanted.adding})
            return
        controller.replicas.online({broker: [tp] for broker in wanted.adding})
        completed = ReplicaAssignment(wanted.target)
        context.assign(tp, completed)
        leader = context.partitions[tp].leader
        if leader in completed.replicas and context.is_online(leader):
            yield from controller.partitions.raise_epochs([tp], "the replicas have moved", SETTING)
        else:
            yield from controller.partitions.elect([tp], controller.partitions.reassigned)
        yield from self._stop(tp, wanted.removing)
        yield from self._write(tp, completed)
        batch = controller.batch()
        batch.update_metadata(context.brokers, [tp])
        controller.send(batch)
        yield from controller.deletion.resume([tp.topic])

    def _stop(self, tp: TopicPartition, brokers: tuple[int, ...]) -> Steps:
        """Force replicas out of the ISR and have them deleted."""
        if brokers:
            gone = {broker: [tp] for broker in brokers}
            yield from self._controller.replicas.offline(gone, "broker-{broker} is no replica any more", SETTING)
            self._controller.replicas.delete(gone)

    def _write(self, tp: TopicPartition, assignment: ReplicaAssignment) -> Steps:
        controller = self._controller
        assigned = {**controller.context.assigned(tp.topic), tp.partition: assignment}
        payload = znodes.topic_payload(controller.context.topic_ids[tp.topic], assigned)
        yield from controller.checked([controller.epoch_check(), SetData(znodes.topic_path(tp.topic), payload, -1)])
        controller.journal.record(
            AssignmentChanged(controller.broker_id, tp, assignment.replicas, assignment.adding, assignment.removing)
        )
