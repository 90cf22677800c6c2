"""How each category of ``kafka-vectors.json`` is put to the project's own public names: one function a category.

A file for each area. Where the expectation of a case tells step by step what happens and what is seen then, the function
gets the steps without what is seen, as ``given["steps"]``, and gives them back with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fidelity.vectors import clients, controller, groups, replication, storage

Case = dict[str, Any]

CATEGORIES: dict[str, Callable[[Any], Any]] = {
    **clients.CATEGORIES, **groups.CATEGORIES, **controller.CATEGORIES, **replication.CATEGORIES,
    **storage.CATEGORIES,
}  # fmt: skip
EXPECTED = {**groups.EXPECTED, **controller.EXPECTED, **replication.EXPECTED, **storage.EXPECTED}
SEEN = ("expect", "result")


def question(category: str, case: Case) -> Callable[[], Any]:
    """What to call for our answer to a case."""
    if category in storage.WHOLE:
        return lambda: CATEGORIES[category](case)
    given, wanted = case["input"], case["expected"]
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict) and "op" in wanted[0]:
        steps = [{name: value for name, value in step.items() if name not in SEEN} for step in wanted]
        given = {**given, "steps": steps}
    return lambda: CATEGORIES[category](given)


def expected(category: str, case: Case) -> Any:
    """What the case expects, brought into the shape of our answers."""
    return EXPECTED.get(category, lambda wanted: wanted)(case["expected"])
