"""What a checker finds: the name that the field gives it, what it is about, and the facts that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.trace import Fact, Trace


def trace_of(given: object) -> Trace:
    """The trace of a run, and nothing that only looks like one."""
    if not isinstance(given, Trace):
        raise ConfigError(f"trace must be the trace of a run, as cluster.trace. Got {checks.shown(given)}.")
    return given


@dataclass(frozen=True)
class Finding:
    """One anomaly or broken invariant.

    ``name`` is the field's word for it (``lost-write``, ``duplicate``, ``StrongIsr``), ``about`` the partition, record,
    group or transaction, ``text`` the sentence for a person, ``witnesses`` the facts that show it, oldest first.
    """

    name: str
    about: str
    text: str
    witnesses: tuple[Fact, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.text}", *(f"  {fact}" for fact in self.witnesses)])

    __repr__ = __str__


class Findings:
    """All findings of some checkers over one trace: iterate over them, count them by name, set some aside."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._all = tuple(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Finding:
        return self._all[index]

    def named(self, name: str) -> Findings:
        """The findings of one name."""
        return Findings(found for found in self._all if found.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that occur, sorted."""
        return tuple(sorted({found.name for found in self._all}))

    def beyond(self, allowed: Mapping[str, str]) -> Findings:
        """The findings that ``allowed`` (name -> reason, see :func:`kafkasim.invariants.allowed`) does not excuse."""
        if not isinstance(allowed, Mapping):
            raise ConfigError(f"allowed must be what ks.invariants.allowed(...) gives. Got {checks.shown(allowed)}.")
        return Findings(found for found in self._all if found.name not in allowed)

    def __str__(self) -> str:
        if not self._all:
            return "no findings"
        lines = [f"{len(self.named(name))} {name}, the first: {self.named(name)[0].text}" for name in self.names]
        return "\n".join(lines)

    __repr__ = __str__
