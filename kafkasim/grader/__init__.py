"""Predictions in lessons, checks in exercises, and the grading of a learner's notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kafkasim.grader.check import judge, last_facts, quietly
from kafkasim.grader.misconceptions import MISCONCEPTIONS
from kafkasim.grader.predict import Prediction, predict

if TYPE_CHECKING:
    from kafkasim.grader.report import Report

__all__ = ["MISCONCEPTIONS", "Prediction", "check_notebook", "judge", "last_facts", "predict", "quietly"]


def check_notebook(path: str) -> Report | None:
    """Grade an exercise from its own last cell, as ``kafkasim check`` does. It reads the file: save first."""
    from kafkasim.errors import KafkaSimError
    from kafkasim.grader.grade import grade

    print("Checking the saved file. Save first (Ctrl+S), or your last changes do not count.")
    try:
        report = grade(Path(path))
    except KafkaSimError as error:
        print(error)
        return None
    print(report)
    return report
