"""Why something is as it is: a short walk along the recorded causes, and the setting that decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kafkasim.errors import UsageError, unknown_name
from kafkasim.trace import facts as kinds
from kafkasim.trace import why_partition, why_produce
from kafkasim.trace.arguments import host_named
from kafkasim.trace.causes import PLUMBING, Why, answer, fault_of, last, rooted, walk
from kafkasim.trace.fact import Fact
from kafkasim.trace.facts.zookeeper import BY_ITS_OWNER, FROM_ELSEWHERE


def explain(facts: Sequence[Fact], subject: object, about: str, broker: object = None) -> Why:
    """Answer one question from the facts up to a time."""
    if broker is not None and about != "isr":
        raise UsageError("broker=... goes with the question isr alone: why did this broker leave or join?")
    if isinstance(subject, Fact):
        return answer(f"Why: {subject.sentence}?", f"{subject.sentence}.", rooted(facts, walk(subject)))
    if about not in QUESTIONS:
        raise unknown_name("question", about, QUESTIONS, "It goes with a partition, a broker, a group or a client.")
    if broker is not None:
        return why_partition.isr(facts, subject, broker)
    return QUESTIONS[about](facts, subject)


def _session(facts: Sequence[Fact], subject: object) -> Why:
    """Why has a ZooKeeper session expired or been closed, or why is it open?"""
    host = host_named(subject)
    changed = last(facts, kinds.SessionChanged, owner=host)
    if not isinstance(changed, kinds.SessionChanged):
        raise UsageError(f"{host} has had no ZooKeeper session up to then.")
    over = last(facts, kinds.SessionChanged, owner=host, state="expired")
    if changed.state == "open" and isinstance(over, kinds.SessionChanged):
        text, steps = f"{_end_of(over)} A new one is open.", [*rooted(facts, walk(over)), changed]
        return answer(f"Why did the session of {host} expire?", text, steps, over.setting)
    text = _end_of(changed) if changed.state in ("expired", "closed") else f"{changed.sentence}."
    question = f"Why is the session of {host} {changed.state}?"
    return answer(question, text, rooted(facts, walk(changed)), changed.setting)


def _end_of(over: kinds.SessionChanged) -> str:
    if over.setting == BY_ITS_OWNER:
        return f"{over.owner} has closed it in good order: nobody had to wait for a timeout."
    if over.setting == FROM_ELSEWHERE:
        return f"It was ended from elsewhere: {over.owner} was alive and heard, no timeout has passed."
    return f"It expired: ZooKeeper has not heard of {over.owner} for longer than the session lasts ({over.setting})."


def _state(facts: Sequence[Fact], subject: object) -> Why:
    """Why does a machine run, or not?"""
    host = host_named(subject)
    changed = last(facts, kinds.HostChanged, host=host)
    if not isinstance(changed, kinds.HostChanged):
        known = {fact.host for fact in facts if isinstance(fact, kinds.HostChanged)}
        raise unknown_name("machine or client", host, known)
    fault = fault_of(facts[: changed.index], host) if changed.state != "running" else None
    steps = [step for step in walk(changed) if not isinstance(step, PLUMBING)]
    by = f" by {fault.sentence}" if fault is not None else ""
    return answer(f"Why is {host} {changed.state}?", f"{changed.sentence}{by}.", [fault, *steps])


def _controller(facts: Sequence[Fact], subject: object) -> Why:
    """Why is a broker the controller? The subject is the broker that is asked about."""
    host = host_named(subject)
    elected = last(facts, kinds.ControllerElected)
    if not isinstance(elected, kinds.ControllerElected):
        raise UsageError("There has been no controller up to then.")
    broker = f"broker-{elected.broker}"
    role = "the controller" if host == broker else f"not the controller, {broker} is"
    text = f"{broker} was the first to create /controller when it was free (epoch {elected.controller_epoch})."
    return answer(f"Why is {host} {role}?", text, rooted(facts, walk(elected)))


def _assignment(facts: Sequence[Fact], subject: object) -> Why:
    """Why does a consumer own what it owns?"""
    consumer = host_named(subject)
    owned = last(facts, (kinds.PartitionsAssigned, kinds.PartitionsRevoked), consumer=consumer)
    if owned is None:
        raise UsageError(f"{consumer} has never been assigned anything up to then.")
    question = f"Why does {consumer} own what it owns?"
    if isinstance(owned, kinds.PartitionsRevoked):
        return answer(question, f"{owned.sentence}.", walk(owned))
    assert isinstance(owned, kinds.PartitionsAssigned)
    before = facts[: owned.index]
    stable = last(before, kinds.GroupChanged, group=owned.group, generation=owned.generation)
    begun = last(before, kinds.GroupChanged, group=owned.group, state="PreparingRebalance")
    text = f"{owned.sentence}."
    setting = ""
    if isinstance(stable, kinds.GroupChanged):
        count = len(stable.members)
        text = f"{owned.sentence}: the assignor {stable.protocol} has shared out what {count} member(s) subscribe to."
        setting = f"partition.assignment.strategy ({stable.protocol})"
    return answer(question, text, [*walk(begun), stable, owned], setting)


def _position(facts: Sequence[Fact], subject: object) -> Why:
    """Why does a consumer read from where it reads?"""
    consumer = host_named(subject)
    read = last(facts, kinds.PositionSet, consumer=consumer)
    if not isinstance(read, kinds.PositionSet):
        raise UsageError(f"{consumer} has had no position up to then.")
    setting = read.reason if "=" in read.reason else ""
    return answer(f"Why does {consumer} start {read.tp} at {read.position}?", f"{read.sentence}.", walk(read), setting)


def _group(facts: Sequence[Fact], subject: object) -> Why:
    """Why is a group in the state that it is in?"""
    group = host_named(subject)
    changed = last(facts, kinds.GroupChanged, group=group)
    if not isinstance(changed, kinds.GroupChanged):
        known = {fact.group for fact in facts if isinstance(fact, kinds.GroupChanged)}
        raise unknown_name("group", group, known)
    begun = last(facts, kinds.GroupChanged, group=group, state="PreparingRebalance")
    return answer(f"Why is group {group} {changed.state}?", f"{changed.sentence}.", [*walk(begun), *walk(changed)])


QUESTIONS: dict[str, Callable[[Sequence[Fact], object], Why]] = {
    "leader": why_partition.leader,
    "isr": why_partition.isr,
    "high_watermark": why_partition.high_watermark,
    "produce": why_produce.produce,
    "truncation": why_partition.truncation,
    "log_start": why_partition.log_start,
    "session": _session,
    "state": _state,
    "controller": _controller,
    "group": _group,
    "assignment": _assignment,
    "position": _position,
}
"""What ``about`` may be."""
