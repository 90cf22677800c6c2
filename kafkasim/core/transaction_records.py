"""The records of ``__transaction_state`` in Kafka's own bytes, and what they say.

The key is a TransactionLogKey (version 0), the value a TransactionLogValue (version 0); None is a tombstone. Kafka:
TransactionLog; kafka-dump-log.sh --transaction-log-decoder prints the same.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from kafkasim.core.transactions import AT_REST, NO_EPOCH, Transition
from kafkasim.core.transactions import TransactionState as State
from kafkasim.records import Record, TopicPartition

TOPIC = "__transaction_state"
_STATES = (
    State.EMPTY, State.ONGOING, State.PREPARE_COMMIT, State.PREPARE_ABORT, State.COMPLETE_COMMIT, State.COMPLETE_ABORT,
    State.DEAD, State.PREPARE_EPOCH_FENCE,
)  # fmt: skip
"""By the number that stands for them."""


class Stored(NamedTuple):
    """One record: ``transition`` is None when the transactional id was forgotten."""

    transactional_id: str
    transition: Transition | None


def transaction_record(transactional_id: str, transition: Transition, now_ms: int) -> Record:
    """What a transaction becomes; a tombstone when it is Dead."""
    key = struct.pack(">h", 0) + _string(transactional_id)
    if transition.state is State.DEAD:
        return Record(key, None, now_ms)
    by_topic: dict[str, list[int]] = {}
    for tp in sorted(transition.partitions):
        by_topic.setdefault(tp.topic, []).append(tp.partition)
    topics = b"".join(
        _string(topic) + struct.pack(f">i{len(numbers)}i", len(numbers), *numbers)
        for topic, numbers in by_topic.items()
    )
    empty = transition.state is State.EMPTY
    value = (
        struct.pack(
            ">hqhib", 0, transition.producer_id, transition.producer_epoch, transition.timeout_ms,
            _STATES.index(transition.state),
        )
        + struct.pack(">i", -1 if empty else len(by_topic)) + topics
        + struct.pack(">qq", transition.updated_ms, transition.start_ms)
    )  # fmt: skip
    return Record(key, value, now_ms)


def decoded(record: Record) -> Stored:
    """What a record says.

    >>> stored = Transition(State.ONGOING, 7, 0, -1, 60000, (TopicPartition("t", 1),), 5, 6)
    >>> decoded(transaction_record("tx", stored, 6)) == ("tx", stored)
    True
    """
    assert record.key is not None
    name, _ = _read_string(record.key, 2)
    if record.value is None:
        return Stored(name, None)
    value = record.value
    _, producer_id, epoch, timeout_ms, status = struct.unpack_from(">hqhib", value)
    (topics,) = struct.unpack_from(">i", value, 17)
    place, partitions = 21, []
    for _ in range(max(0, topics)):
        topic, place = _read_string(value, place)
        (count,) = struct.unpack_from(">i", value, place)
        numbers = struct.unpack_from(f">{count}i", value, place + 4)
        place += 4 + 4 * count
        partitions += [TopicPartition(topic, number) for number in numbers]
    updated_ms, start_ms = struct.unpack_from(">qq", value, place)
    transition = Transition(
        _STATES[status], producer_id, epoch, NO_EPOCH, timeout_ms, tuple(partitions), start_ms, updated_ms
    )
    assert not partitions or transition.state not in AT_REST
    return Stored(name, transition)


def in_words(record: Record) -> str:
    """What a record says, as a sentence.

    >>> stored = Transition(State.ONGOING, 7, 0, -1, 60000, (TopicPartition("t", 1),), 5, 6)
    >>> in_words(transaction_record("tx", stored, 6))
    'transaction tx of producer 7, epoch 0, is Ongoing with t-1'
    """
    name, transition = decoded(record)
    if transition is None:
        return f"transaction {name} is forgotten"
    where = f" with {', '.join(map(str, transition.partitions))}" if transition.partitions else ""
    who = f"of producer {transition.producer_id}, epoch {transition.producer_epoch},"
    return f"transaction {name} {who} is {transition.state.value}{where}"


def in_names(record: Record) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A record's key and value under Kafka's names; the value of a tombstone is None."""
    name, transition = decoded(record)
    key = {"transactionalId": name}
    if transition is None:
        return key, None
    return key, {
        "producerId": transition.producer_id, "producerEpoch": transition.producer_epoch,
        "transactionTimeoutMs": transition.timeout_ms, "transactionStatus": transition.state.value,
        "transactionPartitions": [[tp.topic, tp.partition] for tp in transition.partitions],
        "transactionLastUpdateTimestampMs": transition.updated_ms,
        "transactionStartTimestampMs": transition.start_ms,
    }  # fmt: skip


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _read_string(data: bytes, place: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", data, place)
    return data[place + 2 : place + 2 + length].decode(), place + 2 + length
