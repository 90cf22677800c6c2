"""The settings of the ensemble, and of the network between all machines."""

from __future__ import annotations

import pytest

from kafkasim.config import NetworkConfig, ZooKeeperConfig
from kafkasim.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "shortest", "longest"),
    [
        ({}, 4000, 40_000),
        ({"tickTime": "3000"}, 6000, 60_000),
        ({"tickTime": 500, "minSessionTimeout": 100}, 100, 10_000),
        ({"tickTime": 500, "maxSessionTimeout": 5000}, 1000, 5000),
        ({"tickTime": 500, "minSessionTimeout": -1, "maxSessionTimeout": "-1"}, 1000, 10_000),
    ],
)
def test_sessions_last_two_to_twenty_ticks_unless_told(given: dict[str, object], shortest: int, longest: int) -> None:
    config = ZooKeeperConfig.parse(given)

    assert (config.min_session_timeout, config.max_session_timeout) == (shortest, longest)


def test_another_tick_makes_other_sessions() -> None:
    config = ZooKeeperConfig(minSessionTimeout=-1).with_changes(tickTime=100)

    assert (config.min_session_timeout, config.max_session_timeout) == (200, 2000)


def test_the_shortest_session_is_not_longer_than_the_longest() -> None:
    with pytest.raises(ConfigError, match=r"minSessionTimeout must not be above maxSessionTimeout \(3000\). Got 4000."):
        ZooKeeperConfig(maxSessionTimeout=3000)


@pytest.mark.parametrize("given", [0, 0.0, -0.0, 1, 2.5, "1.5", 1000])
def test_a_delay_of_the_network_is_a_float_of_at_least_zero(given: object) -> None:
    delay = NetworkConfig(one_way_delay_ms=given).one_way_delay_ms

    assert type(delay) is float
    assert str(delay) == str(abs(float(str(given))))
