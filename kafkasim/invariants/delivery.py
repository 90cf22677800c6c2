"""What became of every record that was sent: counts, with witnesses."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.invariants.effects import skipped_records
from kafkasim.invariants.history import History
from kafkasim.invariants.logs import RecordName
from kafkasim.trace import Trace
from kafkasim.trace.facts import BatchFailed, RecordSent


@dataclass(frozen=True)
class Delivery:
    """What became of the records that were sent; each number has its witnesses, records as (producer, number).

    ``lost``: acknowledged, but not in the leader's log at the end, and not removed in its time by retention,
    DeleteRecords or compaction, or with its topic. ``duplicated``: more than once in it. ``reordered``: behind a record
    in the same partition that its producer sent later. ``unknown``: neither acknowledged nor failed for certain: it may
    or may not be there. ``skipped``: a group has committed beyond it, and no program of the group, though they
    note what they work on, has worked on it.
    """

    sent: int
    acknowledged: int
    lost: tuple[RecordName, ...]
    duplicated: tuple[RecordName, ...]
    reordered: tuple[RecordName, ...]
    unknown: tuple[RecordName, ...]
    skipped: tuple[RecordName, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.sent} sent, {self.acknowledged} acknowledged"]
        for name in ("lost", "duplicated", "reordered", "unknown", "skipped"):
            records: tuple[RecordName, ...] = getattr(self, name)
            if name == "skipped" and not records:
                continue
            witnesses = ", ".join(f"record {number} of {producer}" for producer, number in records[:5])
            more = f" and {len(records) - 5} more" if len(records) > 5 else ""
            lines.append(f"{len(records)} {name}" + (f": {witnesses}{more}" if records else ""))
        return "\n".join(lines)

    __repr__ = __str__


def delivery(trace: Trace) -> Delivery:
    """Compare what was sent and acknowledged with what the leaders' logs hold at the end of the trace."""
    history = History(trace)
    sent = trace.of(RecordSent)
    names = [(fact.producer, fact.number) for fact in sent]
    acknowledged = history.acknowledged
    settled: dict[RecordName, None] = {}
    for failed in trace.of(BatchFailed):
        if failed.definite:
            settled.update(dict.fromkeys((failed.producer, number) for number in failed.records))
    stored: dict[RecordName, int] = {}
    reordered: dict[RecordName, None] = {}
    for _, log in history.every_log:
        highest: dict[str, int] = {}
        for (producer, number), _ in log.values():
            stored[producer, number] = stored.get((producer, number), 0) + 1
            if number < highest.get(producer, -1):
                reordered[producer, number] = None
            highest[producer] = max(number, highest.get(producer, -1))
    skipped = {name for name, _, _ in skipped_records(history)}
    return Delivery(
        sent=len(sent),
        acknowledged=len(acknowledged),
        lost=tuple(name for name in names if name in acknowledged and name not in stored),
        duplicated=tuple(name for name in names if stored.get(name, 0) > 1),
        reordered=tuple(name for name in names if name in reordered and stored.get(name, 0) == 1),
        unknown=tuple(name for name in names if name not in acknowledged and name not in settled),
        skipped=tuple(name for name in names if name in skipped),
    )
