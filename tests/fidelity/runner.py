"""Finds the shape of each file, runs its cases, and compares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kafkasim as ks
from tests.fidelity import vectors

DATA = Path(__file__).parent / "data"
PASSED, FAILED, NOT_COVERED = "passed", "failed", "not covered"


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    case: str
    status: str
    why: str = ""


def files(paths: list[Path]) -> Iterator[Path]:
    """The JSON files among files and folders, sorted; the project's own data when there are none."""
    for path in paths or [DATA]:
        if not path.exists():
            raise SystemExit(f"There is no {path}.")
        yield from sorted(path.rglob("*.json")) if path.is_dir() else [path]


def run(path: Path) -> Iterator[Outcome]:
    """The outcome of every case in a file of any of the three shapes."""
    data = json.loads(path.read_text(encoding="utf-8"))
    match data:
        case {"meta": _}:
            yield from _vectors(data)
        case {"cases": [*cases], "how_to_read": _}:
            for one in cases:
                yield _left_out(one["id"], "oracle")
        case {"id": str(name), "steps": _}:
            yield _left_out(name, "recording")
        case _:
            yield Outcome(path.stem, NOT_COVERED, "a table or a file of another shape: nothing to run")


def _vectors(data: dict[str, Any]) -> Iterator[Outcome]:
    for category, cases in data.items():
        if category == "meta":
            continue
        for case in cases:
            given = case.get("input")
            unknown = given.get("assignor") if isinstance(given, dict) else None
            if category not in vectors.CATEGORIES:
                yield _left_out(case["id"], category)
            elif unknown and unknown not in ks.assignors.BY_NAME:
                yield _left_out(case["id"], unknown)
            else:
                difference = first_difference(vectors.expected(category, case), vectors.answer(category, case))
                yield Outcome(case["id"], FAILED if difference else PASSED, difference or "")


def _left_out(case: str, name: str) -> Outcome:
    row = ks.ledger().row_that_leaves_out(name)
    if row is None:
        return Outcome(case, FAILED, f"no row of the ledger leaves out {name!r}")
    return Outcome(case, NOT_COVERED, f"ledger row {row.id}: {row.behaviour}")


def first_difference(wanted: Any, got: Any, where: str = "") -> str | None:
    """Where two answers differ first, in words; None when they are equal."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in wanted.keys() | got.keys():
            if key not in wanted or key not in got:
                keys = sorted(wanted.keys() ^ got.keys())
                return f"{where or 'the answer'}: not on both sides: {', '.join(map(str, keys))}"
        for key in wanted:
            difference = first_difference(wanted[key], got[key], f"{where}.{key}" if where else str(key))
            if difference:
                return difference
        return None
    return None if wanted == got else f"{where or 'the answer'}: expected {wanted!r}, got {got!r}"
