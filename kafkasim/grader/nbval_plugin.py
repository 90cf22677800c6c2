"""Loaded into the pytest that grades: writes what became of each cell, a JSON line each, and hides the expectations.

nbval has the notebook in memory by the time the first cell runs, so the file with the expected outputs is deleted
before any answer can read it. Only a cell that ran and passed counts: what was skipped after a time-out did not run.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def pytest_collection_finish(session: Any) -> None:
    """Everything is collected: the expectations need not lie on the disk any more."""
    Path(os.environ["KAFKASIM_GRADED"]).unlink(missing_ok=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    """Note the outcome of each cell."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.passed:
        return
    error, text = "", ""
    if call.excinfo is not None:
        error, text = _failure(call.excinfo.value)
    row = {
        "cell": int(str(item.name).removeprefix("Cell ")),
        "passed": report.passed and report.when == "call" and not hasattr(report, "wasxfail"),
        "error": error,
        "text": text[:4000],
    }
    with open(os.environ["KAFKASIM_GRADE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def _failure(error: Any) -> tuple[str, str]:
    """What went wrong: the last exception of the cell's traceback, or nbval's own word for it."""
    traceback = ANSI.sub("", str(getattr(error, "inner_traceback", "") or ""))
    lines = traceback.splitlines()
    for place in range(len(lines) - 1, -1, -1):
        match = re.match(
            r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Iteration))(?::\s?(.*))?$", lines[place]
        )
        if match:
            return match.group(1), "\n".join([match.group(2) or "", *lines[place + 1 :]]).strip()
    return "", ANSI.sub("", str(error))
