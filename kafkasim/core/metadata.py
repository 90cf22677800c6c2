"""The picture of the cluster: live brokers, and every partition's leader, ISR and replicas.

The controller keeps it from ZooKeeper and sends it to the brokers; each broker answers clients from its own copy,
which can be out of date. Kafka: ControllerContext, ZkMetadataCache.
"""

from __future__ import annotations

from kafkasim.errors import LeaderNotAvailableException, UnknownTopicOrPartitionException
from kafkasim.messages.control import PartitionState, UpdateMetadataRequest
from kafkasim.messages.data import MetadataResponse, PartitionMetadata
from kafkasim.records import TopicPartition

NO_LEADER = -1


class Metadata:
    """``brokers`` maps the ids of live brokers to their host names, in ascending order; ``racks`` knows only the
    controller."""

    def __init__(self) -> None:
        self.brokers: dict[int, str] = {}
        self.racks: dict[int, str] = {}
        self.controller_id = -1
        self.partitions: dict[TopicPartition, PartitionState] = {}
        self.topic_configs: dict[str, dict[str, str]] = {}

    @property
    def topics(self) -> list[str]:
        """The names of the topics, sorted."""
        return sorted({tp.topic for tp in self.partitions})

    def of_topic(self, topic: str) -> dict[int, PartitionState]:
        """The partitions of a topic by number."""
        return {tp.partition: state for tp, state in sorted(self.partitions.items()) if tp.topic == topic}

    def is_live(self, broker: int) -> bool:
        """Whether a broker is registered, as far as is known here."""
        return broker in self.brokers

    def led_by(self, broker: int) -> list[TopicPartition]:
        """The partitions that a broker leads."""
        return [tp for tp, state in sorted(self.partitions.items()) if state.leader == broker]

    def with_replica_on(self, broker: int) -> list[TopicPartition]:
        """The partitions that a broker has a replica of."""
        return [tp for tp, state in sorted(self.partitions.items()) if broker in state.replicas]

    def apply(self, update: UpdateMetadataRequest) -> None:
        """Take over what the controller tells: the whole list of brokers, and the partitions that changed."""
        self.brokers = dict(sorted(update.live_brokers.items()))
        self.controller_id = update.controller_id
        self.partitions.update(update.partitions)
        self.topic_configs.update(update.topic_configs)

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
                    )
                )
            response.topics[topic] = (None, tuple(parts))
        return response
