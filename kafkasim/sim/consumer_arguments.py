"""What the calls of a consumer are given, checked; and its place in its group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.records import OffsetAndMetadata, TopicPartition

Partitions = Sequence[TopicPartition]
Offsets = Mapping[TopicPartition, int] | Mapping[TopicPartition, OffsetAndMetadata]


class GroupMetadata(NamedTuple):
    """A consumer's place in its group, as its last completed join made it; -1 and empty before the first."""

    group_id: str | None
    generation: int
    member_id: str
    group_instance_id: str | None = None


def partitions_of(partitions: object) -> list[TopicPartition]:
    """A list of partitions, and nothing that only looks like one."""
    if isinstance(partitions, TopicPartition | str | bytes) or not isinstance(partitions, Iterable):
        raise ConfigError(f"partitions must be a list of TopicPartition. Got {partitions!r}.")
    return [partition_of(tp) for tp in partitions]


def partition_of(tp: object) -> TopicPartition:
    """A partition, also as a pair of a topic and a number."""
    if isinstance(tp, tuple) and len(tp) == 2 and isinstance(tp[0], str):
        return TopicPartition(checks.topic_name(tp[0]), checks.argument(tp[1], "partition"))
    raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")


def times_of(times: object) -> dict[TopicPartition, int]:
    """Times to look for, by partition."""
    if not isinstance(times, Mapping):
        raise ConfigError(f"times must map TopicPartitions to times in ms. Got {times!r}.")
    return {partition_of(tp): checks.argument(time, f"the time of {tp}") for tp, time in times.items()}
