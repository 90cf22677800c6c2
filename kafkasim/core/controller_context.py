"""What the active controller knows: assignments, leaders, live brokers, what is being moved or deleted.

Everything that one change of a broker or partition needs is found without looking at all the others.
Kafka: ControllerContext.
"""

from __future__ import annotations

from dataclasses import replace

from kafkasim.core.assignment import ReplicaAssignment
from kafkasim.core.metadata import Metadata
from kafkasim.messages.control import PartitionState
from kafkasim.records import TopicPartition


class ControllerContext(Metadata):
    """``brokers`` holds the registered brokers, those that shut down included; ``partitions`` those that were online
    once, with their state. ``without_leader`` are New and Offline partitions, ``misled`` those that another than the
    preferred replica leads."""

    def __init__(self) -> None:
        super().__init__()
        self.broker_epochs: dict[int, int] = {}
        self.shutting_down: dict[int, None] = {}
        self.topic_ids: dict[str, str] = {}
        self.assignments: dict[TopicPartition, ReplicaAssignment] = {}
        self.deleting: dict[str, None] = {}
        self.reassigning: dict[TopicPartition, None] = {}
        self.without_leader: dict[TopicPartition, None] = {}
        self.misled: dict[TopicPartition, None] = {}
        self._replicas_on: dict[int, dict[TopicPartition, None]] = {}
        self._assigned: dict[str, dict[int, ReplicaAssignment]] = {}

    # --- brokers ---------------------------------------------------------------------------------------------

    @property
    def live(self) -> list[int]:
        """The registered brokers that are not shutting down, ids ascending."""
        return [broker for broker in self.brokers if broker not in self.shutting_down]

    def is_online(self, broker: int, *, or_shutting_down: bool = False) -> bool:
        """Whether a broker may lead: it is registered and not about to stop."""
        return broker in self.brokers and (or_shutting_down or broker not in self.shutting_down)

    def online(self, tp: TopicPartition, *, or_shutting_down: bool = False) -> list[int]:
        """The online replicas of a partition, in their order."""
        replicas = self.assignments[tp].replicas
        return [broker for broker in replicas if self.is_online(broker, or_shutting_down=or_shutting_down)]

    def came(self, broker: int, host: str, broker_epoch: int, rack: str | None) -> None:
        """A broker is registered."""
        self.brokers = dict(sorted({**self.brokers, broker: host}.items()))
        self.broker_epochs[broker] = broker_epoch
        self.racks = {one: its for one, its in self.racks.items() if one != broker}
        if rack is not None:
            self.racks = dict(sorted({**self.racks, broker: rack}.items()))

    def went(self, broker: int) -> None:
        """A broker is registered no more; what it led has no leader now."""
        self.brokers = {one: host for one, host in self.brokers.items() if one != broker}
        del self.broker_epochs[broker]
        self.shutting_down.pop(broker, None)
        self.without_leader.update((tp, None) for tp in self.replicas_on(broker) if self.is_led_by(broker, tp))

    # --- partitions ---------------------------------------------------------------------------------------------

    def is_led_by(self, broker: int, tp: TopicPartition) -> bool:
        """Whether a broker is a partition's leader."""
        return tp in self.partitions and self.partitions[tp].leader == broker

    def replicas_on(self, *brokers: int) -> list[TopicPartition]:
        """The partitions that have a replica on any of these brokers, sorted."""
        found: dict[TopicPartition, None] = {}
        for broker in brokers:
            found.update(self._replicas_on.get(broker, {}))
        return sorted(found)

    def assigned(self, topic: str) -> dict[int, ReplicaAssignment]:
        """The assignment of each partition of a topic, by number."""
        return dict(sorted(self._assigned.get(topic, {}).items()))

    @property
    def all_topics(self) -> list[str]:
        """The topics that have an assignment, online or not."""
        return sorted(self._assigned)

    def has_topic(self, topic: str) -> bool:
        """Whether a topic has an assignment, online or not."""
        return topic in self._assigned

    def assign(self, tp: TopicPartition, assignment: ReplicaAssignment) -> None:
        """Know who holds a partition."""
        before = self.assignments.get(tp)
        for broker in before.replicas if before else ():
            del self._replicas_on[broker][tp]
        self.assignments[tp] = assignment
        self._assigned.setdefault(tp.topic, {})[tp.partition] = assignment
        for broker in assignment.replicas:
            self._replicas_on.setdefault(broker, {})[tp] = None
        if assignment.is_being_reassigned:
            self.reassigning[tp] = None
        else:
            self.reassigning.pop(tp, None)
        known = self.partitions.get(tp)
        if known is None:
            self.without_leader[tp] = None
        else:
            self.put(tp, replace(known, replicas=assignment.replicas))

    def put(self, tp: TopicPartition, state: PartitionState) -> None:
        """Know a partition's new state."""
        super().put(tp, state)
        _set(self.without_leader, tp, not self.is_online(state.leader, or_shutting_down=True))
        _set(self.misled, tp, state.leader != state.replicas[0])

    def forget_topic(self, topic: str) -> None:
        """A topic is gone for good."""
        for number, assignment in self._assigned.pop(topic, {}).items():
            tp = TopicPartition(topic, number)
            for broker in assignment.replicas:
                del self._replicas_on[broker][tp]
            for book in (self.assignments, self.without_leader, self.misled, self.reassigning):
                book.pop(tp, None)
            self.remove(tp)
        self.deleting.pop(topic, None)
        self.topic_ids.pop(topic, None)
        self.topic_configs.pop(topic, None)

    def imbalances(self) -> list[tuple[int, float, list[TopicPartition]]]:
        """Each preferred leader, which part of what prefers it others lead, and those of them that it could lead.

        Kafka: KafkaController.checkAndTriggerAutoLeaderRebalance.
        """
        preferring: dict[int, int] = {}
        misled: dict[int, list[TopicPartition]] = {}
        for tp in sorted(self.misled):
            misled.setdefault(self.assignments[tp].replicas[0], []).append(tp)
        for broker in misled:
            preferring[broker] = sum(
                self.assignments[tp].replicas[0] == broker and tp.topic not in self.deleting and tp in self.partitions
                for tp in self._replicas_on[broker]
            )
        found = []
        for broker, partitions in sorted(misled.items()):
            counted = [tp for tp in partitions if tp.topic not in self.deleting]
            if counted:
                able = [tp for tp in counted if self.is_online(broker) and broker in self.partitions[tp].isr]
                found.append((broker, len(counted) / preferring[broker], able))
        return found


def _set(book: dict[TopicPartition, None], tp: TopicPartition, belongs: bool) -> None:
    if belongs:
        book[tp] = None
    else:
        book.pop(tp, None)
