"""KafkaAdminClient, as far as topics go. kafka-python: kafka.admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafkasim.client import configs
from kafkasim.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from kafkasim.client.library import ClientLibrary


class NewTopic:
    """A topic to make; -1 means the broker's default."""

    def __init__(
        self, name: str, num_partitions: int = -1, replication_factor: int = -1,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.num_partitions = num_partitions
        self.replication_factor = replication_factor
        self.replica_assignments = dict(replica_assignments or {})
        self.topic_configs = dict(topic_configs or {})


class KafkaAdminClient:
    """An administrating client with kafka-python's arguments."""

    def __init__(self, library: ClientLibrary, given: dict[str, Any]) -> None:
        values = configs.chosen(configs.ADMIN, given, "KafkaAdminClient")
        self.config = values
        self._library = library
        self._native = library.cluster.admin(configs.native(values, library.bootstrap(values["bootstrap_servers"])))

    def create_topics(
        self, new_topics: Sequence[NewTopic], timeout_ms: float | None = None, validate_only: bool = False,
        raise_errors: bool = True, wait_for_metadata: bool = False,
    ) -> None:  # fmt: skip
        """Make topics, one after the other; the first error is raised."""
        if validate_only or not raise_errors:
            raise UsageError("validate_only and raise_errors=False are not modelled.")
        if not all(isinstance(topic, NewTopic) for topic in new_topics):
            raise ConfigError(f"new_topics must be a list of NewTopic. Got {new_topics!r}.")
        for topic in new_topics:
            future = self._native.create_topic(
                topic.name, topic.num_partitions, topic.replication_factor, topic.topic_configs,
                assignment=topic.replica_assignments or None,
            )  # fmt: skip
            self._library.errors.call(future.get)

    def list_topics(self) -> list[str]:
        """The names of all topics."""
        return self._library.errors.call(self._native.list_topics().get)

    def close(self) -> None:
        """Hang up."""
        self._native.close()
