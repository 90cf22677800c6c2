"""What check cells use: calling an answer quietly, and judging it by what happens over many seeds and faults."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kafkasim.errors import ConfigError

T = TypeVar("T")
SEEDS = range(20)
MAX_FACTS = 10


def quietly(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a learner's function and swallow what it prints: a print for debugging costs nothing."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function(*args, **kwargs)


def judge(trial: Callable[..., str | None], *, plans: Mapping[str, Any], seeds: Iterable[int] = SEEDS) -> None:
    """Run ``trial(seed, plan)`` for every seed and fault plan; it gives None, or in words which promise is broken.

    Raises AssertionError with the first broken promise, its seed and its plan, so that it can be replayed.
    """
    runs = 0
    for name, plan in plans.items():
        for seed in seeds:
            problem = quietly(trial, seed, plan)
            runs += 1
            assert problem is None, f"{problem} Replay it with seed {seed} and the plan '{name}'."
    if not runs:
        raise ConfigError("judge() needs at least one seed and one plan: nothing was tried.")


def last_facts(trace: Any, *kinds: str) -> str:
    """The last few facts that led to the end of a trace, for a message."""
    lines = trace.describe(*kinds).splitlines()
    return "\n".join(lines[-MAX_FACTS:])
