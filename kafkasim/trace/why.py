"""Why something is as it is: a short walk along the recorded causes, and the setting that decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kafkasim.errors import UsageError, unknown_name
from kafkasim.trace import facts as kinds
from kafkasim.trace import why_partition
from kafkasim.trace.arguments import host_named
from kafkasim.trace.causes import Why, answer, last, trouble_of, walk
from kafkasim.trace.fact import Fact


def explain(facts: Sequence[Fact], subject: object, about: str) -> Why:
    """Answer one question from the facts up to a time."""
    if isinstance(subject, Fact):
        return answer(f"Why: {subject.sentence}?", f"{subject.sentence}.", walk(subject))
    if about not in QUESTIONS:
        raise unknown_name("question", about, QUESTIONS, "It goes with a partition, a broker, a group or a client.")
    return QUESTIONS[about](facts, subject)


def _session(facts: Sequence[Fact], subject: object) -> Why:
    """Why is a ZooKeeper session open, expired or closed?"""
    host = host_named(subject)
    changed = last(facts, kinds.SessionChanged, owner=host)
    if not isinstance(changed, kinds.SessionChanged):
        raise UsageError(f"{host} has had no ZooKeeper session up to then.")
    steps = walk(changed)
    if changed.state == "expired" and not any(isinstance(step, kinds.HostChanged) for step in steps):
        trouble = trouble_of(facts[: changed.index], host)
        steps = steps if trouble is None else [trouble, *steps]
    text = f"{changed.sentence}."
    if changed.state == "expired":
        text = f"It expired: ZooKeeper has not heard of {host} for longer than the session lasts ({changed.setting})."
    return answer(f"Why is the session of {host} {changed.state}?", text, steps, changed.setting)


def _state(facts: Sequence[Fact], subject: object) -> Why:
    """Why does a machine run, or not?"""
    host = host_named(subject)
    changed = last(facts, kinds.HostChanged, host=host)
    if not isinstance(changed, kinds.HostChanged):
        known = {fact.host for fact in facts if isinstance(fact, kinds.HostChanged)}
        raise unknown_name("machine or client", host, known)
    return answer(f"Why is {host} {changed.state}?", f"{changed.sentence}.", walk(changed))


def _controller(facts: Sequence[Fact], subject: object) -> Why:
    """Why is a broker the controller? The subject is the broker that is asked about."""
    host = host_named(subject)
    elected = last(facts, kinds.ControllerElected)
    if not isinstance(elected, kinds.ControllerElected):
        raise UsageError("There has been no controller up to then.")
    broker = f"broker-{elected.broker}"
    role = "the controller" if host == broker else f"not the controller, {broker} is"
    text = f"{broker} was the first to create /controller when it was free (epoch {elected.controller_epoch})."
    return answer(f"Why is {host} {role}?", text, walk(elected))


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
    "produce": why_partition.produce,
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
