"""The reading end of the trace: everything a learner, a picture or a grader may know about a run.

>>> trace = Trace([])
>>> len(trace), trace.of("HighWatermarkMoved")
(0, [])
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from kafkasim.config import checks
from kafkasim.errors import ConfigError, unknown_name
from kafkasim.trace import facts as kinds
from kafkasim.trace.arguments import moment, partition_named
from kafkasim.trace.causes import Why
from kafkasim.trace.fact import Fact
from kafkasim.trace.state import State
from kafkasim.trace.story import Story, tell
from kafkasim.trace.why import explain

F = TypeVar("F", bound=Fact)

KINDS: dict[str, type[Fact]] = {
    name: value
    for name, value in vars(kinds).items()
    if isinstance(value, type) and issubclass(value, Fact) and value is not Fact
}
"""Every sort of fact by name."""


class Trace:
    """The facts of a run, in the order in which they happened.

    A trace of a running cluster grows with it. Times are milliseconds of simulated time since the cluster's start.
    """

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts
        self._places: dict[type[Fact], list[int]] = {}
        self._indexed = 0

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts)

    def __getitem__(self, index: int) -> Fact:
        return self._facts[index]

    def __repr__(self) -> str:
        return f"<Trace: {len(self)} facts, {self.start_ms:g} to {self.end_ms:g} ms>"

    @property
    def start_ms(self) -> float:
        """The time of the first fact; 0 for an empty trace."""
        return self._facts[0].at_ms if self._facts else 0.0

    @property
    def end_ms(self) -> float:
        """The time of the last fact; 0 for an empty trace."""
        return self._facts[-1].at_ms if self._facts else 0.0

    @overload
    def of(self, kind: type[F], /, **values: object) -> list[F]: ...
    @overload
    def of(self, kind: str | type[Fact], /, *kinds: str | type[Fact], **values: object) -> list[Any]: ...
    def of(self, kind: str | type[Fact], /, *kinds: str | type[Fact], **values: object) -> list[Any]:
        """The facts of these kinds (classes or names) whose fields have these values.

        A field that names a partition takes a TopicPartition, a ``("orders", 0)`` pair or the text ``"orders-0"``.
        """
        wanted = tuple(_kind(one) for one in (kind, *kinds))
        for name in values:
            if not any(name in one.__dataclass_fields__ for one in wanted):
                known = [field for one in wanted for field in one.__dataclass_fields__ if field not in _HIDDEN]
                raise unknown_name(f"field of {', '.join(one.__name__ for one in wanted)}", name, known)
        if "tp" in values:
            values["tp"] = partition_named(values["tp"])
        found: list[Any] = [self._facts[place] for place in self._places_of(wanted)]
        for name, value in values.items():
            found = [fact for fact in found if getattr(fact, name, None) == value]
        return found

    def _places_of(self, wanted: tuple[type[Fact], ...]) -> list[int]:
        """Where the facts of these kinds stand, in order. Each fact is filed once, so that many questions are cheap."""
        for place in range(self._indexed, len(self._facts)):
            self._places.setdefault(type(self._facts[place]), []).append(place)
        self._indexed = len(self._facts)
        filed = [places for kind, places in self._places.items() if issubclass(kind, wanted)]
        return filed[0] if len(filed) == 1 else sorted(itertools.chain.from_iterable(filed))

    def between(self, from_ms: float, to_ms: float) -> Trace:
        """The part of the trace with ``from_ms`` <= time < ``to_ms``; causes may lie before it."""
        start, end = moment(from_ms, "from_ms"), moment(to_ms, "to_ms")
        if end < start:
            raise ConfigError(f"to_ms must not lie before from_ms. Got {from_ms!r} to {to_ms!r}.")
        first = bisect.bisect_left(self._facts, round(start * 1000), key=_time)
        last = bisect.bisect_left(self._facts, round(end * 1000), key=_time)
        return Trace(self._facts[first:last])

    def at(self, at_ms: float) -> State:
        """What was true at that time, facts of that very microsecond included: the last fact per subject wins."""
        last = bisect.bisect_right(self._facts, round(moment(at_ms, "at_ms") * 1000), key=_time)
        return State(self._facts[:last], at_ms)

    @property
    def now(self) -> State:
        """What is true at the end of the trace."""
        return State(self._facts, self.end_ms)

    def why(self, subject: object, about: str = "", at_ms: float | None = None, *, broker: object = None) -> Why:
        """Why something is as it is: at most five steps, the setting that decided, and the text.

        ``subject`` is a partition with ``about`` one of ``leader``, ``isr``, ``high_watermark``, ``produce``,
        ``truncation``, ``log_start``; a broker (102 or ``"broker-102"``) or client with ``session``, ``state``,
        ``controller``; a group with ``group``; a consumer with ``assignment``, ``position``; or any fact of this trace
        alone. With ``isr``, ``broker`` asks why that one left or joined, whatever came after.
        """
        checks.text(about, "about")
        until = self.end_ms if at_ms is None else moment(at_ms, "at_ms")
        last = bisect.bisect_right(self._facts, round(until * 1000), key=_time)
        return explain(self._facts[:last], subject, about, broker)

    def story(self, *, key: bytes | str | None = None, tp: object = None, offset: int | None = None) -> Story:
        """The life of the records with a key, or of the record at one offset of a partition, from send to effect."""
        if (key is None) == (tp is None) or (tp is None) != (offset is None):
            raise ConfigError("story() takes either key=... or both tp=... and offset=....")
        if isinstance(key, str):
            key = key.encode()
        if key is not None and not isinstance(key, bytes):
            raise ConfigError(f"key must be bytes or a text. Got {key!r}.")
        if offset is not None and (isinstance(offset, bool) or not isinstance(offset, int) or offset < 0):
            raise ConfigError(f"offset must be a whole number of at least 0. Got {offset!r}.")
        return tell(self._facts, key=key, tp=None if tp is None else partition_named(tp), offset=offset)

    def digest(self) -> str:
        """A fingerprint of the whole trace: equal for equal runs, in any process."""
        digest = hashlib.sha256()
        for fact in self._facts:
            cause = -1 if fact.cause is None else fact.cause.index
            row = (fact.kind, fact.at_us, cause, *fact.values.values())
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def describe(self, *only: str | type[Fact], limit: int | None = None) -> str:
        """The trace in words, a line a fact: without ``only`` everything but single messages."""
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ConfigError(f"limit must be a whole number of at least 1. Got {limit!r}.")
        wanted = tuple(_kind(one) for one in only) if only else None
        lines = [
            str(fact)
            for fact in self._facts
            if (isinstance(fact, wanted) if wanted else not isinstance(fact, kinds.MessageSent))
        ]
        if limit is not None and len(lines) > limit:
            lines[limit:] = [f"... and {len(lines) - limit} more"]
        return "\n".join(lines)


_HIDDEN = frozenset({"index", "at_us", "cause"})


def _time(fact: Fact) -> int:
    return fact.at_us


def _kind(kind: object) -> type[Fact]:
    if isinstance(kind, type) and issubclass(kind, Fact):
        return kind
    if isinstance(kind, str):
        if kind in KINDS:
            return KINDS[kind]
        raise unknown_name("sort of fact", kind, KINDS)
    raise ConfigError(f"A sort of fact is a class of kafkasim.trace.facts or its name. Got {kind!r}.")
