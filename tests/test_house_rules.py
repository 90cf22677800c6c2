"""The house rules that a machine can check: sizes of files, what may stand where, notebooks in normal form."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "kafkasim").rglob("*.py"))
TALKS = {"kafkasim/__main__.py"}
"""The modules that speak to a terminal; so does the grader."""
NOTEBOOKS = [
    path for folder in ("course", "exercises", "solutions") for path in sorted((ROOT / folder).glob("*.ipynb"))
]
STORED = [path for path in NOTEBOOKS if path.parent.name != "exercises"]
"""Notebooks that keep their outputs; an exercise waits for its learner."""
FOLDERS = ("kafkasim", "tests", "course", "exercises", "solutions", "binder", ".ci")
MACHINE_PATH = re.compile(r"(?<![\w.}$])/(?:root|home|work|tmp|Users)/(?!kafka-logs)[\w.-]+")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|repo1\.maven|deb\.debian")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts() -> list[Path]:
    """The project's text files."""
    files = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    unread = {".png", ".pyc", ".gz"}
    return sorted(path for path in files if path.suffix not in unread and ".ipynb_checkpoints" not in path.parts)


def cells(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"])


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def calls_of(path: Path, function: str) -> list[int]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]


# --- the package ---


def test_no_file_of_the_package_is_longer_than_400_lines() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE}

    assert {file: lines for file, lines in lengths.items() if lines > 400} == {}


def test_every_module_of_the_package_begins_with_what_it_is() -> None:
    assert [name(path) for path in PACKAGE if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE}

    assert [name(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_only_the_command_and_the_grader_print() -> None:
    silent = [path for path in PACKAGE if name(path) not in TALKS and path.parent.name != "grader"]

    assert {name(path): lines for path in silent if (lines := calls_of(path, "print"))} == {}


def test_the_core_never_waits() -> None:
    waits = {}
    for path in sorted((ROOT / "kafkasim" / "core").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if lines := [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await)]:
            waits[name(path)] = lines

    assert waits == {}


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

    assert [name(path) for path in texts() if later.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {}
    for path in texts():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        if hits := MACHINE_PATH.findall(text) + REGISTRY.findall(text):
            found[name(path)] = hits

    assert found == {}


# --- the notebooks ---


def test_there_are_lessons_exercises_and_solutions() -> None:
    assert {path.parent.name for path in NOTEBOOKS} == {"course", "exercises", "solutions"}


@pytest.mark.parametrize("path", STORED, ids=name)
def test_a_stored_notebook_was_run_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in code_cells(path)]

    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_no_code_cell_ends_in_a_semicolon(path: Path) -> None:
    """A comparison of outputs does not honour it: the output it hides would differ."""
    assert [cell["id"] for cell in code_cells(path) if source(cell).rstrip().endswith(";")] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_only_cells_that_say_so_show_an_error(path: Path) -> None:
    failed = [
        cell["id"]
        for cell in code_cells(path)
        if any(output["output_type"] == "error" for output in cell["outputs"])
        and "raises-exception" not in cell["metadata"].get("tags", [])
    ]

    assert failed == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_no_output_shows_an_address_in_memory(path: Path) -> None:
    address = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")

    assert [cell["id"] for cell in code_cells(path) if address.search(json.dumps(cell["outputs"]))] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_no_notebook_stores_the_state_of_widgets_or_times_of_runs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))

    assert "widgets" not in notebook["metadata"]
    assert [cell["id"] for cell in notebook["cells"] if "execution" in cell["metadata"]] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_cells_have_ids_in_kebab_case_of_their_own(path: Path) -> None:
    ids = [cell["id"] for cell in cells(path)]

    assert [one for one in ids if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", one)] == []
    assert len(ids) == len(set(ids))
