"""The answer to "why?": a few recorded facts in the order in which they happened, and how they are found.

A walk follows recorded causes backwards and leaves out what only carries a cause on. What did *not* happen has no cause
of its own: then the question brings in the facts that stood in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact

MAX_STEPS = 5
SIDE_SHOWS = (
    kinds.MessageSent, kinds.MessageReleased, kinds.Disconnected, kinds.FaultStarted, kinds.FaultEnded,
    kinds.LiveBrokersChanged, kinds.FollowerPositionMoved, kinds.BatchSent, kinds.MetadataLearned,
)  # fmt: skip
"""Facts that carry a cause on but explain nothing by themselves."""
PLUMBING = (kinds.WatchFired, kinds.ZnodeChanged, kinds.ControllerElected, kinds.ReplicaRoleChanged)
"""What is left out first, in this order, of an answer that has too many steps."""


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


def walk(fact: Fact | None) -> list[Fact]:
    """From a fact back along its causes, the fact itself last; a znode that was only set is left out."""
    steps: list[Fact] = []
    while fact is not None:
        if not isinstance(fact, SIDE_SHOWS) and not (isinstance(fact, kinds.ZnodeChanged) and fact.change == "set"):
            steps.append(fact)
        fact = fact.cause
    return steps[::-1]


def answer(question: str, text: str, steps: Sequence[Fact | None], setting: str = "") -> Why:
    """The answer of these steps, each once and in order; of too many the least telling are left out, never the first.

    Without a ``setting`` it is the one that the latest of the steps names.
    """
    told = sorted({step.index: step for step in steps if step is not None}.values(), key=lambda step: step.index)
    for kind in PLUMBING:
        if len(told) > MAX_STEPS:
            told = [step for step in told[:-1] if not isinstance(step, kind)] + told[-1:]
    if len(told) > MAX_STEPS:
        told = [told[0], *told[1 - MAX_STEPS :]]
    named = (getattr(step, "setting", "") for step in reversed(told))
    return Why(question, tuple(told), setting or next(filter(None, named), ""), text)


def rooted(facts: Sequence[Fact], steps: list[Fact]) -> list[Fact]:
    """The steps, and before an expired session what was wrong with its owner: its silence has no cause of its own."""
    expired = next((one for one in steps if isinstance(one, kinds.SessionChanged) and one.state == "expired"), None)
    if expired is None or any(isinstance(step, kinds.HostChanged) for step in steps):
        return steps
    trouble = trouble_of(facts[: expired.index], expired.owner)
    return steps if trouble is None else [trouble, *steps]


def trouble_of(facts: Sequence[Fact], host: str) -> Fact | None:
    """What is wrong with a machine: it does not run, or a fault that names it has not ended yet."""
    ended: set[int] = set()
    for fact in reversed(facts):
        match fact:
            case kinds.HostChanged(host=name) if name == host and fact.state != "running":
                return fact
            case kinds.FaultEnded():
                ended.add(fact.number)
            case kinds.FaultStarted() if fact.number not in ended and host in names_in(fact.target):
                return fact
            case kinds.HostChanged(host=name) if name == host:
                return None
    return None


def fault_of(facts: Sequence[Fact], host: str) -> Fact | None:
    """The latest fault that names a machine, ended or not."""
    for fact in reversed(facts):
        if isinstance(fact, kinds.FaultStarted) and host in names_in(fact.target):
            return fact
    return None


def names_in(target: str) -> list[str]:
    """The machines that the target of a fault names, as in ``broker-101 <-> broker-102, broker-103``."""
    return target.replace(",", " ").split()


def last(facts: Sequence[Fact], kind: type[Fact] | tuple[type[Fact], ...], **values: object) -> Fact | None:
    """The latest fact of a kind with these values."""
    for fact in reversed(facts):
        if isinstance(fact, kind) and all(getattr(fact, name, None) == value for name, value in values.items()):
            return fact
    return None
