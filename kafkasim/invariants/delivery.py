"""What became of every record that was sent: a fold over a trace."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.records import TopicPartition
from kafkasim.trace import Trace
from kafkasim.trace.facts import (
    BatchAcknowledged,
    BatchFailed,
    BatchSent,
    LogTruncated,
    PartitionChanged,
    RecordsAppended,
    RecordSent,
)

RecordName = tuple[str, int]
"""A record by its producer's client id and the number of its send."""


@dataclass(frozen=True)
class Delivery:
    """What became of the records that were sent; each number has its witnesses, records as (producer, number).

    ``lost``: acknowledged, but not in the leader's log at the end. ``duplicated``: more than once in it.
    ``reordered``: behind a record in the same partition that its producer sent later. ``unknown``: neither acknowledged
    nor failed for certain, so that it may or may not be there.
    """

    sent: int
    acknowledged: int
    lost: tuple[RecordName, ...]
    duplicated: tuple[RecordName, ...]
    reordered: tuple[RecordName, ...]
    unknown: tuple[RecordName, ...]

    def __str__(self) -> str:
        lines = [f"{self.sent} sent, {self.acknowledged} acknowledged"]
        for name in ("lost", "duplicated", "reordered", "unknown"):
            records: tuple[RecordName, ...] = getattr(self, name)
            witnesses = ", ".join(f"record {number} of {producer}" for producer, number in records[:5])
            more = f" and {len(records) - 5} more" if len(records) > 5 else ""
            lines.append(f"{len(records)} {name}" + (f": {witnesses}{more}" if records else ""))
        return "\n".join(lines)

    __repr__ = __str__


def delivery(trace: Trace) -> Delivery:
    """Compare what was sent and acknowledged with what the leaders' logs hold at the end of the trace."""
    sent = trace.of(RecordSent)
    names = [(fact.producer, fact.number) for fact in sent]
    acknowledged: dict[RecordName, None] = {}
    settled: dict[RecordName, None] = {}
    for fact in trace.of(BatchAcknowledged):
        acknowledged.update(dict.fromkeys((fact.producer, number) for number in fact.records))
    for failed in trace.of(BatchFailed):
        if failed.definite:
            settled.update(dict.fromkeys((failed.producer, number) for number in failed.records))
    stored: dict[RecordName, int] = {}
    reordered: dict[RecordName, None] = {}
    for records in leader_logs(trace).values():
        highest: dict[str, int] = {}
        for producer, number in records:
            stored[producer, number] = stored.get((producer, number), 0) + 1
            if number < highest.get(producer, -1):
                reordered[producer, number] = None
            highest[producer] = max(number, highest.get(producer, -1))
    return Delivery(
        sent=len(sent),
        acknowledged=len(acknowledged),
        lost=tuple(name for name in names if name in acknowledged and name not in stored),
        duplicated=tuple(name for name in names if stored.get(name, 0) > 1),
        reordered=tuple(name for name in names if name in reordered and stored.get(name, 0) == 1),
        unknown=tuple(name for name in names if name not in acknowledged and name not in settled),
    )


def leader_logs(trace: Trace) -> dict[TopicPartition, list[RecordName]]:
    """The records in each partition's log at the end, on its leader (on its last leader when it has none now)."""
    batches = {fact.batch_id: fact for fact in trace.of(BatchSent)}
    leaders: dict[TopicPartition, int] = {}
    for state in trace.of(PartitionChanged):
        if state.leader >= 0:
            leaders[state.tp] = state.leader
    logs: dict[TopicPartition, list[tuple[int, RecordName]]] = {}
    for fact in trace.of(RecordsAppended, LogTruncated):
        if leaders.get(fact.tp) != fact.broker:
            continue
        log = logs.setdefault(fact.tp, [])
        if isinstance(fact, LogTruncated):
            log[:] = [entry for entry in log if entry[0] < fact.log_end_offset]
        elif fact.batch_id in batches:
            batch = batches[fact.batch_id]
            log.extend((fact.base_offset + place, (batch.producer, n)) for place, n in enumerate(batch.records))
    return {tp: [name for _, name in log] for tp, log in logs.items()}
