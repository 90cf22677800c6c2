"""The checks of single arguments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from kafkasim.config import checks
from kafkasim.errors import ConfigError, InvalidTopicException

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("given", [5, np.int64(5), np.uint8(5)], ids=repr)
def test_whole_numbers_come_back_as_plain_ones(given: object) -> None:
    found = checks.whole_number(given, "partition", at_least=5, at_most=5)

    assert (type(found), found) == (int, 5)


@pytest.mark.parametrize("given", [True, np.True_, 5.0, 0.5, NAN, "5", None, [], 5j, Decimal(5), int], ids=repr)
def test_what_is_no_whole_number(given: object) -> None:
    with pytest.raises(ConfigError, match=r"partition must be a whole number. Got "):
        checks.whole_number(given, "partition")
    with pytest.raises(ConfigError, match=r"seed must be a whole number of at least 0. Got "):
        checks.seed(given)


@pytest.mark.parametrize(
    ("limits", "given", "message"),
    [
        ({"at_least": 0}, -1, "offset must be a whole number of at least 0. Got -1 instead."),
        ({"at_most": 9}, 10, "offset must be a whole number of at most 9. Got 10 instead."),
        ({"at_least": 1, "at_most": 3}, 4, "offset must be a whole number from 1 to 3. Got 4 instead."),
    ],
)
def test_limits_are_told(limits: dict[str, int], given: int, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checks.whole_number(given, "offset", **limits)

    assert str(refused.value) == message


def test_a_seed_is_of_any_size() -> None:
    assert checks.seed(2**200) == 2**200
    assert checks.seed(np.int64(7)) == 7
    with pytest.raises(ConfigError):
        checks.seed(-1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0, 0), (5, 5), (0.5, 0.5), (-0.0, 0.0), (np.int32(5), 5), (np.float32(0.5), 0.5), (Fraction(1, 4), 0.25)],
)
def test_milliseconds_stay_whole_or_become_floats(given: object, kept: float) -> None:
    found = checks.milliseconds(given, "delay_ms")

    assert (type(found), str(found)) == (type(kept), str(kept))


@pytest.mark.parametrize(
    "given",
    [-1, -0.001, NAN, INFINITY, -INFINITY, True, "5", None, [], 5j, Decimal(5), 10**400, 2**63],
    ids=lambda it: repr(it)[:9],
)
def test_what_are_no_milliseconds(given: object) -> None:
    with pytest.raises(ConfigError, match=r"delay_ms must be a finite number of milliseconds, at least 0. Got "):
        checks.milliseconds(given, "delay_ms")


@pytest.mark.parametrize("given", [0, 0.0, -0.0, -1])
def test_some_milliseconds_are_more_than_none(given: float) -> None:
    with pytest.raises(ConfigError, match=r"for_ms must be a finite number of milliseconds, above 0. Got "):
        checks.milliseconds(given, "for_ms", positive=True)
    assert checks.milliseconds(0.001, "for_ms", positive=True) == 0.001


@pytest.mark.parametrize("given", [NAN, INFINITY, -INFINITY])
def test_not_a_number_and_infinity_are_called_by_name(given: float) -> None:
    for check in (checks.milliseconds, checks.number, checks.whole_number):
        with pytest.raises(ConfigError, match=f"Got {given} instead."):
            check(given, "x")


def test_a_number_is_a_float() -> None:
    found = checks.number(1, "probability", at_least=0, at_most=1)

    assert (type(found), found) == (float, 1.0)
    with pytest.raises(ConfigError, match=r"probability must be a finite number from 0 to 1. Got 1.2 instead."):
        checks.number(1.2, "probability", at_least=0, at_most=1)


def test_flags_and_texts() -> None:
    assert checks.flag(False, "sync") is False
    assert checks.text("", "group") == ""
    for check, given in (
        (checks.flag, 0),
        (checks.flag, "true"),
        (checks.flag, None),
        (checks.text, 5),
        (checks.text, b"x"),
    ):
        with pytest.raises(ConfigError, match="sync must be "):
            check(given, "sync")


def test_bytes_or_none() -> None:
    assert checks.bytes_or_none(b"x", "key") == b"x"
    assert checks.bytes_or_none(bytearray(b"x"), "key") == b"x"
    assert checks.bytes_or_none(None, "key") is None
    with pytest.raises(ConfigError) as refused:
        checks.bytes_or_none("lorry", "key")
    assert str(refused.value) == ("key must be bytes or None. Got 'lorry' instead. Write b'lorry', or encode the text.")
    for given in (5, [1], True):
        with pytest.raises(ConfigError, match=r"key must be bytes or None. Got "):
            checks.bytes_or_none(given, "key")


def test_one_of_a_few_names() -> None:
    assert checks.one_of("a", "kind", ("a", "b")) == "a"
    for given in ("A", "", None, 5, ["a"]):
        with pytest.raises(ConfigError, match=r"kind must be one of a, b. Got "):
            checks.one_of(given, "kind", ("a", "b"))


def test_a_list_of_names_is_no_text() -> None:
    given = ["orders", "payments"]
    kept = checks.names(given, "topics")
    given.append("more")

    assert kept == ("orders", "payments")
    assert checks.names((), "topics") == ()
    with pytest.raises(ConfigError) as refused:
        checks.names("orders", "topics")
    assert str(refused.value) == "topics must be a list of names. Got 'orders' instead. Write ['orders']."
    for wrong in (None, {"orders"}, (name for name in given), [5], [None], b"orders", {"orders": 1}):
        with pytest.raises(ConfigError, match=r"topics must be a list of names. Got "):
            checks.names(wrong, "topics")


@pytest.mark.parametrize("name", ["a", "truck_gps", "A.b-c_9", "...", "x" * 249, "__consumer_offsets"])
def test_names_that_a_topic_may_have(name: str) -> None:
    assert checks.topic_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 250, "a b", "a/b", "é", "a\n", "a,b", "٣"], ids=repr)
def test_names_that_no_topic_may_have(name: str) -> None:
    with pytest.raises(InvalidTopicException, match="Topic name is invalid: ") as refused:
        checks.topic_name(name)

    assert refused.value.java_name == "InvalidTopicException"


@pytest.mark.parametrize("name", [None, 5, b"orders", ["orders"]], ids=repr)
def test_the_name_of_a_topic_is_a_text(name: object) -> None:
    with pytest.raises(ConfigError, match=r"The name of a topic must be a text. Got "):
        checks.topic_name(name)


class Rude:
    """Something whose repr fails."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


CHECKS: list[Callable[[object], object]] = [
    lambda given: checks.whole_number(given, "x"),
    lambda given: checks.number(given, "x"),
    lambda given: checks.milliseconds(given, "x"),
    lambda given: checks.flag(given, "x"),
    lambda given: checks.text(given, "x"),
    lambda given: checks.bytes_or_none(given, "x"),
    lambda given: checks.one_of(given, "x", ("a",)),
    lambda given: checks.names(given, "x"),
    lambda given: checks.names([given], "x"),
    checks.topic_name,
    checks.seed,
]


@pytest.mark.parametrize("check", CHECKS)
def test_whatever_is_given_the_message_is_one_short_line(check: Callable[[object], object]) -> None:
    for given in (Rude(), [10**5000], "\ud800\n" * 500, {"a": list(range(999))}):
        try:
            check(given)
        except (ConfigError, InvalidTopicException) as refused:
            message = str(refused)
        else:
            message = ""
        assert len(message) < 400
        assert "\n" not in message
