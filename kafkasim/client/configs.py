"""The settings of kafka-python 3: its names, its defaults, and what they are called in the native clients.

A setting is *native* (handed to the native client under the name given), *own* (read by the class itself), or *fixed*
(kafka-python has it, the model does not: only its default is taken). A client without a ``client_id`` is named by the
cluster (``producer-1``), not after kafka-python's version.
"""

from __future__ import annotations

import difflib
import selectors
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kafkasim.client.errors import KafkaConfigurationError, WrongTypeError
from kafkasim.client.partitioner import DefaultPartitioner
from kafkasim.config import checks
from kafkasim.errors import UsageError

VERSION = "3.0.12"
PORT = 9092
FOREVER = float("inf")
NOT_HERE = object()
"""The default of a setting whose default is a part of kafka-python itself: no value can be given."""

CLIENT_NATIVE: dict[str, Any] = {
    "bootstrap_servers": "localhost",
    "request_timeout_ms": 30000,
    "retry_backoff_ms": 100,
    "reconnect_backoff_ms": 50,
    "reconnect_backoff_max_ms": 30000,
    "metadata_max_age_ms": 300000,
}
CLIENT_FIXED: dict[str, Any] = {
    "connections_max_idle_ms": 540000,
    "receive_message_max_bytes": 100_000_000,
    "receive_buffer_bytes": None,
    "send_buffer_bytes": None,
    "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    "client_dns_lookup": "use_all_dns_ips",
    "security_protocol": "PLAINTEXT",
    "ssl_context": None,
    "ssl_check_hostname": True,
    "ssl_cafile": None,
    "ssl_certfile": None,
    "ssl_keyfile": None,
    "ssl_crlfile": None,
    "ssl_password": None,
    "api_version": None,
    "bootstrap_timeout_ms": 30000,
    "metric_reporters": [],
    "metrics_num_samples": 2,
    "metrics_sample_window_ms": 30000,
    "selector": selectors.DefaultSelector,
    "sasl_mechanism": None,
    "sasl_plain_username": None,
    "sasl_plain_password": None,
    "sasl_kerberos_name": None,
    "sasl_kerberos_service_name": "kafka",
    "sasl_kerberos_domain_name": None,
    "sasl_oauth_token_provider": None,
    "proxy_url": None,
    "socks5_proxy": None,
    "kafka_client": NOT_HERE,
}


class RangePartitionAssignor:
    """Topic by topic, ranges of partitions to the members in order."""

    name = "range"


class RoundRobinPartitionAssignor:
    """All partitions of all topics, dealt out in turn."""

    name = "roundrobin"


class StickyPartitionAssignor:
    """Balanced, and everybody keeps what it had as far as that goes."""

    name = "sticky"


class CooperativeStickyAssignor:
    """The same without giving up everything before a rebalance."""

    name = "cooperative-sticky"


BUILT_IN = (RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor, CooperativeStickyAssignor)
"""kafka-python's assignors."""


@dataclass(frozen=True)
class Known:
    """The settings of one class of kafka-python, each with its default."""

    kind: str
    native: Mapping[str, Any]
    own: Mapping[str, Any]
    fixed: Mapping[str, Any]

    def defaults(self) -> dict[str, Any]:
        """Every setting with its default."""
        return {**self.native, **self.own, **self.fixed}


PRODUCER = Known(
    "KafkaProducer",
    native={
        **CLIENT_NATIVE,
        "client_id": None,
        "enable_idempotence": True,
        "transactional_id": None,
        "transaction_timeout_ms": 60000,
        "delivery_timeout_ms": 120000,
        "acks": -1,
        "retries": FOREVER,
        "batch_size": 16384,
        "linger_ms": 0,
        "max_block_ms": 60000,
        "max_request_size": 1048576,
        "max_in_flight_requests_per_connection": 5,
    },
    own={"key_serializer": None, "value_serializer": None, "partitioner": DefaultPartitioner()},
    fixed={
        **CLIENT_FIXED,
        "compression_type": None,
        "allow_auto_create_topics": True,
        "ssl_ciphers": None,
        "metrics_enabled": True,
    },
)

CONSUMER = Known(
    "KafkaConsumer",
    native={
        **CLIENT_NATIVE,
        "client_id": f"kafka-python-{VERSION}",
        "group_id": None,
        "group_instance_id": None,
        "fetch_max_wait_ms": 500,
        "fetch_min_bytes": 1,
        "fetch_max_bytes": 52428800,
        "max_partition_fetch_bytes": 1048576,
        "auto_offset_reset": "latest",
        "enable_auto_commit": True,
        "auto_commit_interval_ms": 5000,
        "isolation_level": "read_uncommitted",
        "allow_auto_create_topics": True,
        "exclude_internal_topics": True,
        "partition_assignment_strategy": (RangePartitionAssignor, RoundRobinPartitionAssignor),
        "max_poll_records": 500,
        "max_poll_interval_ms": 300000,
        "session_timeout_ms": 45000,
        "heartbeat_interval_ms": 3000,
    },
    own={"key_deserializer": None, "value_deserializer": None, "consumer_timeout_ms": FOREVER},
    fixed={
        **CLIENT_FIXED,
        "client_rack": "",
        "enable_incremental_fetch_sessions": True,
        "max_in_flight_requests_per_connection": 5,
        "default_offset_commit_callback": NOT_HERE,
        "check_crcs": True,
        "ssl_ciphers": None,
        "metrics_enabled": True,
        "metric_group_prefix": "consumer",
    },
)

ADMIN = Known(
    "KafkaAdminClient",
    native={**CLIENT_NATIVE, "client_id": f"kafka-python-{VERSION}"},
    own={},
    fixed={**CLIENT_FIXED, "max_in_flight_requests_per_connection": 5},
)


def checked(known: Known, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, given or default, once every given name is known and no wish would be ignored in silence."""
    defaults = known.defaults()
    for name, value in given.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=3, cutoff=0.6)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"{known.kind}.DEFAULT_CONFIG lists what there is."
            raise KafkaConfigurationError(f"Unrecognized configs: {{{name!r}: {checks.shown(value)}}}. {hint}")
        if name in known.fixed and not _same(value, defaults[name]):
            raise UsageError(_refusal(name, value, defaults[name]))
    return {**defaults, **given}


def _refusal(name: str, value: object, default: object) -> str:
    allowed = "be left out" if default is NOT_HERE else f"be {default!r}, its default, or be left out"
    return f"{name} must {allowed}: kafkasim does not model this setting. Got {checks.shown(value)}."


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def native_settings(known: Known, given: Mapping[str, Any]) -> dict[str, Any]:
    """The native client's settings for those of kafka-python.

    What neither the user gave nor kafka-python sees otherwise than Kafka is left to Kafka's default.
    kafka-python's back-off between retries does not grow.
    """
    config = checked(known, given)
    wanted = {name for name in given if name in known.native} | {"retry_backoff_ms", "reconnect_backoff_max_ms"}
    native = {name: _converted(name, config[name]) for name in sorted(wanted)}
    native["retry_backoff_max_ms"] = native["retry_backoff_ms"]
    return {name: value for name, value in native.items() if value is not None}


def _converted(name: str, value: Any) -> Any:
    convert = CONVERSIONS.get(name)
    return value if convert is None or value is None else convert(value)


def _addresses(value: Any) -> list[str] | None:
    """Addresses with their ports; None, all brokers of the cluster, for localhost."""
    found = value.split(",") if isinstance(value, str) else value
    found = [address.strip() for address in checks.names(found, "bootstrap_servers")]
    found = [address if ":" in address else f"{address}:{PORT}" for address in found]
    return None if found == [f"localhost:{PORT}"] else found


def _retries(value: Any) -> int:
    return checks.INT_MAX if value == FOREVER else checks.whole_number(value, "retries", at_least=0)


def _acks(value: Any) -> int:
    if value == "all":
        return -1
    if isinstance(value, str):
        raise WrongTypeError(f"acks must be 0, 1, -1 or 'all'. Got {value!r}.")
    return checks.whole_number(value, "acks", -1, 1)


def _assignors(value: Any) -> list[Any]:
    """Assignors by name, and objects of the program's own."""
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise WrongTypeError(f"partition_assignment_strategy must be a list of assignors. Got {checks.shown(value)}.")
    return [item.name if item in BUILT_IN else item for item in value]


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "bootstrap_servers": _addresses,
    "retries": _retries,
    "acks": _acks,
    "partition_assignment_strategy": _assignors,
}
