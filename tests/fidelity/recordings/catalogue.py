"""The verbs and the sights that can be replayed, by name: a function for each, found by the name it has in a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fidelity.recordings.stage import Stage

Step = dict[str, Any]
Function = Callable[[Stage, Step], Any]

VERBS: dict[str, Function] = {}
"""``do``: acts, gives what the caller got, in the recordings' shape; raises the errors of the simulator."""

SIGHTS: dict[str, Function] = {}
"""``see`` and ``until``: gives what is seen, in the recordings' shape."""


def verb(function: Function) -> Function:
    """Register a verb."""
    VERBS[function.__name__] = function
    return function


def sight(function: Function) -> Function:
    """Register a sight."""
    SIGHTS[function.__name__] = function
    return function
