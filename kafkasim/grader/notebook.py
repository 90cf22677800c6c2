"""Notebooks as plain JSON: read with care, written in one normal form.

The normal form has stable ids, counts 1 to n, sorted keys, and nothing that a machine adds by itself (times of runs,
states of widgets, versions), so that a change in a notebook is a change in its file and nothing else is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kafkasim.errors import ConfigError

Notebook = dict[str, Any]
Cell = dict[str, Any]

MAX_BYTES = 5_000_000
MAX_DEPTH = 60
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> Notebook:
    """The notebook in a file; ConfigError with one line of why not."""
    if not path.is_file():
        raise ConfigError(f"{path.name} is not a file.")
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB. Clear its outputs, save, try again."
        )
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        raise ConfigError(
            f"{path.name} is not a notebook: it is not valid JSON. Save it again in JupyterLab."
        ) from None
    problem = trouble_with(notebook)
    if problem:
        raise ConfigError(f"{path.name} is not a notebook of today's format: {problem}.")
    return dict(notebook)


def trouble_with(notebook: object) -> str | None:
    """Why this is not a notebook of format 4, or None."""
    if not isinstance(notebook, dict):
        return "it is no JSON object"
    if notebook.get("nbformat") != 4:
        return "nbformat is not 4"
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        return "it has no list of cells"
    for cell in cells:
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            return "a cell has no type"
        if not isinstance(cell.get("metadata", {}), dict):
            return "a cell has broken metadata"
        lines = cell.get("source", "")
        if not isinstance(lines, str) and not (isinstance(lines, list) and all(isinstance(one, str) for one in lines)):
            return "a cell has no text"
    return None


def source(cell: Cell) -> str:
    """The text of a cell, without what no file can hold."""
    text = cell.get("source", "")
    joined = text if isinstance(text, str) else "".join(text)
    return joined.encode("utf-8", "replace").decode()


def tags(cell: Cell) -> list[str]:
    """The tags of a cell."""
    found = cell.get("metadata", {}).get("tags", [])
    return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


def role(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty when it has none."""
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def normal(notebook: Notebook) -> Notebook:
    """The same notebook in normal form."""
    count = 0
    cells = []
    for place, old in enumerate(notebook["cells"]):
        metadata = {key: value for key, value in old["metadata"].items() if key not in ("execution", "widgets")}
        cell: Cell = {"cell_type": old["cell_type"], "id": _id(old, place), "metadata": metadata}
        cell["source"] = source(old).rstrip("\n").splitlines(keepends=True)
        if old["cell_type"] == "code":
            ran = old.get("execution_count") is not None
            count += ran
            cell["execution_count"] = count if ran else None
            cell["outputs"] = [_output(one, count) for one in _joined(old.get("outputs", []))]
        cells.append(cell)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    metadata |= {key: value for key, value in notebook.get("metadata", {}).items() if key == "kafkasim"}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _id(cell: Cell, place: int) -> str:
    given = role(cell).get("grade_id") or cell.get("id") or f"cell-{place + 1}"
    return re.sub(r"[^a-z0-9-]+", "-", str(given).lower()).strip("-")[:64] or f"cell-{place + 1}"


def _joined(outputs: list[Cell]) -> list[Cell]:
    """Neighbouring pieces of one stream become one."""
    joined: list[Cell] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output.get("name"):
            last["text"] = _text(last["text"]) + _text(output["text"])
        else:
            joined.append(dict(output))
    return joined


def _text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _output(output: Cell, count: int) -> Cell:
    made = {key: value for key, value in output.items() if key != "transient"}
    if made["output_type"] == "execute_result":
        made["execution_count"] = count
    if made["output_type"] == "stream":
        made["text"] = _text(made["text"]).splitlines(keepends=True)
    if "data" in made:
        data = {kind: value for kind, value in made["data"].items() if "widget-view" not in kind}
        made["data"] = {
            kind: _text(value).splitlines(keepends=True) if kind.startswith("text/") else value
            for kind, value in data.items()
        }
    return made


def text(notebook: Notebook) -> str:
    """A notebook as its file holds it."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
