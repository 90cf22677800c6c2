"""What KafkaConsumer's calls are given, checked as kafka-python checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kafkasim.client.errors import KafkaConfigurationError, WrongTypeError
from kafkasim.client.structs import OffsetAndMetadata
from kafkasim.config import checks
from kafkasim.records import TopicPartition


def check_times(config: Mapping[str, Any]) -> None:
    """fetch_max_wait_ms < request_timeout_ms < connections_max_idle_ms."""
    idle, request, wait = (
        config[name] for name in ("connections_max_idle_ms", "request_timeout_ms", "fetch_max_wait_ms")
    )
    if not wait < request < idle:
        raise KafkaConfigurationError(
            f"connections_max_idle_ms ({idle}) must be larger than request_timeout_ms ({request}) which must be larger"
            f" than fetch_max_wait_ms ({wait})."
        )


def timeout(timeout_ms: float | None) -> float | None:
    """A timeout in ms; None waits for ever."""
    return None if timeout_ms is None else checks.milliseconds(timeout_ms, "timeout_ms")


def partition_of(partition: object) -> TopicPartition:
    """A TopicPartition, and nothing that only looks like one."""
    if not isinstance(partition, TopicPartition):
        raise WrongTypeError(f"partition must be a TopicPartition. Got {checks.shown(partition)}.")
    return partition


def partitions_of(partitions: object) -> list[TopicPartition]:
    """A list of TopicPartition."""
    if isinstance(partitions, str | bytes | TopicPartition) or not isinstance(partitions, Iterable):
        raise WrongTypeError(f"partitions must be a list of TopicPartition. Got {checks.shown(partitions)}.")
    return [partition_of(tp) for tp in partitions]


def compiled(pattern: object) -> re.Pattern[str]:
    """A regular expression, as a text or compiled."""
    try:
        return re.compile(pattern)  # type: ignore[call-overload, no-any-return]
    except (TypeError, re.error) as error:
        raise WrongTypeError(
            f"pattern must be a regular expression such as '^gps-.*'. Got {checks.shown(pattern)}: {error}."
        ) from error


def checked_offsets(offsets: Any) -> dict[TopicPartition, OffsetAndMetadata] | None:
    """Offsets to commit; None for the positions."""
    if offsets is None:
        return None
    if not isinstance(offsets, Mapping):
        raise WrongTypeError(f"offsets must map TopicPartition to OffsetAndMetadata. Got {checks.shown(offsets)}.")
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    for tp, given in offsets.items():
        if not isinstance(given, OffsetAndMetadata):
            raise WrongTypeError(f"The offset of {tp} must be an OffsetAndMetadata. Got {checks.shown(given)}.")
        checks.whole_number(given.offset, f"the offset of {tp}", at_least=0)
        if given.metadata is not None:
            checks.text(given.metadata, f"the metadata of {tp}")
        if given.leader_epoch is not None:
            checks.whole_number(given.leader_epoch, f"the leader epoch of {tp}", at_least=-1)
        found[partition_of(tp)] = given
    return found
