"""Topics come and grow: what the active controller does when their znodes change.

Kafka: KafkaController.processTopicChange, processPartitionModifications, onNewPartitionCreation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.assignment import ReplicaAssignment
from kafkasim.core.zk_errors import NodeExistsError, NoNodeError
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import TopicCreated

if TYPE_CHECKING:
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


class TopicChanges:
    """The topics that the active controller sees come and grow."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    # --- writing new topics and partitions, for the administrator's request ----------------------------------------

    def create(
        self, topic: str, assignment: Mapping[int, tuple[int, ...]], config: Mapping[str, str], topic_id: str
    ) -> Steps:
        """Write a new topic into ZooKeeper; its watch brings it online. Raises NodeExistsError when it is there.

        Kafka: AdminZkClient.createTopicWithAssignment.
        """
        controller = self._controller
        check, payload = controller.epoch_check(), znodes.config_payload(config)
        try:
            yield from controller.checked([check, Create(znodes.config_path(topic), payload)])
        except NodeExistsError:
            if (yield controller.zookeeper.exists(znodes.topic_path(topic))) is not None:
                raise
            yield from controller.checked([check, SetData(znodes.config_path(topic), payload, -1)])
        assigned = {number: ReplicaAssignment(replicas) for number, replicas in assignment.items()}
        data = znodes.topic_payload(topic_id, assigned)
        yield from controller.checked([check, Create(znodes.topic_path(topic), data)])
        self._record(topic, assigned, config)

    def add_partitions(self, topic: str, added: Mapping[int, tuple[int, ...]]) -> Steps:
        """Write more partitions of a topic into ZooKeeper; the watch brings them online."""
        controller = self._controller
        context = controller.context
        new = {number: ReplicaAssignment(replicas) for number, replicas in added.items()}
        assigned = {**context.assigned(topic), **new}
        data = znodes.topic_payload(context.topic_ids[topic], assigned)
        yield from controller.checked([controller.epoch_check(), SetData(znodes.topic_path(topic), data, -1)])
        self._record(topic, assigned, context.topic_configs.get(topic, {}))

    def _record(self, topic: str, assigned: Mapping[int, ReplicaAssignment], config: Mapping[str, str]) -> None:
        replicas = tuple(assigned[number].replicas for number in sorted(assigned))
        settings = tuple(sorted(config.items()))
        self._controller.journal.record(TopicCreated(topic, len(replicas), len(replicas[0]), replicas, settings))

    # --- what the watches bring ------------------------------------------------------------------------------------

    def read_all(self) -> Steps:
        """Everything that ZooKeeper knows of topics, for a new controller."""
        topics = yield self._controller.zookeeper.get_children(znodes.TOPICS, watch=self._changed)
        yield from self._read(sorted(topics))

    def _changed(self, event: object) -> None:
        self._controller.enqueue(self._look)

    def _look(self) -> Steps:
        """New topics go online; those that are gone without a deletion are forgotten."""
        controller = self._controller
        context = controller.context
        topics = yield controller.zookeeper.get_children(znodes.TOPICS, watch=self._changed)
        for topic in [one for one in context.all_topics if one not in set(topics)]:
            context.forget_topic(topic)
        new = [topic for topic in sorted(topics) if not context.has_topic(topic)]
        yield from self._read(new)
        yield from controller.partitions.bring_online(
            [TopicPartition(topic, number) for topic in new for number in context.assigned(topic)]
        )

    def _read(self, topics: Iterable[str]) -> Steps:
        """Assignments, settings and states, and a watch on every topic's assignment."""
        context, zookeeper = self._controller.context, self._controller.zookeeper
        reads = [
            (
                topic,
                zookeeper.get(znodes.topic_path(topic), watch=self._modified),
                zookeeper.get(znodes.config_path(topic)),
            )
            for topic in topics
        ]
        found: list[TopicPartition] = []
        for topic, assignment, config in reads:
            try:
                data, _ = yield assignment
            except NoNodeError:
                continue
            context.topic_ids[topic] = znodes.decode(data)["topic_id"]
            for number, replicas in znodes.assignment_of(data).items():
                found.append(TopicPartition(topic, number))
                context.assign(found[-1], replicas)
            try:
                data, _ = yield config
                context.topic_configs[topic] = znodes.decode(data)["config"]
            except NoNodeError:
                context.topic_configs[topic] = {}
        states = [(tp, zookeeper.get(znodes.state_path(tp))) for tp in found]
        for tp, state in states:
            try:
                data, stat = yield state
            except NoNodeError:
                continue
            context.put(tp, znodes.state_of(data, stat.version, context.assignments[tp].replicas))

    def _modified(self, event: Any) -> None:
        if event.event == "NodeDataChanged":
            topic = event.path.rpartition("/")[2]
            self._controller.enqueue(lambda: self._look_at(topic))

    def _look_at(self, topic: str) -> Steps:
        """A topic's assignment was written: perhaps there are partitions that are new."""
        controller = self._controller
        context = controller.context
        try:
            data, _ = yield controller.zookeeper.get(znodes.topic_path(topic), watch=self._modified)
        except NoNodeError:
            return
        if topic in context.deleting:
            return
        new = [
            (TopicPartition(topic, number), replicas)
            for number, replicas in znodes.assignment_of(data).items()
            if TopicPartition(topic, number) not in context.assignments
        ]
        for tp, replicas in new:
            context.assign(tp, replicas)
        yield from controller.partitions.bring_online([tp for tp, _ in new])
