"""A consumer's settings against each other, and the assignors it may name or bring along."""

from __future__ import annotations

import pytest

from kafkasim.config import ConsumerConfig
from kafkasim.errors import ConfigError


def test_without_a_group_nothing_is_committed_by_itself() -> None:
    assert ConsumerConfig().enable_auto_commit is False
    assert ConsumerConfig(enable_auto_commit="false").enable_auto_commit is False
    assert ConsumerConfig(group_id="g").enable_auto_commit is True

    with pytest.raises(ConfigError, match=r"enable.auto.commit cannot be set to true when there is no group.id") as no:
        ConsumerConfig(enable_auto_commit=True)
    assert no.value.java_name == "InvalidConfigurationException"


def test_a_group_given_later_brings_the_commits_back() -> None:
    assert ConsumerConfig().with_changes(group_id="g").enable_auto_commit is True


@pytest.mark.parametrize("heartbeat_ms", [6000, 6001])
def test_a_member_beats_more_often_than_its_session_lasts(heartbeat_ms: int) -> None:
    with pytest.raises(
        ConfigError, match=r"heartbeat.interval.ms must be set lower than session.timeout.ms"
    ) as refused:
        ConsumerConfig(group_id="g", session_timeout_ms=6000, heartbeat_interval_ms=heartbeat_ms)

    assert refused.value.java_name == "KafkaException"
    assert isinstance(refused.value.cause, ConfigError)
    assert refused.value.cause.java_name == "IllegalArgumentException"


def test_who_has_no_group_has_no_heart_to_beat() -> None:
    assert ConsumerConfig(session_timeout_ms=6000, heartbeat_interval_ms=6000).group_id is None
    assert ConsumerConfig(group_id="g", session_timeout_ms=6000, heartbeat_interval_ms=5999).group_id == "g"


def test_a_session_timeout_that_no_broker_grants_is_the_brokers_to_refuse() -> None:
    assert ConsumerConfig(group_id="g", session_timeout_ms=3001).session_timeout_ms == 3001


@pytest.mark.parametrize("name", ["a b", ".", "..", "é", "x" * 250])
def test_an_instance_id_is_named_as_a_topic_is(name: str) -> None:
    with pytest.raises(ConfigError, match=r"group.instance.id is invalid: ") as refused:
        ConsumerConfig(group_id="g", group_instance_id=name)

    assert refused.value.java_name == "KafkaException"
    assert refused.value.cause.java_name == "InvalidConfigurationException"
    assert ConsumerConfig(group_id="g", group_instance_id="x" * 249).group_instance_id == "x" * 249


class Mine:
    """An assignor of somebody's own."""

    def assign(self) -> None: ...

    def __repr__(self) -> str:
        return "Mine()"


PACKAGE = "org.apache.kafka.clients.consumer."


@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ("range", ("range",)),
        (f"{PACKAGE}CooperativeStickyAssignor", ("cooperative-sticky",)),
        (f"{PACKAGE}StickyAssignor, {PACKAGE}RangeAssignor", ("sticky", "range")),
        (["roundrobin", f"{PACKAGE}RangeAssignor"], ("roundrobin", "range")),
        (("cooperative-sticky",), ("cooperative-sticky",)),
    ],
)
def test_assignors_by_name_and_by_class_name(given: object, strategy: tuple[str, ...]) -> None:
    assert ConsumerConfig(partition_assignment_strategy=given).partition_assignment_strategy == strategy


def test_an_assignor_of_ones_own() -> None:
    mine = Mine()

    assert ConsumerConfig(partition_assignment_strategy=[mine, "range"]).partition_assignment_strategy == (
        mine,
        "range",
    )


@pytest.mark.parametrize(
    "given", ["", [], "Range", ["range", 5], Mine, [Mine], Mine(), 5, {"range"}, "range,,sticky"], ids=repr
)
def test_what_is_no_list_of_assignors(given: object) -> None:
    with pytest.raises(ConfigError, match=r"partition.assignment.strategy must be .* Got "):
        ConsumerConfig(partition_assignment_strategy=given)


def test_an_assignor_is_named_once() -> None:
    with pytest.raises(ConfigError, match="'range' is used in more than one") as refused:
        ConsumerConfig(partition_assignment_strategy=f"range,{PACKAGE}RangeAssignor")

    assert refused.value.java_name == "KafkaException"


def test_the_group_protocol_of_kip_848_is_not_modelled() -> None:
    with pytest.raises(ConfigError, match="kafkasim does not model this setting"):
        ConsumerConfig(group_protocol="consumer")
