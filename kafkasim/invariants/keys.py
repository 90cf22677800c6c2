"""Order by key: what an application that reads the topics may count on."""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.history import History
from kafkasim.invariants.logs import RecordName
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import PartitionsAssigned, PositionSet, RecordSent, RecordsPolled

Sender = tuple[str, str, bytes]
"""Who reads (a group, or a consumer without one), who has sent, and the key."""


def reordered_keys(history: History) -> Iterator[Finding]:
    """``nonmonotonic-key``: a group was handed a record after one of the same key that its producer had sent later.

    Only the first time counts that a group is handed a record, and going back by a seek is no disorder.
    """
    keys = {(sent.producer, sent.number): sent.key for sent in history.trace.of(RecordSent) if sent.key is not None}
    groups: dict[str, str] = {}
    newest: dict[Sender, tuple[int, TopicPartition, RecordsPolled]] = {}
    seen: set[tuple[str, RecordName]] = set()
    for fact in history.trace.of(PartitionsAssigned, PositionSet, RecordsPolled):
        if isinstance(fact, PartitionsAssigned):
            groups[fact.consumer] = fact.group or fact.consumer
            continue
        reader = groups.get(fact.consumer, fact.consumer)
        if isinstance(fact, PositionSet):
            newest = {one: last for one, last in newest.items() if one[0] != reader or last[1] != fact.tp}
            continue
        for _, producer, number in fact.records:
            key = keys.get((producer, number))
            if key is None or (reader, (producer, number)) in seen:
                continue
            seen.add((reader, (producer, number)))
            before = newest.get((reader, producer, key))
            if before is None or number > before[0]:
                newest[reader, producer, key] = (number, fact.tp, fact)
                continue
            called = f"record {number} of {producer}"
            text = f"{reader} was handed {called} ({fact.tp}) after record {before[0]} ({before[1]}) of the same key."
            yield Finding("nonmonotonic-key", called, text, (before[2], fact))
