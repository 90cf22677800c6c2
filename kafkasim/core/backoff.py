"""How long a client waits before it tries again: twice as long each time, up to a limit, and never quite in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

JITTER = 0.2
"""Each wait is drawn from this share below to this share above the computed one. Kafka: CommonClientConfigs."""


def backoff_ms(attempts: int, initial_ms: int, max_ms: int, chance: Random) -> int:
    """The wait in ms after ``attempts`` + 1 failures; a limit at or below the first wait makes it constant.

    Chance never makes it longer than ``max_ms``. Kafka: ExponentialBackoff.backoff (KIP-580, 3.7).
    """
    if max_ms <= initial_ms:
        return max_ms
    wait_ms = min(initial_ms * 2 ** min(attempts, 62), max_ms)
    return min(int(wait_ms * chance.uniform(1 - JITTER, 1 + JITTER)), max_ms)
