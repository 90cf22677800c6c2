"""A producer's id, its epoch, and the sequence numbers of its batches: what makes a retry harmless.

Every batch gets its place in its partition's sequence when it is sent for the first time and keeps it on retries. What
the broker answers, or never answers, decides whether the sequence goes on or has to begin again with a raised epoch.
Kafka: TransactionManager, TxnPartitionMap, TxnPartitionEntry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.core.accumulator import ProducerBatch
from kafkasim.errors import KafkaError, OutOfOrderSequenceException, UnknownProducerIdException
from kafkasim.records import NO_PRODUCER_ID, NO_SEQUENCE, TopicPartition

LARGEST_EPOCH = 32767
"""An epoch is a 16-bit number; after this one a producer needs a new id."""


@dataclass(slots=True)
class PartitionSequence:
    """One partition: the producer id and epoch in use there, the next number, and the batches that are not answered.

    ``in_flight`` holds every batch from its first sending until its end, also while it waits to be sent again.
    """

    producer_id: int
    producer_epoch: int
    next_sequence: int = 0
    last_acked: int = NO_SEQUENCE
    last_acked_offset: int = -1
    in_flight: list[ProducerBatch] = field(default_factory=list)


class Sequences:
    """All partitions of one producer; ``is_transactional`` ones never bump the epoch by themselves."""

    def __init__(self, *, is_transactional: bool) -> None:
        self.producer_id = NO_PRODUCER_ID
        self.producer_epoch = -1
        self.is_transactional = is_transactional
        self._partitions: dict[TopicPartition, PartitionSequence] = {}
        self._unresolved: dict[TopicPartition, int] = {}
        self._to_restart: dict[TopicPartition, None] = {}

    @property
    def has_id(self) -> bool:
        """Whether a broker has given the producer an id."""
        return self.producer_id != NO_PRODUCER_ID

    @property
    def is_settled(self) -> bool:
        """Whether there is an id, and no partition's sequence has to be looked after."""
        return self.has_id and not self._unresolved and not self._to_restart

    def set_id(self, producer_id: int, producer_epoch: int) -> None:
        """The id and epoch for batches to come."""
        self.producer_id, self.producer_epoch = producer_id, producer_epoch

    def forget_all(self) -> None:
        """After a transactional producer's epoch was raised every partition begins at 0 again."""
        self._partitions.clear()
        self._unresolved.clear()

    def _of(self, tp: TopicPartition) -> PartitionSequence:
        if tp not in self._partitions:
            self._partitions[tp] = PartitionSequence(self.producer_id, self.producer_epoch)
        return self._partitions[tp]

    # --- sending ---------------------------------------------------------------------------------------------

    def may_drain(self, first: ProducerBatch) -> bool:
        """Whether a partition's first batch may be sent now. Kafka: shouldStopDrainBatchesForPartition.

        A new batch waits while batches of an older epoch are in flight and while a sequence is unresolved; a retried
        one waits for its turn, so that retries go one at a time and in order.
        """
        known = self._of(first.tp)
        if not first.has_sequence:
            stale = (known.producer_id, known.producer_epoch) != (self.producer_id, self.producer_epoch)
            return not (stale and known.in_flight) and first.tp not in self._unresolved
        return not known.in_flight or known.in_flight[0].base_sequence == first.base_sequence

    def number(self, batch: ProducerBatch) -> None:
        """Give a batch its sequence when it leaves for the first time."""
        if batch.has_sequence:
            return
        known = self._of(batch.tp)
        if not known.in_flight and (known.producer_id, known.producer_epoch) != (self.producer_id, self.producer_epoch):
            self._restart(batch.tp)
        batch.producer_id, batch.producer_epoch = known.producer_id, known.producer_epoch
        batch.base_sequence = known.next_sequence
        batch.is_transactional = self.is_transactional
        known.next_sequence = (known.next_sequence + len(batch.records)) % 2**31
        known.in_flight.append(batch)

    def replace(self, batch: ProducerBatch, parts: list[ProducerBatch]) -> None:
        """A batch was split into parts that share its sequence."""
        known = self._of(batch.tp)
        if batch in known.in_flight:
            place = known.in_flight.index(batch)
            known.in_flight[place : place + 1] = parts

    # --- answers ---------------------------------------------------------------------------------------------

    def completed(self, batch: ProducerBatch, base_offset: int) -> None:
        """A batch is in the log."""
        known = self._of(batch.tp)
        last = (batch.base_sequence + len(batch.records) - 1) % 2**31
        known.last_acked = max(known.last_acked, last)
        known.last_acked_offset = max(known.last_acked_offset, base_offset + len(batch.records) - 1)
        self._forget(batch)

    def may_retry(self, batch: ProducerBatch, error: type[KafkaError], log_start_offset: int) -> bool:
        """Whether sending once more can help; may ask for a new epoch. Kafka: TransactionManager.canRetry."""
        tp = batch.tp
        if issubclass(error, UnknownProducerIdException):
            if log_start_offset < 0 or batch.sequence_was_reset:
                return True
            if self.is_transactional and self._of(tp).last_acked_offset < log_start_offset:
                self._restart(tp)
                return True
            if not self.is_transactional:
                self._to_restart[tp] = None
                return True
        elif issubclass(error, OutOfOrderSequenceException):
            unresolved = self._unresolved.get(tp)
            if unresolved is None and (batch.sequence_was_reset or not self._is_next(tp, batch.base_sequence)):
                return True
            if not self.is_transactional:
                if unresolved is None or batch.base_sequence == unresolved:
                    self._to_restart[tp] = None
                return True
        return error.retriable

    def failed(self, batch: ProducerBatch, error: Exception, *, adjust: bool) -> None:
        """A batch has failed for good; ``adjust``: the broker has surely not taken its numbers.

        Kafka: TransactionManager.handleFailedBatch.
        """
        self._forget(batch)
        if isinstance(error, UnknownProducerIdException):
            self._restart(batch.tp)
        elif not self.is_transactional:
            if adjust or isinstance(error, OutOfOrderSequenceException):
                self._to_restart[batch.tp] = None
        elif adjust:
            self._close_gap(batch)

    def expired_in_retry(self, batch: ProducerBatch) -> None:
        """A batch has expired that was sent before: nobody knows whether its numbers are taken."""
        after = (batch.base_sequence + len(batch.records)) % 2**31
        self._unresolved[batch.tp] = max(after, self._unresolved.get(batch.tp, 0))

    # --- when a sequence must begin again ----------------------------------------------------------------------

    def resolve(self) -> TopicPartition | None:
        """Once nothing is in flight, find out about the unresolved sequences. Kafka: maybeResolveSequences.

        They are fine when later batches were acknowledged; else an idempotent producer bumps its epoch. For a
        transactional one the partition comes back whose transaction can only be aborted.
        """
        lost = None
        for tp in list(self._unresolved):
            known = self._of(tp)
            if known.in_flight:
                continue
            del self._unresolved[tp]
            if not self._is_next(tp, known.next_sequence):
                if self.is_transactional:
                    lost = tp
                else:
                    self._to_restart[tp] = None
        return lost

    @property
    def wants_new_epoch(self) -> bool:
        """Whether a partition's sequence has to begin again."""
        return bool(self._to_restart)

    def bump_epoch(self) -> bool:
        """Raise the epoch locally and begin those sequences at 0; False when a new id is needed for that."""
        if self.producer_epoch >= LARGEST_EPOCH:
            self.set_id(NO_PRODUCER_ID, -1)
            return False
        self.producer_epoch += 1
        for tp in self._to_restart:
            self._restart(tp)
            self._unresolved.pop(tp, None)
        self._to_restart.clear()
        return True

    def _restart(self, tp: TopicPartition) -> None:
        """Number the batches in flight anew, from 0 in the present epoch. Kafka: startSequencesAtBeginning."""
        known = self._of(tp)
        known.producer_id, known.producer_epoch = self.producer_id, self.producer_epoch
        known.next_sequence, known.last_acked = 0, NO_SEQUENCE
        for batch in known.in_flight:
            batch.producer_id, batch.producer_epoch = known.producer_id, known.producer_epoch
            batch.base_sequence, batch.sequence_was_reset = known.next_sequence, True
            known.next_sequence = (known.next_sequence + len(batch.records)) % 2**31

    def _close_gap(self, failed: ProducerBatch) -> None:
        """The numbers of a refused batch go to the batches after it. Kafka: adjustSequencesDueToFailedBatch."""
        known = self._of(failed.tp)
        known.next_sequence = (known.next_sequence - len(failed.records)) % 2**31
        for batch in known.in_flight:
            if batch.base_sequence > failed.base_sequence:
                batch.base_sequence -= len(failed.records)
                batch.sequence_was_reset = True

    def _forget(self, batch: ProducerBatch) -> None:
        known = self._of(batch.tp)
        if batch in known.in_flight:
            known.in_flight.remove(batch)

    def _is_next(self, tp: TopicPartition, sequence: int) -> bool:
        return sequence == (self._of(tp).last_acked + 1) % 2**31
