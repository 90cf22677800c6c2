"""Grading: a learner's answers are put into our own notebook, and nbval runs that one.

Of the learner's file only the sources of the answer cells count: everything else in it could have been changed.
nbval runs the canonical notebook (the solution's, with its stored outputs as expectations) in a process of its own with
limits, and a
check earns its points only by positive evidence: its cell ran, raised nothing and printed what was expected.

A limit, and a test of its own: an answer that replaces ``print`` can print what is expected. Checks and answers share a
kernel, so a point can be stolen from inside an answer cell, in this grader as in every other that works so.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import kafkasim
from kafkasim.errors import ConfigError, unknown_name
from kafkasim.grader import notebook as nb
from kafkasim.grader.report import Report, Task

CELL_TIMEOUT_S = 10
WALL_LIMIT_S = 60
MARKER = re.compile(r"^[ \t]*#[ \t]*NBVAL_[A-Z_]+[ \t]*$", re.MULTILINE)
NOT_RUN = "not run"


@dataclass(frozen=True)
class Limits:
    """Seconds for one cell, and for the whole notebook."""

    cell_s: int = CELL_TIMEOUT_S
    wall_s: int = WALL_LIMIT_S


def grade(path: Path, solutions: Path | None = None, limits: Limits | None = None) -> Report:
    """Grade one exercise; ConfigError when it is not one of ours. The file is only read."""
    limits = limits or Limits()
    submitted = nb.read(path)
    canonical = nb.read(_solution_of(path, submitted, solutions))
    answers = [nb.role(cell)["grade_id"] for cell in canonical["cells"] if nb.role(cell).get("solution")]
    given = _answers(submitted, answers)
    if not any(given.values()):
        raise ConfigError(f"{path.name} holds none of the answer cells of this exercise. Is it the right file?")
    graded, notes = _transplant(canonical, given)
    rows = _run(graded, limits)
    return _report(path.stem, graded, rows, notes, limits)


def _solution_of(path: Path, submitted: nb.Notebook, solutions: Path | None) -> Path:
    """The canonical notebook: named by the exercise itself, else by its file name; beside the exercises' folder."""
    metadata = submitted.get("metadata", {})
    named = metadata.get("kafkasim", {}) if isinstance(metadata, dict) else {}
    name = named.get("exercise") if isinstance(named, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        name = path.stem
    folders = [solutions] if solutions else [path.resolve().parent.parent / "solutions", Path.cwd() / "solutions"]
    for folder in folders:
        if (folder / f"{name}.ipynb").is_file():
            return folder / f"{name}.ipynb"
    known = [one.stem for folder in folders for one in folder.glob("*.ipynb")]
    raise unknown_name(
        "exercise", name, known, f"Looked for its solution in {', '.join(str(f.name) for f in folders)}/."
    )


def _answers(submitted: nb.Notebook, names: list[str]) -> dict[str, list[str]]:
    """The code cells that carry an answer's name, for each answer."""
    given: dict[str, list[str]] = {name: [] for name in names}
    for cell in submitted["cells"]:
        name = nb.role(cell).get("grade_id") or cell.get("id")
        if cell["cell_type"] == "code" and isinstance(name, str) and name in given:
            given[name].append(nb.source(cell))
    return given


def _transplant(canonical: nb.Notebook, given: dict[str, list[str]]) -> tuple[nb.Notebook, dict[str, str]]:
    """Our notebook with the learner's answers, and what had to be said of them."""
    graded = copy.deepcopy(canonical)
    notes: dict[str, str] = {}
    for cell in graded["cells"]:
        # The tag lets Run All go on behind a check that fails; here its error is what its learner must hear.
        cell["metadata"]["tags"] = [tag for tag in nb.tags(cell) if tag != "raises-exception"]
        if not nb.role(cell).get("solution"):
            continue
        name = nb.role(cell)["grade_id"]
        sources = given[name]
        if len(sources) == 1:
            text, marks = MARKER.subn("", sources[0])
            if marks:
                notes[name] = "A marker for the checking program was taken out of the answer."
        else:
            problem = "is missing" if not sources else f"is there {len(sources)} times"
            notes[name] = f"The answer cell {name} {problem}."
            text = f"raise NotImplementedError({notes[name]!r})"
        cell["source"] = text
    return graded, notes


def _run(graded: nb.Notebook, limits: Limits) -> dict[int, dict[str, Any]]:
    """Run nbval on the notebook; what it says of each code cell, by number."""
    with tempfile.TemporaryDirectory(prefix="kafkasim-", ignore_cleanup_errors=True) as folder:
        home, work = Path(folder) / "home", Path(folder) / "work"
        home.mkdir()
        work.mkdir()
        target, log = work / "graded.ipynb", home / "log.jsonl"
        target.write_text(json.dumps(graded), encoding="utf-8")
        (home / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "nbval.plugin", "-p", "kafkasim.grader.nbval_plugin",
            "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={limits.cell_s}",
            f"--rootdir={work}", "-c", str(home / "pytest.ini"), str(target),
        ]  # fmt: skip
        environment = {
            "PATH": os.environ.get("PATH", ""), "LANG": os.environ.get("LANG", "C.UTF-8"), "HOME": str(home),
            "PYTHONPATH": str(Path(kafkasim.__file__).parent.parent), "PYTHONHASHSEED": "0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "IPYTHONDIR": str(home), "MPLCONFIGDIR": str(home),
            "KAFKASIM_GRADED": str(target), "KAFKASIM_GRADE_LOG": str(log), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }  # fmt: skip
        if "SYSTEMROOT" in os.environ:  # Windows starts no process without it
            environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        with subprocess.Popen(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            _wait(process, limits.wall_s)
        return _rows(log)


def _wait(process: subprocess.Popen[bytes], wall_s: int) -> None:
    """Wait for the end or the limit, then leave nothing running: a kernel lives in a session of its own."""
    family: dict[int, psutil.Process] = {}
    deadline = time.monotonic() + wall_s
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                family[child.pid] = child
        time.sleep(0.1)
    for one in family.values():
        with contextlib.suppress(psutil.Error):
            for child in one.children(recursive=True):
                child.kill()
            one.kill()
    if process.poll() is None:
        process.kill()
        process.wait()


def _rows(log: Path) -> dict[int, dict[str, Any]]:
    if not log.is_file():
        return {}
    rows: dict[int, dict[str, Any]] = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            rows.setdefault(row["cell"], row)
    return rows


def _report(
    name: str, graded: nb.Notebook, rows: dict[int, dict[str, Any]], notes: dict[str, str], limits: Limits
) -> Report:
    """Points for each check cell, and why one has none."""
    tasks: list[Task] = []
    broken = ""  # what the last answer cell that failed has to say
    code = [cell for cell in graded["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code):
        role, row = nb.role(cell), rows.get(number)
        if role.get("solution"):
            broken = notes.get(role["grade_id"], "")
            if row is not None and not row["passed"]:
                broken = broken or _words(row, limits)
        elif role.get("grade"):
            points = float(role["points"])
            passed = row is not None and row["passed"]
            message = "passed" if passed else broken or (NOT_RUN if row is None else _words(row, limits))
            if passed and broken:
                message = f"passed. {broken}"
            tasks.append(Task(role["grade_id"], points if passed else 0.0, points, message))
    return Report(name, tuple(tasks))


def _words(row: dict[str, Any], limits: Limits) -> str:
    """Why a cell has not passed, in words for its learner."""
    error, text = str(row["error"]), str(row["text"])
    if error == "AssertionError":
        return text or "The check does not hold."
    if error == "NotImplementedError":
        return text or "not attempted yet"
    if error == "KeyboardInterrupt" or "Timeout of" in text or "timeout" in text.lower():
        return f"It did not finish within {limits.cell_s} s."
    if "dead" in text.lower():
        return "The kernel had ended before this check could run."
    if "outputs differ" in text or "output" in text.lower():
        return "The check ran, but printed something else than expected."
    if error:
        return f"{error}: {text}" if text else error
    return NOT_RUN
