"""Anomalies between producers and logs: lost writes, duplicates, order that was not kept."""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.history import History
from kafkasim.invariants.logs import RecordName
from kafkasim.trace import Fact
from kafkasim.trace.facts import LogTruncated, RecordsAppended, RecordSent


def lost_writes(history: History) -> Iterator[Finding]:
    """``lost-write``: a record was acknowledged, and the leader's log of the end does not hold it."""
    stored = {name for _, log in history.every_log for name, _ in log.values()}
    for sent in history.trace.of(RecordSent):
        name = (sent.producer, sent.number)
        if name in history.acknowledged and name not in stored:
            told = history.acknowledged[name]
            cut = [fact for fact in history.trace.of(LogTruncated, tp=sent.tp) if fact.index > told.index][:1]
            yield Finding(
                "lost-write", _called(name),
                f"{_called(name)} for {sent.tp} was acknowledged at {told.at_ms:g} ms and is in no leader's log.",
                (sent, told, *cut),
            )  # fmt: skip


def duplicates(history: History) -> Iterator[Finding]:
    """``duplicate``: a record that was sent once stands at two offsets."""
    for tp, log in history.every_log:
        places: dict[RecordName, list[tuple[int, Fact]]] = {}
        for offset, (name, append) in log.items():
            places.setdefault(name, []).append((offset, append))
        for name, found in places.items():
            if len(found) > 1:
                offsets = ", ".join(str(offset) for offset, _ in found)
                text = f"{_called(name)} stands at offsets {offsets} of {tp}."
                yield Finding("duplicate", _called(name), text, tuple(append for _, append in found))


def reordered_sends(history: History) -> Iterator[Finding]:
    """``nonmonotonic-send``: a record stands behind one that the same producer sent later; repeats do not count."""
    for tp, log in history.every_log:
        highest: dict[str, tuple[int, int, RecordsAppended]] = {}
        seen: set[RecordName] = set()
        for offset, (name, append) in log.items():
            producer, number = name
            before = highest.get(producer)
            if before is not None and number < before[0] and name not in seen:
                text = f"{_called(name)} stands at offset {offset} of {tp}, behind record {before[0]} at {before[1]}."
                yield Finding("nonmonotonic-send", _called(name), text, (before[2], append))
            if before is None or number > before[0]:
                highest[producer] = (number, offset, append)
            seen.add(name)


def _called(name: RecordName) -> str:
    return f"record {name[1]} of {name[0]}"
