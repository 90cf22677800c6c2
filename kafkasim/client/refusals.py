"""Calls that kafka-python has and the model has not: each says so, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kafkasim.errors import UsageError, unknown_name


def refusing(client: object, name: str, left_out: Mapping[str, str]) -> Callable[..., Any]:
    """A call that is left out, which answers with its reason; AttributeError for a name that nobody knows."""
    kind = type(client).__name__
    if name not in left_out:
        known = [one for one in dir(type(client)) if not one.startswith("_")]
        raise AttributeError(str(unknown_name(f"name in {kind}", name, known)))

    def refuse(*_: object, **__: object) -> Any:
        raise UsageError(f"{kind}.{name}() is not modelled. {left_out[name]}")

    return refuse
