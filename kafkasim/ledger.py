"""The fidelity ledger: what is modelled, what is simplified, what is left out, and the test that proves it.

``ks.ledger()`` shows it as a table; the rows are kept in ``ledger.toml`` beside this file, by area. A row without which
a recording of a real cluster cannot be replayed names, in ``leaves_out``, the verbs, observations or settings that it
stands for.
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kafkasim.errors import unknown_name

MODELLED, SIMPLIFIED, OMITTED = "modelled", "simplified", "omitted"
STATUSES = (MODELLED, SIMPLIFIED, OMITTED)


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour; ``test`` is a test's path and name, or ``fidelity:`` and a category of vectors or a recording."""

    id: str
    status: str
    behaviour: str
    real_kafka: str
    test: str = ""
    leaves_out: tuple[str, ...] = ()
    area: str = ""


@cache
def _rows() -> tuple[Row, ...]:
    """The rows of ledger.toml, in its order; its tables are the areas."""
    text = (Path(__file__).parent / "ledger.toml").read_text(encoding="utf-8")
    rows = []
    for area, found in tomllib.loads(text).items():
        for row in found:
            rows.append(Row(area=area, **{**row, "leaves_out": tuple(row.get("leaves_out", ()))}))
    return tuple(rows)


class Ledger:
    """The rows as a table."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        width = max((len(row.id) for row in self.rows), default=0)
        return "\n".join(f"{row.status:<10}  {row.id:<{width}}  {row.behaviour}{_beside(row)}" for row in self.rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) + "</tr>" for row in self.rows
        )
        head = "".join(f"<th>{name}</th>" for name in ("area", "row", "status", "here", "real Kafka", "test"))
        return f"<table><tr>{head}</tr>{body}</table>"

    def row_that_leaves_out(self, name: str) -> Row | None:
        """The omitted row because of which ``name`` cannot be replayed."""
        return next((row for row in self.rows if name in row.leaves_out), None)


def _cells(row: Row) -> tuple[str, ...]:
    return row.area, row.id, row.status, row.behaviour, row.real_kafka, row.test


def _beside(row: Row) -> str:
    """What real Kafka does, and the test, behind the behaviour."""
    return f" | Kafka: {row.real_kafka}" + (f" | {row.test}" if row.test else "")


def ledger(status: str | None = None) -> Ledger:
    """The whole ledger, or the rows of one status (modelled, simplified, omitted)."""
    if status is None:
        return Ledger(_rows())
    if status not in STATUSES:
        raise unknown_name("status", status, STATUSES)
    return Ledger(tuple(row for row in _rows() if row.status == status))
