"""Every lesson keeps the rules of its making."""

from __future__ import annotations

import itertools
import json
import statistics
from pathlib import Path

import pytest

import kafkasim as ks

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "course").glob("*.ipynb"))


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code(path):
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_says_what_it_is_for_and_ends_with_key_points(path):
    first, last = "".join(cells(path)[0]["source"]), "".join(cells(path)[-1]["source"])
    assert first.startswith("# ")
    assert "minutes" in first
    assert "**predict**" in first
    assert "Before this lesson" in first
    assert "## Key points" in last
    assert last.count("\n1. ") + sum(last.count(f"\n{n}. ") for n in range(2, 9)) <= 5
    assert any("## In real Kafka" in "".join(cell["source"]) for cell in cells(path))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_predict_run_explain_in_short_cells(path):
    lengths = [len([line for line in cell["source"] if line.strip()]) for cell in code(path)]
    assert statistics.median(lengths) <= 6
    assert max(lengths) <= 15
    tags = [tag for cell in code(path) for tag in cell["metadata"].get("tags", [])]
    assert tags.count("predict") >= 3
    order = [tag for tag in tags if tag in ("predict", "run")]
    assert all(after == "run" for before, after in itertools.pairwise(order) if before == "predict")
    assert not any("class " in "".join(cell["source"]) for cell in code(path))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_ledger_rows_that_a_lesson_leans_on_exist(path):
    text = "".join("".join(cell["source"]) for cell in cells(path) if "In real Kafka" in "".join(cell["source"]))
    ids = {row.id for row in ks.ledger()}
    named = [word for word in text.split("`") if word in ids]
    assert len(named) >= 3


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_prediction_is_answered_in_advance(path):
    for cell in code(path):
        if "predict" in cell["metadata"].get("tags", []):
            assert "answer=None" in "".join(cell["source"])
            shown = "".join("".join(output.get("text", [])) for output in cell["outputs"])
            assert "Choose first" in shown


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_stored_picture_has_its_text_twin(path):
    pictures = [output for cell in code(path) for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        assert len(picture["metadata"]["image/png"]["alt"]) > 100


def test_the_claims_of_lesson_01_hold_on_other_seeds_too():
    """T1, T2, T4 and T7, shown over seeds and not for the lesson's own alone."""
    for seed in range(5):
        cluster = ks.Cluster(brokers=3, seed=seed)
        cluster.create_topic("t", partitions=3, replication_factor=3)
        producer = cluster.producer()
        for number in range(15):
            producer.send("t", f"{number}", key=f"truck-{number % 5}")
        producer.flush().get()
        logs = [
            cluster.disk(cluster.trace.now.leader(("t", number))).replica(ks.TopicPartition("t", number)).records
            for number in range(3)
        ]
        for log in logs:
            assert [offset for offset, _ in log] == list(range(len(log)))
            values = [int(record.value) for _, record in log]
            assert values == sorted(values)
        assert len({log[2][1].value for log in logs}) == 3, "offset 2 is three different records"
