"""What a partition remembers of producers: sequences, so that a retried batch is stored once, and open transactions.

Every replica builds the same state from the same batches. The leader of a partition asks before it appends:
:meth:`ProducerStates.duplicate_of` and :meth:`ProducerStates.check`; every replica notes what was appended with
:meth:`ProducerStates.update`.

Kafka: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kafkasim.core.guards import holds
from kafkasim.errors import (
    InvalidProducerEpochException,
    InvalidTxnStateException,
    OutOfOrderSequenceException,
    TransactionCoordinatorFencedException,
)
from kafkasim.records import NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, RecordBatch

BATCHES_REMEMBERED = 5
EXPIRATION_MS = 86_400_000
EXPIRATION_CHECK_MS = 600_000
SEQUENCES = 2**31


@dataclass(slots=True)
class ProducerState:
    """One producer id: its epoch, its last five batches, its open transaction if there is one.

    ``coordinator_epoch`` is the one of the last marker, -1 before the first; ``transaction_start`` the first offset of
    the open transaction; ``last_timestamp`` the newest timestamp, by which an idle producer is forgotten.
    """

    epoch: int
    batches: deque[RecordBatch] = field(default_factory=lambda: deque(maxlen=BATCHES_REMEMBERED))
    coordinator_epoch: int = -1
    transaction_start: int | None = None
    last_timestamp: int = NO_TIMESTAMP

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record of this epoch; -1 when none is remembered."""
        return self.batches[-1].last_sequence if self.batches else NO_SEQUENCE

    @property
    def last_data_offset(self) -> int:
        """The offset of the last record of this epoch; -1 when there is only a marker."""
        return self.batches[-1].last_offset if self.batches else -1

    def copy(self) -> ProducerState:
        """The same state, to be kept."""
        return ProducerState(
            self.epoch, self.batches.copy(), self.coordinator_epoch, self.transaction_start, self.last_timestamp
        )


class CompletedTransaction(NamedTuple):
    """A transaction whose marker is in the log: ``last_offset`` is the marker's.

    ``last_stable_offset`` is where the log was stable up to once the marker was counted. Kafka: CompletedTxn,
    AbortedTxn.
    """

    producer_id: int
    first_offset: int
    last_offset: int
    is_aborted: bool
    last_stable_offset: int


class ProducerStates:
    """All producers that one replica of a partition knows, by producer id (``by_id``).

    A producer that has written nothing for ``expiration_ms`` is forgotten at the next beat of the check, which runs
    every ``check_ms`` from ``opened_ms`` on. Nothing waits for that beat: it is worked out when somebody asks.
    """

    def __init__(
        self, *, expiration_ms: int = EXPIRATION_MS, check_ms: int = EXPIRATION_CHECK_MS, opened_ms: int = 0
    ) -> None:
        self.by_id: dict[int, ProducerState] = {}
        self.expiration_ms = expiration_ms
        self.check_ms = check_ms
        self.opened_ms = opened_ms
        self._open: dict[int, int] = {}
        self._unreplicated: list[CompletedTransaction] = []

    # --- sequences -------------------------------------------------------------------------------------------

    def duplicate_of(self, batch: RecordBatch) -> RecordBatch | None:
        """The stored batch that this one repeats, among the last five; None for a new one."""
        state = self.by_id.get(batch.producer_id)
        if not holds("sequence-check"):
            return None
        if not _has_sequence(batch) or state is None or state.epoch != batch.producer_epoch:
            return None
        for stored in state.batches:
            if (stored.base_sequence, stored.last_sequence) == (batch.base_sequence, batch.last_sequence):
                return stored
        return None

    def check(self, batch: RecordBatch) -> None:
        """Refuse what a leader must not append.

        Raises InvalidProducerEpochException for an older epoch, OutOfOrderSequenceException for a gap (an unknown
        producer may start anywhere, a new epoch must start at 0), InvalidTxnStateException for a batch outside the
        transaction that its producer has open, and TransactionCoordinatorFencedException for a marker of a coordinator
        that has been replaced. A coordinator's own records have no sequence; only their epoch is looked at.

        Kafka: ProducerAppendInfo.append.
        """
        state = self.by_id.get(batch.producer_id)
        if batch.producer_id == NO_PRODUCER_ID or state is None or not holds("sequence-check"):
            return
        if batch.producer_epoch < state.epoch:
            raise InvalidProducerEpochException(
                f"Producer {batch.producer_id} comes with epoch {batch.producer_epoch}, known is {state.epoch}."
            )
        if batch.is_control:
            coordinator_epoch = _coordinator_epoch(batch)
            if coordinator_epoch < state.coordinator_epoch:
                raise TransactionCoordinatorFencedException(
                    f"The marker for producer {batch.producer_id} comes from coordinator epoch {coordinator_epoch},"
                    f" known is {state.coordinator_epoch}."
                )
            return
        if _has_sequence(batch):
            is_new_epoch = batch.producer_epoch > state.epoch
            expected = 0 if is_new_epoch else (state.last_sequence + 1) % SEQUENCES
            if batch.base_sequence != expected:
                raise OutOfOrderSequenceException(
                    f"Producer {batch.producer_id} sends sequence {batch.base_sequence}, expected was {expected}."
                )
        if state.transaction_start is not None and not batch.is_transactional:
            raise InvalidTxnStateException(
                f"Producer {batch.producer_id} has a transaction open since offset {state.transaction_start}, and this"
                " batch is not part of it."
            )

    def update(self, batch: RecordBatch) -> CompletedTransaction | None:
        """Note an appended batch; give the transaction that it has ended, if it is a marker and there was one."""
        if batch.producer_id == NO_PRODUCER_ID:
            return None
        if batch.is_control and not batch.count:
            return None  # compaction has taken the marker; there is nothing left to learn
        state = self.by_id.get(batch.producer_id)
        if state is None:
            state = self.by_id[batch.producer_id] = ProducerState(batch.producer_epoch)
        if batch.producer_epoch != state.epoch:
            state.epoch = batch.producer_epoch
            state.batches.clear()
        state.last_timestamp = batch.max_timestamp
        if batch.is_control:
            return self._end(batch, state)
        state.batches.append(batch)
        if batch.is_transactional and state.transaction_start is None:
            state.transaction_start = self._open[batch.producer_id] = batch.base_offset
        return None

    # --- transactions ----------------------------------------------------------------------------------------

    def has_open_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        """Whether this producer, in this epoch, has a transaction open here: its next batch needs no verification."""
        state = self.by_id.get(producer_id)
        return state is not None and state.transaction_start is not None and state.epoch == producer_epoch

    @property
    def open_transactions(self) -> dict[int, int]:
        """Producer id -> first offset, oldest first."""
        return dict(self._open)

    @property
    def first_unstable_offset(self) -> int | None:
        """The first offset that belongs to an undecided transaction; None when there is none.

        A transaction is undecided while it is open, and then until its marker lies below the high watermark
        (:meth:`high_watermark_moved`). Kafka: ProducerStateManager.firstUnstableOffset.
        """
        if not self._open and not self._unreplicated:
            return None
        first = next(iter(self._open.values()), None)
        waiting = min((one.first_offset for one in self._unreplicated), default=None)
        if first is None or waiting is None:
            return waiting if first is None else first
        return min(first, waiting)

    def high_watermark_moved(self, high_watermark: int) -> None:
        """Markers below the high watermark are decided for all. Kafka: ProducerStateManager.onHighWatermarkUpdated."""
        if self._unreplicated:
            self._unreplicated = [one for one in self._unreplicated if one.last_offset >= high_watermark]

    def _end(self, marker: RecordBatch, state: ProducerState) -> CompletedTransaction | None:
        state.coordinator_epoch = _coordinator_epoch(marker)
        start, state.transaction_start = state.transaction_start, None
        if start is None:
            return None
        del self._open[marker.producer_id]
        stable = next(iter(self._open.values()), marker.last_offset + 1)
        assert marker.marker is not None
        is_aborted = not marker.marker[0]
        completed = CompletedTransaction(marker.producer_id, start, marker.last_offset, is_aborted, stable)
        self._unreplicated.append(completed)
        return completed

    # --- forgetting and remembering ----------------------------------------------------------------------------

    def expire(self, now_ms: int) -> None:
        """Forget producers that were idle for too long at the last beat of the check."""
        beat_ms = now_ms - (now_ms - self.opened_ms) % self.check_ms
        if beat_ms <= self.opened_ms:
            return
        for producer_id, state in list(self.by_id.items()):
            if state.transaction_start is None and beat_ms - state.last_timestamp >= self.expiration_ms:
                del self.by_id[producer_id]

    def snapshot(self) -> dict[int, ProducerState]:
        """What a snapshot file holds: taken when a segment is rolled and at a clean shutdown."""
        return {producer_id: state.copy() for producer_id, state in self.by_id.items()}

    def rebuild(self, batches: Iterable[RecordBatch], snapshot: dict[int, ProducerState] | None = None) -> None:
        """Start again from a snapshot and from the batches that the log holds behind it."""
        self.by_id = {producer_id: state.copy() for producer_id, state in (snapshot or {}).items()}
        opened = [
            (state.transaction_start, one) for one, state in self.by_id.items() if state.transaction_start is not None
        ]
        self._open = {producer_id: start for start, producer_id in sorted(opened)}
        self._unreplicated = []
        for batch in batches:
            self.update(batch)


def _has_sequence(batch: RecordBatch) -> bool:
    return batch.producer_id != NO_PRODUCER_ID and batch.base_sequence != NO_SEQUENCE


def _coordinator_epoch(batch: RecordBatch) -> int:
    assert batch.marker is not None, batch
    return batch.marker[1]
