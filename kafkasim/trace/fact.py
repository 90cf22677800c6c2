"""What a fact is: something that happened, told by its new value, with its time and its cause.

A fact carries the **new value**, never a difference, so the state at a time is "the last fact per subject wins".
It holds numbers, texts, bytes and tuples of them, never a live object of the simulator: a trace can be kept,
compared and read after the cluster is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform

from kafkasim.records import TopicPartition

F = TypeVar("F", bound="Fact")


@dataclass(slots=True)
class Fact:
    """The base of all facts.

    ``index`` is the fact's place in its trace, ``at_us`` its time in microseconds of simulated time, ``cause`` the
    fact that led to it (None for what the user or the start of the cluster did).
    """

    SUBJECT: ClassVar[tuple[str, ...]] = ()
    HOST: ClassVar[str] = ""
    TEXT: ClassVar[str] = ""

    index: int = field(init=False, default=-1, compare=False, repr=False)
    at_us: int = field(init=False, default=-1, compare=False, repr=False)
    cause: Fact | None = field(init=False, default=None, compare=False, repr=False)

    @property
    def at_ms(self) -> float:
        """When it happened, in milliseconds of simulated time since the start of the cluster."""
        return self.at_us / 1000

    @property
    def kind(self) -> str:
        """The name of this sort of fact."""
        return type(self).__name__

    @property
    def subject(self) -> tuple[object, ...]:
        """What the fact is about; a later fact of the same kind and subject replaces it."""
        return tuple(getattr(self, name) for name in self.SUBJECT)

    @property
    def where(self) -> str | None:
        """The machine or client on which it happened, as ``broker-102``; None for the cluster as a whole."""
        if not self.HOST:
            return None
        value = getattr(self, self.HOST)
        return f"broker-{value}" if isinstance(value, int) else str(value)

    @property
    def values(self) -> dict[str, Any]:
        """The fact's own fields by name, in the order of its definition."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.init}

    @property
    def sentence(self) -> str:
        """The fact in words."""
        return self.TEXT.format(**{name: spoken(name, value) for name, value in self.values.items()})

    def __str__(self) -> str:
        return f"{self.at_ms:12.3f} ms  {self.sentence}"


BROKER_FIELDS = frozenset({"broker", "leader", "follower", "controller", "coordinator", "to_broker"})


def spoken(name: str, value: object) -> str:
    """A value as a sentence shows it."""
    if value is None:
        return "none"
    if isinstance(value, TopicPartition):
        return str(value)
    if isinstance(value, bytes):
        return repr(value)[1:]
    if isinstance(value, tuple):
        return ", ".join(spoken("", item) for item in value) if value else "none"
    if isinstance(value, int) and name in BROKER_FIELDS:
        return f"broker-{value}" if value >= 0 else "no broker"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


@dataclass_transform()
def fact(*subject: str, host: str = "", text: str) -> Callable[[type[F]], type[F]]:
    """Make a class a sort of fact: its subject's field names, the field that names its host, its sentence."""

    def define(cls: type[F]) -> type[F]:
        made = dataclass(slots=True)(cls)
        made.SUBJECT, made.HOST, made.TEXT = subject, host, text
        return made

    return define
