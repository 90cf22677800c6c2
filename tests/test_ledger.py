"""Every row of the ledger is proved by something that exists."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

import kafkasim as ks
from kafkasim.config import AdminConfig, BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig, ZooKeeperConfig
from kafkasim.errors import UnknownNameError
from tests.fidelity import by_hand, oracle_actions, vectors
from tests.fidelity.recordings import catalogue

ROOT = Path(__file__).parent.parent
VECTORS = json.loads((ROOT / "tests/fidelity/data/kafka-vectors.json").read_text())
RECORDINGS = {path.stem for path in (ROOT / "tests/fidelity/data/recordings").rglob("*.json")}
PROOFS = sorted({row.test for row in ks.ledger() if row.test})
PROSE = {case.rpartition("-")[0] for case in by_hand.TESTS}


NOT_BY_DEFAULT = {"browser", "slow", "search"}
"""The marks of tests that prove no row, as they are not run with the others. Those on a real broker do."""


@pytest.mark.parametrize("test", PROOFS)
def test_the_test_of_a_row_is_one_that_runs(test: str) -> None:
    if test.startswith("fidelity:"):
        name = test.removeprefix("fidelity:")
        assert name in RECORDINGS or (VECTORS.get(name) and name in vectors.CATEGORIES)
        return
    file, _, rest = test.partition("::")
    name, _, parameter = rest.removesuffix("]").partition("[")
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    function = getattr(module, name)
    assert Path(file).name.startswith("test_")
    assert name.startswith("test_")
    marks = [*_marks(module), *_marks(function)]
    assert not NOT_BY_DEFAULT & {mark.name for mark in marks}
    if parameter:
        assert parameter in {one for mark in marks if mark.name == "parametrize" for one in _ids(mark)}


def _marks(holder: object) -> list[pytest.Mark]:
    marks = getattr(holder, "pytestmark", [])
    return [getattr(mark, "mark", mark) for mark in (marks if isinstance(marks, list) else [marks])]


def _ids(mark: pytest.Mark) -> list[str]:
    """What pytest calls the cases of a test whose ids are made by a function."""
    return [mark.kwargs["ids"](value) for value in mark.args[1]]


def test_a_modelled_row_has_a_test_and_an_omitted_one_has_none() -> None:
    assert [row.id for row in ks.ledger("modelled") if not row.test] == []
    assert [row.id for row in ks.ledger("omitted") if row.test] == []
    assert [row.id for row in ks.ledger() if row.leaves_out and row.status != "omitted"] == []
    assert [row.id for row in ks.ledger() if not (row.behaviour and row.real_kafka)] == []


def test_what_a_row_leaves_out_cannot_be_replayed() -> None:
    """A name is a setting that is not modelled, vectors in prose, or what neither replay knows how to do."""
    classes = (ProducerConfig, ConsumerConfig, AdminConfig, TopicConfig, BrokerConfig, ZooKeeperConfig)
    not_modelled = {name for kind in classes for name in kind.not_modelled()}
    modelled = {name for kind in classes for name in kind.names()} - not_modelled
    operations = {*oracle_actions.ACTIONS, *oracle_actions.REQUESTS}
    known = {*catalogue.VERBS, *catalogue.SIGHTS, *vectors.CATEGORIES, *operations}
    for row in ks.ledger():
        for name in row.leaves_out:
            assert name not in known, f"{row.id}: {name} can be replayed"
            assert name in not_modelled | PROSE or name not in modelled, f"{row.id}: {name} is modelled"


def test_rows_have_names_of_their_own():
    ids = [row.id for row in ks.ledger()]
    assert len(set(ids)) == len(ids)


def test_the_ledger_reads_as_a_table():
    table = ks.ledger("omitted")
    assert all(row.status == "omitted" for row in table)
    assert str(table).count("\n") == len(table) - 1
    shown = ks.ledger()._repr_html_()
    assert "<td>controller</td><td>kraft</td><td>omitted</td>" in shown
    assert "<td>fidelity:truncation</td>" in shown
    assert "| Kafka: the same since 2.7 | fidelity:truncation" in str(ks.ledger())
    with pytest.raises(UnknownNameError, match="Did you mean modelled"):
        ks.ledger("modeled")
