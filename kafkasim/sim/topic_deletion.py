"""Topics are deleted: first for clients, then on every broker, then in ZooKeeper; a dead replica holds that up.

Kafka: TopicDeletionManager.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.zk_errors import NoNodeError
from kafkasim.core.zk_requests import Delete
from kafkasim.messages.control import StopReplicaRequest, StopReplicaResponse
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import TopicDeleted, TopicDeletionStarted

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


class TopicDeletion:
    """The topics that the active controller deletes (``context.deleting``), and how far that is."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._begun: dict[str, None] = {}
        self._ineligible: dict[str, None] = {}
        self._waiting: dict[str, dict[tuple[int, TopicPartition], None]] = {}
        self._deleted: dict[str, dict[tuple[int, TopicPartition], None]] = {}

    def requested(self, event: object) -> None:
        """The children of /admin/delete_topics have changed."""
        self._controller.enqueue(self.look)

    def look(self) -> Steps:
        """Take up what is to be deleted; a request for a topic that is not there is dropped."""
        controller = self._controller
        context = controller.context
        zookeeper = controller.zookeeper
        for topic in (yield zookeeper.get_children(znodes.DELETE_TOPICS, watch=self.requested)):
            if not context.has_topic(topic):
                yield from _gone(zookeeper.multi([controller.epoch_check(), Delete(znodes.delete_topic_path(topic))]))
            elif topic not in context.deleting:
                context.deleting[topic] = None
                if any(tp.topic == topic for tp in context.reassigning):
                    self._ineligible[topic] = None
        yield from self.resume()

    def resume(self, topics: Iterable[str] = ()) -> Steps:
        """Go on with what can go on; ``topics`` were held up and are not any more."""
        for topic in topics:
            self._ineligible.pop(topic, None)
        for topic in list(self._controller.context.deleting):
            if topic not in self._ineligible and not self._waiting.get(topic):
                yield from self._delete(topic)

    def _delete(self, topic: str) -> Steps:
        context = self._controller.context
        partitions = [TopicPartition(topic, number) for number in context.assigned(topic)]
        if topic not in self._begun:
            self._begun[topic] = None
            self._controller.journal.because(TopicDeletionStarted(topic))
            batch = self._controller.batch()
            batch.update_metadata(context.brokers, partitions)
            self._controller.send(batch)
        done = self._deleted.setdefault(topic, {})
        alive: dict[int, list[TopicPartition]] = {}
        for tp in partitions:
            for broker in context.assignments[tp].replicas:
                if (broker, tp) in done:
                    continue
                if context.is_online(broker):
                    alive.setdefault(broker, []).append(tp)
                else:
                    self._ineligible[topic] = None
        if alive:
            self._waiting[topic] = {(broker, tp): None for broker, mine in alive.items() for tp in mine}
            yield from self._controller.replicas.offline(alive, "the topic is being deleted", "deleteTopics")
            self._controller.replicas.delete(alive)
        elif topic not in self._ineligible:
            yield from self._complete(topic)

    def answered(self, broker: int, request: StopReplicaRequest, response: StopReplicaResponse) -> None:
        """A broker has deleted replicas, or has not."""
        mine = [tp for tp, stop in request.partitions.items() if stop.delete and tp.topic in self._waiting]
        if mine:
            failed = {tp for tp in mine if response.error is not None or response.partitions.get(tp) is not None}
            self._controller.enqueue(lambda: self._replicas_deleted(broker, mine, failed))

    def _replicas_deleted(self, broker: int, partitions: list[TopicPartition], failed: set[TopicPartition]) -> Steps:
        for tp in partitions:
            self._waiting.get(tp.topic, {}).pop((broker, tp), None)
            if tp in failed:
                self._ineligible[tp.topic] = None
            else:
                self._deleted.setdefault(tp.topic, {})[(broker, tp)] = None
        yield from self.resume()

    def brokers_died(self, dead: Iterable[int]) -> None:
        """What was to be deleted there cannot be now."""
        gone = set(dead)
        for topic, waiting in self._waiting.items():
            for broker, tp in [one for one in waiting if one[0] in gone]:
                del waiting[(broker, tp)]
                self._ineligible[topic] = None

    def brokers_came(self, new: Iterable[int]) -> Steps:
        """Deletions that waited for these brokers go on."""
        topics = dict.fromkeys(tp.topic for tp in self._controller.context.replicas_on(*new))
        yield from self.resume([topic for topic in topics if topic in self._controller.context.deleting])

    def _complete(self, topic: str) -> Steps:
        """Nothing is left of it on any broker: forget it in ZooKeeper, too."""
        controller = self._controller
        check = controller.epoch_check()
        below: list[Delete] = []
        for number in controller.context.assigned(topic):
            tp = TopicPartition(topic, number)
            if tp in controller.context.partitions:
                below += [Delete(znodes.state_path(tp)), Delete(znodes.partition_path(tp))]
        if below:
            below.append(Delete(znodes.partitions_path(topic)))
        yield from controller.checked([check, *below, Delete(znodes.topic_path(topic))])
        yield from _gone(controller.zookeeper.multi([check, Delete(znodes.config_path(topic))]))
        yield from _gone(controller.zookeeper.multi([check, Delete(znodes.delete_topic_path(topic))]))
        controller.context.forget_topic(topic)
        for book in (self._begun, self._ineligible, self._waiting, self._deleted):
            book.pop(topic, None)
        controller.journal.record(TopicDeleted(topic))


def _gone(deletion: Any) -> Steps:
    """Wait for a deletion; what is not there any more need not be deleted."""
    try:
        yield deletion
    except NoNodeError:
        return
