"""What a grading says: points and words for each task."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

MAX_MESSAGE = 1500


@dataclass(frozen=True)
class Task:
    """One check: its points, and why it has them or not."""

    name: str
    points: float
    max_points: float
    message: str


@dataclass(frozen=True)
class Report:
    """The checks of one exercise."""

    name: str
    tasks: tuple[Task, ...]

    @property
    def points(self) -> float:
        """The points that were earned."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """The points that could be earned."""
        return sum(task.max_points for task in self.tasks)

    @property
    def is_full(self) -> bool:
        """Whether everything was earned."""
        return bool(self.tasks) and self.points == self.max_points

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.points:g} of {self.max_points:g} points"]
        for task in self.tasks:
            mark = "passed" if task.points == task.max_points else "not yet"
            lines.append(f"  {mark}  {task.points:g}/{task.max_points:g}  {task.name}")
            if task.message != "passed":
                lines += [f"           {line}" for line in plain(task.message).splitlines()]
        return "\n".join(lines)

    __repr__ = __str__

    def json(self) -> str:
        """One JSON object."""
        tasks = [
            {"name": t.name, "points": t.points, "max_points": t.max_points, "message": plain(t.message)}
            for t in self.tasks
        ]
        return json.dumps({"points": self.points, "max_points": self.max_points, "tasks": tasks})


def plain(text: str) -> str:
    """A text without control characters and tricks of direction, of bearable length."""
    kept = "".join(char for char in text if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return kept if len(kept) <= MAX_MESSAGE else f"{kept[:MAX_MESSAGE]} …"
