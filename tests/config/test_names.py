"""The names of settings: Kafka's, the fields', and near misses."""

from __future__ import annotations

import pytest

from kafkasim import config
from kafkasim.config import (
    BrokerConfig,
    NetworkConfig,
    ProducerConfig,
    Settings,
    TopicConfig,
    ZooKeeperConfig,
)
from kafkasim.errors import ConfigError

CLASSES = [it for it in vars(config).values() if isinstance(it, type) and issubclass(it, Settings) and it.KIND]
NAMES = [(cls, name) for cls in CLASSES for name in cls.names()]


def slips(name: str) -> list[str]:
    """The name with a letter left out and with two neighbours exchanged, at some five places each."""
    places = range(0, len(name) - 1, max(1, len(name) // 5))
    dropped = [name[:i] + name[i + 1 :] for i in places]
    swapped = [name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in places if name[i] != name[i + 1]]
    return dropped + swapped


@pytest.mark.parametrize(("cls", "name"), NAMES, ids=lambda it: it if isinstance(it, str) else it.__name__)
def test_a_slip_of_the_pen_gets_the_right_name_back(cls: type[Settings], name: str) -> None:
    for slip in slips(name):
        with pytest.raises(ConfigError) as refused:
            cls.parse({slip: 1})

        assert f"There is no {cls.KIND} setting {slip!r}. Did you mean " in str(refused.value)
        assert repr(name) in str(refused.value)


def test_a_setting_goes_by_kafkas_name_and_by_its_fields() -> None:
    dotted = ProducerConfig.parse({"linger.ms": "5", "batch.size": 1000})
    underscored = ProducerConfig.parse({"linger_ms": 5, "batch_size": "1000"})

    assert dotted == underscored == ProducerConfig(linger_ms=5, **{"batch.size": 1000})
    assert dotted.explicitly_set == underscored.explicitly_set == {"linger.ms", "batch.size"}


def test_zookeepers_names_are_written_as_zookeeper_writes_them() -> None:
    assert ZooKeeperConfig(tickTime=500) == ZooKeeperConfig(tick_time=500)
    assert ZooKeeperConfig(tickTime=500).explicitly_set == {"tickTime"}
    with pytest.raises(ConfigError, match=r"There is no ZooKeeper setting 'tick.time'. Did you mean 'tickTime'\?"):
        ZooKeeperConfig.parse({"tick.time": 500})


def test_both_names_of_one_setting_are_one_too_many() -> None:
    with pytest.raises(ConfigError) as refused:
        ProducerConfig.parse({"linger.ms": 5, "linger_ms": 5})

    assert str(refused.value) == "linger.ms is given twice, as linger.ms and linger_ms. Give it once."


def test_the_messages_for_unknown_names() -> None:
    with pytest.raises(ConfigError) as near:
        ProducerConfig(ack=1)
    assert str(near.value) == "There is no producer setting 'ack'. Did you mean 'acks'?"
    assert near.value.java_name == "ConfigException"

    with pytest.raises(ConfigError) as far:
        NetworkConfig(zzzz=1)
    assert str(far.value) == "There is no network setting 'zzzz'. NetworkConfig.names() lists the 2 there are."


@pytest.mark.parametrize("name", ["segment.ms", "segment_ms"])
def test_a_topics_name_for_a_brokers_setting_is_translated(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        BrokerConfig.parse({name: 1})

    assert str(refused.value) == f"There is no broker setting {name!r}. Did you mean 'log.roll.ms'?"


@pytest.mark.parametrize("given", ["linger.ms=5", 5, None, ["linger.ms"], [("linger.ms", 5)], {"linger.ms"}], ids=repr)
def test_settings_come_as_a_mapping(given: object) -> None:
    with pytest.raises(ConfigError, match="The producer settings must be a mapping such as"):
        ProducerConfig.parse(given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="The topic settings must be a mapping such as"):
        TopicConfig().overridden(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [5, None, b"acks", ("acks",)], ids=repr)
def test_names_are_texts(name: object) -> None:
    with pytest.raises(ConfigError, match="The name of a producer setting must be a text"):
        ProducerConfig.parse({name: 1})  # type: ignore[dict-item]
