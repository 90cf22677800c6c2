"""Why something is as it is: a short walk along the recorded causes, and the setting that decided."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafkasim.errors import UsageError, unknown_name
from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.arguments import host_named, partition_named
from kafkasim.trace.fact import Fact
from kafkasim.trace.state import State

MAX_STEPS = 5
SIDE_SHOWS = (kinds.MessageSent, kinds.Disconnected, kinds.FaultStarted, kinds.FaultEnded, kinds.LiveBrokersChanged)
"""Facts that carry a cause on but explain nothing by themselves."""


@dataclass(frozen=True)
class Why:
    """An answer: ``steps`` from the first cause to the fact itself, the ``setting`` that decided, and the ``text``."""

    question: str
    steps: tuple[Fact, ...]
    setting: str
    text: str

    def __str__(self) -> str:
        lines = [self.question, *(f"  {step}" for step in self.steps), self.text]
        if self.setting:
            lines.append(f"Decided by {self.setting}.")
        return "\n".join(lines)

    __repr__ = __str__


def explain(facts: Sequence[Fact], subject: object, about: str) -> Why:
    """Answer one question from the facts up to a time."""
    if isinstance(subject, Fact):
        return _answer(f"Why: {subject.sentence}?", subject, subject.sentence + ".")
    if about not in QUESTIONS:
        raise unknown_name("question", about, QUESTIONS, "It goes with a partition, a broker or a client.")
    return QUESTIONS[about](facts, subject)


def _leader(facts: Sequence[Fact], subject: object) -> Why:
    tp = partition_named(subject)
    history = _history(facts, tp)
    last = history[0]
    for before, after in itertools.pairwise(history):
        if before.leader != after.leader:
            last = after
    leader = f"broker-{last.leader}" if last.leader >= 0 else "nobody"
    return _answer(f"Why is {leader} the leader of {tp}?", last, f"{leader} leads {tp}: {last.reason}.")


def _isr(facts: Sequence[Fact], subject: object) -> Why:
    tp = partition_named(subject)
    history = _history(facts, tp)
    last = history[0]
    for before, after in itertools.pairwise(history):
        if before.isr != after.isr:
            last = after
    isr = ", ".join(map(str, last.isr))
    return _answer(f"Why is the ISR of {tp} {isr}?", last, f"The ISR of {tp} is {isr}: {last.reason}.")


def _high_watermark(facts: Sequence[Fact], subject: object) -> Why:
    tp = partition_named(subject)
    _history(facts, tp)
    state = State(facts, 0)
    leader = state.leader(tp)
    if leader is None:
        why = _leader(facts, tp)
        return Why(f"Why does the high watermark of {tp} not move?", why.steps, why.setting, f"{tp} has no leader.")
    high_watermark, end = state.high_watermark(tp) or 0, state.log_end_offset(tp) or 0
    moved = state.last(kinds.HighWatermarkMoved, leader, tp)
    question = f"Why is the high watermark of {tp} {high_watermark}?"
    if high_watermark >= end:
        text = f"Every in-sync replica of {tp} has everything up to the log end offset {end}."
        return _answer(question, moved, text)
    behind = [
        broker
        for broker in state.isr(tp)
        if broker != leader and _position(state, leader, tp, broker) <= high_watermark
    ]
    who = ", ".join(f"broker-{broker}" for broker in behind) or "the in-sync replicas"
    appended = next(
        (f for f in reversed(facts) if isinstance(f, kinds.RecordsAppended) and f.broker == leader and f.tp == tp), None
    )
    stopped = [f for f in facts if isinstance(f, kinds.HostChanged) and f.host in {f"broker-{b}" for b in behind}]
    steps = [f for f in (stopped[-1] if stopped else None, moved, appended) if f is not None]
    text = (
        f"The log ends at {end}, but {who} has not fetched beyond {high_watermark} yet, and only what the whole ISR"
        " has is committed."
    )
    return Why(question, tuple(sorted(steps, key=lambda f: f.index)), "replica.lag.time.max.ms", text)


def _position(state: State, leader: int, tp: TopicPartition, follower: int) -> int:
    moved = state.last(kinds.FollowerPositionMoved, leader, tp, follower)
    return -1 if moved is None else moved.log_end_offset


def _produce(facts: Sequence[Fact], subject: object) -> Why:
    tp = partition_named(subject)
    for fact in reversed(facts):
        if isinstance(fact, kinds.ProduceRefused | kinds.BatchFailed) and fact.tp == tp:
            return _answer(f"Why was {fact.batch_id} for {tp} refused?", fact, fact.sentence + ".")
    raise UsageError(f"No produce to {tp} has been refused up to then.")


def _session(facts: Sequence[Fact], subject: object) -> Why:
    host = host_named(subject)
    for fact in reversed(facts):
        if isinstance(fact, kinds.SessionChanged) and fact.owner == host:
            return _answer(f"Why is the session of {host} {fact.state}?", fact, fact.sentence + ".")
    raise UsageError(f"{host} has had no ZooKeeper session up to then.")


def _state(facts: Sequence[Fact], subject: object) -> Why:
    host = host_named(subject)
    for fact in reversed(facts):
        if isinstance(fact, kinds.HostChanged) and fact.host == host:
            return _answer(f"Why is {host} {fact.state}?", fact, fact.sentence + ".")
    known = {fact.host for fact in facts if isinstance(fact, kinds.HostChanged)}
    raise unknown_name("machine or client", host, known)


QUESTIONS: dict[str, Callable[[Sequence[Fact], object], Why]] = {
    "leader": _leader,
    "isr": _isr,
    "high_watermark": _high_watermark,
    "produce": _produce,
    "session": _session,
    "state": _state,
}
"""What ``about`` may be."""


def _history(facts: Sequence[Fact], tp: TopicPartition) -> list[kinds.PartitionChanged]:
    history = [fact for fact in facts if isinstance(fact, kinds.PartitionChanged) and fact.tp == tp]
    if not history:
        known = {str(fact.tp) for fact in facts if isinstance(fact, kinds.PartitionChanged)}
        raise unknown_name("partition", str(tp), known)
    return history


def _answer(question: str, fact: Fact | None, text: str) -> Why:
    """The walk from a fact back along its causes; what only passes a cause on is left out."""
    steps: list[Fact] = []
    setting = ""
    while fact is not None and len(steps) < MAX_STEPS:
        if not isinstance(fact, SIDE_SHOWS) and not (isinstance(fact, kinds.ZnodeChanged) and fact.change == "set"):
            steps.append(fact)
            setting = setting or getattr(fact, "setting", "")
        fact = fact.cause
    return Why(question, tuple(reversed(steps)), setting, text)
