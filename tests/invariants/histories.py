"""Histories made by hand: a few facts in order, as a trace."""

from __future__ import annotations

from types import SimpleNamespace

from kafkasim.records import TopicPartition
from kafkasim.trace import Fact, Trace, facts
from kafkasim.trace.journal import Journal

TP = TopicPartition("orders", 0)


def history(*told: Fact) -> Trace:
    """The facts as a trace, a millisecond apart."""
    clock = SimpleNamespace(now=0)
    journal = Journal(clock)
    for fact in told:
        journal.record(fact)
        clock.now += 1000
    return Trace(journal.facts)


def leader(broker: int, isr: tuple[int, ...] = (101, 102), epoch: int = 0) -> Fact:
    """The controller makes a broker the leader."""
    return facts.PartitionChanged(101, TP, broker, isr, epoch, epoch, "the topic is new")


def sent(number: int, producer: str = "p", key: bytes | None = None, tp: TopicPartition = TP) -> list[Fact]:
    """A record is sent, in a batch of its own."""
    return [
        facts.RecordSent(producer, number, tp, key, b"v"),
        facts.BatchSent(producer, f"{producer}/{number}", tp, (number,), 1, 101),
    ]


def stored(number: int, offset: int, broker: int = 101, producer: str = "p") -> Fact:
    """Its batch is appended by the leader."""
    return facts.RecordsAppended(broker, TP, "leader", offset, offset, 0, f"{producer}/{number}")


def acknowledged(number: int, offset: int = 0, producer: str = "p") -> Fact:
    """Its producer reports success."""
    return facts.BatchAcknowledged(producer, f"{producer}/{number}", TP, (number,), offset)


def polled(
    consumer: str, *offsets: int, numbers: tuple[int, ...] | None = None, tp: TopicPartition = TP
) -> Fact:  # fmt: skip
    """poll() hands out the records at these offsets; their numbers are the offsets unless they are given."""
    names = tuple((offset, "p", number) for offset, number in zip(offsets, numbers or offsets, strict=True))
    return facts.RecordsPolled(consumer, tp, offsets[0], offsets[-1], len(offsets), names)


def assigned(consumer: str, generation: int, *partitions: TopicPartition) -> Fact:
    """A member gets its share."""
    return facts.PartitionsAssigned(consumer, "g", generation, partitions)


def worked(offset: int, sink: str = "sink", effect: str = "applied", consumer: str = "c") -> Fact:
    """A program notes that it has worked on a record."""
    return facts.RecordProcessed(consumer, "g", sink, TP, offset, effect)


def committed(offset: int) -> Fact:
    """The group commits an offset."""
    return facts.OffsetCommitted(101, "g", TP, offset)


def expired(start: int, broker: int = 101) -> Fact:
    """Retention or DeleteRecords moves the start of a replica's log."""
    return facts.LogStartMoved(broker, TP, start, "its records are too old", "retention.ms")


def cleaned(*offsets: int, broker: int = 101) -> Fact:
    """Compaction removes records."""
    return facts.LogCleaned(broker, TP, offsets[-1] + 1, offsets, "min.cleanable.dirty.ratio")


def log_of(count: int) -> list[Fact]:
    """``count`` records, sent, stored and acknowledged in order, on leader 101."""
    told: list[Fact] = [leader(101)]
    for number in range(count):
        told += [*sent(number), stored(number, number), acknowledged(number, number)]
    return told


def transactional(outcome: str, *, producer: str = "p", offset: int) -> list[Fact]:
    """The producer's id (7) is known, and a marker ends its transaction at an offset."""
    return [
        facts.ProducerIdObtained(producer, 7, 0),
        facts.MarkerWritten(101, TP, 7, 0, outcome, offset),
    ]


def transaction(state: str, *partitions: str) -> Fact:
    """Its coordinator writes a state."""
    return facts.TransactionChanged(101, "tx", 7, 0, state, partitions)


def polled_committed(consumer: str, *offsets: int) -> Fact:
    """poll() of a consumer with isolation.level=read_committed hands out the records at these offsets."""
    names = tuple((offset, "p", offset) for offset in offsets)
    return facts.RecordsPolled(consumer, TP, offsets[0], offsets[-1], len(offsets), names, True)
