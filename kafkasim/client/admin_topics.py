"""Topics in kafka-python's words. kafka-python: kafka.admin._topics.

Left out: topic ids (``topic_id`` is None). Several topics are created or deleted one after the other, where
kafka-python sends one request. Everybody may do everything: ``authorized_operations`` name it all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kafkasim.client.admin_base import AdminBase, outcome, raise_first
from kafkasim.client.errors import BY_CODE, BrokerResponseError, KafkaTimeoutError, WrongTypeError
from kafkasim.client.futures import finished
from kafkasim.client.structs import NewTopic
from kafkasim.config import checks
from kafkasim.core.topic_rules import INTERNAL_TOPICS
from kafkasim.errors import ConfigError
from kafkasim.messages.admin import ConfigEntry
from kafkasim.sim.admin_answers import PartitionDescription
from kafkasim.sim.kernel import US_PER_MS

LOOK_AGAIN_MS = 100
NewTopics = Sequence[str] | Sequence[NewTopic] | Mapping[str, Mapping[str, Any]]
TOPIC_OPERATIONS = ["READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"]
INVALID_REQUEST, LEADER_NOT_AVAILABLE = BY_CODE[42], 5


class TopicAdmin(AdminBase):
    """What an administrator does with topics."""

    def create_topics(
        self,
        new_topics: NewTopics,
        timeout_ms: float | None = None,
        validate_only: bool = False,
        raise_errors: bool = True,
        wait_for_metadata: bool = False,
    ) -> dict[str, Any]:
        """Create topics; what became of each: ``{"topics": [{"name", "error_code", "error_message", ...}]}``.

        ``new_topics`` are names, NewTopic objects, or a dict of names with ``num_partitions``,
        ``replication_factor``, ``assignments`` and ``configs``; -1 means the broker's default. All are tried before
        the first error is raised. ``validate_only`` checks and creates nothing; ``wait_for_metadata`` waits until every
        partition has a leader. Raises TopicAlreadyExistsError, InvalidReplicationFactorError and their kind, or, after
        ``timeout_ms``, KafkaTimeoutError.
        """
        self._open(timeout_ms)
        checks.flag(wait_for_metadata, "wait_for_metadata")
        if checks.flag(validate_only, "validate_only") and wait_for_metadata:
            raise ConfigError("validate_only and wait_for_metadata are mutually exclusive: leave one of them out.")
        topics = _topics(new_topics)
        times = Counter(topic.name for topic in topics)
        outcomes, errors = [], []
        for topic in topics:
            error, made = None, None
            try:
                if times[topic.name] > 1:
                    raise INVALID_REQUEST("Found multiple entries for this topic.")
                future = self._native.create_topic(
                    topic.name, topic.num_partitions, topic.replication_factor, topic.topic_configs,
                    assignment=topic.replica_assignments or None, validate_only=validate_only,
                )  # fmt: skip
                made = self._wait(future, "create_topics()", timeout_ms)
            except BrokerResponseError as refused:
                error = refused
            errors.append(error)
            code, message = outcome(error)
            told: dict[str, Any] = {
                "name": topic.name, "topic_id": None, "error_code": code, "error_message": message,
                "topic_config_error_code": 0, "num_partitions": made.num_partitions if made else -1,
                "replication_factor": made.replication_factor if made else -1,
            }  # fmt: skip
            if made is not None:
                told["configs"] = {name: config_told(entry) for name, entry in made.config.items()}
            outcomes.append(told)
        raise_first(errors, raise_errors)
        if wait_for_metadata:
            self.wait_for_topics([told["name"] for told in outcomes])
        return {"topics": outcomes}

    def delete_topics(
        self, topics: Sequence[str], timeout_ms: float | None = None, raise_errors: bool = True
    ) -> dict[str, Any]:
        """Delete topics; what became of each: ``{"topics": [{"name", "error_code", "error_message", ...}]}``.

        All are tried before the first error (UnknownTopicOrPartitionError) is raised. Brokers forget a topic at once,
        its files go a little later.
        """
        self._open(timeout_ms)
        outcomes, errors = [], []
        for topic in checks.names(topics, "topics"):
            error = self._error_of(self._native.delete_topic(topic), "delete_topics()", timeout_ms)
            code, _ = outcome(error)
            outcomes.append({"name": topic, "topic_id": None, "error_code": code, "error_message": None})
            errors.append(error)
        raise_first(errors, raise_errors)
        return {"topics": outcomes}

    def list_topics(self) -> list[str]:
        """The names of all topics, the cluster's own among them, sorted."""
        self._open()
        return self._wait(self._native.list_topics(list_internal=True), "list_topics()")

    def describe_topics(self, topics: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Leader, replicas and ISR of each partition of these topics, by default of all.

        A topic that is not there has error_code 3 and no partitions, one that cannot be 17; a partition without a
        leader has error_code 5 and leader_id -1.
        """
        self._open()
        names = self.list_topics() if topics is None else checks.names(topics, "topics")
        return [self._described(name) for name in names]

    def _described(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = {
            "error_code": 0, "name": name, "topic_id": None, "is_internal": name in INTERNAL_TOPICS, "partitions": [],
            "authorized_operations": list(TOPIC_OPERATIONS),
        }  # fmt: skip
        if checks.trouble_with_name(name):
            described["error_code"] = 17
            return described
        try:
            found = self._wait(self._native.describe_topic(name), "describe_topics()")
            described["partitions"] = [_partition(part) for part in found.partitions]
        except BrokerResponseError as error:
            described["error_code"] = error.errno
        return described

    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: float = 10000) -> None:
        """Wait until every partition of these topics has a leader; KafkaTimeoutError after ``timeout_ms``."""
        names = checks.names(topic_names, "topic_names")
        self._open()
        until_us = self.kernel.now_us + round(checks.milliseconds(timeout_ms, "timeout_ms") * US_PER_MS)
        while pending := [topic["name"] for topic in self.describe_topics(names) if not _is_ready(topic)]:
            if self.kernel.now_us >= until_us:
                raise KafkaTimeoutError(f"Topics not ready after {timeout_ms:g}ms: {', '.join(pending)}")
            finished(self.kernel, self.kernel.sleep_ms(LOOK_AGAIN_MS), "wait_for_topics()")


def config_told(entry: ConfigEntry) -> dict[str, Any]:
    """A setting as kafka-python tells it of a new topic."""
    return {
        "value": entry.value, "read_only": entry.is_read_only, "config_source": entry.source, "is_sensitive": False,
    }  # fmt: skip


def _topics(given: object) -> list[NewTopic]:
    topics: list[NewTopic] = []
    if isinstance(given, Mapping):
        topics = [_from_options(name, options) for name, options in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        topics = [NewTopic(one) if isinstance(one, str) else one for one in given]
    if not topics or not all(isinstance(one, NewTopic) for one in topics):
        raise ConfigError(f"No valid topics found in new_topics: {checks.shown(given)}. Give a list of names.")
    return topics


def _from_options(name: object, options: object) -> NewTopic:
    if not isinstance(name, str) or not isinstance(options, Mapping):
        raise WrongTypeError(
            "new_topics must map names to dicts such as {'num_partitions': 3}. "
            f"Got {checks.shown(name)}: {checks.shown(options)}."
        )
    wanted = dict(options)
    topic = NewTopic(
        name, wanted.pop("num_partitions", -1), wanted.pop("replication_factor", -1),
        wanted.pop("assignments", None), wanted.pop("configs", None),
    )  # fmt: skip
    if wanted:
        raise ConfigError(
            f"{name} has options that do not exist: {', '.join(map(str, wanted))}. There are num_partitions,"
            " replication_factor, assignments and configs."
        )
    return topic


def _partition(part: PartitionDescription) -> dict[str, Any]:
    return {
        "error_code": 0 if part.leader is not None else LEADER_NOT_AVAILABLE,
        "partition_index": part.partition,
        "leader_id": -1 if part.leader is None else part.leader,
        "leader_epoch": part.leader_epoch,
        "replica_nodes": list(part.replicas),
        "isr_nodes": list(part.isr),
        "offline_replicas": list(part.offline_replicas),
    }


def _is_ready(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and all(part["leader_id"] >= 0 for part in partitions)
