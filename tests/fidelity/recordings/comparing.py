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


def by_partition(records: list[Any]) -> list[Any]:
    """Records of one or more polls without the interleaving of their partitions: a stable sort by partition.

    A record is recorded as ``{"tp", "offset", …}``, as ``[tp, offset]`` or, of one partition, as ``[offset, key]``.
    """

    def partition(record: Any) -> str:
        if isinstance(record, dict):
            return str(record.get("tp", ""))
        return record[0] if isinstance(record[0], str) else ""

    return sorted(records, key=partition)
