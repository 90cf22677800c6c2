"""Records, the batches they travel in, and the partitions they lie in.

The unit of append, replication and size limits is the **batch** (Kafka's format v2), never the record.
Sizes are Kafka's to the byte: a header of 61 bytes, then each record with zig-zag varint lengths.

Kafka: org.apache.kafka.common.record.DefaultRecordBatch, DefaultRecord. Left out: compression, checksums.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

BATCH_OVERHEAD = 61
"""Bytes of a batch's header."""

NO_PRODUCER_ID = -1
NO_SEQUENCE = -1
NO_TIMESTAMP = -1


class TopicPartition(NamedTuple):
    """One partition of one topic; prints as Kafka's tools do (``orders-0``)."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class OffsetAndMetadata(NamedTuple):
    """What a group commits of a partition: the offset of the *next* record to read, and what lies beside it.

    ``metadata`` is a text of the user's own, ``leader_epoch`` that of the last record read, -1 for none; the broker
    keeps both. The field order is kafka-python's. Kafka: org.apache.kafka.clients.consumer.OffsetAndMetadata.
    """

    offset: int | None = None
    metadata: str | None = ""
    leader_epoch: int | None = -1


@dataclass(slots=True)
class Record:
    """One record as its producer made it: bytes or None for ``key`` and ``value``, ``timestamp`` in ms of the epoch.

    ``origin`` is the record's passport, ``(producer's client id, number of the send)``; real records carry none.
    """

    key: bytes | None
    value: bytes | None
    timestamp: int = NO_TIMESTAMP
    headers: tuple[tuple[str, bytes | None], ...] = ()
    origin: tuple[str, int] | None = None


@dataclass(slots=True)
class RecordBatch:
    """Records that were appended together and share a header.

    ``base_offset`` and ``leader_epoch`` are stamped by the leader at the append. All replicas share one placed
    batch; a retried batch is a new placement (:meth:`placed`) of the same records, so that what a log holds never
    changes. ``offsets`` is None while the offsets are contiguous and lists what compaction left otherwise.
    ``delete_horizon_ms`` is when compaction may remove the batch's tombstones or its marker, -1 before a first pass.
    """

    records: Sequence[Record]
    base_offset: int = 0
    leader_epoch: int = -1
    producer_id: int = NO_PRODUCER_ID
    producer_epoch: int = -1
    base_sequence: int = NO_SEQUENCE
    is_transactional: bool = False
    is_control: bool = False
    batch_id: str = ""
    size_in_bytes: int = 0
    max_timestamp: int = NO_TIMESTAMP
    last_offset_delta: int = -1
    offsets: tuple[int, ...] | None = field(default=None)
    timestamp_type: str = "CreateTime"
    delete_horizon_ms: int = NO_TIMESTAMP

    def __post_init__(self) -> None:
        if self.last_offset_delta < 0:
            self.last_offset_delta = len(self.records) - 1
        if not self.size_in_bytes:
            self.size_in_bytes = batch_size(self.records)
        if self.max_timestamp == NO_TIMESTAMP:
            self.max_timestamp = max((record.timestamp for record in self.records), default=NO_TIMESTAMP)

    @property
    def count(self) -> int:
        """How many records the batch holds now."""
        return len(self.records)

    @property
    def last_offset(self) -> int:
        """The offset of the last record that the batch was written with."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The offset after the batch."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record; after 2147483647 comes 0."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return (self.base_sequence + self.last_offset_delta) % 2**31

    @property
    def marker(self) -> tuple[bool, int]:
        """Of an end marker: whether it commits, and the epoch of the coordinator that sent it."""
        assert self.is_control
        key, value = self.records[0].key, self.records[0].value
        assert key is not None
        assert value is not None
        return struct.unpack(">hh", key)[1] == 1, struct.unpack(">hi", value)[1]

    def placed(self, base_offset: int, leader_epoch: int) -> RecordBatch:
        """The same records at ``base_offset`` in the log of the leader of ``leader_epoch``."""
        return RecordBatch(
            self.records, base_offset, leader_epoch, self.producer_id, self.producer_epoch, self.base_sequence,
            self.is_transactional, self.is_control, self.batch_id, self.size_in_bytes, self.max_timestamp,
            self.last_offset_delta, self.offsets, self.timestamp_type, self.delete_horizon_ms,
        )  # fmt: skip

    def items(self) -> Sequence[tuple[int, Record]]:
        """The records with their offsets, in order."""
        if self.offsets is not None:
            return list(zip(self.offsets, self.records, strict=True))
        return list(enumerate(self.records, self.base_offset))


def end_marker(
    producer_id: int, producer_epoch: int, *, committed: bool, coordinator_epoch: int, timestamp: int
) -> RecordBatch:
    """The control batch that ends a producer's transaction in a partition: one record of Kafka's own bytes.

    >>> end_marker(7, 0, committed=True, coordinator_epoch=3, timestamp=0).marker
    (True, 3)
    """
    key, value = struct.pack(">hh", 0, int(committed)), struct.pack(">hi", 0, coordinator_epoch)
    return RecordBatch(
        (Record(key, value, timestamp),), producer_id=producer_id, producer_epoch=producer_epoch,
        is_transactional=True, is_control=True,
    )  # fmt: skip


def varint_size(number: int) -> int:
    """Bytes of a zig-zag varint: 1 for -64..63, 2 for -8192..8191, and so on.

    >>> [varint_size(n) for n in (0, 63, 64, -64, 8192)]
    [1, 1, 2, 1, 3]
    """
    if -64 <= number < 64:
        return 1
    zigzag = number << 1 if number >= 0 else (-number << 1) - 1
    return -(-zigzag.bit_length() // 7)


def record_size(record: Record, offset_delta: int, timestamp_delta: int) -> int:
    """Bytes of one record in a batch.

    >>> record_size(Record(None, b"x" * 100), 0, 0), record_size(Record(None, b"x" * 100), 64, 0)
    (109, 110)
    """
    body = 1 + varint_size(timestamp_delta) + varint_size(offset_delta)
    for part in (record.key, record.value):
        body += 1 if part is None else varint_size(len(part)) + len(part)
    body += varint_size(len(record.headers))
    for name, value in record.headers:
        encoded = len(name.encode())
        body += varint_size(encoded) + encoded
        body += 1 if value is None else varint_size(len(value)) + len(value)
    return varint_size(body) + body


def batch_size(
    records: Sequence[Record], *, offset_deltas: Sequence[int] | None = None, base_timestamp: int | None = None
) -> int:
    """Bytes of a batch of these records, header included; deltas count from 0 and from the first record's time unless
    they are given."""
    if not records:
        return BATCH_OVERHEAD
    first = records[0].timestamp if base_timestamp is None else base_timestamp
    deltas = range(len(records)) if offset_deltas is None else offset_deltas
    return BATCH_OVERHEAD + sum(
        record_size(record, delta, record.timestamp - first) for delta, record in zip(deltas, records, strict=True)
    )
