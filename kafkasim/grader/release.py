"""From the solution to the exercise: the same notebook without the answers.

``solutions/NN_*.ipynb`` is the only source. Its answer cells (nbgrader: ``solution``) hold the reference answer between
``### BEGIN SOLUTION`` and ``### END SOLUTION``; its check cells (``grade``, ``locked``, ``points``) assert and
print, and their stored output is what an answer is held against.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path

from kafkasim.errors import ConfigError
from kafkasim.grader import notebook as nb

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HIDDEN = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS.*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?", re.MULTILINE | re.DOTALL)
STUB = 'raise NotImplementedError("not attempted yet")'


def exercise_of(solution: nb.Notebook, name: str) -> nb.Notebook:
    """The learner's notebook: stubs for answers, no outputs, locked cells that cannot be edited by accident."""
    made = copy.deepcopy(nb.normal(solution))
    for cell in made["cells"]:
        role = nb.role(cell)
        text = nb.source(cell)
        if role.get("solution"):
            text = _without_answer(text, role.get("grade_id", "?"))
        if role.get("locked"):
            text = HIDDEN.sub("", text)
            cell["metadata"]["deletable"] = cell["metadata"]["editable"] = False
        cell["source"] = text.rstrip("\n").splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    made["metadata"]["kafkasim"] = {"exercise": name}
    return made


def _without_answer(text: str, name: str) -> str:
    kept: list[str] = []
    inside = False
    found = False
    for line in text.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            inside = found = True
            kept.append(line[: len(line) - len(line.lstrip())] + STUB)
        elif mark == END:
            inside = False
        elif not inside:
            kept.append(line)
    if not found or inside:
        raise ConfigError(f"The answer cell {name} needs a line '{BEGIN}' and, after it, a line '{END}'.")
    return "\n".join(kept)


def release(solutions: Path, exercises: Path, *, check: bool = False) -> list[str]:
    """Make every exercise from its solution; the names of those that differed. With ``check`` nothing is written."""
    sources = sorted(solutions.glob("*.ipynb"))
    changed = []
    for path in sources:
        made = nb.text(exercise_of(nb.read(path), path.stem))
        target = exercises / path.name
        if not target.is_file() or target.read_text(encoding="utf-8") != made:
            changed.append(path.name)
            if not check:
                exercises.mkdir(exist_ok=True)
                target.write_text(made, encoding="utf-8")
    wanted = {path.name for path in sources}
    for stray in sorted(exercises.glob("*.ipynb")):
        if stray.name not in wanted:
            changed.append(stray.name)
            if not check:
                stray.unlink()
    return changed
