"""What must hold in every run, and what became of every record: folds over a trace.

:func:`delivery` counts; :func:`anomalies` looks for everything that the field has a name for; :func:`allowed` says what
of that Kafka allows in a configuration, so that ``anomalies(trace).beyond(allowed(acks=1))`` is empty in every run.
:func:`protocol` checks the theorems of replication itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kafkasim.invariants.allowed import allowed
from kafkasim.invariants.consuming import inconsistent_offsets, polls_out_of_step, two_owners
from kafkasim.invariants.delivery import Delivery, delivery
from kafkasim.invariants.effects import commits_ahead, repeated_effects, skipped_effects
from kafkasim.invariants.finding import Finding, Findings
from kafkasim.invariants.history import History
from kafkasim.invariants.keys import reordered_keys
from kafkasim.invariants.producing import duplicates, lost_writes, reordered_sends
from kafkasim.invariants.protocol import PROTOCOL, protocol
from kafkasim.invariants.transactions import aborted_reads, torn_transactions
from kafkasim.trace import Trace

__all__ = [
    "ANOMALIES",
    "PROTOCOL",
    "Delivery",
    "Finding",
    "Findings",
    "History",
    "allowed",
    "anomalies",
    "delivery",
    "protocol",
]

ANOMALIES: tuple[Callable[[History], Iterator[Finding]], ...] = (
    lost_writes, duplicates, reordered_sends, reordered_keys, polls_out_of_step, inconsistent_offsets, two_owners,
    skipped_effects, repeated_effects, commits_ahead, aborted_reads, torn_transactions,
)  # fmt: skip
"""The checkers of delivery; each is a function from a history to findings and says in its first words what it names."""


def anomalies(trace: Trace) -> Findings:
    """Every delivery anomaly in a trace. Run it on a quiet end: all faults over, every partition with a leader."""
    history = History(trace)
    return Findings(found for checker in ANOMALIES for found in checker(history))
