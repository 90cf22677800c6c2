"""Every row of the ledger is proved by something that exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kafkasim as ks
from kafkasim.errors import UnknownNameError

ROOT = Path(__file__).parent.parent
VECTORS = json.loads((ROOT / "tests/fidelity/data/kafka-vectors.json").read_text())


@pytest.mark.parametrize("row", list(ks.ledger()), ids=lambda row: row.id)
def test_the_test_of_a_row_exists(row):
    if row.status == "omitted" or (row.status == "simplified" and not row.test):
        return
    if row.test.startswith("fidelity:"):
        assert VECTORS[row.test.removeprefix("fidelity:")]
        return
    file, name = row.test.split("::")
    assert f"def {name}" in (ROOT / file).read_text()


def test_rows_have_names_of_their_own():
    ids = [row.id for row in ks.ledger()]
    assert len(set(ids)) == len(ids)


def test_the_ledger_reads_as_a_table():
    table = ks.ledger("omitted")
    assert all(row.status == "omitted" for row in table)
    assert str(table).count("\n") == len(table) - 1
    assert "<td>kraft</td>" in ks.ledger()._repr_html_()
    with pytest.raises(UnknownNameError, match="Did you mean modelled"):
        ks.ledger("modeled")
