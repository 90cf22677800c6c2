"""Each setting that is accepted acts on something: the part of the simulator that it is for reads it by name."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import kafkasim
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

PACKAGE = Path(kafkasim.__file__).parent
ALL_CLIENTS = ("cluster.py", "sim/network_client.py")
READERS: dict[type[Settings], tuple[str, ...]] = {
    ProducerConfig: (
        *ALL_CLIENTS, "sim/producer.py", "sim/sender.py", "sim/deliveries.py", "sim/partition_choice.py",
        "sim/transaction_manager.py", "sim/transactional_calls.py", "sim/coordinator_asks.py",
    ),
    ConsumerConfig: (
        *ALL_CLIENTS, "sim/consumer.py", "sim/consumer_records.py", "sim/fetcher.py", "sim/offset_lookup.py",
        "sim/offset_validation.py", "sim/commits.py", "sim/membership.py", "sim/heartbeats.py", "sim/rebalancing.py",
    ),
    AdminConfig: (*ALL_CLIENTS, "sim/admin*.py"),
    BrokerConfig: (
        "sim/broker.py", "sim/replica*.py", "sim/log_manager.py", "sim/log_requests.py", "sim/topic_*.py",
        "sim/config_changes.py", "sim/controller*.py", "sim/controlled_shutdown.py", "sim/alter_partition.py",
        "sim/preferred_election.py", "sim/coordinator.py", "sim/group_*.py", "sim/transaction_coordinator.py",
        "sim/transaction_expiry.py", "sim/transaction_markers.py", "sim/transaction_verification.py",
        "sim/producer_ids.py",
    ),
    TopicConfig: ("core/*.py", "sim/log_manager.py", "sim/controller.py"),
    ZooKeeperConfig: ("sim/zookeeper*.py",),
    NetworkConfig: ("sim/network.py",),
}  # fmt: skip
"""Where the values of each class are used. A setting of the same name elsewhere, such as a broker's and a consumer's
``fetch.max.bytes``, proves nothing."""


@functools.cache
def read_in(*patterns: str) -> frozenset[str]:
    """The names of all settings that these files read off something that is a configuration."""
    found = set()
    for file in sorted(path for pattern in patterns for path in PACKAGE.glob(pattern)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and _is_a_configuration(node.value):
                found.add(node.attr)
    return frozenset(found)


def _is_a_configuration(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "topic_config"
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.endswith("config") or name == "parsed"


def inherited_by_topics() -> frozenset[str]:
    """The settings of a broker that its topics begin with; what a topic's own configuration does is looked at there."""
    tree = ast.parse((PACKAGE / "config/broker.py").read_text(encoding="utf-8"))
    names = ("topic_defaults", "_retention_ms")
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    assert len(functions) == len(names)
    inside = [node for function in functions for node in ast.walk(function)]
    return frozenset(
        node.attr for node in inside if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"
    )


@pytest.mark.parametrize("config", READERS, ids=lambda config: config.__name__)
def test_each_accepted_setting_is_read_where_it_belongs(config: type[Settings]) -> None:
    for pattern in READERS[config]:
        assert list(PACKAGE.glob(pattern)), f"there is no {pattern}"
    read = read_in(*READERS[config])
    if config is BrokerConfig:
        assert "topic_defaults" in read
        read |= inherited_by_topics()
    for name in sorted(set(config.names()) - set(config.not_modelled())):
        assert field_of(config, name) in read, f"{config.__name__}: nothing acts on {name}: mark it not_modelled"


@pytest.mark.parametrize("config", READERS, ids=lambda config: config.__name__)
def test_what_is_not_modelled_is_not_read(config: type[Settings]) -> None:
    for name in config.not_modelled():
        assert field_of(config, name) not in read_in(*READERS[config]), f"{config.__name__}: {name} acts: accept it"


def field_of(config: type[Settings], name: str) -> str:
    """The field that keeps a setting's value."""
    return dict(zip(config.names(), config().values(), strict=True))[name]
