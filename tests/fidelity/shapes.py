"""Tells the shapes of data apart and takes each file for its cases.

Three shapes: vectors (a list of cases for each category), the oracle of a ZooKeeper ensemble (``cases``), and recordings
of a cluster (``steps``), to which the table of key partitions belongs (``rows``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kafkasim as ks
from tests.fidelity import by_hand, key_table, oracle, vectors
from tests.fidelity.recordings import AS_EVER, Conditions, names_used, replay

Say = Callable[[str], object]

DATA = Path(__file__).parent / "data"
UNKNOWN_SHAPE = "an unknown shape of data"
"""What a file needs that is none of the three."""


@dataclass(frozen=True)
class Case:
    """One case: how to get the answer that is ``expected``, or how to find the first ``difference``.

    Where there is no way, what it would ``need``.
    """

    name: str
    expected: Any = None
    answer: Callable[[], Any] | None = None
    difference: Callable[[Say], str | None] | None = None
    need: str = ""


def files(paths: list[Path]) -> Iterator[Path]:
    """The JSON files among files and folders, sorted; the project's own data when there are none."""
    for path in paths or [DATA]:
        if not path.exists():
            raise SystemExit(f"There is no {path}.")
        yield from sorted(path.rglob("*.json")) if path.is_dir() else [path]


def cases(path: Path, conditions: Sequence[Conditions] = (AS_EVER,)) -> Iterator[Case]:
    """The cases of a file of any shape; a recording is one for each of the ``conditions``."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SystemExit(f"{path} is not JSON: {error}.") from error
    match data:
        case {"cases": [*found], "how_to_read": _}:
            yield from map(_oracle, found)
        case {"id": str(name), "steps": [*_]}:
            yield from _recording(name, data, conditions)
        case {"id": str(name), "partitions": int(partitions), "rows": [*rows]}:
            yield Case(name, key_table.expected(rows), lambda: key_table.answer(rows, partitions))
        case {} if _are_vectors(data):
            yield from _vectors(data)
        case _:
            yield Case(path.name, need=UNKNOWN_SHAPE)


def _recording(name: str, data: dict[str, Any], conditions: Sequence[Conditions]) -> Iterator[Case]:
    """A recording; the first of its names that an omitted row of the ledger leaves out leaves it out as a whole."""
    omitted = ks.ledger("omitted")
    left_out = next((used for used in names_used(data) if omitted.row_that_leaves_out(used)), None)
    if left_out is not None:
        yield Case(name, need=left_out)
        return
    for under in conditions:
        named = name if len(conditions) == 1 else f"{name}, seed {under.seed}"
        yield Case(named, difference=lambda say, under=under: replay(data, say, under))


def _oracle(case: dict[str, Any]) -> Case:
    """A case of an oracle; the first thing it needs that an omitted row leaves out leaves it out as a whole."""
    left_out = oracle.need_of(case)
    if left_out is not None:
        return Case(case["id"], need=left_out)
    return Case(case["id"], difference=lambda say: oracle.difference(case))


def _are_vectors(data: dict[str, Any]) -> bool:
    lists = [found for category, found in data.items() if category != "meta"]
    return bool(lists) and all(isinstance(found, list) for found in lists)


def _vectors(data: dict[str, Any]) -> Iterator[Case]:
    for category, found in data.items():
        if category == "meta":
            continue
        for case in found:
            if category in vectors.CATEGORIES:
                yield Case(case["id"], vectors.expected(category, case), vectors.question(category, case))
            elif case["id"] in by_hand.TESTS:
                yield Case(case["id"], difference=lambda say, name=case["id"]: by_hand.difference(name))
            else:
                yield Case(case["id"], need=category)
