"""Exercises come from solutions, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkasim.__main__ import main
from kafkasim.errors import ConfigError
from kafkasim.grader import notebook as nb
from kafkasim.grader.release import exercise_of, release
from tests.grader.conftest import cell, solution_notebook

ROOT = Path(__file__).parent.parent.parent


def test_the_projects_exercises_are_in_step_with_their_solutions():
    assert release(ROOT / "solutions", ROOT / "exercises", check=True) == []


def test_an_exercise_has_stubs_no_outputs_and_locked_checks():
    exercise = exercise_of(solution_notebook(), "small")
    stub = nb.source(cell(exercise, "double"))
    assert stub == 'def double(x):\n    raise NotImplementedError("not attempted yet")'
    text = nb.text(exercise)
    assert "SOLUTION" not in text
    assert "return 2 * x" not in text
    for one in exercise["cells"]:
        if one["cell_type"] == "code":
            assert (one["outputs"], one["execution_count"]) == ([], None)
    assert cell(exercise, "check-double")["metadata"]["editable"] is False
    assert exercise["metadata"]["kafkasim"] == {"exercise": "small"}


def test_release_writes_checks_and_cleans_up(tmp_path, solutions, capsys):
    target = tmp_path / "exercises"
    arguments = ["release", "--solutions", str(solutions), "--exercises", str(target)]
    assert main([*arguments, "--check"]) == 1
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    (target / "old.ipynb").write_text("{}")
    (target / "small.ipynb").write_text("{}")
    assert main([*arguments, "--check"]) == 1
    assert "old.ipynb" in capsys.readouterr().out
    assert main(arguments) == 0
    assert [path.name for path in target.iterdir()] == ["small.ipynb"]


def test_an_answer_cell_without_its_marks_is_refused():
    notebook = solution_notebook()
    cell(notebook, "double")["source"] = "def double(x): return 2 * x"
    with pytest.raises(ConfigError, match="The answer cell double needs a line '### BEGIN SOLUTION'"):
        exercise_of(notebook, "small")


def test_hidden_tests_do_not_reach_the_learner():
    notebook = solution_notebook()
    cell(notebook, "check-double")["source"] = (
        "a = 1\n### BEGIN HIDDEN TESTS\nsecret = 2\n### END HIDDEN TESTS\nb = 3\n"
    )
    assert nb.source(cell(exercise_of(notebook, "small"), "check-double")) == "a = 1\nb = 3"


def test_the_normal_form_is_stable_and_keeps_nothing_of_a_machine():
    notebook = solution_notebook()
    notebook["metadata"]["widgets"] = {"state": {}}
    notebook["cells"][1]["metadata"]["execution"] = {"iopub.execute_input": "2020-01-01"}
    once = nb.text(nb.normal(notebook))
    assert nb.text(nb.normal(nb.normal(notebook))) == once
    assert "2020" not in once
    assert "widgets" not in once
    assert once.endswith("}\n")
