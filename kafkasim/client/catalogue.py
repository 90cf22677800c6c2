"""What a consumer can ask about the cluster without reading it: its topics and their partitions.

Asked from the consumer's own machine, and never a reason to create a topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafkasim.client.errors import KafkaError, KafkaTimeoutError
from kafkasim.client.futures import result
from kafkasim.config import AdminConfig, checks
from kafkasim.errors import UnknownTopicOrPartitionException
from kafkasim.sim.admin import Admin
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.kernel import Kernel

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster


class Catalogue:
    """The questions of one consumer; the line to a broker is opened with the first of them."""

    def __init__(self, cluster: Cluster, kernel: Kernel, consumer: Consumer, addresses: Sequence[str] | None) -> None:
        self._kernel = kernel
        self._consumer = consumer
        servers = addresses or [f"broker-{broker}" for broker in cluster.brokers]
        self._servers = [address.partition(":")[0] for address in servers]
        self._opened: Admin | None = None

    @property
    def _admin(self) -> Admin:
        if self._opened is None:
            timeout_ms = self._consumer.config.request_timeout_ms
            self._opened = Admin(self._consumer.host, self._servers, AdminConfig(default_api_timeout_ms=timeout_ms))
        return self._opened

    def topics(self, *, list_internal: bool = False, timeout_ms: float | None = None) -> set[str]:
        """The topics of the cluster, its own only if that is asked for."""
        names = result(self._kernel, self._admin.list_topics(list_internal=list_internal), "topics()", timeout_ms)
        return set(names)

    def partitions(self, topic: str) -> set[int]:
        """The partitions of a topic, none when there is no such topic."""
        checks.topic_name(topic)
        try:
            found = result(self._kernel, self._admin.describe_topic(topic), "partitions_for_topic()")
        except KafkaError as error:
            if isinstance(error.cause, UnknownTopicOrPartitionException):
                return set()
            raise
        return {part.partition for part in found.partitions}

    def answers(self) -> bool:
        """Whether any broker answers in time."""
        try:
            self.topics()
        except KafkaTimeoutError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        if self._opened is not None:
            self._opened.close()
