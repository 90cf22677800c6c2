"""The producer's batches: filled per partition, sent when full or when they have lingered, kept until answered.

Kafka: RecordAccumulator, ProducerBatch, BufferPool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kafkasim.records import BATCH_OVERHEAD, NO_SEQUENCE, Record, RecordBatch, TopicPartition, record_size, varint_size

Waiting = Callable[[int | None, Exception | None], None]
"""Who waits for a record: called with its offset (-1 when nobody has confirmed one), or with why there is none."""


def upper_bound(record: Record) -> int:
    """The most bytes that a record can take in a batch of its own, as the size checks count it.

    Kafka: AbstractRecords.estimateSizeInBytesUpperBound (recorded to the byte).
    """
    size = BATCH_OVERHEAD + 21 + 1
    size += 1 if record.key is None else varint_size(len(record.key)) + len(record.key)
    size += 1 if record.value is None else varint_size(len(record.value)) + len(record.value)
    for name, value in record.headers:
        size += varint_size(len(name.encode())) + len(name.encode())
        size += 1 if value is None else varint_size(len(value)) + len(value)
    return size


@dataclass(eq=False, slots=True)
class ProducerBatch:
    """A batch on its way: its records and who waits for them.

    ``attempts`` counts how often it was sent, ``retries`` how often it was put back after an error; ``retry_at_ms`` is
    when it may be sent again. ``leader_epoch`` is the newest one that was seen for its partition, ``retry_at_leader``
    the retry before which it was seen first. ``may_be_appended`` says that an earlier try may have reached the log. A
    batch that is ``done`` was answered, failed or has expired.
    """

    tp: TopicPartition
    batch_id: str
    capacity: int
    created_ms: int
    records: list[Record] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    size: int = BATCH_OVERHEAD
    attempts: int = 0
    retries: int = 0
    retry_at_ms: int = 0
    leader_epoch: int = -1
    retry_at_leader: int = -1
    producer_id: int = -1
    producer_epoch: int = -1
    base_sequence: int = NO_SEQUENCE
    sequence_was_reset: bool = False
    is_transactional: bool = False
    may_be_appended: bool = False
    is_closed: bool = False
    done: bool = False

    @property
    def is_full(self) -> bool:
        """Whether no record is taken in any more: one did not fit, or the buffer is filled to the last byte."""
        return self.is_closed or (bool(self.records) and self.size >= self.capacity)

    @property
    def has_sequence(self) -> bool:
        """Whether the batch was given its place in the producer's sequence, with its first sending."""
        return self.base_sequence != NO_SEQUENCE

    def size_of_next(self, record: Record) -> int:
        """Bytes that a record would take here."""
        first = self.records[0].timestamp if self.records else record.timestamp
        return record_size(record, len(self.records), record.timestamp - first)

    def has_room(self, record: Record) -> bool:
        """Whether a record fits; the first one always does. Kafka: MemoryRecordsBuilder.hasRoomFor."""
        return self._room_for(record) is not None

    def _room_for(self, record: Record) -> int | None:
        """The bytes that a record takes here; None when it does not fit."""
        if self.is_full:
            return None
        size = self.size_of_next(record)
        return size if not self.records or self.size + size <= self.capacity else None

    def try_append(self, record: Record, waiting: Waiting) -> bool:
        """Add a record if it fits; when it does not, the batch takes no other one either."""
        size = self._room_for(record)
        if size is None:
            self.is_closed = True
            return False
        self.size += size
        self.records.append(record)
        self.waiting.append(waiting)
        return True

    def see_leader(self, leader_epoch: int) -> None:
        """The client knows of this leader epoch: a retry to a *changed* leader does not back off (KIP-951)."""
        if leader_epoch > self.leader_epoch:
            self.leader_epoch, self.retry_at_leader = leader_epoch, self.retries

    def is_backing_off(self, now_ms: int) -> bool:
        """Whether it is too early to try once more."""
        return self.retries > 0 and self.retry_at_leader != self.retries and now_ms < self.retry_at_ms

    def as_record_batch(self) -> RecordBatch:
        """The batch as it travels."""
        return RecordBatch(
            tuple(self.records), producer_id=self.producer_id, producer_epoch=self.producer_epoch,
            base_sequence=self.base_sequence, is_transactional=self.is_transactional, batch_id=self.batch_id,
            size_in_bytes=self.size,
        )  # fmt: skip


class RecordAccumulator:
    """The queues of batches, one per partition, oldest first, and the memory that all unanswered batches take.

    ``new_batch_id`` names batches. ``flushing`` counts the flushes under way, ``completing`` says that a transaction is
    being ended, ``is_closed`` that the producer is: all three send what is there without lingering.
    """

    def __init__(
        self, batch_size: int, linger_ms: int, *, buffer_memory: int = 2**63 - 1,
        new_batch_id: Callable[[], str] = str,
    ) -> None:  # fmt: skip
        self.batch_size = batch_size
        self.linger_ms = linger_ms
        self.queues: dict[TopicPartition, deque[ProducerBatch]] = {}
        self._filled: dict[TopicPartition, int] = {}
        self._places: dict[TopicPartition, int] = {}
        self.incomplete: dict[ProducerBatch, None] = {}
        self.free_memory = buffer_memory
        self.waiting_for_memory = 0
        self.flushing = 0
        self.completing = self.is_closed = False
        self._new_batch_id = new_batch_id

    # --- filling ---------------------------------------------------------------------------------------------

    def has_room(self, tp: TopicPartition, record: Record) -> bool:
        """Whether a record would go into a batch that is open already."""
        queue = self.queues.get(tp)
        return queue is not None and len(queue) > 0 and not queue[-1].attempts and queue[-1].has_room(record)

    def close_open_batch(self, tp: TopicPartition) -> None:
        """A record has found no room in a partition's last batch: nothing goes in there any more."""
        queue = self._queue(tp)
        if queue:
            queue[-1].is_closed = True

    def memory_for(self, record: Record) -> int:
        """Bytes of the buffer that a batch opened by this record takes."""
        return max(self.batch_size, upper_bound(record))

    def append(self, tp: TopicPartition, record: Record, waiting: Waiting, now_ms: int) -> tuple[ProducerBatch, bool]:
        """Put a record into the open batch of its partition, or into a new one; (the batch, whether it is new)."""
        batch = self.try_append(tp, record, waiting)
        return (self.open_batch(tp, record, waiting, now_ms), True) if batch is None else (batch, False)

    def try_append(self, tp: TopicPartition, record: Record, waiting: Waiting) -> ProducerBatch | None:
        """Put a record into the open batch of its partition; None when there is none or it has no room.

        Nothing goes any more into a batch that had no room for a record.
        """
        queue = self._queue(tp)
        if queue:
            last = queue[-1]
            if last.attempts:
                last.is_closed = True
            elif last.try_append(record, waiting):
                return last
        return None

    def open_batch(self, tp: TopicPartition, record: Record, waiting: Waiting, now_ms: int) -> ProducerBatch:
        """Put a record into a new batch."""
        queue = self._queue(tp)
        batch = ProducerBatch(tp, self._new_batch_id(), self.memory_for(record), now_ms)
        batch.try_append(record, waiting)
        self._take_in(batch)
        queue.append(batch)
        self._filled[tp] = self._places[tp]
        return batch

    def _queue(self, tp: TopicPartition) -> deque[ProducerBatch]:
        queue = self.queues.get(tp)
        if queue is None:
            queue = self.queues[tp] = deque()
            self._places[tp] = len(self._places)
        return queue

    def _take_in(self, batch: ProducerBatch) -> None:
        self.incomplete[batch] = None
        self.free_memory -= batch.capacity

    def finish(self, batch: ProducerBatch) -> None:
        """A batch is answered, has failed or was split: its memory is free again."""
        batch.done = True
        del self.incomplete[batch]
        self.free_memory += batch.capacity

    # --- readiness -------------------------------------------------------------------------------------------

    def sendable_at_ms(self, tp: TopicPartition) -> int | None:
        """From when a partition's first batch asks to be sent; None when there is none. Kafka: batchReady.

        At once when it is full or not the only one, while a flush, the end of a transaction or close() is under way,
        or when somebody waits for memory; else ``linger.ms`` after it was opened. A retried batch backs off first.
        """
        queue = self.queues.get(tp)
        if not queue:
            return None
        first = queue[0]
        if first.retries and first.retry_at_leader != first.retries:
            return first.retry_at_ms
        now = len(queue) > 1 or first.is_full or first.retries or first.attempts
        hurry = self.flushing or self.completing or self.is_closed or self.waiting_for_memory
        return first.created_ms if now or hurry else first.created_ms + self.linger_ms

    def filled(self) -> list[TopicPartition]:
        """The partitions for which batches wait, in the order in which they were first written to."""
        return sorted(self._filled, key=self._filled.__getitem__)

    def place(self, tp: TopicPartition) -> int:
        """A partition's place in that order."""
        return self._places[tp]

    @property
    def has_undrained(self) -> bool:
        """Whether a batch waits to be sent."""
        return bool(self._filled)

    def all_full(self, tp: TopicPartition) -> bool:
        """Whether the last batch of a partition takes no more, or none waits: then a sticky choice may change."""
        queue = self.queues.get(tp)
        return not queue or queue[-1].is_full

    # --- taking out and putting back -------------------------------------------------------------------------

    def take(self, tp: TopicPartition) -> ProducerBatch:
        """The first batch, to be sent now; it is closed by that."""
        queue = self.queues[tp]
        batch = queue.popleft()
        batch.is_closed = True
        if not queue:
            del self._filled[tp]
        return batch

    def put_back(self, batch: ProducerBatch) -> None:
        """A batch that will be sent again: to the front, or in sequence order when it has a sequence."""
        queue = self.queues[batch.tp]
        place = 0
        if batch.has_sequence:
            while place < len(queue) and NO_SEQUENCE < queue[place].base_sequence < batch.base_sequence:
                place += 1
        queue.insert(place, batch)
        self._filled[batch.tp] = self._places[batch.tp]

    def remove(self, batch: ProducerBatch) -> None:
        """A batch that will never be sent."""
        queue = self.queues.get(batch.tp)
        if queue is not None and batch in queue:
            queue.remove(batch)
            if not queue:
                del self._filled[batch.tp]

    def split(self, batch: ProducerBatch) -> list[ProducerBatch]:
        """Cut a batch that the broker finds too large down to ``batch.size``; the parts keep its sequence and age.

        A batch that is not above ``batch.size`` stays one (KAFKA-8350). The parts are not in their queue yet. Kafka:
        ProducerBatch.split.
        """
        parts: list[ProducerBatch] = []
        for record, waiting in zip(batch.records, batch.waiting, strict=True):
            if not parts or not parts[-1].try_append(record, waiting):
                part = ProducerBatch(batch.tp, self._new_batch_id(), self.memory_for(record), batch.created_ms)
                part.try_append(record, waiting)
                parts.append(part)
        sequence = batch.base_sequence
        self.finish(batch)
        for part in parts:
            part.is_closed = True
            part.is_transactional, part.leader_epoch = batch.is_transactional, batch.leader_epoch
            part.retry_at_leader = 0
            if batch.has_sequence:
                part.producer_id, part.producer_epoch = batch.producer_id, batch.producer_epoch
                part.base_sequence = sequence
                sequence = (sequence + len(part.records)) % 2**31
            self._take_in(part)
        return parts
