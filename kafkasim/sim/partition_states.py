"""Partitions come online and change leaders: the controller's writes to their state znodes.

What is to be is decided by core/election; here it is written under the controller's epoch and the partition epoch,
and told to the brokers. Kafka: PartitionStateMachine, KafkaZkClient.updateLeaderAndIsr.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.controller_context import ControllerContext
from kafkasim.core.election import (
    Election,
    controlled_shutdown_election,
    offline_election,
    preferred_election,
    reassignment_election,
)
from kafkasim.core.guards import holds
from kafkasim.core.metadata import NO_LEADER
from kafkasim.core.zk_errors import BadVersionError, NodeExistsError, NoNodeError, ZooKeeperError
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.messages.control import PartitionState
from kafkasim.records import TopicPartition

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]
Wanted = tuple[PartitionState, str, str]
"""A partition's new state, the reason, and the setting that decided ("" when that lies with a cause)."""
Strategy = Callable[[TopicPartition, PartitionState], "tuple[Election | None, str, str]"]
"""Chooses a leader; the reason and the setting go with it."""


class ControllerMoved(Exception):
    """Another broker is the controller: nothing was written."""


class PartitionStates:
    """The partition state machine of the active controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    @property
    def _context(self) -> ControllerContext:
        return self._controller.context

    # --- strategies ------------------------------------------------------------------------------------------

    def offline(self, *, unclean_by_hand: bool = False) -> Strategy:
        """The first live in-sync replica; if the topic or the administrator allows it, the first live one."""

        def choose(tp: TopicPartition, state: PartitionState) -> tuple[Election | None, str, str]:
            allowed = unclean_by_hand or self._controller.allows_unclean(tp.topic)
            live = self._context.online(tp)
            chosen = offline_election(state.replicas, state.isr, live, unclean=allowed)
            was = f"broker-{state.leader} is gone" if state.leader >= 0 else "it had no leader"
            if chosen is None:
                return None, was, ""
            if not chosen.is_unclean:
                return chosen, f"{was}, broker-{chosen.leader} is the first live in-sync replica", ""
            why = "electLeaders(unclean)" if unclean_by_hand else "unclean.leader.election.enable=true"
            lost = f"{was}, no in-sync replica is live, broker-{chosen.leader} is the first live replica"
            return chosen, f"{lost} and may lack committed records", why

        return choose

    def preferred(self, why: str) -> Strategy:
        """The first replica, if it is live and in sync."""

        def choose(tp: TopicPartition, state: PartitionState) -> tuple[Election | None, str, str]:
            chosen = preferred_election(state.replicas, state.isr, self._context.online(tp))
            return chosen, f"broker-{state.replicas[0]} is the preferred leader, live and in sync", why

        return choose

    def reassigned(self, tp: TopicPartition, state: PartitionState) -> tuple[Election | None, str, str]:
        """The first of the target replicas that is live and in sync."""
        chosen = reassignment_election(self._context.assignments[tp].target, state.isr, self._context.online(tp))
        return chosen, "the former leader is not among the new replicas", "alterPartitionReassignments"

    def shutting_down(self, tp: TopicPartition, state: PartitionState) -> tuple[Election | None, str, str]:
        """The first live in-sync replica that is not about to stop."""
        live = self._context.online(tp, or_shutting_down=True)
        chosen = controlled_shutdown_election(state.replicas, state.isr, live, self._context.shutting_down)
        return chosen, f"broker-{state.leader} is shutting down", "controlled.shutdown.enable=true"

    # --- elections ---------------------------------------------------------------------------------------------

    def elect(
        self, partitions: Iterable[TopicPartition], strategy: Strategy
    ) -> Generator[Any, Any, dict[TopicPartition, bool]]:
        """Elect a leader for each of these partitions; which of them have got one."""
        results: dict[TopicPartition, bool] = {}
        pending = [tp for tp in partitions if tp in self._context.partitions]
        batch = self._controller.batch()
        while pending:
            wanted: dict[TopicPartition, Wanted] = {}
            for tp in pending:
                state = self._context.partitions[tp]
                chosen, reason, setting = strategy(tp, state)
                results[tp] = chosen is not None
                if chosen is not None:
                    new = replace(
                        state, leader=chosen.leader, isr=chosen.isr, leader_epoch=state.leader_epoch + 1,
                        is_recovering=state.is_recovering or chosen.is_unclean,
                    )  # fmt: skip
                    wanted[tp] = (new, reason, setting)
            pending = yield from self.write(wanted)
            for tp in wanted:
                if tp not in pending:
                    batch.leader_and_isr(self._context.assignments[tp].replicas, tp)
        self._controller.send(batch)
        return results

    def trigger_online(self, topic: str | None = None) -> Steps:
        """Elect leaders for all partitions that have none, and bring new ones online."""
        context = self._context
        waiting = sorted(
            tp for tp in context.without_leader if tp.topic not in context.deleting and topic in (None, tp.topic)
        )
        yield from self.elect([tp for tp in waiting if tp in context.partitions], self.offline())
        yield from self.bring_online([tp for tp in waiting if tp not in context.partitions])

    def bring_online(self, partitions: list[TopicPartition]) -> Steps:
        """New to Online: the first live replica leads, all live replicas are in sync, leader epoch 0."""
        context, zookeeper = self._context, self._controller.zookeeper
        new: dict[TopicPartition, PartitionState] = {}
        for tp in partitions:
            live = tuple(context.online(tp))
            if live:
                new[tp] = PartitionState(live[0], 0, live, 0, context.assignments[tp].replicas)
        if not new:
            return
        check = self._controller.epoch_check()
        parents = [
            zookeeper.multi([check, Create(znodes.partitions_path(topic), b"")])
            for topic in dict.fromkeys(tp.topic for tp in new)
            if not any(TopicPartition(topic, number) in context.partitions for number in context.assigned(topic))
        ]
        states = [
            zookeeper.multi(
                [
                    check,
                    Create(znodes.partition_path(tp), b""),
                    Create(znodes.state_path(tp), znodes.state_payload(state, self._controller.epoch)),
                ]
            )
            for tp, state in new.items()
        ]
        for made in parents:
            try:
                yield made
            except NodeExistsError:
                continue
            except BadVersionError as error:
                raise ControllerMoved from error
        batch = self._controller.batch()
        for (tp, state), written in zip(new.items(), states, strict=True):
            try:
                yield written
            except BadVersionError as error:
                raise ControllerMoved from error
            except NodeExistsError:
                yield from self._read_again(tp)  # a controller before this one was faster
            except ZooKeeperError:
                continue
            else:
                self._controller.know(tp, state, "the topic is new", "")
            batch.leader_and_isr(context.assignments[tp].replicas, tp)
        self._controller.send(batch)

    # --- writing -------------------------------------------------------------------------------------------------

    def write(self, wanted: Mapping[TopicPartition, Wanted]) -> Generator[Any, Any, list[TopicPartition]]:
        """Write states, each only over the version known here; those that have changed meanwhile are read again."""
        controller = self._controller
        check = controller.epoch_check()
        writes = [
            controller.zookeeper.multi(
                [
                    check,
                    SetData(znodes.state_path(tp), znodes.state_payload(new, controller.epoch), new.partition_epoch),
                ]
            )
            for tp, (new, _, _) in wanted.items()
        ]
        again = []
        for (tp, (new, reason, setting)), written in zip(wanted.items(), writes, strict=True):
            try:
                yield written
            except BadVersionError:
                yield from controller.check_still_controller()
                yield from self._read_again(tp)
                again.append(tp)
            except NoNodeError:
                continue
            else:
                controller.know(tp, replace(new, partition_epoch=new.partition_epoch + 1), reason, setting)
        return again

    def _read_again(self, tp: TopicPartition) -> Steps:
        data, stat = yield self._controller.zookeeper.get(znodes.state_path(tp))
        self._context.put(tp, znodes.state_of(data, stat.version, self._context.assignments[tp].replicas))

    def raise_epochs(self, partitions: Iterable[TopicPartition], reason: str, setting: str) -> Steps:
        """A new leader epoch with the same leader and ISR, told to every replica."""
        pending = list(partitions)
        batch = self._controller.batch()
        for tp in pending:
            batch.leader_and_isr(self._context.assignments[tp].replicas, tp)
        while pending:
            wanted: dict[TopicPartition, Wanted] = {}
            for tp in pending:
                state = self._context.partitions[tp]
                wanted[tp] = (replace(state, leader_epoch=state.leader_epoch + 1), reason, setting)
            pending = yield from self.write(wanted)
        self._controller.send(batch)

    def take_out(self, broker: int, partitions: Iterable[TopicPartition], reason: str, setting: str) -> Generator[
        Any, Any, list[TopicPartition]
    ]:  # fmt: skip
        """A replica leaves the ISR and the lead, with a new leader epoch; the last member stays listed.

        Kafka: ReplicaStateMachine.removeReplicasFromIsr.
        """
        changed: dict[TopicPartition, None] = {}
        pending = [tp for tp in partitions if tp in self._context.partitions]
        while pending:
            wanted: dict[TopicPartition, Wanted] = {}
            for tp in pending:
                state = self._context.partitions[tp]
                if broker not in state.isr:
                    continue
                new = replace(
                    state, leader=NO_LEADER if state.leader == broker else state.leader,
                    isr=tuple(one for one in state.isr if one != broker)
                    or (state.isr if holds("last-isr-member-stays") else ()),
                    leader_epoch=state.leader_epoch + 1,
                )  # fmt: skip
                wanted[tp] = (new, reason, setting)
                changed[tp] = None
            pending = yield from self.write(wanted)
        return list(changed)
