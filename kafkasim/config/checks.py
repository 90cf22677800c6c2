"""Checks of single arguments, for every door of the package.

Each takes the value and the name it goes by, and gives the value back in its plain Python type. A value that cannot be
raises :class:`~kafkasim.errors.ConfigError` in one form: what it is for, what is allowed, what was given.
"""

from __future__ import annotations

import math
import numbers
import operator
import re
from collections.abc import Sequence
from typing import SupportsIndex

from kafkasim.errors import ConfigError, InvalidTopicException

INT_MAX = 2**31 - 1
"""The largest value of Kafka's type INT."""

LONG_MAX = 2**63 - 1
"""The largest value of Kafka's type LONG, in which it counts milliseconds and offsets."""

MAX_TOPIC_NAME = 249
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]+")


def whole_number(value: object, name: str, at_least: int | None = None, at_most: int | None = None) -> int:
    """A whole number within its limits, both included; integers of other libraries are welcome, booleans are not."""
    plain = _index(value)
    if plain is None or (at_least is not None and plain < at_least) or (at_most is not None and plain > at_most):
        raise wrong(name, f"a whole number{_limits(at_least, at_most)}", value)
    return plain


def _index(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def not_constructed(kind: str, refusal: ConfigError) -> ConfigError:
    """What Java raises where not the setting is checked but the client that is made of it."""
    return ConfigError(f"Failed to construct kafka {kind}: {refusal}", java_name="KafkaException", cause=refusal)


def argument(value: object, name: str) -> int:
    """A whole number of at least 0 that is given to a call, as an offset or a partition, not to a setting."""
    try:
        return whole_number(value, name, at_least=0)
    except ConfigError as error:
        raise ConfigError(str(error), java_name="IllegalArgumentException") from None


def number(value: object, name: str, at_least: float | None = None, at_most: float | None = None) -> float:
    """A finite number within its limits, both included; always a float."""
    plain = _finite(value)
    if plain is None or (at_least is not None and plain < at_least) or (at_most is not None and plain > at_most):
        raise wrong(name, f"a finite number{_limits(at_least, at_most)}", value)
    return plain


def milliseconds(value: object, name: str, positive: bool = False) -> int | float:
    """A duration or moment in ms: finite, at least 0 (above 0 if ``positive``); whole numbers stay whole."""
    if type(value) is int and 0 < value <= LONG_MAX:
        return value
    plain = _finite(value)
    if plain is None or plain < 0 or plain > LONG_MAX or (positive and plain == 0):
        raise wrong(name, f"a finite number of milliseconds, {'above 0' if positive else 'at least 0'}", value)
    return int(value) if isinstance(value, numbers.Integral) else plain


def flag(value: object, name: str) -> bool:
    """True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, bool):
        raise wrong(name, "True or False", value)
    return value


def text(value: object, name: str) -> str:
    """A text, which may be empty."""
    if not isinstance(value, str):
        raise wrong(name, "a text", value)
    return value


def bytes_or_none(value: object, name: str) -> bytes | None:
    """Bytes or None, as the keys and values of records are."""
    if isinstance(value, str):
        raise wrong(name, "bytes or None", value, f"Write {shown(value.encode(errors='replace'))}, or encode the text.")
    if value is None:
        return None
    if not isinstance(value, bytes | bytearray):
        raise wrong(name, "bytes or None", value)
    return bytes(value)


def one_of(value: object, name: str, allowed: Sequence[str]) -> str:
    """One of a few names, spelled exactly."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong(name, f"one of {', '.join(allowed)}" if len(allowed) > 1 else allowed[0], value)
    return value


def names(value: object, name: str) -> tuple[str, ...]:
    """A list or tuple of texts, copied; a single text is refused, because its letters would be taken for names."""
    if isinstance(value, str):
        raise wrong(name, "a list of names", value, f"Write [{shown(value)}].")
    if not isinstance(value, list | tuple):
        raise wrong(name, "a list of names", value)
    for item in value:
        if not isinstance(item, str):
            raise wrong(name, "a list of names", value, f"{shown(item)} is not a text.")
    return tuple(value)


def topics(value: object) -> tuple[str, ...]:
    """Names of topics, none of them empty; whether there can be such topics the brokers say."""
    found = names(value, "topics")
    if not all(name.strip() for name in found):
        raise ConfigError(f"topics must not hold an empty name. Got {found!r}.", java_name="IllegalArgumentException")
    return found


def seed(value: object) -> int:
    """A seed: a whole number of at least 0, of any size."""
    return whole_number(value, "seed", at_least=0)


def topic_name(value: object) -> str:
    """A name that a topic may have, else :class:`~kafkasim.errors.InvalidTopicException` as from Kafka's clients.

    Kafka: org.apache.kafka.common.internals.Topic.validate.
    """
    name = text(value, "The name of a topic")
    trouble = trouble_with_name(name)
    if trouble:
        raise InvalidTopicException(f"Topic name is invalid: {trouble}.")
    return name


def name_of_some_topic(value: object) -> str:
    """Any name but an empty one: one that no topic may have is only that of a topic which does not exist.

    Kafka: KafkaAdminClient.topicNameIsUnrepresentable.
    """
    name = text(value, "The name of a topic")
    if not name:
        raise InvalidTopicException("Topic name is invalid: it must not be empty.")
    return name


def trouble_with_name(name: str) -> str | None:
    """What is wrong with the name of a topic (or a ``group.instance.id``, under the same rules); None if nothing is."""
    if not name:
        return "it must not be empty"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > MAX_TOPIC_NAME:
        return f"it has {len(name)} characters, more than the {MAX_TOPIC_NAME} allowed"
    if not _TOPIC_NAME.fullmatch(name):
        return f"{name!r} has other characters than ASCII letters, digits, '.', '_' and '-'"
    return None


def wrong(name: str, allowed: str, value: object, advice: str = "") -> ConfigError:
    """The error for a value that cannot be, in the form that all of them have."""
    return ConfigError(" ".join(filter(None, [f"{name} must be {allowed}. Got {shown(value)} instead.", advice])))


def shown(value: object) -> str:
    """A value as an error shows it: its repr, cut to a line, whatever the value may be."""
    try:
        whole = repr(value)
    except Exception:  # a repr is somebody else's code, and Python refuses to spell out whole numbers of 4300 digits
        whole = f"<{type(value).__name__}>"
    return whole if len(whole) <= 100 else f"{whole[:97]}..."


def _finite(value: object) -> float | None:
    """The value as a finite float, or None."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        plain = float(value)
    except (OverflowError, ValueError):
        return None
    return plain + 0.0 if math.isfinite(plain) else None  # -0.0 becomes 0.0


def _limits(at_least: float | None, at_most: float | None) -> str:
    if at_least is not None and at_most is not None:
        return f" from {at_least} to {at_most}"
    if at_least is not None:
        return f" of at least {at_least}"
    return f" of at most {at_most}" if at_most is not None else ""
