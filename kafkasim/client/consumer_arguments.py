"""What KafkaConsumer's calls are given, checked as kafka-python checks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafkasim.client.errors import KafkaConfigurationError, WrongTypeError
from kafkasim.client.structs import OffsetAndMetadata
from kafkasim.config import checks
from kafkasim.errors import UsageError
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


def plain(offsets: Any) -> dict[TopicPartition, int] | None:
    """Offsets to commit as the native consumer takes them; None for the positions."""
    if offsets is None:
        return None
    if not isinstance(offsets, Mapping):
        raise WrongTypeError(f"offsets must map TopicPartition to OffsetAndMetadata. Got {checks.shown(offsets)}.")
    found: dict[TopicPartition, int] = {}
    for tp, given in offsets.items():
        if not isinstance(given, OffsetAndMetadata):
            raise WrongTypeError(f"The offset of {tp} must be an OffsetAndMetadata. Got {checks.shown(given)}.")
        if given.metadata:
            raise UsageError("A text beside a committed offset is not modelled: leave metadata empty.")
        found[partition_of(tp)] = checks.whole_number(given.offset, f"the offset of {tp}", at_least=0)
    return found
