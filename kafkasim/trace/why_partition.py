"""Why a partition is as it is: its leader, its ISR, its high watermark, what was refused, cut or is gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from kafkasim.errors import UsageError, unknown_name
from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.arguments import partition_named
from kafkasim.trace.causes import PLUMBING, Why, answer, last, trouble_of, walk
from kafkasim.trace.fact import Fact
from kafkasim.trace.state import State


def leader(facts: Sequence[Fact], subject: object) -> Why:
    """Why is this broker the leader, or why is nobody?"""
    tp = partition_named(subject)
    chosen = _last_change(facts, tp, lambda one: one.leader)
    name = f"broker-{chosen.leader}" if chosen.leader >= 0 else "nobody"
    return answer(f"Why is {name} the leader of {tp}?", f"{name} leads {tp}: {chosen.reason}.", walk(chosen))


def isr(facts: Sequence[Fact], subject: object) -> Why:
    """Why is the ISR what it is: who left or joined last?"""
    tp = partition_named(subject)
    history = _history(facts, tp)
    change = _last_change(facts, tp, lambda one: set(one.isr))
    place = history.index(change)
    before = set(history[place - 1].isr) if place else set()
    members = ", ".join(map(str, change.isr))
    asked = None
    if any(isinstance(step, kinds.IsrChangeProposed) for step in walk(change)):  # one of those in the same request
        asked = last(facts[: change.index], kinds.IsrChangeProposed, tp=tp)
    left, joined = sorted(before - set(change.isr)), sorted(set(change.isr) - before)
    moves = _moves(left, "left") + (_moves(joined, "joined") if place else [])
    what = f", since {' and '.join(moves)}" if moves else ""
    reason = asked.reason if isinstance(asked, kinds.IsrChangeProposed) else change.reason
    troubles = [trouble_of(facts[: change.index], f"broker-{broker}") for broker in left] if asked else []
    missed = last(facts[: asked.index], kinds.RecordsAppended, tp=tp, role="leader") if asked and left else None
    steps = [*troubles, missed, asked, change] if asked else walk(change)
    return answer(f"Why is the ISR of {tp} {members}?", f"The ISR of {tp} is {members}{what}: {reason}.", steps)


def _moves(brokers: list[int], verb: str) -> list[str]:
    return [f"{' and '.join(f'broker-{broker}' for broker in brokers)} {verb}"] if brokers else []


def high_watermark(facts: Sequence[Fact], subject: object) -> Why:
    """Why does the high watermark stand where it stands?"""
    tp = partition_named(subject)
    _history(facts, tp)
    state = State(facts, 0)
    broker = state.leader(tp)
    if broker is None:
        why = leader(facts, tp)
        text = f"{tp} has no leader, and only a leader moves the high watermark."
        return Why(f"Why does the high watermark of {tp} not move?", why.steps, why.setting, text)
    stands, end = state.high_watermark(tp) or 0, state.log_end_offset(tp) or 0
    moved = state.last(kinds.HighWatermarkMoved, broker, tp)
    question = f"Why is the high watermark of {tp} {stands}?"
    if stands >= end:
        text = f"Every in-sync replica of {tp} has everything up to the log end offset {end}."
        return answer(question, text, walk(moved), "replica.lag.time.max.ms")
    appended = last(facts, kinds.RecordsAppended, broker=broker, tp=tp, role="leader")
    held = state.last(kinds.HighWatermarkHeld, broker, tp)
    if held is not None and held.index > _index(moved) and len(state.isr(tp)) < held.min_isr:
        change = _last_change(facts, tp, lambda one: set(one.isr))
        text = f"The log ends at {end}, but {held.reason}, and until it has grown the high watermark stands still."
        return answer(question, text, [*walk(change), held], held.setting)
    behind = [one for one in state.isr(tp) if one != broker and _position(state, facts, broker, tp, one) <= stands]
    who = " and ".join(f"broker-{one}" for one in behind) or "somebody in sync"
    verb = "have" if len(behind) > 1 else "has"
    text = (
        f"The log ends at {end}, but {who} {verb} not fetched beyond {stands} yet, and only what the whole ISR"
        f" ({', '.join(map(str, state.isr(tp)))}) has is committed."
    )
    troubles = [trouble_of(facts, f"broker-{one}") for one in behind]
    return answer(question, text, [*troubles, moved, appended], "replica.lag.time.max.ms")


def _index(fact: Fact | None) -> int:
    return -1 if fact is None else fact.index


def _position(state: State, facts: Sequence[Fact], broker: int, tp: TopicPartition, follower: int) -> int:
    """How far the leader knows a follower to be; -1 when it has not heard of it since it leads."""
    moved = state.last(kinds.FollowerPositionMoved, broker, tp, follower)
    role = last(facts, kinds.ReplicaRoleChanged, broker=broker, tp=tp)
    return -1 if moved is None or moved.index < _index(role) else moved.log_end_offset


def produce(facts: Sequence[Fact], subject: object) -> Why:
    """Why was this produce refused, or why has it failed?"""
    tp = partition_named(subject)
    refused = last(facts, (kinds.ProduceRefused, kinds.BatchFailed), tp=tp)
    if refused is None:
        raise UsageError(f"No produce to {tp} has been refused up to then.")
    assert isinstance(refused, kinds.ProduceRefused | kinds.BatchFailed)
    question = f"Why was {refused.batch_id} for {tp} refused?"
    before = facts[: refused.index]
    if isinstance(refused, kinds.BatchFailed):
        root = last(before, kinds.ProduceRefused, tp=tp, batch_id=refused.batch_id)
        retried = last(before, kinds.BatchRetried, tp=tp, batch_id=refused.batch_id)
        steps = [root or retried, refused] if root or retried else walk(refused)
        setting = refused.setting
        text = refused.sentence
        if isinstance(root, kinds.ProduceRefused):
            steps = [*_why_too_few(before, tp, root), *steps]
            text += f"; each try was refused with {root.error}: {root.reason}"
            setting = root.setting
        return answer(question, f"{text}.", steps, setting)
    steps = [*_why_too_few(before, tp, refused), refused]
    return answer(question, f"{refused.sentence}.", steps, refused.setting)


def _why_too_few(facts: Sequence[Fact], tp: TopicPartition, refused: kinds.ProduceRefused) -> list[Fact]:
    if refused.error != "NOT_ENOUGH_REPLICAS":
        return []
    return [step for step in isr(facts, tp).steps if not isinstance(step, PLUMBING)]


def truncation(facts: Sequence[Fact], subject: object) -> Why:
    """Why was a log cut?"""
    tp = partition_named(subject)
    cut = last(facts, kinds.LogTruncated, tp=tp)
    if not isinstance(cut, kinds.LogTruncated):
        raise UsageError(f"No log of {tp} has been cut up to then.")
    before = facts[: cut.index]
    role = last(before, kinds.ReplicaRoleChanged, broker=cut.broker, tp=tp)
    lost = last(before, kinds.RecordsAppended, broker=cut.broker, tp=tp)
    assert isinstance(role, kinds.ReplicaRoleChanged)
    chosen = last(before, kinds.PartitionChanged, tp=tp, leader=role.leader, leader_epoch=role.leader_epoch)
    text = (
        f"broker-{cut.broker} has cut its log of {tp} to {cut.log_end_offset}: its leader broker-{role.leader} (leader"
        f" epoch {role.leader_epoch}) has other records from there on, or none."
    )
    question = f"Why did broker-{cut.broker} cut its log of {tp}?"
    return answer(question, text, [lost, *walk(chosen), role, cut], "leader epochs (KIP-101)")


def log_start(facts: Sequence[Fact], subject: object) -> Why:
    """Why are the first records gone?"""
    tp = partition_named(subject)
    broker = State(facts, 0).leader(tp)
    gone = last(facts, kinds.LogStartMoved, tp=tp, broker=broker) or last(facts, kinds.LogStartMoved, tp=tp)
    if not isinstance(gone, kinds.LogStartMoved):
        raise UsageError(f"{tp} starts at its first record: nothing is gone.")
    deleted = last(facts[: gone.index + 3], kinds.SegmentsDeleted, tp=tp, broker=gone.broker)
    question = f"Why does {tp} start at offset {gone.log_start_offset}?"
    return answer(question, f"{gone.sentence}.", [*walk(gone), deleted], gone.setting)


def _history(facts: Sequence[Fact], tp: TopicPartition) -> list[kinds.PartitionChanged]:
    history = [fact for fact in facts if isinstance(fact, kinds.PartitionChanged) and fact.tp == tp]
    if not history:
        known = {str(fact.tp) for fact in facts if isinstance(fact, kinds.PartitionChanged)}
        raise unknown_name("partition", str(tp), known)
    return history


def _last_change(
    facts: Sequence[Fact], tp: TopicPartition, what: Callable[[kinds.PartitionChanged], object]
) -> kinds.PartitionChanged:
    """The latest decision of the controller that changed something."""
    history = _history(facts, tp)
    changed = [after for before, after in itertools.pairwise(history) if what(before) != what(after)]
    return changed[-1] if changed else history[0]
