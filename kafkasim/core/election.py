"""Who leads a partition: pure functions of its replicas, its ISR and the live brokers.

Kafka: PartitionLeaderElectionAlgorithms, Election. "Live" means registered, not shutting down, log directory online.
Length of the log and majority play no part: the first in assignment order that is live and in sync leads.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kafkasim.core.guards import holds


@dataclass(frozen=True, slots=True)
class Election:
    """The outcome: who leads, the new ISR, and whether committed records may have been given up (``is_unclean``)."""

    leader: int
    isr: tuple[int, ...]
    is_unclean: bool = False


def offline_election(
    replicas: Sequence[int], isr: Collection[int], live: Collection[int], *, unclean: bool = False
) -> Election | None:
    """A leader for a partition whose leader is gone; None when nobody may lead.

    >>> offline_election([1, 2, 3], [1, 3], [2, 3])
    Election(leader=3, isr=(3,), is_unclean=False)
    >>> offline_election([1, 2, 3], [1], [2, 3]) is None
    True
    >>> offline_election([1, 2, 3], [1], [2, 3], unclean=True)
    Election(leader=2, isr=(2,), is_unclean=True)
    """
    for broker in replicas:
        if broker in live and broker in isr:
            return Election(broker, tuple(member for member in isr if member in live))
    if unclean or not holds("clean-election"):
        for broker in replicas:
            if broker in live:
                return Election(broker, (broker,), is_unclean=True)
    return None


def preferred_election(replicas: Sequence[int], isr: Collection[int], live: Collection[int]) -> Election | None:
    """Give the lead back to the first replica, if it is live and in sync."""
    preferred = replicas[0]
    return Election(preferred, tuple(isr)) if preferred in live and preferred in isr else None


def reassignment_election(target: Sequence[int], isr: Collection[int], live: Collection[int]) -> Election | None:
    """The first of the target replicas that is live and in sync."""
    for broker in target:
        if broker in live and broker in isr:
            return Election(broker, tuple(isr))
    return None


def controlled_shutdown_election(
    replicas: Sequence[int], isr: Collection[int], live: Collection[int], shutting_down: Collection[int]
) -> Election | None:
    """The first that is live, in sync and not about to stop; ``live`` holds those that are shutting down, too."""
    for broker in replicas:
        if broker in live and broker in isr and broker not in shutting_down:
            return Election(broker, tuple(member for member in isr if member not in shutting_down))
    return None
