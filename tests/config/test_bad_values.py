"""Every setting refuses what it cannot be; the settings are found by looking, so that a new one cannot be forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from types import UnionType
from typing import NamedTuple, get_args, get_type_hints

import numpy as np
import pytest

from kafkasim import config
from kafkasim.config import (
    BrokerConfig,
    ConsumerConfig,
    NetworkConfig,
    ProducerConfig,
    Settings,
    TopicConfig,
    ZooKeeperConfig,
)
from kafkasim.errors import ConfigError

CLASSES = [it for it in vars(config).values() if isinstance(it, type) and issubclass(it, Settings) and it.KIND]
NAN, INFINITY = float("nan"), float("inf")


class Declared(NamedTuple):
    """One setting as a test meets it."""

    cls: type[Settings]
    field: str
    name: str
    types: frozenset[object]
    default: object

    def __str__(self) -> str:
        return f"{self.cls.__name__}:{self.name}"


def declared() -> Iterator[Declared]:
    for cls in CLASSES:
        hints = get_type_hints(cls)
        specs = [spec for spec in dataclasses.fields(cls) if spec.metadata]
        for spec, name in zip(specs, cls.names(), strict=True):
            hint = hints[spec.name]
            types = frozenset(get_args(hint)) if isinstance(hint, UnionType) else frozenset({hint})
            yield Declared(cls, spec.name, name, types, spec.default)


EVERY = list(declared())
WHOLE = [it for it in EVERY if int in it.types]
DECIMAL = [it for it in EVERY if float in it.types]
BOOLEAN = [it for it in EVERY if bool in it.types]
TEXT = [it for it in EVERY if str in it.types]
NUMERIC = WHOLE + DECIMAL


def refusal(setting: Declared, value: object) -> str:
    """The message with which a value is refused; it must name the setting and what was given."""
    with pytest.raises(ConfigError) as refused:
        setting.cls.parse({setting.name: value})
    message = str(refused.value)
    assert message.startswith(f"{setting.name} must be ")
    assert " Got " in message
    assert refused.value.java_name == "ConfigException"
    return message


def test_the_settings_are_found() -> None:
    assert len(WHOLE) > 100
    assert len(DECIMAL) == 4
    assert len(BOOLEAN) > 20
    assert len(TEXT) > 15


@pytest.mark.parametrize("setting", NUMERIC, ids=str)
def test_a_number_is_finite(setting: Declared) -> None:
    for value in (NAN, INFINITY, -INFINITY):
        assert f"Got {value} instead." in refusal(setting, value)


@pytest.mark.parametrize("setting", NUMERIC, ids=str)
def test_a_number_is_a_number_and_no_boolean(setting: Declared) -> None:
    for value in (True, False, [], [5], {}, b"5", 5j, Decimal(5), int, object(), np.True_, 10**400, -(10**400)):
        refusal(setting, value)
    for text in ("x", "", " ", "1_000", "0x10", "NaN", "Infinity", "1e999", "5 ms", "--5", "9" * 5000):
        refusal(setting, text)


@pytest.mark.parametrize("setting", WHOLE, ids=str)
def test_kafka_takes_no_float_for_a_whole_number(setting: Declared) -> None:
    for value in (5.0, 0.5, "5.0", "1e3", np.float64(5), 2**63, -(2**63) - 1):
        refusal(setting, value)


@pytest.mark.parametrize("setting", DECIMAL, ids=str)
def test_a_decimal_number_may_be_spelled_and_has_its_limits(setting: Declared) -> None:
    for value in (0.25, "0.25", " 2.5e-1 ", ".25", np.float32(0.25)):
        found = getattr(setting.cls.parse({setting.name: value}), setting.field)
        assert (type(found), found) == (float, 0.25)
    for value in (-1, "-0.5"):
        refusal(setting, value)


@pytest.mark.parametrize("setting", EVERY, ids=str)
def test_none_is_for_settings_that_are_none_by_default(setting: Declared) -> None:
    if setting.default is None:
        setting.cls.parse({setting.name: None})
    else:
        assert "Got None instead." in refusal(setting, None)


@pytest.mark.parametrize("setting", BOOLEAN, ids=str)
def test_a_boolean_is_true_or_false_in_any_case(setting: Declared) -> None:
    spelled = {setting.name: f" {str(setting.default).upper()} "}
    config = setting.cls.parse(spelled | group_of(setting.cls))

    assert getattr(config, setting.field) is setting.default
    for value in (0, 1, "yes", "", "1", [], NAN, object()):
        assert "True or False" in refusal(setting, value)


@pytest.mark.parametrize("setting", TEXT, ids=str)
def test_a_text_is_a_text(setting: Declared) -> None:
    for value in (5, 0.5, True, b"x", [], ["x"], NAN, object()):
        refusal(setting, value)


@pytest.mark.parametrize("setting", [it for it in WHOLE if it.default is not None], ids=str)
def test_whole_numbers_come_as_numbers_as_digits_and_from_numpy(setting: Declared) -> None:
    untouched = setting.cls.parse(group_of(setting.cls))
    for value in (setting.default, str(setting.default), f" {setting.default} ", np.int64(int(str(setting.default)))):
        config = setting.cls.parse({setting.name: value} | group_of(setting.cls))

        found = getattr(config, setting.field)
        assert (type(found), found) == (int, getattr(untouched, setting.field))


def group_of(cls: type[Settings]) -> dict[str, object]:
    """A consumer has a group, so that its settings are not changed silently."""
    return {"group.id": "g"} if "group.id" in cls.names() else {}


@pytest.mark.parametrize(
    ("cls", "given", "message"),
    [
        (ProducerConfig, {"retries": -1}, "retries must be a whole number from 0 to 2147483647. Got -1 instead."),
        (ProducerConfig, {"retries": 2**31}, "retries must be a whole number from 0 to 2147483647. Got 2147483648 in"),
        (
            ProducerConfig,
            {"linger_ms": "-1"},
            "linger.ms must be a whole number from 0 to 9223372036854775807. Got",
        ),
        (ProducerConfig, {"metadata.max.idle.ms": 4999}, "must be a whole number from 5000 to"),
        (
            TopicConfig,
            {"retention.ms": "soon"},
            "retention.ms must be a whole number from -1 to 9223372036854775807.",
        ),
        (TopicConfig, {"min.insync.replicas": 0}, "min.insync.replicas must be a whole number from 1 to"),
        (TopicConfig, {"segment.bytes": 13}, "segment.bytes must be a whole number from 14 to 2147483647. Got 13"),
        (TopicConfig, {"min.cleanable.dirty.ratio": 1.01}, "must be a finite number from 0 to 1. Got 1.01 instead."),
        (
            TopicConfig,
            {"cleanup.policy": "compact,delite"},
            "must be a list of compact and delete. Got 'compact,",
        ),
        (
            TopicConfig,
            {"message.timestamp.type": "createtime"},
            "must be one of CreateTime, LogAppendTime. Got",
        ),
        (
            ConsumerConfig,
            {"auto.offset.reset": "newest"},
            "auto.offset.reset must be one of latest, earliest, none.",
        ),
        (ConsumerConfig, {"isolation.level": "committed"}, "must be one of read_uncommitted, read_committed. Got"),
        (ConsumerConfig, {"max.poll.records": 0}, "max.poll.records must be a whole number from 1 to"),
        (
            ConsumerConfig,
            {"group.instance.id": ""},
            "group.instance.id must be a text of at least one character, or None. Got ''",
        ),
        (BrokerConfig, {"default.replication.factor": 40000}, "must be a whole number from 1 to 32767. Got 40000 ins"),
        (ZooKeeperConfig, {"tickTime": 0}, "tickTime must be a whole number from 1 to 2147483647. Got 0 instead."),
        (NetworkConfig, {"jitter_ms": -0.1}, "jitter_ms must be a finite number of at least 0. Got -0.1 instead."),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_allowed(
    cls: type[Settings], given: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        cls.parse(given)

    assert message in str(refused.value)


def test_a_setting_that_is_not_modelled_takes_its_default_only() -> None:
    assert ProducerConfig.parse({"compression.type": "none", "send.buffer.bytes": "131072"}) == ProducerConfig()

    with pytest.raises(ConfigError) as refused:
        ProducerConfig(compression_type="gzip")
    assert str(refused.value) == (
        "compression.type must be 'none', its default: kafkasim does not model this setting. Got 'gzip' instead."
    )
    with pytest.raises(ConfigError, match="must be one of none, gzip"):
        ProducerConfig(compression_type="gzipp")


def test_which_settings_are_not_modelled_can_be_asked() -> None:
    assert "interceptor.classes" in ProducerConfig.not_modelled()
    assert "linger.ms" not in ProducerConfig.not_modelled()
    assert NetworkConfig.not_modelled() == ()
