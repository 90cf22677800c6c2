"""The picture of the cluster: live brokers, and every partition's leader, ISR and replicas.

The controller sends it to the brokers; each broker answers clients from its own copy, which can be out of date.
Kafka: ZkMetadataCache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kafkasim.errors import LeaderNotAvailableException, UnknownTopicOrPartitionException
from kafkasim.messages.control import LEADER_DURING_DELETE, PartitionState, UpdateMetadataRequest
from kafkasim.messages.data import Error, MetadataResponse, PartitionMetadata
from kafkasim.records import TopicPartition

NO_LEADER = -1


class Metadata:
    """``brokers`` maps the ids of live brokers to their host names, in ascending order; ``racks`` those that have
    one to their rack. ``topic_configs`` are the topics' own settings."""

    def __init__(self) -> None:
        self.brokers: dict[int, str] = {}
        self.racks: dict[int, str] = {}
        self.controller_id = -1
        self.partitions: dict[TopicPartition, PartitionState] = {}
        self.topic_configs: dict[str, dict[str, str]] = {}
        self._by_topic: dict[str, dict[int, PartitionState]] = {}

    @property
    def topics(self) -> list[str]:
        """The names of the topics, sorted."""
        return sorted(self._by_topic)

    def knows(self, topic: str) -> bool:
        """Whether there is such a topic, as far as is known here."""
        return topic in self._by_topic

    def unknown(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Error]:
        """The error of each of these partitions that is not known here. Kafka: MetadataCache.contains."""
        return {tp: UnknownTopicOrPartitionException for tp in partitions if tp not in self.partitions}

    def of_topic(self, topic: str) -> dict[int, PartitionState]:
        """The partitions of a topic by number."""
        return dict(sorted(self._by_topic.get(topic, {}).items()))

    def is_live(self, broker: int) -> bool:
        """Whether a broker is registered, as far as is known here."""
        return broker in self.brokers

    def put(self, tp: TopicPartition, state: PartitionState) -> None:
        """Know a partition's new state."""
        self.partitions[tp] = state
        self._by_topic.setdefault(tp.topic, {})[tp.partition] = state

    def remove(self, tp: TopicPartition) -> None:
        """Know a partition no more; with its last one a topic goes, too."""
        if self.partitions.pop(tp, None) is not None:
            rest = self._by_topic[tp.topic]
            del rest[tp.partition]
            if not rest:
                del self._by_topic[tp.topic]
                self.topic_configs.pop(tp.topic, None)

    def apply(self, update: UpdateMetadataRequest) -> Collection[TopicPartition]:
        """Take over what the controller tells: the whole list of brokers, and the partitions that changed.

        Gives the partitions of topics that are being deleted: they are known no more.
        """
        self.brokers = dict(sorted(update.live_brokers.items()))
        self.racks = update.racks
        self.controller_id = update.controller_id
        deleted = []
        for tp, state in update.partitions.items():
            if state.leader == LEADER_DURING_DELETE:
                self.remove(tp)
                deleted.append(tp)
            else:
                self.put(tp, state)
        for topic, config in update.topic_configs.items():
            if topic in self._by_topic:
                self.topic_configs.setdefault(topic, config)
        return deleted

    def answer(self, topics: tuple[str, ...] | None) -> MetadataResponse:
        """What a client is told. A leader that is not live here counts as none. Kafka:
        KafkaApis.handleTopicMetadata."""
        response = MetadataResponse(dict(self.brokers), self.controller_id, {})
        for topic in self.topics if topics is None else topics:
            states = self.of_topic(topic)
            if not states:
                response.topics[topic] = (UnknownTopicOrPartitionException, ())
                continue
            parts = []
            for state in states.values():
                led = state.leader in self.brokers
                parts.append(
                    PartitionMetadata(
                        error=None if led else LeaderNotAvailableException,
                        leader=state.leader if led else NO_LEADER,
                        leader_epoch=state.leader_epoch,
                        replicas=state.replicas,
                        isr=state.isr,
                        offline_replicas=tuple(broker for broker in state.replicas if broker not in self.brokers),
                    )
                )
            response.topics[topic] = (None, tuple(parts))
        return response
