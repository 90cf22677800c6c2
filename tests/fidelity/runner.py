"""Runs a case and compares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kafkasim as ks
from kafkasim.errors import KafkaError
from tests.fidelity import shapes
from tests.fidelity.recordings import AS_EVER, Conditions

PASSED, FAILED, NOT_COVERED = "passed", "failed", "not covered"


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    case: str
    status: str
    why: str = ""


def run(
    path: Path, say: shapes.Say = lambda line: None, conditions: Sequence[Conditions] = (AS_EVER,)
) -> Iterator[Outcome]:
    """The outcome of every case in a file, a recording under all ``conditions``; ``say`` hears its steps."""
    return (outcome(case, say) for case in shapes.cases(path, conditions))


def outcome(case: shapes.Case, say: shapes.Say = lambda line: None) -> Outcome:
    """Ask and compare; a case that cannot be asked names the row of the ledger that leaves it out."""
    if case.difference is not None:
        try:
            problem = case.difference(say)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        return Outcome(case.name, FAILED if problem else PASSED, problem or "")
    if case.answer is None:
        row = ks.ledger("omitted").row_that_leaves_out(case.need)
        if row is None:
            return Outcome(case.name, FAILED, f"nobody knows how to ask for {case.need}")
        return Outcome(case.name, NOT_COVERED, f"ledger row {row.id}: {row.behaviour}")
    try:
        got = case.answer()
    except KafkaError as error:
        got = {"error": error.java_name}
    except Exception as error:
        return Outcome(case.name, FAILED, f"{type(error).__name__}: {error}")
    difference = first_difference(case.expected, got)
    return Outcome(case.name, FAILED if difference else PASSED, difference or "")


def first_difference(wanted: Any, got: Any, where: str = "") -> str | None:
    """Where two answers differ first, in words; None when they are equal."""
    if isinstance(wanted, dict) and isinstance(got, dict) and wanted.keys() == got.keys():
        parts = [(wanted[key], got[key], f"{where}.{key}" if where else str(key)) for key in wanted]
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        parts = [(one, other, f"{where}[{place}]") for place, (one, other) in enumerate(zip(wanted, got, strict=True))]
    else:
        return None if wanted == got else f"{where or 'the answer'}: expected {wanted!r}, got {got!r}"
    return next((found for part in parts if (found := first_difference(*part))), None)
