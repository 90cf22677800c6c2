"""What the trace's questions take: moments, partitions, brokers, checked at the door."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kafkasim.errors import ConfigError
from kafkasim.records import TopicPartition


def moment(value: object, name: str) -> float:
    """A time in ms of simulated time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number of milliseconds. Got {value!r}.")
    return value


def partition_named(value: object) -> TopicPartition:
    """A partition given as TopicPartition, as a pair or as a text such as ``orders-0``."""
    if isinstance(value, str):
        topic, dash, number = value.rpartition("-")
        if dash and topic and number.isdecimal():
            return TopicPartition(topic, int(number))
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        parts = tuple(value)
        if len(parts) == 2 and isinstance(parts[0], str) and type(parts[1]) is int and parts[1] >= 0:
            return TopicPartition(parts[0], parts[1])
    raise ConfigError(
        f"A partition is a TopicPartition, a pair such as ('orders', 0) or a text such as 'orders-0'. Got {value!r}."
    )


def host_named(value: object) -> str:
    """A machine or client given by name, or a broker by its id."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"broker-{value}"
    if isinstance(value, str) and value:
        return value
    raise ConfigError(f"A broker is an id such as 102 or a name such as 'broker-102'. Got {value!r}.")
