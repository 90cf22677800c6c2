"""The writing end of the trace: every part of the simulator records its facts here, and nothing reads here.

Causes come by themselves. While the kernel runs an event it sets :attr:`Journal.cause` to the fact that led to the
event (the message that arrived, the fact after which a timer was set), so a rule only says *what* is now true.
"""

from __future__ import annotations

from typing import Any, Protocol

from kafkasim.trace.fact import Fact


class Clock(Protocol):
    """Whatever tells the simulated time."""

    @property
    def now(self) -> Any:
        """Whole microseconds."""


class Journal:
    """An append-only list of facts; ``clock`` gives the simulated time in microseconds."""

    __slots__ = ("cause", "clock", "facts")

    def __init__(self, clock: Clock) -> None:
        self.facts: list[Fact] = []
        self.cause: Fact | None = None
        self.clock = clock

    def record(self, fact: Fact) -> Fact:
        """Write a fact down with the present time and cause; give it back as a possible cause of others."""
        fact.index = len(self.facts)
        fact.at_us = self.clock.now
        fact.cause = self.cause
        self.facts.append(fact)
        return fact

    def because(self, fact: Fact) -> Fact:
        """Record a fact that is itself the cause of what follows in the same event."""
        self.cause = self.record(fact)
        return fact
