"""Anomalies between groups and what their programs do: effects left out, effects twice, commits ahead of the work.

They look at programs that note what they work on (:mod:`kafkasim.processing`); of others nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.logs import RecordName, leader_logs
from kafkasim.invariants.transactions import aborted_places
from kafkasim.records import TopicPartition
from kafkasim.trace import Trace
from kafkasim.trace.facts import OffsetCommitted, RecordProcessed, RecordsAppended

Place = tuple[str, TopicPartition]
"""A group and a partition."""


def skipped_effects(trace: Trace) -> Iterator[Finding]:
    """``skipped-effect``: a group has committed beyond a record that none of its programs has worked on."""
    for name, append, commit in skipped_records(trace):
        text = f"Group {commit.group} has committed offset {commit.offset} of {commit.tp}, and never worked on"
        called = f"record {name[1]} of {name[0]}"
        yield Finding("skipped-effect", called, f"{text} {called} below it.", (append, commit))


def skipped_records(trace: Trace) -> Iterator[tuple[RecordName, RecordsAppended, OffsetCommitted]]:
    """The records that a group has passed over: what it is, how it came into the log, and the commit beyond it."""
    worked = _worked(trace)
    groups = {group for group, _ in worked}
    logs, aborted = leader_logs(trace), aborted_places(trace)
    for (group, tp), commit in _highest_commits(trace).items():
        done = worked.get((group, tp), {})
        for offset, (name, append) in sorted(logs.get(tp, {}).items()):
            if group in groups and offset < commit.offset and offset not in done and (tp, offset) not in aborted:
                yield name, append, commit


def repeated_effects(trace: Trace) -> Iterator[Finding]:
    """``duplicate-effect``: a record had its effect twice on the same sink, by programs of one group."""
    for (group, tp), done in _worked(trace).items():
        for offset, facts in sorted(done.items()):
            applied: dict[str, list[RecordProcessed]] = {}
            for fact in facts:
                if fact.effect == "applied":
                    applied.setdefault(fact.sink, []).append(fact)
            for sink, times in applied.items():
                if len(times) > 1:
                    text = f"Offset {offset} of {tp} had its effect on {sink} {len(times)} times in group {group}."
                    yield Finding("duplicate-effect", f"{tp} offset {offset}", text, tuple(times))


def commits_ahead(trace: Trace) -> Iterator[Finding]:
    """``commit-ahead``: at the moment of a commit, a record below it had not been worked on."""
    worked: dict[Place, set[int]] = {}
    logs, aborted = leader_logs(trace), aborted_places(trace)
    groups = {fact.group for fact in trace.of(RecordProcessed)}
    for fact in trace.of(RecordProcessed, OffsetCommitted):
        if isinstance(fact, RecordProcessed):
            if fact.group is not None:
                worked.setdefault((fact.group, fact.tp), set()).add(fact.offset)
        elif fact.group in groups:
            done = worked.get((fact.group, fact.tp), set())
            ahead = [
                offset
                for offset in sorted(logs.get(fact.tp, {}))
                if offset < fact.offset and offset not in done and (fact.tp, offset) not in aborted
            ]
            if ahead:
                text = f"Group {fact.group} committed offset {fact.offset} of {fact.tp} before its work on {ahead[0]}."
                yield Finding("commit-ahead", f"{fact.group} {fact.tp}", text, (fact,))


def _worked(trace: Trace) -> dict[Place, dict[int, list[RecordProcessed]]]:
    worked: dict[Place, dict[int, list[RecordProcessed]]] = {}
    for fact in trace.of(RecordProcessed):
        if fact.group is not None:
            worked.setdefault((fact.group, fact.tp), {}).setdefault(fact.offset, []).append(fact)
    return worked


def _highest_commits(trace: Trace) -> dict[Place, OffsetCommitted]:
    highest: dict[Place, OffsetCommitted] = {}
    for fact in trace.of(OffsetCommitted):
        known = highest.get((fact.group, fact.tp))
        if known is None or fact.offset > known.offset:
            highest[fact.group, fact.tp] = fact
    return highest
