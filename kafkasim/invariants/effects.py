"""Anomalies between groups and what their programs do: effects left out, effects twice, commits ahead of the work.

They look at programs that note what they work on (:mod:`kafkasim.processing`); of others nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.history import History
from kafkasim.invariants.logs import RecordName
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import OffsetCommitted, RecordProcessed, RecordsAppended

Place = tuple[str, TopicPartition]
"""A group and a partition."""


def skipped_effects(history: History) -> Iterator[Finding]:
    """``skipped-effect``: a group has committed beyond a record that none of its programs has worked on."""
    for name, append, commit in skipped_records(history):
        text = f"Group {commit.group} has committed offset {commit.offset} of {commit.tp}, and never worked on"
        called = f"record {name[1]} of {name[0]}"
        yield Finding("skipped-effect", called, f"{text} {called} below it.", (append, commit))


def skipped_records(history: History) -> Iterator[tuple[RecordName, RecordsAppended, OffsetCommitted]]:
    """The records that a group has passed over: what it is, how it came into the log, and the commit beyond it.

    Not those of aborted transactions, and not those that compaction has removed: a later one of their key stands for
    them.
    """
    worked = _worked(history)
    groups = {group for group, _ in worked}
    for (group, tp), commit in _highest_commits(history).items():
        done = worked.get((group, tp), {})
        for offset, (name, append) in history.logs.get(tp, {}).items():
            passed = group in groups and offset < commit.offset and offset not in done
            if passed and (tp, offset) not in history.aborted and not history.was_cleaned(tp, offset, commit):
                yield name, append, commit


def repeated_effects(history: History) -> Iterator[Finding]:
    """``duplicate-effect``: a record had its effect twice on the same sink, by programs of one group."""
    for (group, tp), done in _worked(history).items():
        for offset, facts in sorted(done.items()):
            applied: dict[str, list[RecordProcessed]] = {}
            for fact in facts:
                if fact.effect == "applied":
                    applied.setdefault(fact.sink, []).append(fact)
            for sink, times in applied.items():
                if len(times) > 1:
                    text = f"Offset {offset} of {tp} had its effect on {sink} {len(times)} times in group {group}."
                    yield Finding("duplicate-effect", f"{tp} offset {offset}", text, tuple(times))


def commits_ahead(history: History) -> Iterator[Finding]:
    """``commit-ahead``: at the moment of a commit, a record below it had not been worked on."""
    worked: dict[Place, set[int]] = {}
    waiting: dict[Place, list[int]] = {}
    groups = {fact.group for fact in history.trace.of(RecordProcessed)}
    for fact in history.trace.of(RecordProcessed, OffsetCommitted):
        if fact.group not in groups or fact.group is None:
            continue
        done = worked.setdefault((fact.group, fact.tp), set())
        if isinstance(fact, RecordProcessed):
            done.add(fact.offset)
            continue
        if (fact.group, fact.tp) not in waiting:
            waiting[fact.group, fact.tp] = list(reversed(history.logs.get(fact.tp, {})))
        left = waiting[fact.group, fact.tp]
        while left and (
            left[-1] in done or (fact.tp, left[-1]) in history.aborted or history.was_cleaned(fact.tp, left[-1], fact)
        ):
            left.pop()
        if left and left[-1] < fact.offset:
            text = f"Group {fact.group} committed offset {fact.offset} of {fact.tp} before its work on {left[-1]}."
            yield Finding("commit-ahead", f"{fact.group} {fact.tp}", text, (fact,))


def _worked(history: History) -> dict[Place, dict[int, list[RecordProcessed]]]:
    worked: dict[Place, dict[int, list[RecordProcessed]]] = {}
    for fact in history.trace.of(RecordProcessed):
        if fact.group is not None:
            worked.setdefault((fact.group, fact.tp), {}).setdefault(fact.offset, []).append(fact)
    return worked


def _highest_commits(history: History) -> dict[Place, OffsetCommitted]:
    highest: dict[Place, OffsetCommitted] = {}
    for fact in history.trace.of(OffsetCommitted):
        known = highest.get((fact.group, fact.tp))
        if known is None or fact.offset > known.offset:
            highest[fact.group, fact.tp] = fact
    return highest
