"""Anomalies of transactions: what was taken back is read, or one end is told here and another there."""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding
from kafkasim.invariants.history import History
from kafkasim.trace.facts import MarkerWritten, RecordsPolled, TransactionChanged

PREPARED = {"PrepareCommit": "commit", "PrepareAbort": "abort"}
COMPLETE = {"CompleteCommit", "CompleteAbort"}


def aborted_reads(history: History) -> Iterator[Finding]:
    """``aborted-read``: a consumer with ``isolation.level=read_committed`` was handed a record of an aborted
    transaction (Jepsen's G1a)."""
    aborted = history.aborted
    for fact in history.trace.of(RecordsPolled):
        for offset, producer, number in fact.records if fact.read_committed else ():
            if (fact.tp, offset) in aborted:
                text = f"{fact.consumer} read record {number} of {producer} at offset {offset} of {fact.tp}, aborted."
                yield Finding("aborted-read", f"{fact.tp} offset {offset}", text, (fact, aborted[fact.tp, offset]))


def torn_transactions(history: History) -> Iterator[Finding]:
    """``torn-transaction``: a transaction is complete, and one of its partitions was told the other end, or none."""
    prepared: dict[str, TransactionChanged] = {}
    markers: dict[str, list[MarkerWritten]] = {}
    for fact in history.trace.of(TransactionChanged, MarkerWritten):
        if isinstance(fact, MarkerWritten):
            for transactional_id, change in prepared.items():
                if change.producer_id == fact.producer_id:
                    markers[transactional_id].append(fact)
        elif fact.state in PREPARED:
            prepared[fact.transactional_id], markers[fact.transactional_id] = fact, []
        elif fact.state in COMPLETE and fact.transactional_id in prepared:
            yield from _torn(prepared.pop(fact.transactional_id), markers.pop(fact.transactional_id), fact)


def _torn(
    prepared: TransactionChanged, markers: list[MarkerWritten], complete: TransactionChanged
) -> Iterator[Finding]:
    outcome = PREPARED[prepared.state]
    for name in prepared.partitions:
        told = [marker for marker in markers if str(marker.tp) == name]
        if not told or any(marker.outcome != outcome for marker in told):
            ends = " and ".join(dict.fromkeys(marker.outcome for marker in told)) or "nothing"
            text = f"Transaction {prepared.transactional_id} ended in {outcome}, and {name} was told {ends}."
            yield Finding("torn-transaction", prepared.transactional_id, text, (prepared, *told, complete))
