"""A broker's answers about topics: metadata from its own picture, new topics through the controller, producer ids.

Kafka: KafkaApis, ZkAdminManager, AutoTopicCreationManager, ProducerIdManager.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.placement import assign_replicas
from kafkasim.core.zk_errors import BadVersionError, NodeExistsError
from kafkasim.errors import (
    ConfigError,
    CoordinatorLoadInProgressException,
    InvalidConfigurationException,
    InvalidReplicaAssignmentException,
    InvalidTopicException,
    KafkaError,
    NotControllerException,
    TimeoutException,
    TopicExistsException,
)
from kafkasim.messages.admin import CreateTopicsRequest, CreateTopicsResponse
from kafkasim.messages.data import MetadataRequest
from kafkasim.messages.transactions import InitProducerIdRequest, InitProducerIdResponse
from kafkasim.sim.channel import Channel
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state")
PRODUCER_ID_BLOCK = 1000


class TopicAdmin:
    """One broker's part in the life of topics."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._chance = broker.kernel.rng(f"placement/{broker.name}")
        self._waiting: list[tuple[str, int, Reply, Callable[[], object]]] = []
        self._creating: dict[str, None] = {}
        self._producer_ids: list[int] = []

    # --- metadata ------------------------------------------------------------------------------------------

    def metadata(self, request: MetadataRequest, reply: Reply) -> None:
        """Answer from this broker's picture; an unknown topic may be created on the way (4.11)."""
        response = self._broker.metadata.answer(request.topics)
        reply(response)
        if request.allow_auto_topic_creation and self._broker.config.auto_create_topics_enable:
            for topic, (error, _) in response.topics.items():
                if error is not None and LEGAL_NAME.fullmatch(topic) and topic not in INTERNAL_TOPICS:
                    self.auto_create(topic, -1, -1, {})

    def auto_create(self, topic: str, partitions: int, replication_factor: int, config: Mapping[str, str]) -> None:
        """Ask the controller for a topic that somebody needs; whoever needs it asks again."""
        broker = self._broker
        controller = broker.metadata.brokers.get(broker.metadata.controller_id)
        if topic in self._creating or controller is None:
            return
        self._creating[topic] = None
        channel = Channel(broker, controller, request_timeout_ms=broker.config.request_timeout_ms)

        def answered(response: object, error: type[KafkaError] | None) -> None:
            self._creating.pop(topic, None)
            channel.close()

        channel.send(CreateTopicsRequest(topic, partitions, replication_factor, dict(config)), answered)

    def metadata_changed(self) -> None:
        """A creation is answered when this broker knows a leader of every partition of the topic."""
        for entry in list(self._waiting):
            topic, partitions, reply, cancel = entry
            led = [state for state in self._broker.metadata.of_topic(topic).values() if state.leader >= 0]
            if len(led) == partitions:
                self._waiting.remove(entry)
                cancel()
                reply(CreateTopicsResponse())

    # --- creating --------------------------------------------------------------------------------------------

    def create(self, request: CreateTopicsRequest, reply: Reply) -> None:
        """Check, place and write a new topic; only the controller does. Kafka: ZkAdminManager.createTopics."""
        if not self._broker.controller.is_active:
            reply(CreateTopicsResponse(NotControllerException))
            return
        self._broker.process(self._create(request, reply), f"creation of {request.topic}")

    def _create(self, request: CreateTopicsRequest, reply: Reply) -> Generator[Any, Any, None]:
        topic = request.topic
        try:
            self._check_name(topic)
            self._check_config(request.config)
            assignment = self._assignment(request)
            topic_id = f"{self._chance.getrandbits(64):016x}"
            yield from self._broker.controller.create_topic(topic, assignment, request.config, topic_id)
        except KafkaError as error:
            reply(CreateTopicsResponse(type(error), str(error)))
            return
        except NodeExistsError:
            reply(CreateTopicsResponse(TopicExistsException, f"Topic {topic!r} already exists."))
            return
        except BadVersionError:
            reply(CreateTopicsResponse(NotControllerException))
            return
        self._await_leaders(request, len(assignment), reply)

    def _await_leaders(self, request: CreateTopicsRequest, partitions: int, reply: Reply) -> None:
        def time_out() -> None:
            self._waiting.remove(entry)
            reply(
                CreateTopicsResponse(TimeoutException, "The topic was created, but not all partitions have a leader.")
            )

        deadline = self._broker.deadlines.add(request.timeout_ms, time_out)
        entry = (request.topic, partitions, reply, deadline.cancel)
        self._waiting.append(entry)
        self.metadata_changed()

    def _check_name(self, topic: str) -> None:
        known = self._broker.controller.metadata.topics
        if topic in known:
            raise TopicExistsException(f"Topic {topic!r} already exists.")
        if not LEGAL_NAME.fullmatch(topic) or topic in (".", ".."):
            raise InvalidTopicException(
                f"Topic name {topic!r} is illegal: 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and not"
                " '.' or '..'."
            )
        for other in known:
            if other.replace(".", "_") == topic.replace(".", "_"):
                raise InvalidTopicException(f"Topic {topic!r} collides with the existing topic {other!r}.")

    def _check_config(self, config: Mapping[str, str]) -> None:
        try:
            self._broker.topic_config(config)
        except ConfigError as error:
            raise InvalidConfigurationException(str(error)) from error

    def _assignment(self, request: CreateTopicsRequest) -> dict[int, tuple[int, ...]]:
        if request.assignment is not None:
            return _checked(request.assignment)
        config = self._broker.config
        partitions = config.num_partitions if request.partitions == -1 else request.partitions
        factor = config.default_replication_factor if request.replication_factor == -1 else request.replication_factor
        metadata = self._broker.controller.metadata
        brokers = sorted(metadata.brokers)
        start, shift = self._chance.randrange(len(brokers)), self._chance.randrange(len(brokers))
        return assign_replicas(
            brokers, partitions, factor, start_index=start, start_shift=shift, racks=metadata.racks or None
        )

    # --- producer ids ------------------------------------------------------------------------------------------

    def init_producer_id(self, request: InitProducerIdRequest, reply: Reply) -> None:
        """A new producer id, from a block of 1000 that this broker takes from ZooKeeper when it has none left."""
        self._broker.process(self._init_producer_id(reply), "InitProducerId")

    def _init_producer_id(self, reply: Reply) -> Generator[Any, Any, None]:
        if not self._producer_ids:
            zookeeper = self._broker.zookeeper
            data, stat = yield zookeeper.get(znodes.PRODUCER_IDS)
            start = int(znodes.decode(data)["block_end"]) + 1 if data else 0
            end = start + PRODUCER_ID_BLOCK - 1
            payload = {
                "version": 1, "broker": self._broker.broker_id, "block_start": str(start), "block_end": str(end),
            }  # fmt: skip
            try:
                yield zookeeper.set(znodes.PRODUCER_IDS, znodes.encode(payload), stat.version)
            except BadVersionError:
                reply(InitProducerIdResponse(CoordinatorLoadInProgressException))
                return
            self._producer_ids = list(range(start, end + 1))
        reply(InitProducerIdResponse(None, self._producer_ids.pop(0), 0))


def _checked(assignment: Mapping[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """An explicit assignment: partitions from 0 without gaps, the same number of distinct brokers for each."""
    numbers = sorted(assignment)
    if numbers != list(range(len(numbers))) or not numbers:
        raise InvalidReplicaAssignmentException("Partitions should be a consecutive 0-based integer sequence.")
    for number, replicas in assignment.items():
        if not replicas or len(set(replicas)) != len(replicas):
            raise InvalidReplicaAssignmentException(f"Duplicate or no brokers in the replicas of partition {number}.")
        if len(replicas) != len(assignment[0]):
            raise InvalidReplicaAssignmentException("All partitions should have the same number of replicas.")
    return {number: tuple(assignment[number]) for number in numbers}
