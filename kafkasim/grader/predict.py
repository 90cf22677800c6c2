"""Predictions: a learner commits to an answer first, and the run's own trace says who was right.

>>> guess = predict("How many records lie in partition 0?", a=3, b=5, answer="b")
How many records lie in partition 0?
  a) 3
  b) 5
Your prediction: b) 5
>>> guess.score(3, b="offset-is-global")
The run says: a) 3
Not this time. An offset is a place in one partition; every partition counts from 0 for itself.
"""

from __future__ import annotations

import textwrap

from kafkasim.errors import ConfigError, unknown_name
from kafkasim.grader.misconceptions import MISCONCEPTIONS

WIDTH = 96


class Prediction:
    """A question, its choices, and the learner's answer (None while there is none)."""

    def __init__(self, question: str, choices: dict[str, object], answer: str | None) -> None:
        self.question = question
        self.choices = choices
        self.answer = answer
        self.is_right: bool | None = None

    def __str__(self) -> str:
        lines = [*textwrap.wrap(self.question, WIDTH)]
        for letter, choice in self.choices.items():
            lines += textwrap.wrap(f"{letter}) {choice}", WIDTH, initial_indent="  ", subsequent_indent="     ")
        if self.answer is None:
            lines.append('Choose first: set answer="a" (or another letter) in this cell and run it again.')
        else:
            lines.append(f"Your prediction: {self.answer}) {self.choices[self.answer]}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Prediction: {self.question!r}>"

    def score(self, actual: object, **why: str) -> None:
        """Compare with what the run has shown.

        ``actual`` is computed from the trace and must be one of the choices. ``why`` gives for each wrong letter the
        misconception (an id of MISCONCEPTIONS, or a sentence) that it stands for.
        """
        right = [letter for letter, choice in self.choices.items() if choice == actual]
        if len(right) != 1:
            raise ConfigError(
                f"The run says {actual!r}, which is not one of the choices {list(self.choices.values())!r}."
            )
        missing = [letter for letter in self.choices if letter != right[0] and letter not in why]
        if missing:
            raise ConfigError(f"score() needs the reason why {', '.join(missing)} is wrong.")
        if self.answer is None:
            print("You have not predicted yet: choose above first, then run this cell again.")
            return
        self.is_right = self.answer == right[0]
        wrong = why.get(self.answer, "")
        verdict = "You were right." if self.is_right else f"Not this time. {MISCONCEPTIONS.get(wrong, wrong)}"
        print(textwrap.fill(f"The run says: {right[0]}) {actual}", WIDTH))
        print(textwrap.fill(verdict, WIDTH))


def predict(question: str, *, answer: str | None = None, **choices: object) -> Prediction:
    """Ask before the run: prints the question and its choices (``a=...``, ``b=...``), and the answer given."""
    if not isinstance(question, str) or not question:
        raise ConfigError(f"question must be a text. Got {question!r}.")
    if len(choices) < 2:
        raise ConfigError("A prediction needs at least two choices, as a=..., b=....")
    if len({repr(choice) for choice in choices.values()}) != len(choices):
        raise ConfigError("The choices must differ from each other.")
    if answer is not None and answer not in choices:
        raise unknown_name("choice", answer, choices)
    prediction = Prediction(question, choices, answer)
    print(prediction)
    return prediction
