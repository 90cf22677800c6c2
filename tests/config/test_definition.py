"""What all classes of settings share: frozen, equal by value, changed by copy, quiet about nothing."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkasim import config
from kafkasim.config import (
    ProducerConfig,
    Settings,
    TopicConfig,
)
from kafkasim.errors import ConfigError

CLASSES = [it for it in vars(config).values() if isinstance(it, type) and issubclass(it, Settings) and it.KIND]


@pytest.mark.parametrize("cls", CLASSES)
def test_a_configuration_is_frozen_and_has_no_room_for_more(cls: type[Settings]) -> None:
    config = cls()
    attribute = next(iter(config.values()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, attribute, 1)
    with pytest.raises((AttributeError, TypeError)):
        config.anything = 1  # type: ignore[attr-defined]
    assert not hasattr(config, "__dict__")


@pytest.mark.parametrize("cls", CLASSES)
def test_a_configuration_travels_to_another_process(cls: type[Settings]) -> None:
    config = cls()

    for twin in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert twin == config
        assert twin.explicitly_set == config.explicitly_set
        assert hash(twin) == hash(config)


def test_what_was_given_counts_neither_for_equality_nor_for_what_is_shown() -> None:
    default, given_the_default = ProducerConfig(), ProducerConfig(acks="all")

    assert default == given_the_default
    assert hash(default) == hash(given_the_default)
    assert default.explicitly_set == frozenset()
    assert given_the_default.explicitly_set == {"acks"}
    assert repr(default) == repr(given_the_default) == "ProducerConfig()"


def test_a_configuration_shows_what_differs_from_kafkas_defaults() -> None:
    assert (
        repr(ProducerConfig(linger_ms="5", acks=1)) == "ProducerConfig(acks=1, enable_idempotence=False, linger_ms=5)"
    )
    assert repr(TopicConfig(cleanup_policy="compact")) == "TopicConfig(cleanup_policy=('compact',))"


def test_a_change_makes_a_copy_that_is_checked_as_a_whole() -> None:
    config = ProducerConfig(linger_ms=5)

    changed = config.with_changes(acks=1, **{"batch.size": "10"})

    assert (config.acks, config.batch_size) == (-1, 16384)
    assert (changed.acks, changed.batch_size, changed.linger_ms) == (1, 10, 5)
    assert changed.explicitly_set == {"linger.ms", "acks", "batch.size"}
    with pytest.raises(ConfigError, match=r"retries must be a whole number"):
        config.with_changes(retries=-1)


def test_what_was_adjusted_silently_is_adjusted_anew_after_a_change() -> None:
    config = ProducerConfig(acks=1, linger_ms=200_000)
    assert (config.enable_idempotence, config.delivery_timeout_ms) == (False, 230_000)

    changed = config.with_changes(acks="all", linger_ms=0)

    assert (changed.enable_idempotence, changed.delivery_timeout_ms) == (True, 120_000)


def test_the_mapping_may_change_afterwards() -> None:
    policies = ["compact"]
    asked: dict[str, object] = {"cleanup.policy": policies}
    config = TopicConfig.parse(asked)
    policies.append("delete")
    asked["retention.ms"] = 1

    assert config == TopicConfig(cleanup_policy="compact")


def test_described_by_kafkas_names_in_the_order_of_the_definition() -> None:
    config = ProducerConfig(linger_ms=5)

    assert tuple(config.describe()) == ProducerConfig.names()
    assert config.describe()["linger.ms"] == 5
    assert config.values()["linger_ms"] == 5


# --- whatever is given, the answer is a configuration or a ConfigError ---------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.sampled_from(["all", "0", "1", "-1", "true", "range", "delete", "compact", ",", "host:1", "9" * 5000, 10**5000]),
    st.sampled_from([object(), int, len, ..., NotImplemented, range(3)]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.tuples(SCALARS), st.dictionaries(st.text(), SCALARS))


@pytest.mark.parametrize("cls", CLASSES)
@settings(deadline=None, derandomize=True, max_examples=150)
@given(data=st.data())
def test_parse_gives_a_configuration_or_a_config_error(cls: type[Settings], data: st.DataObject) -> None:
    attributes = list(cls().values())
    names = st.sampled_from([*cls.names(), *attributes]) | st.text(max_size=5) | st.none() | st.integers()
    asked = data.draw(st.dictionaries(names, VALUES, max_size=3) | VALUES)
    outcome = parsed_or_refused(cls, asked)
    if isinstance(outcome, Settings):
        assert outcome == parsed_or_refused(cls, asked)
        assert outcome == outcome.with_changes()
    else:
        assert len(outcome) < 600
        assert "\n" not in outcome


def parsed_or_refused(cls: type[Settings], asked: object) -> Settings | str:
    try:
        return cls.parse(asked)  # type: ignore[arg-type]
    except ConfigError as refused:
        return str(refused)


@pytest.mark.parametrize("cls", CLASSES)
@settings(deadline=None, derandomize=True, max_examples=150)
@given(data=st.data())
def test_a_refused_change_leaves_everything_as_it_was(cls: type[Settings], data: st.DataObject) -> None:
    config = cls()
    before = config.describe()
    name = data.draw(st.sampled_from(cls.names()))
    value = data.draw(st.integers(-5, 5) | st.text(max_size=3))
    try:
        changed = config.with_changes(**{name: value})
    except ConfigError:
        pass
    else:
        assert type(changed) is cls
        assert name in changed.explicitly_set
    assert config.describe() == before
    assert config.explicitly_set == frozenset()
