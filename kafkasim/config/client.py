"""The settings that producers, consumers and admin clients share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.config.definition import Settings
from kafkasim.config.setting import boolean, integer, long, one_of, read_by, split, text
from kafkasim.errors import ConfigError

_ADDRESS = re.compile(r"[0-9a-zA-Z._%-]+:[0-9]{1,5}")


def _addresses(value: object, name: str) -> tuple[str, ...]:
    """``host:port`` pairs, as a list or separated by commas."""
    found = tuple(filter(None, checks.names(split(value), name)))
    if not found:
        refusal = ConfigError(f"No resolvable bootstrap urls given in {name}. Got {checks.shown(value)}.")
        raise checks.not_constructed("client", refusal)
    for address in found:
        if not _ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > 65535:
            raise checks.wrong(name, "a list of addresses such as 'broker-101:9092'", value)
    return found


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ClientConfig(Settings):
    """What every client can be told. Times are in ms.

    ``bootstrap_servers`` is None for all brokers of the cluster. ``client_id`` is empty for a name that the client
    makes up. A ``reconnect.backoff.ms`` given alone makes the backoff constant, as in Kafka.

    Kafka: org.apache.kafka.clients.CommonClientConfigs.
    """

    KIND = "client"

    bootstrap_servers: tuple[str, ...] | None = read_by(_addresses, None)
    client_id: str = text("")
    request_timeout_ms: int = integer(30_000, at_least=0)
    retry_backoff_ms: int = long(100, at_least=0)
    retry_backoff_max_ms: int = long(1000, at_least=0)
    reconnect_backoff_ms: int = long(50, at_least=0)
    reconnect_backoff_max_ms: int = long(1000, at_least=0)
    metadata_max_age_ms: int = long(300_000, at_least=0)

    connections_max_idle_ms: int = long(540_000, not_modelled=True)
    socket_connection_setup_timeout_ms: int = long(10_000, not_modelled=True)
    socket_connection_setup_timeout_max_ms: int = long(30_000, not_modelled=True)
    send_buffer_bytes: int = integer(131_072, at_least=-1, not_modelled=True)
    receive_buffer_bytes: int = integer(65_536, at_least=-1, not_modelled=True)
    client_dns_lookup: str = one_of(
        "use_all_dns_ips", "use_all_dns_ips", "resolve_canonical_bootstrap_servers_only", not_modelled=True
    )
    metadata_recovery_strategy: str = one_of("none", "none", "rebootstrap", not_modelled=True)
    security_protocol: str = one_of("PLAINTEXT", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", not_modelled=True)
    enable_metrics_push: bool = boolean(True, not_modelled=True)

    def _settled(self) -> dict[str, object]:
        given = self.explicitly_set
        if "reconnect.backoff.ms" in given and "reconnect.backoff.max.ms" not in given:
            return {"reconnect_backoff_max_ms": self.reconnect_backoff_ms}
        return {}
