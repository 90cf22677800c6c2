"""KafkaAdminClient with kafka-python's arguments, as far as topics and groups go. kafka-python: kafka.admin.

Answers have the shape of kafka-python's dicts, without what the model does not know (topic ids, operations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kafkasim.client.configs import ADMIN, checked, native_settings
from kafkasim.client.errors import BrokerResponseError, IllegalStateError, KafkaTimeoutError
from kafkasim.client.futures import finished, result
from kafkasim.client.group_admin import GroupAdmin
from kafkasim.client.structs import NewTopic
from kafkasim.config import checks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.sim.admin_answers import PartitionDescription
from kafkasim.sim.kernel import US_PER_MS, Kernel

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster

LOOK_AGAIN_MS = 100
NewTopics = Sequence[str] | Sequence[NewTopic] | Mapping[str, Mapping[str, Any]]


class KafkaAdminClient(GroupAdmin):
    """An administrating client; ``config`` holds its settings, ``DEFAULT_CONFIG`` their defaults."""

    DEFAULT_CONFIG: ClassVar[dict[str, Any]] = ADMIN.defaults()
    cluster: ClassVar[Cluster]
    kernel: ClassVar[Kernel]

    def __init__(self, **configs: Any) -> None:
        self.config = checked(ADMIN, configs)
        self._native = self.cluster.admin(native_settings(ADMIN, configs))
        self._closed = False

    def create_topics(
        self,
        new_topics: NewTopics,
        timeout_ms: float | None = None,
        validate_only: bool = False,
        raise_errors: bool = True,
        wait_for_metadata: bool = False,
    ) -> dict[str, Any]:
        """Create topics, one after the other; what became of each.

        ``new_topics`` are names, NewTopic objects, or a dict of names with ``num_partitions``,
        ``replication_factor``, ``assignments`` and ``configs``. All are tried before the first error is raised.
        """
        self._open()
        if validate_only:
            raise UsageError("validate_only=True is not modelled: create the topics, or leave it out.")
        limit = self.config["request_timeout_ms"] if not timeout_ms else checks.milliseconds(timeout_ms, "timeout_ms")
        outcomes, errors = [], []
        for topic in _topics(new_topics):
            future = self._native.create_topic(
                topic.name, topic.num_partitions, topic.replication_factor, topic.topic_configs,
                assignment=topic.replica_assignments or None,
            )  # fmt: skip
            error: BrokerResponseError | None = None
            try:
                result(self.kernel, future, "create_topics()", limit)
            except BrokerResponseError as refused:
                error = refused
                errors.append(refused)
            outcomes.append(_outcome(topic, error))
        if errors and raise_errors:
            raise errors[0]
        if wait_for_metadata:
            self.wait_for_topics([outcome["name"] for outcome in outcomes])
        return {"topics": outcomes}

    def list_topics(self) -> list[str]:
        """The names of all topics but the cluster's own."""
        self._open()
        return result(self.kernel, self._native.list_topics(), "list_topics()")

    def describe_topics(self, topics: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Leader, replicas and ISR of each partition; all topics by default, error_code 3 for a missing one."""
        self._open()
        names = self.list_topics() if topics is None else checks.names(topics, "topics")
        return [self._described(name) for name in names]

    def _described(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = {"error_code": 0, "name": name, "is_internal": False, "partitions": []}
        try:
            found = result(self.kernel, self._native.describe_topic(name), "describe_topics()")
            described["partitions"] = [_partition(part) for part in found.partitions]
        except BrokerResponseError as error:
            described["error_code"] = error.errno
        return described

    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: float = 10000) -> None:
        """Wait until every partition of these topics has a leader; KafkaTimeoutError after ``timeout_ms``."""
        names = checks.names(topic_names, "topic_names")
        until_us = self.kernel.now_us + round(checks.milliseconds(timeout_ms, "timeout_ms") * US_PER_MS)
        while pending := [topic["name"] for topic in self.describe_topics(names) if not _is_ready(topic)]:
            if self.kernel.now_us >= until_us:
                raise KafkaTimeoutError(f"Topics not ready after {timeout_ms:g}ms: {', '.join(pending)}")
            finished(self.kernel, self.kernel.sleep_ms(LOOK_AGAIN_MS), "wait_for_topics()")

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            self._native.close()

    def _open(self) -> None:
        if self._closed:
            raise IllegalStateError("KafkaAdminClient is closed. Make a new one.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()


def _topics(given: object) -> list[NewTopic]:
    topics: list[NewTopic] = []
    if isinstance(given, Mapping):
        topics = [_from_options(name, options) for name, options in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        topics = [NewTopic(one) if isinstance(one, str) else one for one in given]
    if not topics or not all(isinstance(one, NewTopic) for one in topics):
        raise ConfigError(f"No valid topics found in new_topics: {checks.shown(given)}. Give a list of names.")
    return topics


def _from_options(name: str, options: Mapping[str, Any]) -> NewTopic:
    wanted = dict(options)
    topic = NewTopic(
        name, wanted.pop("num_partitions", -1), wanted.pop("replication_factor", -1),
        wanted.pop("assignments", None), wanted.pop("configs", None),
    )  # fmt: skip
    if wanted:
        raise ConfigError(
            f"{name} has options that do not exist: {', '.join(sorted(wanted))}. There are num_partitions,"
            " replication_factor, assignments and configs."
        )
    return topic


def _outcome(topic: NewTopic, error: BrokerResponseError | None) -> dict[str, Any]:
    return {
        "name": topic.name,
        "error_code": 0 if error is None else error.errno,
        "error_message": None if error is None else str(error.args[0]),
        "num_partitions": topic.num_partitions,
        "replication_factor": topic.replication_factor,
    }


def _partition(part: PartitionDescription) -> dict[str, Any]:
    return {
        "error_code": 0 if part.leader is not None else 5,
        "partition_index": part.partition,
        "leader_id": -1 if part.leader is None else part.leader,
        "leader_epoch": part.leader_epoch,
        "replica_nodes": list(part.replicas),
        "isr_nodes": list(part.isr),
    }


def _is_ready(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and all(part["leader_id"] >= 0 for part in partitions)
