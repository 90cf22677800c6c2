"""The producer's batches: filled per partition, sent when full or when they have lingered, kept until answered.

Kafka: RecordAccumulator, ProducerBatch. Left out: splitting a batch that a broker finds too large.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kafkasim.records import BATCH_OVERHEAD, NO_SEQUENCE, Record, RecordBatch, TopicPartition, record_size, varint_size


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

    ``retry_at_ms`` is when it may be sent again; ``attempts`` counts the tries; a batch that is ``done`` was answered,
    failed or has expired.
    """

    tp: TopicPartition
    batch_id: str
    capacity: int
    created_ms: int
    records: list[Record] = field(default_factory=list)
    waiting: list[Callable[[int | None, Exception | None], None]] = field(default_factory=list)
    size: int = BATCH_OVERHEAD
    attempts: int = 0
    retry_at_ms: int = 0
    base_sequence: int = NO_SEQUENCE
    producer_epoch: int = -1
    is_full: bool = False
    done: bool = False

    def try_append(self, record: Record, waiting: Callable[[int | None, Exception | None], None]) -> bool:
        """Add a record if it fits; one record always fits."""
        first = self.records[0].timestamp if self.records else record.timestamp
        size = record_size(record, len(self.records), record.timestamp - first)
        if self.records and self.size + size > self.capacity:
            self.is_full = True
            return False
        self.records.append(record)
        self.waiting.append(waiting)
        self.size += size
        if self.size >= self.capacity:
            self.is_full = True
        return True

    def as_record_batch(self, producer_id: int) -> RecordBatch:
        """The batch as it travels."""
        return RecordBatch(
            tuple(self.records), producer_id=producer_id, producer_epoch=self.producer_epoch,
            base_sequence=self.base_sequence, batch_id=self.batch_id, size_in_bytes=self.size,
        )  # fmt: skip


class RecordAccumulator:
    """The queues of batches, one per partition, oldest first."""

    def __init__(self, batch_size: int, linger_ms: int) -> None:
        self.batch_size = batch_size
        self.linger_ms = linger_ms
        self.queues: dict[TopicPartition, deque[ProducerBatch]] = {}
        self.flushing = 0

    def append(
        self, tp: TopicPartition, record: Record, waiting: Callable[[int | None, Exception | None], None],
        now_ms: int, new_batch_id: Callable[[], str],
    ) -> tuple[ProducerBatch, bool]:  # fmt: skip
        """Put a record into the open batch of its partition, or into a new one; (the batch, whether it is new)."""
        queue = self.queues.setdefault(tp, deque())
        if queue and queue[-1].attempts == 0 and queue[-1].try_append(record, waiting):
            return queue[-1], False
        batch = ProducerBatch(tp, new_batch_id(), max(self.batch_size, upper_bound(record)), now_ms)
        batch.try_append(record, waiting)
        queue.append(batch)
        return batch, True

    def has_room(self, tp: TopicPartition, record: Record) -> bool:
        """Whether a record would go into a batch that is open already."""
        queue = self.queues.get(tp)
        if not queue or queue[-1].attempts:
            return False
        batch = queue[-1]
        size = record_size(record, len(batch.records), record.timestamp - batch.records[0].timestamp)
        return batch.size + size <= batch.capacity

    def ready_at_ms(self, tp: TopicPartition) -> int | None:
        """From when the first batch of a partition may be sent; None when there is none."""
        queue = self.queues.get(tp)
        if not queue:
            return None
        first = queue[0]
        if first.attempts:
            return first.retry_at_ms
        full = len(queue) > 1 or first.is_full
        return first.created_ms if full or self.flushing else first.created_ms + self.linger_ms

    def take(self, tp: TopicPartition) -> ProducerBatch:
        """The first batch, to be sent now."""
        return self.queues[tp].popleft()

    def put_back(self, batch: ProducerBatch) -> None:
        """A batch that will be sent again: to the front, or in sequence order when it has a sequence."""
        queue = self.queues[batch.tp]
        place = 0
        if batch.base_sequence != NO_SEQUENCE:
            while place < len(queue) and NO_SEQUENCE < queue[place].base_sequence < batch.base_sequence:
                place += 1
        queue.insert(place, batch)

    def remove(self, batch: ProducerBatch) -> None:
        """A batch that will never be sent."""
        queue = self.queues.get(batch.tp)
        if queue is not None and batch in queue:
            queue.remove(batch)

    def queue_bytes(self, tp: TopicPartition) -> int:
        """Bytes that wait for a partition."""
        return sum(batch.size for batch in self.queues.get(tp, ()))

    @property
    def unsent(self) -> int:
        """How many batches wait."""
        return sum(len(queue) for queue in self.queues.values())
