"""What a partition remembers of idempotent producers, so that a retried batch is stored once.

Kafka: ProducerStateManager, ProducerAppendInfo. Left out: transactions and the expiry of old producers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from kafkasim.errors import InvalidProducerEpochException, OutOfOrderSequenceException
from kafkasim.records import NO_PRODUCER_ID, RecordBatch

BATCHES_REMEMBERED = 5


@dataclass(slots=True)
class ProducerState:
    """One producer id: its epoch and its last five batches."""

    epoch: int
    batches: deque[RecordBatch] = field(default_factory=lambda: deque(maxlen=BATCHES_REMEMBERED))


class ProducerStates:
    """All producers that a partition knows. Every replica builds the same state from the same batches."""

    def __init__(self) -> None:
        self.by_id: dict[int, ProducerState] = {}

    def duplicate_of(self, batch: RecordBatch) -> RecordBatch | None:
        """The stored batch that this one repeats, among the last five; None for a new one."""
        state = self.by_id.get(batch.producer_id)
        if batch.producer_id == NO_PRODUCER_ID or state is None or state.epoch != batch.producer_epoch:
            return None
        for stored in state.batches:
            if (stored.base_sequence, stored.last_sequence) == (batch.base_sequence, batch.last_sequence):
                return stored
        return None

    def check(self, batch: RecordBatch) -> None:
        """Refuse a batch of an older epoch or out of sequence; an unknown producer may start anywhere."""
        state = self.by_id.get(batch.producer_id)
        if batch.producer_id == NO_PRODUCER_ID or state is None:
            return
        if batch.producer_epoch < state.epoch:
            raise InvalidProducerEpochException(
                f"Producer {batch.producer_id} comes with epoch {batch.producer_epoch}, known is {state.epoch}."
            )
        if batch.producer_epoch > state.epoch:
            expected = 0
        elif state.batches:
            expected = (state.batches[-1].last_sequence + 1) % 2**31
        else:
            return
        if batch.base_sequence != expected:
            raise OutOfOrderSequenceException(
                f"Producer {batch.producer_id} sends sequence {batch.base_sequence}, expected was {expected}."
            )

    def update(self, batch: RecordBatch) -> None:
        """Remember an appended batch."""
        if batch.producer_id == NO_PRODUCER_ID or batch.is_control:
            return
        state = self.by_id.get(batch.producer_id)
        if state is None or state.epoch != batch.producer_epoch:
            state = self.by_id[batch.producer_id] = ProducerState(batch.producer_epoch)
        state.batches.append(batch)

    def rebuild(self, batches: Iterable[RecordBatch]) -> None:
        """Start again from what the log holds."""
        self.by_id.clear()
        for batch in batches:
            self.update(batch)
