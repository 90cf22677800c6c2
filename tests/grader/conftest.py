"""A small exercise of its own: three checks, five points, no cluster."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kafkasim.grader import notebook as nb
from kafkasim.grader.grade import Limits, grade
from kafkasim.grader.release import exercise_of
from kafkasim.grader.report import Report

GOOD = {
    "double": "def double(x):\n    return 2 * x",
    "total": "def total(values):\n    return sum(values)",
}
SHORT = Limits(cell_s=4, wall_s=40)


def code(name: str, text: str, output: str = "", *, tags: tuple[str, ...] = (), **role: object) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    if role:
        metadata["nbgrader"] = {
            "schema_version": 3, "grade_id": name, "grade": False, "solution": False, "locked": False, "task": False,
        } | role  # fmt: skip
    return {
        "cell_type": "code", "id": name, "metadata": metadata, "source": text, "outputs": outputs, "execution_count": 1,
    }  # fmt: skip


def answer(name: str) -> dict[str, Any]:
    first, *rest = GOOD[name].split("\n")
    text = "\n".join([first, "    ### BEGIN SOLUTION", *rest, "    ### END SOLUTION"])
    return code(name, text, tags=("nbval-ignore-output",), solution=True)


def check(name: str, points: int, text: str, output: str) -> dict[str, Any]:
    return code(name, text, output, tags=("raises-exception",), grade=True, locked=True, points=points)


def solution_notebook() -> dict[str, Any]:
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A small exercise"},
        code("setup", "from kafkasim.grader.check import quietly", locked=True),
        answer("double"),
        check(
            "check-double", 2,
            "got = [quietly(double, n) for n in (0, 3, 21)]\n"
            'assert got == [0, 6, 42], f"double() gave {got}, expected was [0, 6, 42]."\nprint("passed:", got)',
            "passed: [0, 6, 42]\n",
        ),
        answer("total"),
        check(
            "check-total", 2,
            'got = quietly(total, [1, 2, 3])\nassert got == 6, f"total([1, 2, 3]) gave {got}."\nprint("passed:", got)',
            "passed: 6\n",
        ),
        check(
            "check-both", 1,
            'got = quietly(double, quietly(total, [4, 5]))\nassert got == 18, f"together they gave {got}."\n'
            'print("passed:", got)',
            "passed: 18\n",
        ),
    ]  # fmt: skip
    return nb.normal({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="session")
def solutions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course") / "solutions"
    folder.mkdir()
    (folder / "small.ipynb").write_text(nb.text(solution_notebook()), encoding="utf-8")
    return folder


@pytest.fixture
def submit(tmp_path: Path, solutions: Path) -> Callable[..., Report]:
    """Grade an exercise with these answers, after ``change`` has had its way with the notebook."""

    def graded(answers: dict[str, str] | None = None, change: Callable[[dict[str, Any]], None] | None = None) -> Report:
        notebook = copy.deepcopy(exercise_of(nb.read(solutions / "small.ipynb"), "small"))
        for cell in notebook["cells"]:
            if cell["id"] in (answers or {}):
                cell["source"] = (answers or {})[cell["id"]]
        if change is not None:
            change(notebook)
        path = tmp_path / "small.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        before = path.read_bytes()
        report = grade(path, solutions, SHORT)
        assert path.read_bytes() == before, "the learner's file is only read"
        return report

    return graded


def cell(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in notebook["cells"] if one["id"] == name)
