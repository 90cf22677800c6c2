"""A producer's settings against each other; the cases are those of a recorded Kafka 3.9.1."""

from __future__ import annotations

import pytest

from kafkasim.config import ProducerConfig
from kafkasim.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "acks"), [("all", -1), ("-1", -1), (-1, -1), ("0", 0), (0, 0), ("1", 1), (1, 1), (" all ", -1)]
)
def test_acks(given: object, acks: int) -> None:
    assert ProducerConfig(acks=given).acks == acks


@pytest.mark.parametrize("given", ["ALL", "2", 2, -2, "", "two", True, 1.0, None], ids=repr)
def test_acks_of_another_sort(given: object) -> None:
    with pytest.raises(ConfigError, match=r"acks must be one of all \(-1\), 0 and 1. Got "):
        ProducerConfig(acks=given)


CONFLICTS = [
    ({"acks": "1"}, "Must set acks to all in order to use the idempotent producer"),
    ({"acks": "0"}, "Must set acks to all in order to use the idempotent producer"),
    ({"retries": "0"}, "Must set retries to non-zero when using the idempotent producer"),
    (
        {"max.in.flight.requests.per.connection": "6"},
        "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer",
    ),
]


@pytest.mark.parametrize(("conflict", "message"), CONFLICTS)
def test_a_conflict_switches_idempotence_off_when_nobody_asked_for_it(
    conflict: dict[str, object], message: str
) -> None:
    assert ProducerConfig.parse(conflict).enable_idempotence is False


@pytest.mark.parametrize(("conflict", "message"), CONFLICTS)
def test_a_conflict_with_idempotence_that_was_asked_for_is_refused(conflict: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ProducerConfig.parse({"enable.idempotence": "true"} | conflict)

    assert message in str(refused.value)
    assert refused.value.java_name == "ConfigException"


@pytest.mark.parametrize("given", [{}, {"acks": "-1"}, {"max.in.flight.requests.per.connection": "5"}, {"retries": 1}])
def test_idempotence_stays_on(given: dict[str, object]) -> None:
    assert ProducerConfig.parse(given).enable_idempotence is True


def test_idempotence_that_was_switched_off_conflicts_with_nothing() -> None:
    config = ProducerConfig(enable_idempotence=False, acks=1, retries=0)

    assert (config.enable_idempotence, config.acks, config.retries) == (False, 1, 0)


@pytest.mark.parametrize(
    "given",
    [
        {"delivery.timeout.ms": "3000", "request.timeout.ms": "2000", "linger.ms": "1001"},
        {"delivery.timeout.ms": "1000"},
        {"delivery.timeout.ms": 120_000, "linger.ms": 90_001},
    ],
)
def test_a_delivery_timeout_that_was_given_must_be_long_enough(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"should be equal to or larger than linger.ms") as refused:
        ProducerConfig.parse(given)

    assert refused.value.java_name == "KafkaException"
    assert isinstance(refused.value.cause, ConfigError)
    assert refused.value.cause.java_name == "ConfigException"


def test_a_delivery_timeout_that_is_just_long_enough() -> None:
    config = ProducerConfig.parse({"delivery.timeout.ms": "3000", "request.timeout.ms": "2000", "linger.ms": "1000"})

    assert config.delivery_timeout_ms == 3000


@pytest.mark.parametrize(("linger_ms", "timeout_ms"), [(90_000, 120_000), (90_001, 120_001), (2**62, 2**31 - 1)])
def test_the_default_delivery_timeout_grows_in_silence(linger_ms: int, timeout_ms: int) -> None:
    config = ProducerConfig(linger_ms=linger_ms)

    assert (config.linger_ms, config.delivery_timeout_ms) == (linger_ms, timeout_ms)


class EvenPartitions:
    """A partitioner of somebody's own."""

    def partition(self) -> int:
        return 0


def test_a_partitioner_is_one_of_kafkas_or_an_object_of_ones_own() -> None:
    mine = EvenPartitions()

    assert ProducerConfig().partitioner_class is None
    assert ProducerConfig(partitioner_class=mine).partitioner_class is mine
    for name in ("org.apache.kafka.clients.producer.RoundRobinPartitioner", "RoundRobinPartitioner"):
        assert ProducerConfig.parse({"partitioner.class": name}).partitioner_class == "RoundRobinPartitioner"


@pytest.mark.parametrize(
    "given", ["RoundRobin", "", b"bytes have a method partition", EvenPartitions, 5, len], ids=repr
)
def test_what_is_no_partitioner(given: object) -> None:
    with pytest.raises(ConfigError, match=r"partitioner.class must be one of .* Got "):
        ProducerConfig(partitioner_class=given)


def test_serializers_are_functions() -> None:
    assert ProducerConfig(key_serializer=str.encode).key_serializer is str.encode
    for given in ("org.apache.kafka.common.serialization.StringSerializer", b"", 5):
        with pytest.raises(ConfigError, match=r"value.serializer must be a function or None. Got "):
            ProducerConfig(value_serializer=given)


@pytest.mark.parametrize(
    "given",
    ["broker-101:9092,broker-102:9092", " broker-101:9092 , broker-102:9092,", ["broker-101:9092", "broker-102:9092"]],
)
def test_bootstrap_servers_are_a_list_or_a_text_with_commas(given: object) -> None:
    assert ProducerConfig(bootstrap_servers=given).bootstrap_servers == ("broker-101:9092", "broker-102:9092")


@pytest.mark.parametrize(
    "given", ["broker-101", ["broker-101:"], "broker-101:99999", "a b:1", [9092], 9092, {"a:1"}], ids=repr
)
def test_bootstrap_servers_have_a_host_and_a_port(given: object) -> None:
    with pytest.raises(ConfigError, match=r"bootstrap.servers must be a list of"):
        ProducerConfig(bootstrap_servers=given)


@pytest.mark.parametrize("given", ["", [], ",", [""]], ids=repr)
def test_no_bootstrap_server_is_too_few(given: object) -> None:
    with pytest.raises(ConfigError, match=r"No resolvable bootstrap urls given in bootstrap.servers"):
        ProducerConfig(bootstrap_servers=given)


def test_a_reconnect_backoff_given_alone_is_constant() -> None:
    assert ProducerConfig(reconnect_backoff_ms=200).reconnect_backoff_max_ms == 200
    assert ProducerConfig(reconnect_backoff_ms=200, reconnect_backoff_max_ms=900).reconnect_backoff_max_ms == 900
