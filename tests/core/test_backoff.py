"""How long a client waits before it tries again."""

from __future__ import annotations

from random import Random

import pytest

from kafkasim.core.backoff import backoff_ms


class Chance(Random):
    """Chance that falls on one end of what it may choose from: 0 the lower, 1 the upper."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self.end = end

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.end


@pytest.mark.parametrize(
    ("end", "waits"),
    [
        (0, [80, 160, 320, 640, 800, 800]),
        (0.5, [100, 200, 400, 800, 1000, 1000]),
        (1, [120, 240, 480, 960, 1000, 1000]),
    ],
)
def test_waits_double_up_to_the_limit_which_chance_never_passes(end: float, waits: list[int]) -> None:
    assert [backoff_ms(attempts, 100, 1000, Chance(end)) for attempts in range(6)] == waits
    assert backoff_ms(10**6, 100, 1000, Chance(end)) == waits[-1]


def test_a_limit_at_or_below_the_first_wait_is_a_constant_wait_without_chance() -> None:
    for initial_ms, max_ms in ((1000, 1000), (5000, 1000)):
        assert {backoff_ms(attempts, initial_ms, max_ms, Chance(1)) for attempts in range(5)} == {1000}
    assert backoff_ms(3, 0, 0, Chance(1)) == 0
