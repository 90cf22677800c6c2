"""The network, which only a simulator has settings for."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config.definition import Settings
from kafkasim.config.setting import number


@dataclass(frozen=True, slots=True, init=False, repr=False)
class NetworkConfig(Settings):
    """How long a message is under way, in ms: ``one_way_delay_ms`` plus a uniform share, 0 to all, of ``jitter_ms``."""

    KIND = "network"

    one_way_delay_ms: float = number(0.5, at_least=0, named="one_way_delay_ms")
    jitter_ms: float = number(0.2, at_least=0, named="jitter_ms")
