"""One setting: how it is declared and how a given value is read.

The sorts are :func:`integer`, :func:`long`, :func:`number`, :func:`boolean`, :func:`one_of`, :func:`text`,
:func:`list_of`, :func:`function` and, for the rest, :func:`read_by`. Texts are read as Kafka reads a properties file;
where Kafka takes an integer, so do we, and neither a float nor a boolean.

Kafka: org.apache.kafka.common.config.ConfigDef (parseType, Range, ValidString, ValidList).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kafkasim.config import checks
from kafkasim.errors import ConfigError

SHORT_MAX = 2**15 - 1
Read = Callable[[object, str], object]
"""Turns what was given for the setting of that name into its value, or raises ConfigError."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: Kafka's ``name`` and ``type`` for it, a second name that is also accepted, how its value is read."""

    default: object
    read: Read
    name: str = ""
    also: str = ""
    modelled: bool = True
    type: str = "STRING"

    def accept(self, value: object) -> object:
        """The value to use for what was given; None only where None is the default."""
        if value is None and self.default is None:
            return None
        parsed = self.read(value, self.name)
        if not self.modelled and parsed != self.default:
            raise ConfigError(
                f"{self.name} must be {checks.shown(self.default)}, its default: kafkasim does not model this setting. "
                f"Got {checks.shown(value)} instead."
            )
        return parsed


def read_by(
    read: Read, default: object, *, named: str = "", also: str = "", not_modelled: bool = False, type: str = "STRING"
) -> Any:  # fmt: skip
    """A setting with a reader of its own.

    ``named`` is its name where the field's does not give it, ``also`` a second name. With ``not_modelled`` every value
    but the default is refused, so that no wish is ignored in silence. Returns a dataclass field, typed as Any so that
    the annotation beside it says the type.
    """
    setting = Setting(default, read, name=named, also=also, modelled=not not_modelled, type=type)
    return field(default=default, metadata={"setting": setting})


def integer(
    default: int | None, *, at_least: int = -checks.INT_MAX - 1, at_most: int = checks.INT_MAX, **more: Any
) -> Any:
    """A whole number of Kafka's type INT (32 bits)."""

    def read(value: object, name: str) -> int:
        return checks.whole_number(_numeral(value), name, at_least, at_most)

    return read_by(read, default, **{"type": "SHORT" if at_most == SHORT_MAX else "INT", **more})


def long(
    default: int | None, *, at_least: int = -checks.LONG_MAX - 1, at_most: int = checks.LONG_MAX, **more: Any
) -> Any:
    """A whole number of Kafka's type LONG (64 bits)."""
    return integer(default, at_least=at_least, at_most=at_most, type="LONG", **more)


def number(default: float, *, at_least: float | None = None, at_most: float | None = None, **more: Any) -> Any:
    """A finite number of Kafka's type DOUBLE."""

    def read(value: object, name: str) -> float:
        return checks.number(_decimal(value), name, at_least, at_most)

    return read_by(read, default, type="DOUBLE", **more)


def boolean(default: bool, **more: Any) -> Any:
    """True or False, also as a text in any case."""

    def read(value: object, name: str) -> bool:
        spelled = value.strip().lower() if isinstance(value, str) else ""
        return spelled == "true" if spelled in ("true", "false") else checks.flag(value, name)

    return read_by(read, default, type="BOOLEAN", **more)


def one_of(default: str, *allowed: str, **more: Any) -> Any:
    """One of a few names, spelled as Kafka spells them."""

    def read(value: object, name: str) -> str:
        return checks.one_of(_stripped(value), name, allowed)

    return read_by(read, default, **more)


def text(default: str | None, **more: Any) -> Any:
    """A text; where None is the default, an empty one is refused."""

    def read(value: object, name: str) -> str:
        found = checks.text(_stripped(value), name)
        if not found and default is None:
            raise checks.wrong(name, "a text of at least one character, or None", value)
        return found

    return read_by(read, default, **more)


def list_of(default: tuple[str, ...], *allowed: str, **more: Any) -> Any:
    """A list of names, as a list or separated by commas; any names when none are ``allowed``. Kept as a tuple."""

    def read(value: object, name: str) -> tuple[str, ...]:
        found = checks.names(split(value), name)
        for item in found:
            if allowed and item not in allowed:
                raise checks.wrong(name, f"a list of {' and '.join(allowed)}", value)
        return found

    return read_by(read, default, type="LIST", **more)


def function(default: None, **more: Any) -> Any:
    """Something to call, or None."""

    def read(value: object, name: str) -> object:
        if not callable(value):
            raise checks.wrong(name, "a function or None", value)
        return value

    return read_by(read, default, **more)


def split(value: object) -> object:
    """A text cut at its commas, as Kafka cuts it; anything else as it is."""
    if not isinstance(value, str):
        return value
    return re.split(r"\s*,\s*", value.strip()) if value.strip() else []


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _numeral(value: object) -> object:
    """A text of digits as a whole number; anything else as it is, to be refused as it was given."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,100}", value.strip()):
        return int(value)
    return value


def _decimal(value: object) -> object:
    """A text such as 0.5 or 1e-3 as a number; anything else as it is, to be refused as it was given."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?([0-9]+\.?|[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?", value.strip()):
        return float(value)
    return value
