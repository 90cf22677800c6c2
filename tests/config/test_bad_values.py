"""Every setting refuses what it cannot be; the settings are found by looking, so that a new one cannot be forgotten."""

from __future__ import annotations

import dataclasses
import itertools
from decimal import Decimal
from types import UnionType
from typing import get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafkasim.config import (
    AdminConfig,
    BrokerConfig,
    ConsumerConfig,
    NetworkConfig,
    ProducerConfig,
    Settings,
    TopicConfig,
    ZooKeeperConfig,
)
from kafkasim.errors import ConfigError

CLASSES: list[type[Settings]] = [
    ProducerConfig,
    ConsumerConfig,
    AdminConfig,
    TopicConfig,
    BrokerConfig,
    ZooKeeperConfig,
    NetworkConfig,
]
NAN, INFINITY = float("nan"), float("inf")


def sort_of(cls: type[Settings], attribute: str) -> set[type]:
    hint = get_type_hints(cls)[attribute]
    return set(get_args(hint)) if isinstance(hint, UnionType) else {hint}


def settings_of(*sorts: type) -> list[tuple[type[Settings], str, str]]:
    """(class, field, Kafka's name) of every setting of one of these types."""
    found = []
    for cls in CLASSES:
        attributes = [spec.name for spec in dataclasses.fields(cls) if spec.metadata]
        for attribute, name in zip(attributes, cls.names(), strict=True):
            if sort_of(cls, attribute) & set(sorts):
                found.append((cls, attribute, name))
    return found


def accepts_none(cls: type[Settings], attribute: str) -> bool:
    return next(spec for spec in dataclasses.fields(cls) if spec.name == attribute).default is None


def label(value: object) -> str:
    return value.__name__ if isinstance(value, type) else str(value)


ALL = settings_of(int, float, bool, str, tuple, object, *(set().union(*(set() for _ in ())))) or []
EVERY = [
    (cls, spec.name, name)
    for cls in CLASSES
    for spec, name in zip([spec for spec in dataclasses.fields(cls) if spec.metadata], cls.names(), strict=True)
]


def refusal(cls: type[Settings], name: str, value: object) -> str:
    with pytest.raises(ConfigError) as refused:
        cls.parse({name: value})
    message = str(refused.value)
    assert name in message
    assert "Got" in message
    return message
