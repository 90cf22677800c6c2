"""Settings of a producer, and what they demand of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkasim.config import checks
from kafkasim.config.client import ClientConfig
from kafkasim.config.setting import boolean, function, integer, list_of, long, one_of, read_by, text
from kafkasim.errors import ConfigError

ACKS = {"all": -1, "-1": -1, "0": 0, "1": 1}

PARTITIONERS = {
    "org.apache.kafka.clients.producer.RoundRobinPartitioner": "RoundRobinPartitioner",
    "org.apache.kafka.clients.producer.UniformStickyPartitioner": "UniformStickyPartitioner",
    "org.apache.kafka.clients.producer.internals.DefaultPartitioner": "DefaultPartitioner",
}
"""Kafka's partitioners by class name -> the short names that a configuration keeps."""


def _acks(value: object, name: str) -> int:
    if isinstance(value, str) and value.strip() in ACKS:
        return ACKS[value.strip()]
    try:
        return checks.whole_number(value, name, -1, 1)
    except ConfigError:
        raise checks.wrong(name, "one of all (-1), 0 and 1", value) from None


def _partitioner(value: object, name: str) -> object:
    if isinstance(value, str):
        short = PARTITIONERS.get(value.strip(), value.strip())
        return checks.one_of(short, name, tuple(PARTITIONERS.values()))
    # bytes have a method partition, too; a class has it before it has been made into a partitioner
    if isinstance(value, bytes | bytearray | type) or not callable(getattr(value, "partition", None)):
        raise checks.wrong(name, "one of Kafka's class names or an object with a method partition", value)
    return value


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ProducerConfig(ClientConfig):
    """What a producer can be told, under Kafka's names and with the defaults of 3.9. Times are in ms, sizes in bytes.

    ``acks`` is kept as a number, -1 for all. ``partitioner_class`` is None for the built-in choice, the simple name of
    one of Kafka's classes, or any object with a method ``partition``. Serializers are functions that make bytes.

    Settings that stand against idempotence switch it off, unless it was asked for: then they are refused. A default
    ``delivery.timeout.ms`` grows to linger.ms + request.timeout.ms; one that was given and is shorter is refused.

    Kafka: org.apache.kafka.clients.producer.ProducerConfig, KafkaProducer.configureDeliveryTimeout.
    """

    KIND = "producer"

    acks: int = read_by(_acks, -1)
    enable_idempotence: bool = boolean(True)
    retries: int = integer(checks.INT_MAX, at_least=0)
    delivery_timeout_ms: int = integer(120_000, at_least=0)
    max_in_flight_requests_per_connection: int = integer(5, at_least=1)
    batch_size: int = integer(16_384, at_least=0)
    linger_ms: int = long(0, at_least=0)
    buffer_memory: int = long(33_554_432, at_least=0)
    max_block_ms: int = long(60_000, at_least=0)
    max_request_size: int = integer(1_048_576, at_least=0)
    partitioner_class: Any = read_by(_partitioner, None)
    partitioner_adaptive_partitioning_enable: bool = boolean(True)
    partitioner_availability_timeout_ms: int = long(0, at_least=0)
    partitioner_ignore_keys: bool = boolean(False)
    key_serializer: Callable[[Any], bytes | None] | None = function(None)
    value_serializer: Callable[[Any], bytes | None] | None = function(None)
    transactional_id: str | None = text(None)
    transaction_timeout_ms: int = integer(60_000)

    metadata_max_idle_ms: int = long(300_000, at_least=5000, not_modelled=True)
    compression_type: str = one_of("none", "none", "gzip", "snappy", "lz4", "zstd", not_modelled=True)
    interceptor_classes: tuple[str, ...] = list_of((), not_modelled=True)
    receive_buffer_bytes: int = integer(32_768, at_least=-1, not_modelled=True)

    def _settled(self) -> dict[str, object]:
        return {**ClientConfig._settled(self), **self._idempotence(), **self._delivery_timeout()}

    def _idempotence(self) -> dict[str, object]:
        if self.transactional_id is not None and not self.enable_idempotence:
            raise ConfigError("Cannot set a transactional.id without also enabling idempotence.")
        conflict = self._conflict_with_idempotence()
        if not self.enable_idempotence or conflict is None:
            return {}
        if self.transactional_id is not None or "enable.idempotence" in self.explicitly_set:
            raise ConfigError(conflict)
        return {"enable_idempotence": False}

    def _conflict_with_idempotence(self) -> str | None:
        if self.retries == 0:
            return "Must set retries to non-zero when using the idempotent producer. Got 0."
        if self.acks != -1:
            return (
                "Must set acks to all in order to use the idempotent producer: otherwise idempotence cannot be "
                f"guaranteed. Got {self.acks}."
            )
        if self.max_in_flight_requests_per_connection > 5:
            return (
                "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer. "
                f"Got {self.max_in_flight_requests_per_connection}."
            )
        return None

    def _delivery_timeout(self) -> dict[str, object]:
        least = min(self.linger_ms + self.request_timeout_ms, checks.INT_MAX)
        if self.delivery_timeout_ms >= least:
            return {}
        if "delivery.timeout.ms" not in self.explicitly_set:
            return {"delivery_timeout_ms": least}
        refusal = ConfigError(
            "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms "
            f"({self.linger_ms} + {self.request_timeout_ms}). Got {self.delivery_timeout_ms}."
        )
        raise checks.not_constructed("producer", refusal)
