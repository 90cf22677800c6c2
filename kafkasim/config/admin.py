"""Settings of an admin client."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.config.client import ClientConfig
from kafkasim.config.setting import integer, long


@dataclass(frozen=True, slots=True, init=False, repr=False)
class AdminConfig(ClientConfig):
    """What an admin client can be told, under Kafka's names and with the defaults of 3.9. Times are in ms.

    A call gives up after ``default_api_timeout_ms``; each attempt in it ends after ``request_timeout_ms``.

    Kafka: org.apache.kafka.clients.admin.AdminClientConfig.
    """

    KIND = "admin"

    default_api_timeout_ms: int = integer(60_000, at_least=0)
    retries: int = integer(checks.INT_MAX, at_least=0)

    connections_max_idle_ms: int = long(300_000, not_modelled=True)
