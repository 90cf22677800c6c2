"""Run notebooks from top to bottom in a fresh kernel and store what they print, in normal form."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kafkasim.errors import UsageError
from kafkasim.grader import notebook as nb

CELL_TIMEOUT_S = 60


def notebooks(paths: Iterable[Path]) -> list[Path]:
    """The notebooks among files and folders, sorted."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.ipynb")) if path.is_dir() else [path]
    return found


def refresh(path: Path) -> None:
    """Run one notebook and write it back; UsageError names the cell that failed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nb.read(path)
    for cell in notebook["cells"]:
        cell.setdefault("metadata", {})
    executed = nbformat.reads(nb.text(nb.normal(notebook)), as_version=4)
    client = NotebookClient(
        executed, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
        allow_errors=False, record_timing=False,
    )  # fmt: skip
    client.comm_open_handlers = {}  # a widget's messages are for browsers: answering them here can hang
    try:
        client.execute()
    except CellExecutionError as error:
        raise UsageError(f"{path.name} does not run from top to bottom:\n{error}") from None
    path.write_text(nb.text(nb.normal(executed)), encoding="utf-8")


def is_normal(path: Path) -> bool:
    """Whether a notebook's file is in normal form."""
    return path.read_text(encoding="utf-8") == nb.text(nb.normal(nb.read(path)))
