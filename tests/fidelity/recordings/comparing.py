"""When what was recorded and what was seen are equal: numbers in texts are numbers, ISRs are sets, producer ids have names.

A producer id is compared up to renaming: the first time it is seen, the recorded and the simulated one become a pair.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PRODUCER_IDS = ("pid",)
SETS = ("isr",)
NO_ID = -1


@dataclass
class Renaming:
    """Recorded producer ids and those that stand for them here."""

    here: dict[int, int] = field(default_factory=dict)
    recorded: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Renaming:
        """One to try a comparison with."""
        return Renaming(dict(self.here), dict(self.recorded))

    def pair(self, recorded: int, here: int) -> bool:
        """Whether one stands for the other; they do from now on when neither has a partner."""
        if NO_ID in (recorded, here):
            return recorded == here
        return self.here.setdefault(recorded, here) == here and self.recorded.setdefault(here, recorded) == recorded


def difference(wanted: Any, got: Any, names: Renaming, where: str = "") -> str | None:
    """Where two values differ first, in words; None when they are equal. ``names`` grows by what was paired."""
    last = where.rpartition(".")[2]
    if last in PRODUCER_IDS and isinstance(wanted, int) and isinstance(got, int):
        return None if names.pair(wanted, got) else _differ(wanted, got, where)
    if isinstance(wanted, list | tuple) and isinstance(got, list | tuple):
        if last in SETS:
            return None if sorted(wanted) == sorted(got) else _differ(wanted, got, where)
        if len(wanted) != len(got):
            return _differ(wanted, got, where)
        parts = [(one, other, f"{where}[{i}]") for i, (one, other) in enumerate(zip(wanted, got, strict=True))]
    elif isinstance(wanted, dict) and isinstance(got, dict):
        wanted, got = {str(key): one for key, one in wanted.items()}, {str(key): one for key, one in got.items()}
        if wanted.keys() != got.keys():
            return _differ(wanted, got, where)
        parts = [(wanted[key], got[key], f"{where}.{key}") for key in wanted]
    else:
        return None if _equal(wanted, got) else _differ(wanted, got, where)
    return next((found for one, other, place in parts if (found := difference(one, other, names, place))), None)


def _equal(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return wanted is got
    if isinstance(wanted, str) and isinstance(got, str) and wanted == got:
        return True
    try:
        return float(wanted) == float(got)
    except (TypeError, ValueError):
        return bool(wanted == got)


def _differ(wanted: Any, got: Any, where: str) -> str:
    place = f"{where.lstrip('.')}: " if where else ""
    return f"{place}expected {shortened(wanted)}, got {shortened(got)}"


def shortened(value: object, length: int = 300) -> str:
    """A value for a message."""
    shown = repr(value)
    return shown if len(shown) <= length else f"{shown[:length]}…"


def only(wanted: Any, got: dict[str, Any]) -> dict[str, Any]:
    """Of what is seen, the fields that were recorded."""
    return {key: value for key, value in got.items() if key in wanted} if isinstance(wanted, dict) else got


def by_producer(wanted: list[Any], got: list[Any], names: Renaming) -> tuple[list[Any], list[Any]]:
    """Several producers as recorded and as seen, in one order: their ids give none.

    Whoever is known to stand for the other comes first; the others are told apart by all but their ids, and left without
    an id where that does not tell them apart: later they may turn out to be one or the other.
    """
    pairs = [(one, other) for one in wanted for other in got if names.here.get(one["pid"]) == other["pid"]]
    strange = [one for one in wanted if one["pid"] not in names.here]
    new = [other for other in got if other["pid"] not in names.recorded]
    for one in strange:
        twins = [twin for twin in strange if _alike(twin, one)]
        alike = [other for other in new if _alike(other, one)]
        if len(twins) == len(alike) == 1:
            pairs.append((one, alike[0]))
    left = [
        [one for one in some if not any(one is paired for pair in pairs for paired in pair)] for some in (wanted, got)
    ]
    blurred = [sorted((_without_id(one) for one in some), key=repr) for some in left]
    return [one for one, _ in pairs] + blurred[0], [other for _, other in pairs] + blurred[1]


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return _without_id(one) == _without_id(other)


def _without_id(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "pid"}


def by_partition(records: list[Any]) -> list[Any]:
    """Records of one or more polls without the interleaving of their partitions: a stable sort by partition.

    A record is recorded as ``{"tp", "offset", …}``, as ``[tp, offset]`` or, of one partition, as ``[offset, key]``.
    """

    def partition(record: Any) -> str:
        if isinstance(record, dict):
            return str(record.get("tp", ""))
        return record[0] if isinstance(record[0], str) else ""

    return sorted(records, key=partition)
