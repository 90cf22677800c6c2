"""Settings of a consumer, and what they demand of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkasim.config import checks
from kafkasim.config.client import ClientConfig
from kafkasim.config.setting import boolean, function, integer, list_of, one_of, read_by, split, text
from kafkasim.errors import ConfigError

ASSIGNORS = {
    "org.apache.kafka.clients.consumer.RangeAssignor": "range",
    "org.apache.kafka.clients.consumer.RoundRobinAssignor": "roundrobin",
    "org.apache.kafka.clients.consumer.StickyAssignor": "sticky",
    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor": "cooperative-sticky",
}
"""Kafka's assignors by class name -> the names that they go by in the group protocol."""


def _assignors(value: object, name: str) -> tuple[object, ...]:
    """Names, class names and objects, in order of preference. Kafka refuses an empty list only at subscribe()."""
    given = split(value)
    if not isinstance(given, list | tuple) or not given:
        raise checks.wrong(name, f"a list of {', '.join(ASSIGNORS.values())} or objects with a method assign", value)
    found = tuple(_assignor(item, name) for item in given)
    for item in found:
        if isinstance(item, str) and found.count(item) > 1:
            refusal = ConfigError(
                f"{name} must name each assignor once: '{item}' is used in more than one. Got {checks.shown(value)}.",
                java_name="KafkaException",
            )
            raise checks.not_constructed("consumer", refusal)
    return found


def _assignor(value: object, name: str) -> object:
    if isinstance(value, str):
        known = tuple(ASSIGNORS.values())
        found = ASSIGNORS.get(value.strip(), value.strip())
        if found not in known:
            refusal = ConfigError(
                str(checks.wrong(name, f"one of {', '.join(known)}", value)), java_name="KafkaException"
            )
            raise checks.not_constructed("consumer", refusal)
        return found
    if isinstance(value, type) or not callable(getattr(value, "assign", None)):
        raise checks.wrong(name, "made of names of assignors and objects with a method assign", value)
    return value


def _group_id(value: object, name: str) -> str:
    """A text; an empty one, which is deprecated, names a group that nobody can join."""
    return checks.text(value, name).strip()


def _policy(value: object, name: str) -> object:
    """An object of the user's own that says when to commit what; None where Kafka's rule does."""
    if isinstance(value, type) or not callable(getattr(value, "offsets_to_commit", None)):
        raise checks.wrong(name, "an object with a method offsets_to_commit", value)
    return value


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ConsumerConfig(ClientConfig):
    """What a consumer can be told, under Kafka's names and with the defaults of 3.9. Times are in ms, sizes in bytes.

    ``partition_assignment_strategy`` holds the names of Kafka's assignors (their class names are accepted) and any
    objects with a method ``assign``. Without a ``group_id`` there is no auto-commit. Deserializers are functions of
    bytes. A ``commit_policy`` is ours: an object that takes the place of auto-commit (:class:`kafkasim.sim.commits.
    CommitPolicy`). Kafka sets no lower limit to the session timeout and the heartbeat interval; ours is 1.

    Kafka: org.apache.kafka.clients.consumer.ConsumerConfig; Heartbeat (interval below the session timeout).
    """

    KIND = "consumer"

    group_id: str | None = read_by(_group_id, None)
    group_instance_id: str | None = text(None)
    partition_assignment_strategy: tuple[Any, ...] = read_by(_assignors, ("range", "cooperative-sticky"))
    session_timeout_ms: int = integer(45_000, at_least=1)
    heartbeat_interval_ms: int = integer(3000, at_least=1)
    max_poll_interval_ms: int = integer(300_000, at_least=1)
    max_poll_records: int = integer(500, at_least=1)
    enable_auto_commit: bool = boolean(True)
    auto_commit_interval_ms: int = integer(5000, at_least=0)
    auto_offset_reset: str = one_of("latest", "latest", "earliest", "none")
    isolation_level: str = one_of("read_uncommitted", "read_uncommitted", "read_committed")
    fetch_min_bytes: int = integer(1, at_least=0)
    fetch_max_wait_ms: int = integer(500, at_least=0)
    max_partition_fetch_bytes: int = integer(1_048_576, at_least=0)
    fetch_max_bytes: int = integer(52_428_800, at_least=0)
    default_api_timeout_ms: int = integer(60_000, at_least=0)
    allow_auto_create_topics: bool = boolean(True)
    exclude_internal_topics: bool = boolean(True)
    key_deserializer: Callable[[bytes], Any] | None = function(None)
    value_deserializer: Callable[[bytes], Any] | None = function(None)
    commit_policy: Any = read_by(_policy, None)

    group_protocol: str = one_of("classic", "classic", "consumer", not_modelled=True)
    group_remote_assignor: str | None = text(None, not_modelled=True)
    client_rack: str = text("", not_modelled=True)
    check_crcs: bool = boolean(True, not_modelled=True)
    interceptor_classes: tuple[str, ...] = list_of((), not_modelled=True)

    def _settled(self) -> dict[str, object]:
        self._check_membership()
        return {**ClientConfig._settled(self), **self._auto_commit()}

    def _check_membership(self) -> None:
        trouble = self.group_instance_id and checks.trouble_with_name(self.group_instance_id)
        if trouble:
            refusal = ConfigError(
                f"group.instance.id is invalid: {trouble}.", java_name="InvalidConfigurationException"
            )
            raise checks.not_constructed("consumer", refusal)
        if self.group_id is not None and self.heartbeat_interval_ms >= self.session_timeout_ms:
            refusal = ConfigError(
                f"heartbeat.interval.ms must be set lower than session.timeout.ms ({self.session_timeout_ms}). "
                f"Got {self.heartbeat_interval_ms}.",
                java_name="IllegalArgumentException",
            )
            raise checks.not_constructed("consumer", refusal)

    def _auto_commit(self) -> dict[str, object]:
        if self.commit_policy is not None and "enable.auto.commit" not in self.explicitly_set:
            return {"enable_auto_commit": False}
        if self.commit_policy is not None and self.enable_auto_commit:
            raise ConfigError("Give either a commit_policy or enable.auto.commit=true: both would commit.")
        if self.group_id is not None or not self.enable_auto_commit:
            return {}
        if "enable.auto.commit" in self.explicitly_set:
            raise ConfigError(
                "enable.auto.commit cannot be set to true when there is no group.id. Give a group.id, or set it to "
                "false.",
                java_name="InvalidConfigurationException",
            )
        return {"enable_auto_commit": False}
