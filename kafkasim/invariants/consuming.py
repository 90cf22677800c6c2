"""Anomalies that consumers see: positions that jump or go back, two histories of one partition, two owners."""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.history import History
from kafkasim.invariants.logs import RecordName
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact
from kafkasim.trace.facts import PartitionsAssigned, PartitionsRevoked, PositionSet, RecordsPolled, TopicCreated

Reading = tuple[str, TopicPartition]


def polls_out_of_step(history: History) -> Iterator[Finding]:
    """``poll-skip`` and ``nonmonotonic-poll``: between two polls of one consumer, without a seek, a reset or another
    assignment, records were left out or came again. Offsets without a record (markers, compaction) are no gap, nor are
    aborted records for ``read_committed``.
    """
    last: dict[Reading, RecordsPolled] = {}
    for fact in history.trace.of(RecordsPolled, PositionSet, PartitionsAssigned, PartitionsRevoked):
        if isinstance(fact, PositionSet):
            last.pop((fact.consumer, fact.tp), None)
        elif isinstance(fact, PartitionsAssigned | PartitionsRevoked):
            for reading in [one for one in last if one[0] == fact.consumer and _goes(fact, one[1])]:
                del last[reading]
        else:
            before = last.get((fact.consumer, fact.tp))
            if before is not None and fact.first_offset < before.position:
                text = f"{fact.consumer} read {fact.tp} from {fact.first_offset} after {before.last_offset}."
                yield Finding("nonmonotonic-poll", f"{fact.consumer} {fact.tp}", text, (before, fact))
            elif before is not None:
                gap = range(before.position, fact.first_offset)
                left_out = [offset for offset in gap if _was_to_be_read(history, fact, offset)]
                if left_out:
                    text = f"{fact.consumer} read {fact.tp} from {fact.first_offset} and left out {left_out[0]}."
                    yield Finding("poll-skip", f"{fact.consumer} {fact.tp}", text, (before, fact))
            last[fact.consumer, fact.tp] = fact


def _was_to_be_read(history: History, fact: RecordsPolled, offset: int) -> bool:
    if offset not in history.logs.get(fact.tp, {}) or history.was_cleaned(fact.tp, offset, fact):
        return False
    return not (fact.read_committed and (fact.tp, offset) in history.aborted)


def _goes(fact: PartitionsAssigned | PartitionsRevoked, tp: TopicPartition) -> bool:
    return (tp in fact.partitions) is isinstance(fact, PartitionsRevoked)


def inconsistent_offsets(history: History) -> Iterator[Finding]:
    """``inconsistent-offsets``: two consumers, or one at two times, saw different records at one offset. A topic made
    anew begins anew."""
    seen: dict[tuple[TopicPartition, int], tuple[RecordName, Fact]] = {}
    told: set[tuple[TopicPartition, int]] = set()
    for fact in history.trace.of(RecordsPolled, TopicCreated):
        if isinstance(fact, TopicCreated):
            seen = {place: first for place, first in seen.items() if place[0].topic != fact.topic}
            continue
        for offset, producer, number in fact.records:
            place = (fact.tp, offset)
            known, first = seen.setdefault(place, ((producer, number), fact))
            if known != (producer, number) and place not in told:
                told.add(place)
                text = (
                    f"Offset {offset} of {fact.tp} was record {known[1]} of {known[0]},"
                    f" and record {number} of {producer} later."
                )
                yield Finding("inconsistent-offsets", f"{fact.tp} offset {offset}", text, (first, fact))


def two_owners(history: History) -> Iterator[Finding]:
    """``double-ownership``: two members of one generation of a group own the same partition."""
    owners: dict[tuple[str, int], dict[TopicPartition, PartitionsAssigned]] = {}
    for fact in history.trace.of(PartitionsAssigned):
        if fact.group is None or fact.generation < 0:
            continue
        generation = owners.setdefault((fact.group, fact.generation), {})
        for tp in fact.partitions:
            other = generation.setdefault(tp, fact)
            if other.consumer != fact.consumer:
                text = (
                    f"In generation {fact.generation} of group {fact.group} both {other.consumer} and"
                    f" {fact.consumer} own {tp}."
                )
                yield Finding("double-ownership", f"{fact.group} {tp}", text, (other, fact))
