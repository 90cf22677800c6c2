"""What the calls of an admin client are given, checked and brought into the shape that requests have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.messages import admin
from kafkasim.records import TopicPartition

MAX_PARTITIONS = 100_000
"""More than a cluster with ZooKeeper can hold."""
OFFSET_SPECS = {"earliest": -2, "latest": -1, "max_timestamp": -3}


def partitions_of(given: object) -> tuple[TopicPartition, ...]:
    """A list of partitions, and nothing that only looks like one."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes | TopicPartition):
        raise ConfigError(f"partitions must be a list of TopicPartition. Got {given!r}.")
    return tuple(partition_of(tp) for tp in given)


def partition_of(tp: object) -> TopicPartition:
    """One partition, and nothing that only looks like it."""
    if not isinstance(tp, TopicPartition):
        raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")
    checks.name_of_some_topic(tp.topic)
    checks.whole_number(tp.partition, f"the number of a partition of {tp.topic}", at_least=0, at_most=checks.INT_MAX)
    return tp


def brokers_of(given: object, name: str) -> tuple[int, ...]:
    """A list of broker ids."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise ConfigError(f"{name} must give a list of broker ids for each partition. Got {checks.shown(given)}.")
    return tuple(checks.whole_number(broker, f"a broker id in {name}") for broker in given)


def some_brokers_of(given: object, name: str) -> tuple[int, ...]:
    """A list of at least one broker id. Kafka: NewPartitionReassignment."""
    brokers = brokers_of(given, name)
    if not brokers:
        raise ConfigError(f"{name} must give at least one broker. Got none.", java_name="IllegalArgumentException")
    return brokers


def new_replicas_of(given: object) -> tuple[tuple[int, ...], ...]:
    """The brokers of each new partition."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise ConfigError(f"assignments must list the brokers of each new partition. Got {checks.shown(given)}.")
    return tuple(brokers_of(replicas, "assignments") for replicas in given)


def assignment_of(given: object) -> dict[int, tuple[int, ...]]:
    """Partition numbers, each with its brokers."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"assignment must map partition numbers to lists of broker ids. Got {given!r}.")
    return {
        checks.whole_number(number, "a partition number in assignment"): brokers_of(replicas, "assignment")
        for number, replicas in given.items()
    }


def resource_of(topic: object, broker: object) -> tuple[str, str]:
    """The topic or the broker whose settings are meant, as a kind and a name."""
    if (topic is None) == (broker is None):
        raise ConfigError("Give either topic=... or broker=..., the one whose settings are meant.")
    if topic is not None:
        return admin.TOPIC, checks.topic_name(topic)
    return admin.BROKER, str(checks.whole_number(broker, "broker", at_least=0))


def settings_of(config: object) -> dict[str, str | None]:
    """Settings as texts under Kafka's names; None stays None."""
    if not isinstance(config, Mapping):
        raise ConfigError(f"config must be a dict of settings. Got {config!r}.")
    return {checks.text(name, "a setting's name").replace("_", "."): _setting(value) for name, value in config.items()}


def _setting(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return None if value is None else str(value)


def offset_spec_of(spec: object) -> int:
    """What ListOffsets looks for, as the protocol's number."""
    if isinstance(spec, str):
        return OFFSET_SPECS[checks.one_of(spec, "what is looked for", tuple(OFFSET_SPECS))]
    return checks.whole_number(spec, "a time in ms", at_least=0)


def check_deletions(offsets: object) -> None:
    """The offsets below which records are to go, by partition; -1 is the high watermark."""
    if not isinstance(offsets, Mapping):
        raise ConfigError(f"offsets must map partitions to offsets. Got {checks.shown(offsets)}.")
    for tp, offset in zip(partitions_of(list(offsets)), offsets.values(), strict=True):
        if checks.whole_number(offset, f"the offset of {tp}", at_most=checks.LONG_MAX) < -1:
            raise ConfigError(
                f"It must be at least -1, the high watermark; the offset of {tp} is {offset}.",
                java_name="OffsetOutOfRangeException",
            )
