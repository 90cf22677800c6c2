"""What a compaction pass knows of transactions as it reads the log: which records are aborted, which markers can go.

Kafka: CleanedTransactionMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkasim.core.producer_state import CompletedTransaction
from kafkasim.records import RecordBatch


class CleanedTransactions:
    """Fed with batches in the order of the log; ``cleaned`` is the transaction index of the segment that is written."""

    def __init__(self) -> None:
        self.cleaned: list[CompletedTransaction] = []
        self._coming: list[CompletedTransaction] = []
        self._seen: dict[CompletedTransaction, None] = {}
        self._aborting: dict[int, CompletedTransaction] = {}
        self._with_data: dict[int, None] = {}
        self._committing: dict[int, None] = {}

    def add(self, aborted: Iterable[CompletedTransaction]) -> None:
        """These aborted transactions overlap what is read next."""
        new = [one for one in aborted if one not in self._seen]
        self._seen.update(dict.fromkeys(new))
        self._coming = sorted([*self._coming, *new], key=lambda one: one.first_offset)

    def can_discard(self, batch: RecordBatch) -> bool:
        """Whether nothing of a batch is needed: it is aborted data, or a marker without data before it."""
        while self._coming and self._coming[0].first_offset <= batch.last_offset:
            one = self._coming.pop(0)
            self._aborting.setdefault(one.producer_id, one)
        if batch.is_control:
            return self._is_marker_free(batch)
        if not batch.is_transactional:
            return False
        if batch.producer_id in self._aborting:
            self._with_data[batch.producer_id] = None
            return True
        self._committing[batch.producer_id] = None
        return False

    def _is_marker_free(self, batch: RecordBatch) -> bool:
        if not batch.count:
            return True
        producer_id = batch.producer_id
        if batch.marker[0]:
            return self._committing.pop(producer_id, self) is self
        aborted = self._aborting.pop(producer_id, None)
        had_data = self._with_data.pop(producer_id, self) is not self
        if aborted is None or not had_data:
            return True
        self.cleaned.append(aborted)
        return False
