"""Why a partition is as it is: its leader, its ISR, its high watermark, what was cut or is gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from kafkasim.errors import UsageError, unknown_name
from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.arguments import host_named, partition_named
from kafkasim.trace.causes import Why, answer, last, rooted, trouble_of, walk
from kafkasim.trace.fact import Fact
from kafkasim.trace.facts.storage import THE_LEADERS
from kafkasim.trace.state import State


def leader(facts: Sequence[Fact], subject: object) -> Why:
    """Why is this broker the leader, or why is nobody?"""
    tp = partition_named(subject)
    chosen = _last_change(facts, tp, lambda one: one.leader)
    name = f"broker-{chosen.leader}" if chosen.leader >= 0 else "nobody"
    text = f"{name} leads {tp}: {chosen.reason}."
    created = last(facts[: chosen.index], kinds.TopicCreated, topic=tp.topic)
    if chosen.leader_epoch == 0 and isinstance(created, kinds.TopicCreated) and tp.partition < len(created.assignment):
        replicas = ", ".join(map(str, created.assignment[tp.partition]))
        text += f" It is the first live broker of its assignment ({replicas})."
    trouble = last(facts, kinds.HostChanged, host=name)
    if isinstance(trouble, kinds.HostChanged) and trouble.state != "running":
        text += f" But {name} is {trouble.state}, and nobody has chosen another one yet."
    steps = rooted(facts, walk(chosen))
    return answer(f"Why is {name} the leader of {tp}?", text, [*_missing(facts, tp, chosen), *steps])


def _missing(facts: Sequence[Fact], tp: TopicPartition, chosen: kinds.PartitionChanged) -> list[Fact | None]:
    """Where nobody in sync could lead: what was wrong with those who were in sync."""
    history = _history(facts, tp)
    before = history[history.index(chosen) - 1]
    if set(chosen.isr) & set(before.isr) and chosen.leader >= 0:
        return []
    return [trouble_of(facts[: chosen.index], f"broker-{one}") for one in before.isr if one != chosen.leader]


def isr(facts: Sequence[Fact], subject: object, broker: object = None) -> Why:
    """Why is the ISR what it is: who left or joined last, or why did this ``broker``?"""
    tp = partition_named(subject)
    history = _history(facts, tp)
    if broker is None:
        change = _last_change(facts, tp, lambda one: set(one.isr))
    else:
        number = _replica(history, broker)
        change = _last_change(facts, tp, lambda one: number in one.isr)
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
    if isinstance(asked, kinds.IsrChangeProposed) and left:
        before_that = facts[: asked.index]
        troubles = [trouble_of(facts[: change.index], f"broker-{one}") for one in left]
        steps = [*troubles, _first_missed(before_that, tp, asked.broker, left[0]), asked, change]
    else:
        steps = [asked, change] if asked else [*_missing(facts, tp, change), *rooted(facts, walk(change))]
    return answer(f"Why is the ISR of {tp} {members}?", f"The ISR of {tp} is {members}{what}: {reason}.", steps)


def _replica(history: Sequence[kinds.PartitionChanged], broker: object) -> int:
    name = host_named(broker)
    known = {f"broker-{one}": one for state in history for one in state.isr}
    if name not in known:
        raise unknown_name("broker", name, known, f"These have been in the ISR of {history[0].tp}.")
    return known[name]


def _first_missed(facts: Sequence[Fact], tp: TopicPartition, broker: int, follower: int) -> Fact | None:
    """The first append of the leader that a follower has not fetched past."""
    end = _position(State(facts, 0), facts, broker, tp, follower)
    found: Fact | None = None
    for fact in reversed(facts):
        if isinstance(fact, kinds.RecordsAppended) and (fact.broker, fact.tp, fact.role) == (broker, tp, "leader"):
            if fact.last_offset < end:
                break
            found = fact
    return found


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
    down = trouble_of(facts, f"broker-{broker}")
    if isinstance(down, kinds.HostChanged):
        text = f"broker-{broker}, the leader of {tp}, is {down.state}, and only a leader moves the high watermark."
        return answer(question, text, [moved, down])
    if stands >= end:
        text = f"Every in-sync replica of {tp} has everything up to the log end offset {end}."
        return answer(question, text, walk(moved))
    held = state.last(kinds.HighWatermarkHeld, broker, tp)
    if held is not None and held.index > _index(moved) and len(state.isr(tp)) < held.min_isr:
        steps = isr(facts, tp).steps
        text = f"The log ends at {end}, but {held.reason}, and until it has grown the high watermark stands still."
        return answer(question, text, [*steps, held], held.setting)
    joining = _asked_in(state, broker, tp)
    positions = {one: _position(state, facts, broker, tp, one) for one in (*state.isr(tp), *joining) if one != broker}
    behind = [one for one, position in positions.items() if position <= stands]
    who = " and ".join(f"broker-{one}" for one in behind) or "somebody in sync"
    verb = "have" if len(behind) > 1 else "has"
    is_unheard = bool(behind) and all(positions[one] < 0 for one in behind)
    what = f"since broker-{broker} leads" if is_unheard else f"beyond {stands}"
    also = f", and broker-{joining[0]}, which joins it" if joining else ""
    text = (
        f"The log ends at {end}, but {who} {verb} not fetched {what} yet, and only what the whole ISR"
        f" ({', '.join(map(str, state.isr(tp)))}{also}) has is committed."
    )
    troubles = [trouble_of(facts, f"broker-{one}") for one in behind]
    missed = _first_missed(facts, tp, broker, behind[0]) if behind else None
    return answer(question, text, [*troubles, moved, missed], "replica.lag.time.max.ms")


def _asked_in(state: State, broker: int, tp: TopicPartition) -> list[int]:
    """Who counts as in sync already, since the leader has asked for it and has no answer yet."""
    asked, known = state.last(kinds.IsrChangeProposed, broker, tp), state.partition(tp)
    if asked is None or asked.index < _index(known):
        return []
    return [one for one in asked.isr if one not in state.isr(tp)]


def _index(fact: Fact | None) -> int:
    return -1 if fact is None else fact.index


def _position(state: State, facts: Sequence[Fact], broker: int, tp: TopicPartition, follower: int) -> int:
    """How far the leader knows a follower to be; -1 when it has not heard of it since it leads."""
    moved = state.last(kinds.FollowerPositionMoved, broker, tp, follower)
    role = last(facts, kinds.ReplicaRoleChanged, broker=broker, tp=tp)
    return -1 if moved is None or moved.index < _index(role) else moved.log_end_offset


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
    return answer(question, text, [lost, *rooted(facts, walk(chosen)), role, cut], "leader epochs (KIP-101)")


def log_start(facts: Sequence[Fact], subject: object) -> Why:
    """Why are the first records gone?"""
    tp = partition_named(subject)
    broker = State(facts, 0).leader(tp)
    gone = last(facts, kinds.LogStartMoved, tp=tp, broker=broker) or last(facts, kinds.LogStartMoved, tp=tp)
    if not isinstance(gone, kinds.LogStartMoved):
        raise UsageError(f"{tp} starts at its first record: nothing is gone.")
    first = next(
        (one for one in facts if isinstance(one, kinds.LogStartMoved) and one.tp == tp and _is_root_of(one, gone)), gone
    )
    deleted = last(facts[: first.index + 3], kinds.SegmentsDeleted, tp=tp, broker=first.broker)
    question = f"Why does {tp} start at offset {gone.log_start_offset}?"
    return answer(question, f"{first.sentence}.", [*walk(first), deleted, gone], first.setting)


def _is_root_of(one: kinds.LogStartMoved, gone: kinds.LogStartMoved) -> bool:
    """Whether a leader's log began there for a reason of its own, and the others have followed."""
    return gone.setting == THE_LEADERS != one.setting and one.log_start_offset == gone.log_start_offset


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
