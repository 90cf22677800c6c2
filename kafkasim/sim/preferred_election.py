"""Leaders elected by hand, and the check that gives the lead back to preferred replicas.

Kafka: KafkaController.processReplicaLeaderElection, processAutoPreferredReplicaLeaderElection. The check runs on
Kafka's grid (5 s after a controller has taken over, then every leader.imbalance.check.interval.seconds), but only
when a partition is led by another than its preferred replica and something has changed since the last look.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kafkasim.core.metadata import NO_LEADER
from kafkasim.errors import (
    ElectionNotNeededException,
    EligibleLeadersNotAvailableException,
    InvalidTopicException,
    NotControllerException,
    PreferredLeaderNotAvailableException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.admin import PREFERRED, ElectLeadersRequest, ElectLeadersResponse
from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Timer
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]
FIRST_CHECK_MS = 5_000


class PreferredElection:
    """Elections that the active controller is asked for, and those that it finds needed."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._since_us = 0
        self._tick: Timer | None = None

    # --- by hand -------------------------------------------------------------------------------------------------

    def elect(self, request: ElectLeadersRequest, reply: Reply) -> None:
        """Elect leaders for an administrator."""
        refused = ElectLeadersResponse(NotControllerException)
        self._controller.ask(lambda: self._elect(request, reply), lambda: reply(refused))

    def _elect(self, request: ElectLeadersRequest, reply: Reply) -> Steps:
        controller = self._controller
        everything = request.partitions is None
        asked = sorted(controller.context.partitions) if request.partitions is None else request.partitions
        results = {tp: self._refusal(tp, request.election_type) for tp in asked}
        wanted = [tp for tp, (error, _) in results.items() if error is None]
        states = controller.partitions
        if request.election_type == PREFERRED:
            none: Error = PreferredLeaderNotAvailableException
            elected = yield from states.elect(wanted, states.preferred("electLeaders(preferred)"))
        else:
            none = EligibleLeadersNotAvailableException
            elected = yield from states.elect(wanted, states.offline(unclean_by_hand=True))
        for tp in wanted:
            if not elected.get(tp):
                results[tp] = (none, f"Failed to elect leader for partition {tp}.")
        if everything:
            results = {tp: one for tp, one in results.items() if one[0] is not ElectionNotNeededException}
        controller.broker.topic_admin.await_elections(request, ElectLeadersResponse(results=results), reply)

    def _refusal(self, tp: TopicPartition, election_type: str) -> tuple[Error, str]:
        context = self._controller.context
        state = context.partitions.get(tp)
        if state is None:
            return UnknownTopicOrPartitionException, "The partition does not exist."
        if tp.topic in context.deleting:
            return InvalidTopicException, "The topic is being deleted."
        if election_type == PREFERRED:
            led = state.leader == state.replicas[0]
        else:
            led = state.leader != NO_LEADER and state.leader in context.live
        return (ElectionNotNeededException, "Leader election not needed for topic partition.") if led else (None, "")

    # --- the imbalance check ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """The controller has taken over now."""
        self._since_us = self._controller.broker.kernel.now_us
        self.soon()

    def soon(self) -> None:
        """Something has changed: look at the next beat, if there is anything to find."""
        controller = self._controller
        if self._tick is None and controller.context.misled and controller.broker.config.auto_leader_rebalance_enable:
            self._tick = controller.broker.after_ms(self._until_next_ms(), self._beat)

    def stop(self) -> None:
        """This broker is the controller no longer."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def _until_next_ms(self) -> float:
        broker = self._controller.broker
        passed_ms = (broker.kernel.now_us - self._since_us) / 1000 - FIRST_CHECK_MS
        interval_ms = broker.config.leader_imbalance_check_interval_seconds * 1000
        return -passed_ms if passed_ms < 0 else interval_ms - passed_ms % interval_ms

    def _beat(self) -> None:
        self._tick = None
        self._controller.enqueue(self._rebalance)

    def _rebalance(self) -> Steps:
        controller = self._controller
        percentage = controller.broker.config.leader_imbalance_per_broker_percentage
        for broker, ratio, able in controller.context.imbalances():
            if ratio * 100 > percentage and able and not controller.context.reassigning:
                decided = (
                    f"leader.imbalance.per.broker.percentage={percentage}: {ratio:.0%} of what prefers broker-{broker}"
                    " is led by others"
                )
                yield from controller.partitions.elect(able, controller.partitions.preferred(decided))
