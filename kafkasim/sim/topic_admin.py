"""A broker's answers about topics: metadata from its own picture; as the controller, new and deleted topics.

Kafka: KafkaApis, ZkAdminManager, AutoTopicCreationManager.
"""

from __future__ import annotations

import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from kafkasim.config import checks
from kafkasim.core import znode_payloads as znodes
from kafkasim.core.placement import Assignment, assign_replicas
from kafkasim.core.topic_rules import INTERNAL_TOPICS, added_partitions, check_name, checked_assignment
from kafkasim.core.zk_errors import NodeExistsError
from kafkasim.core.zk_requests import Create
from kafkasim.errors import (
    ConfigError,
    CoordinatorLoadInProgressException,
    InvalidConfigurationException,
    InvalidTopicException,
    KafkaError,
    LeaderNotAvailableException,
    NotControllerException,
    TimeoutException,
    TopicDeletionDisabledException,
    TopicExistsException,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages import admin, transactions
from kafkasim.messages.data import MetadataRequest, MetadataResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.metadata_waits import MetadataWaits
from kafkasim.sim.network import Reply
from kafkasim.sim.partition_states import ControllerMoved

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]
Answer = Callable[[Any], None]


class TopicAdmin:
    """One broker's part in the life of topics."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._chance = broker.kernel.rng(f"placement/{broker.name}")
        self._creating: dict[str, None] = {}
        self.waits = MetadataWaits(broker)

    @property
    def _controller(self) -> Controller:
        return self._broker.controller

    # --- metadata ------------------------------------------------------------------------------------------

    def metadata(self, request: MetadataRequest, reply: Reply) -> None:
        """Answer from this broker's picture; an unknown topic may be created on the way (4.11)."""
        response = self._broker.metadata.answer(request.topics)
        wanted: list[str] = []
        for topic, (error, _) in list(response.topics.items()):
            if error is None:
                continue
            if checks.trouble_with_name(topic):
                response.topics[topic] = (InvalidTopicException, ())
            elif (
                request.allow_auto_topic_creation
                and self._broker.config.auto_create_topics_enable
                and topic not in INTERNAL_TOPICS
            ):
                wanted.append(topic)
        if wanted and self._controller.is_active:
            self._create_here(wanted, response, reply)
            return
        for topic in wanted:
            self.auto_create(topic, -1, -1, {})
        reply(response)

    def _create_here(self, topics: list[str], response: MetadataResponse, reply: Reply) -> None:
        """The controller itself creates what is missing, and says why it cannot.

        Kafka: AutoTopicCreationManager.createTopicsInZk.
        """
        pending = dict.fromkeys(topics)

        def created(topic: str, answer: admin.CreateTopicsResponse) -> None:
            del pending[topic]
            comes_soon = answer.error in (None, TopicExistsException, TimeoutException)
            response.topics[topic] = (LeaderNotAvailableException if comes_soon else answer.error, ())
            if not pending:
                reply(response)

        for topic in topics:
            self.create(admin.CreateTopicsRequest(topic, -1, -1, {}, timeout_ms=0), partial(created, topic))

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

        request = admin.CreateTopicsRequest(
            topic, partitions, replication_factor, dict(config), timeout_ms=broker.config.request_timeout_ms
        )
        channel.send(request, answered)

    # --- what only the controller does ------------------------------------------------------------------------

    def create(self, request: admin.CreateTopicsRequest, reply: Answer) -> None:
        """Check, place and write a new topic. Kafka: ZkAdminManager.createTopics."""
        self._do(lambda: self._create(request, reply), reply, admin.CreateTopicsResponse)

    def delete(self, request: admin.DeleteTopicsRequest, reply: Answer) -> None:
        """Have a topic deleted. Kafka: ZkAdminManager.deleteTopics."""
        self._do(lambda: self._delete(request, reply), reply, admin.DeleteTopicsResponse)

    def create_partitions(self, request: admin.CreatePartitionsRequest, reply: Answer) -> None:
        """Check, place and write more partitions. Kafka: ZkAdminManager.createPartitions."""
        self._do(lambda: self._create_partitions(request, reply), reply, admin.CreatePartitionsResponse)

    def _do(self, steps: Callable[[], Steps], reply: Answer, response: type[admin.AdminResponse]) -> None:
        """Handled beside the controller's event queue, as in Kafka; the watches that follow are its events."""
        if not self._controller.is_active:
            reply(response(NotControllerException))
            return

        def guarded() -> Steps:
            try:
                yield from steps()
            except ControllerMoved:
                reply(response(NotControllerException))
            except KafkaError as error:
                reply(response(type(error), str(error)))

        self._broker.process(guarded(), response.__name__.removesuffix("Response"))

    def _create(self, request: admin.CreateTopicsRequest, reply: Answer) -> Steps:
        topic, controller = request.topic, self._controller
        check_name(topic, controller.context.all_topics)
        self.check_config(request.config)
        assignment = yield from self._assignment(request)
        made = admin.CreateTopicsResponse(
            num_partitions=len(assignment), replication_factor=len(assignment[0]),
            entries=self._broker.config_changes.of_topic(request.config),
        )  # fmt: skip
        if request.validate_only:
            reply(made)
            return
        try:
            yield from controller.topics.create(topic, assignment, request.config, _topic_id(self._chance))
        except NodeExistsError as error:
            raise TopicExistsException(f"Topic {topic!r} already exists.") from error
        self._await_leaders(topic, len(assignment), request.timeout_ms, reply, made)

    def _await_leaders(
        self, topic: str, count: int, timeout_ms: int, reply: Answer, response: admin.AdminResponse
    ) -> None:
        """A creation is answered when this broker knows a leader of every partition of the topic."""

        def led() -> bool:
            states = self._broker.metadata.of_topic(topic).values()
            return sum(state.leader >= 0 for state in states) >= count

        late = type(response)(TimeoutException, "The topic is written, but not all its partitions have a leader.")
        self.waits.until(led, lambda: reply(response), timeout_ms, lambda: reply(late))

    def check_config(self, config: Mapping[str, str]) -> None:
        """Refuse settings that a topic cannot have."""
        try:
            self._broker.topic_config(config)
        except ConfigError as error:
            raise InvalidConfigurationException(str(error)) from error

    def _assignment(self, request: admin.CreateTopicsRequest) -> Generator[Any, Any, Assignment]:
        if request.assignment is not None:
            return checked_assignment(request.assignment)
        config = self._broker.config
        partitions = config.num_partitions if request.partitions == -1 else request.partitions
        factor = config.default_replication_factor if request.replication_factor == -1 else request.replication_factor
        context = self._controller.context
        brokers = context.live
        if not brokers:  # a controller that has only just taken over
            brokers = sorted(map(int, (yield self._broker.zookeeper.get_children(znodes.BROKER_IDS))))
        start, shift = (self._chance.randrange(max(1, len(brokers))) for _ in range(2))
        return assign_replicas(
            brokers, partitions, factor, start_index=start, start_shift=shift, racks=context.racks or None
        )

    def _delete(self, request: admin.DeleteTopicsRequest, reply: Answer) -> Steps:
        topic, controller = request.topic, self._controller
        if not self._broker.config.delete_topic_enable:
            raise TopicDeletionDisabledException
        if not self._broker.metadata.knows(topic):
            raise UnknownTopicOrPartitionException(f"There is no topic {topic!r}.")
        with suppress(NodeExistsError):
            yield from controller.checked([controller.epoch_check(), Create(znodes.delete_topic_path(topic), b"")])
        late = admin.DeleteTopicsResponse(TimeoutException, "The topic is marked, but brokers know it still.")
        self.waits.until(
            lambda: not self._broker.metadata.knows(topic), lambda: reply(admin.DeleteTopicsResponse()),
            request.timeout_ms, lambda: reply(late),
        )  # fmt: skip

    def _create_partitions(self, request: admin.CreatePartitionsRequest, reply: Answer) -> Steps:
        topic, controller = request.topic, self._controller
        context = controller.context
        if topic in context.deleting:
            raise InvalidTopicException("The topic is queued for deletion.")
        if not context.has_topic(topic):
            raise UnknownTopicOrPartitionException(f"The topic '{topic}' does not exist.")
        added = added_partitions(
            topic, context.assigned(topic), request.total_count, request.assignments, context.live, context.racks
        )
        if request.validate_only:
            reply(admin.CreatePartitionsResponse())
            return
        yield from controller.topics.add_partitions(topic, added)
        self._await_leaders(topic, request.total_count, request.timeout_ms, reply, admin.CreatePartitionsResponse())

    def await_elections(
        self, request: admin.ElectLeadersRequest, response: admin.ElectLeadersResponse, reply: Reply
    ) -> None:
        """An election by hand is answered when this broker knows the new leaders."""
        elected = [tp for tp, (error, _) in response.results.items() if error is None]
        expected = {tp: self._controller.context.partitions[tp] for tp in elected}

        def pending() -> list[TopicPartition]:
            known = self._broker.metadata.partitions
            return [
                tp for tp, state in expected.items() if tp not in known or known[tp].leader_epoch < state.leader_epoch
            ]

        def late() -> None:
            response.results.update(dict.fromkeys(pending(), (TimeoutException, "The new leader is not known yet.")))
            reply(response)

        self.waits.until(lambda: not pending(), lambda: reply(response), request.timeout_ms, late)

    # --- producer ids ------------------------------------------------------------------------------------------

    def init_producer_id(self, request: transactions.InitProducerIdRequest, reply: Reply) -> None:
        """A new producer id; while this broker has none the producer asks again."""
        producer_id = self._broker.producer_ids.take()
        if producer_id is None:
            reply(transactions.InitProducerIdResponse(CoordinatorLoadInProgressException))
        else:
            reply(transactions.InitProducerIdResponse(None, producer_id, 0))


def _topic_id(chance: random.Random) -> str:
    """A random UUID as Kafka writes it: 22 characters of base64."""
    return urlsafe_b64encode(uuid.UUID(int=chance.getrandbits(128), version=4).bytes).decode().rstrip("=")
