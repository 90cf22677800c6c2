"""Every row of the table of hostile and broken notebooks: never a traceback, never a hang, never a point too many."""

from __future__ import annotations

import copy
import json
import time

import psutil
import pytest

from kafkasim.__main__ import main
from kafkasim.errors import ConfigError, UnknownNameError
from kafkasim.grader.grade import grade
from tests.grader.conftest import GOOD, cell

DOUBLE = GOOD["double"]
CHEAT = """
class Anything:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __repr__(self): return "42"
def double(x): return Anything()
"""


def points(report):
    return {task.name: task.points for task in report.tasks}


def words(report):
    return {task.name: task.message for task in report.tasks}


def test_a_correct_answer_gets_every_point(submit):
    report = submit(GOOD)
    assert (report.points, report.max_points, report.is_full) == (5, 5, True)
    assert set(words(report).values()) == {"passed"}


def test_an_untouched_exercise_gets_nothing_and_is_called_not_attempted(submit):
    report = submit()
    assert report.points == 0
    assert set(words(report).values()) == {"not attempted yet"}


def test_a_wrong_answer_loses_its_own_points_and_is_told_why(submit):
    report = submit({**GOOD, "double": "def double(x):\n    return x * x"})
    assert points(report) == {"check-double": 0, "check-total": 2, "check-both": 0}
    assert words(report)["check-double"] == "double() gave [0, 9, 441], expected was [0, 6, 42]."


def test_edited_checks_and_invented_points_are_ignored(submit):
    def change(notebook):
        for name in ("check-double", "check-total", "check-both"):
            cell(notebook, name)["source"] = 'print("passed: [0, 6, 42]")'
            cell(notebook, name)["metadata"]["nbgrader"]["points"] = 300

    report = submit(change=change)
    assert (report.points, report.max_points) == (0, 5)


def test_deleted_checks_are_put_back(submit):
    def change(notebook):
        notebook["cells"] = [one for one in notebook["cells"] if not one["id"].startswith("check")]

    assert submit(GOOD, change).points == 5


def test_a_missing_answer_is_named(submit):
    def change(notebook):
        notebook["cells"].remove(cell(notebook, "total"))

    report = submit(GOOD, change)
    assert points(report) == {"check-double": 2, "check-total": 0, "check-both": 0}
    assert words(report)["check-total"] == "The answer cell total is missing."


def test_an_answer_that_is_there_twice_counts_for_nothing(submit):
    def change(notebook):
        notebook["cells"].append(copy.deepcopy(cell(notebook, "double")))

    report = submit(GOOD, change)
    assert points(report) == {"check-double": 0, "check-total": 2, "check-both": 0}
    assert words(report)["check-double"] == "The answer cell double is there 2 times."


def test_a_check_made_text_and_cells_added_change_nothing(submit):
    def change(notebook):
        cell(notebook, "check-double")["cell_type"] = "markdown"
        extra = {"cell_type": "code", "id": "extra", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].insert(0, {**extra, "source": "def double(x): return 2 * x\ndef total(v): return 18"})
        notebook["cells"].append({**extra, "source": "import builtins; builtins.sum = lambda v: 6", "id": "more"})

    assert submit(change=change).points == 0


def test_answers_that_lie_about_being_equal_are_found_by_what_is_printed(submit):
    report = submit({**GOOD, "double": CHEAT})
    assert points(report)["check-double"] == 0
    assert words(report)["check-double"] == "The check ran, but printed something else than expected."


def test_a_replaced_print_steals_points_and_that_is_a_known_limit(submit):
    steal = (
        "import builtins\ndef double(x): return CHEAT()\nclass CHEAT(int):\n    def __eq__(self, o): return True\n"
        "    __hash__ = int.__hash__\n_real = builtins.print\n"
        "builtins.print = lambda *a: _real('passed: [0, 6, 42]') if isinstance(a[-1], list) else _real(*a)"
    )
    assert points(submit({**GOOD, "double": steal}))["check-double"] == 2


def test_a_print_for_debugging_costs_nothing(submit):
    assert submit({**GOOD, "double": "def double(x):\n    print('x is', x)\n    return 2 * x"}).points == 5


def test_a_marker_for_the_checking_program_is_taken_out_and_noted(submit):
    report = submit({**GOOD, "double": "# NBVAL_SKIP\n" + DOUBLE})
    assert report.points == 5
    assert "taken out" in words(report)["check-double"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit()", "SystemExit"),
        ("raise ValueError('my own mistake')", "ValueError: my own mistake"),
        ("def double(x) return 2", "SyntaxError"),
    ],
)
def test_an_answer_cell_that_fails_is_shown_its_own_error(submit, text, message):
    report = submit({**GOOD, "double": text})
    assert points(report) == {"check-double": 0, "check-total": 2, "check-both": 0}
    assert words(report)["check-double"].startswith(message)


def test_an_endless_loop_ends(submit):
    report = submit({**GOOD, "double": "while True:\n    pass"})
    assert report.points == 0
    assert words(report)["check-double"] == "It did not finish within 4 s."


def test_a_loop_that_eats_the_interrupt_ends(submit):
    loop = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        pass"
    assert submit({**GOOD, "double": loop}).points == 0


def test_a_kernel_that_ends_itself_earns_nothing(submit):
    assert submit({**GOOD, "double": "import os\nos._exit(0)"}).points == 0


def test_endless_output_ends(submit):
    assert submit({**GOOD, "double": "while True:\n    print('x' * 1000)"}).points == 0


def test_killing_the_judge_earns_nothing_and_leaves_nothing_running(submit):
    report = submit({**GOOD, "double": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + DOUBLE})
    assert report.points == 0
    assert words(report)["check-double"] == "not run"
    deadline = time.monotonic() + 10
    while [one for one in psutil.process_iter(["cmdline"]) if "graded.ipynb" in " ".join(one.info["cmdline"] or [])]:
        assert time.monotonic() < deadline, "something is left running"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{broken", "is not a notebook: it is not valid JSON"),
        (b"", "is not a notebook: it is not valid JSON"),
        (b"\xff\xfe\x00", "is not a notebook: it is not valid JSON"),
        (b"[" * 100_000, "is not a notebook: it is not valid JSON"),
        (b"[]", "it is no JSON object"),
        (b'{"nbformat": 3, "worksheets": []}', "nbformat is not 4"),
        (b'{"nbformat": 4, "cells": [7]}', "a cell has no type"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": {}}]}', "a cell has no text"),
        (b'{"nbformat": 4, "cells": []}', "holds none of the answer cells"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_notebook_of_ours_is_refused_in_one_line(tmp_path, solutions, content, message):
    path = tmp_path / "small.ipynb"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        grade(path, solutions)
    assert "\n" not in str(caught.value)


def test_an_unknown_exercise_is_named_with_the_nearest_one(tmp_path, solutions):
    path = tmp_path / "smal.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "cells": [], "metadata": {}}))
    with pytest.raises(UnknownNameError, match="Did you mean small"):
        grade(path, solutions)


def test_the_command_says_what_is_wrong_and_how_to_leave(tmp_path, solutions, capsys):
    assert main(["check", str(tmp_path / "none.ipynb"), "--solutions", str(solutions)]) == 2
    assert capsys.readouterr().err == "kafkasim: none.ipynb is not a file.\n"
    assert main([]) == 0
    assert "check" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["chekc"])
    assert left.value.code == 2


def test_the_command_grades_and_tells_in_words_and_in_json(tmp_path, solutions, submit, capsys):
    submit({**GOOD, "total": "def total(values):\n    return 0"})
    path = str(tmp_path / "small.ipynb")
    assert main(["check", path, "--solutions", str(solutions), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["points"], told["max_points"]) == (2, 5)
    assert told["tasks"][1] == {
        "name": "check-total", "points": 0, "max_points": 2, "message": "total([1, 2, 3]) gave 0.",
    }  # fmt: skip
