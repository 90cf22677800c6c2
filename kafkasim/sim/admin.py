"""An admin client: topics are created, listed and described. Names are the Java client's. Kafka: KafkaAdminClient.

Left out as yet: everything but topics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.config import AdminConfig, checks
from kafkasim.errors import (
    ConfigError,
    InvalidTopicException,
    KafkaError,
    NotControllerException,
    TimeoutException,
)
from kafkasim.messages.data import (
    CreateTopicsRequest,
    CreateTopicsResponse,
    MetadataRequest,
    MetadataResponse,
    PartitionMetadata,
)
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.network_client import NetworkClient


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    """One partition: ``leader`` is None when there is none; ``replicas`` start with the preferred leader."""

    partition: int
    leader: int | None
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as the broker that was asked knows it."""

    name: str
    partitions: tuple[PartitionDescription, ...]

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.partitions)} partition(s)"]
        for part in self.partitions:
            replicas, isr = (" ".join(map(str, brokers)) for brokers in (part.replicas, part.isr))
            leader = "nobody" if part.leader is None else part.leader
            lines.append(f"  partition {part.partition}: leader {leader}, replicas {replicas}, ISR {isr}")
        return "\n".join(lines)

    __repr__ = __str__


class Admin:
    """An administrating client, on a machine of its own. Made by ``cluster.admin(...)``; all calls return futures."""

    def __init__(self, host: Host, bootstrap: Sequence[str], config: AdminConfig) -> None:
        self.host = host
        self.config = config
        self._kernel = host.kernel
        self._deadlines = Deadlines(host)
        self._ready: list[Callable[[], None]] = []
        self._client = NetworkClient(
            host, bootstrap, request_timeout_ms=config.request_timeout_ms, retry_backoff_ms=config.retry_backoff_ms,
            retry_backoff_max_ms=config.retry_backoff_max_ms, metadata_max_age_ms=config.metadata_max_age_ms,
            auto_create=False, on_update=self._updated,
        )  # fmt: skip

    def create_topic(
        self, topic: str, partitions: int = -1, replication_factor: int = -1,
        config: Mapping[str, object] | None = None, *, assignment: Mapping[int, Sequence[int]] | None = None,
    ) -> Future[None]:  # fmt: skip
        """Create a topic; -1 means the broker's default. The error in the future is Kafka's. Kafka: createTopics.

        ``config`` are topic settings under Kafka's names; ``assignment`` gives the brokers of each partition, preferred
        leader first, and excludes the counts.
        """
        if not isinstance(topic, str):
            raise ConfigError(f"topic must be a text. Got {topic!r}.")
        checks.whole_number(partitions, "partitions")
        checks.whole_number(replication_factor, "replication_factor")
        if assignment is not None and (partitions, replication_factor) != (-1, -1):
            raise ConfigError("Give either assignment or partitions and replication_factor, not both.")
        settings = {name.replace("_", "."): _setting(value) for name, value in (config or {}).items()}
        replicas = None if assignment is None else {p: tuple(brokers) for p, brokers in assignment.items()}
        request = CreateTopicsRequest(
            topic, partitions, replication_factor, settings, replicas, self.config.request_timeout_ms
        )
        future: Future[None] = Future(self._kernel, f"create_topic({topic!r})")
        if not topic:
            return future.fail(InvalidTopicException("The name of a topic must not be empty."))
        self._call(future, lambda: self._controller(), request, self._created)
        return future

    def list_topics(self) -> Future[list[str]]:
        """The names of all topics, sorted; the cluster's own (``__consumer_offsets``) are left out."""
        future: Future[list[str]] = Future(self._kernel, "list_topics()")

        def answered(response: MetadataResponse, future: Future[Any]) -> bool:
            future.succeed([topic for topic in sorted(response.topics) if not topic.startswith("__")])
            return True

        self._call(future, self._client.least_loaded, MetadataRequest(None), answered)
        return future

    def describe_topic(self, topic: str) -> Future[TopicDescription]:
        """Leader, replicas and ISR of each partition; UnknownTopicOrPartitionException when there is no such topic."""
        checks.topic_name(topic)
        future: Future[TopicDescription] = Future(self._kernel, f"describe_topic({topic!r})")

        def answered(response: MetadataResponse, future: Future[Any]) -> bool:
            error, partitions = response.topics[topic]
            if error is not None:
                future.fail(error(f"There is no topic {topic!r}."))
            else:
                future.succeed(TopicDescription(topic, tuple(map(_described, range(len(partitions)), partitions))))
            return True

        self._call(future, self._client.least_loaded, MetadataRequest((topic,)), answered)
        return future

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    # --- calls are repeated until default.api.timeout.ms -----------------------------------------------------

    def _call(
        self, future: Future[Any], server: Callable[[], str], request: Any, answered: Callable[[Any, Future[Any]], bool]
    ) -> None:
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        timeout_ms = self.config.default_api_timeout_ms

        def give_up() -> None:
            if not future.is_done():
                future.fail(TimeoutException(f"No answer within default.api.timeout.ms={timeout_ms}."))

        def attempt() -> None:
            if not future.is_done():
                self._client.channel(server()).send(request, on_answer)

        def on_answer(response: Any, error: type[KafkaError] | None) -> None:
            if future.is_done():
                return
            if response is not None and answered(response, future):
                deadline.cancel()
                return
            self._client.refresh()
            self.host.after_ms(self.config.retry_backoff_ms, self._when_known, attempt)

        deadline = self._deadlines.add(timeout_ms, give_up)
        self._client.want()
        self._when_known(attempt)

    def _when_known(self, attempt: Callable[[], None]) -> None:
        if self._client.brokers_known and self._client.controller_id in self._client.nodes:
            attempt()
        else:
            self._ready.append(attempt)
            self._client.refresh()

    def _updated(self) -> None:
        if self._client.controller_id not in self._client.nodes:
            self._client.refresh()
            return
        ready, self._ready = self._ready, []
        for attempt in ready:
            attempt()

    def _controller(self) -> str:
        return self._client.nodes[self._client.controller_id]

    @staticmethod
    def _created(response: CreateTopicsResponse, future: Future[Any]) -> bool:
        if response.error is NotControllerException:
            return False
        if response.error is None:
            future.succeed()
        else:
            future.fail(response.error(response.message))
        return True


def _setting(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(number: int, part: PartitionMetadata) -> PartitionDescription:
    leader = part.leader if part.leader >= 0 else None
    return PartitionDescription(number, leader, part.leader_epoch, part.replicas, part.isr)
