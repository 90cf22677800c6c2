"""A prediction is scored on the run, and never gives the answer away before there is one."""

from __future__ import annotations

import pytest

from kafkasim.errors import ConfigError, UnknownNameError
from kafkasim.grader import MISCONCEPTIONS, judge, predict


def test_a_right_and_a_wrong_prediction(capsys):
    right = predict("How many?", a=1, b=2, answer="b")
    right.score(2, a="offset-is-global")
    assert right.is_right is True
    wrong = predict("How many?", a=1, b=2, answer="a")
    wrong.score(2, a="offset-is-global")
    assert wrong.is_right is False
    told = capsys.readouterr().out
    assert "The run says: b) 2\nYou were right.\n" in told
    assert f"The run says: b) 2\nNot this time. {MISCONCEPTIONS['offset-is-global']}\n" in told


def test_without_an_answer_nothing_is_given_away(capsys):
    open_question = predict("How many?", a=1, b=2)
    open_question.score(2, a="offset-is-global")
    assert capsys.readouterr().out.endswith(
        "You have not predicted yet: choose above first, then run this cell again.\n"
    )
    assert open_question.is_right is None


def test_authors_are_held_to_account():
    with pytest.raises(ConfigError, match="at least two choices"):
        predict("How many?", a=1)
    with pytest.raises(ConfigError, match="must differ"):
        predict("How many?", a=1, b=1)
    with pytest.raises(UnknownNameError, match="There is no choice 'c'"):
        predict("How many?", a=1, b=2, answer="c")
    question = predict("How many?", a=1, b=2)
    with pytest.raises(ConfigError, match="3, which is not one of the choices"):
        question.score(3, a="x")
    with pytest.raises(ConfigError, match="why a is wrong"):
        question.score(2)


def test_a_judge_that_tries_nothing_is_refused():
    with pytest.raises(ConfigError, match="nothing was tried"):
        judge(lambda seed, plan: None, plans={})
    with pytest.raises(AssertionError, match=r"Broken\. Replay it with seed 3 and the plan 'calm'\."):
        judge(lambda seed, plan: "Broken." if seed == 3 else None, plans={"calm": ()})
