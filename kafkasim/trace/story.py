"""The life of one record, from send() to the commit of its offset, told from the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact


@dataclass(frozen=True)
class Chapter:
    """What one record lived through: its facts in order and how it ended."""

    facts: tuple[Fact, ...]
    ending: str

    def __str__(self) -> str:
        return "\n".join([*map(str, self.facts), f"In the end: {self.ending}"])


@dataclass(frozen=True)
class Story:
    """A chapter for each record asked for, in the order in which they were sent."""

    title: str
    chapters: tuple[Chapter, ...]

    def __len__(self) -> int:
        return len(self.chapters)

    def __iter__(self) -> Iterator[Chapter]:
        return iter(self.chapters)

    def __str__(self) -> str:
        if not self.chapters:
            return f"{self.title}: no such record was sent."
        many = len(self.chapters) > 1
        parts = [f"{self.title}" + (f": {len(self.chapters)} records" if many else "")]
        for number, chapter in enumerate(self.chapters, 1):
            parts.append(f"-- record {number} --\n{chapter}" if many else str(chapter))
        return "\n".join(parts)

    __repr__ = __str__


def tell(facts: Sequence[Fact], *, key: bytes | None, tp: TopicPartition | None, offset: int | None) -> Story:
    """The story of the records with ``key``, or of the record at ``offset`` of ``tp``."""
    sent = [fact for fact in facts if isinstance(fact, kinds.RecordSent)]
    if tp is not None and offset is not None:
        title = f"The record at offset {offset} of {tp}"
        chosen = _sent_to(facts, sent, tp, offset)
    else:
        title = f"The records with key {key!r}"
        chosen = [fact for fact in sent if fact.key == key]
    return Story(title, tuple(_chapter(facts, one) for one in chosen))


def _sent_to(
    facts: Sequence[Fact], sent: Sequence[kinds.RecordSent], tp: TopicPartition, offset: int
) -> list[kinds.RecordSent]:
    """The records that ever stood at an offset: more than one when a log was cut and written again."""
    batches = {fact.batch_id: fact for fact in facts if isinstance(fact, kinds.BatchSent)}
    found: dict[tuple[str, int], None] = {}
    for fact in facts:
        if isinstance(fact, kinds.RecordsAppended) and fact.tp == tp and fact.base_offset <= offset <= fact.last_offset:
            batch = batches.get(fact.batch_id)
            if batch is not None:
                found[batch.producer, batch.records[offset - fact.base_offset]] = None
    return [one for one in sent if (one.producer, one.number) in found]


def _chapter(facts: Sequence[Fact], record: kinds.RecordSent) -> Chapter:
    life: list[Fact] = [record]
    batch_id = ""
    place = -1  # the record's place in its batch
    holders: dict[int, int] = {}  # broker -> the record's offset in its log
    committed_on: set[int] = set()
    acknowledged = failed = False
    read_by: dict[str, None] = {}
    committed_by: set[str] = set()
    for fact in facts[record.index + 1 :]:
        match fact:
            case kinds.BatchSent(producer=record.producer, tp=record.tp) if record.number in fact.records:
                batch_id, place = fact.batch_id, fact.records.index(record.number)
            case kinds.RecordsAppended() if batch_id and fact.batch_id == batch_id:
                holders[fact.broker] = fact.base_offset + place
            case kinds.DuplicateRecognised() | kinds.ProduceRefused() | kinds.BatchRetried() if (
                batch_id and fact.batch_id == batch_id
            ):
                pass
            case kinds.BatchAcknowledged() if batch_id and fact.batch_id == batch_id:
                acknowledged = True
            case kinds.BatchFailed() if batch_id and fact.batch_id == batch_id:
                failed = True
            case kinds.HighWatermarkMoved(tp=record.tp) if (
                fact.high_watermark > holders.get(fact.broker, 1 << 63) and fact.broker not in committed_on
            ):
                committed_on.add(fact.broker)
            case kinds.LogTruncated(tp=record.tp) if holders.get(fact.broker, -1) >= fact.log_end_offset:
                del holders[fact.broker]
            case kinds.RecordsPolled(tp=record.tp) if _offset_in(fact, holders):
                read_by[fact.consumer] = None
            case kinds.OffsetCommitted(tp=record.tp) if (
                holders and fact.offset > min(holders.values()) and fact.group not in committed_by
            ):
                committed_by.add(fact.group)
            case _:
                continue
        life.append(fact)
    return Chapter(tuple(life), _ending(holders, acknowledged, failed, bool(batch_id), read_by))


def _offset_in(fact: kinds.RecordsPolled, holders: dict[int, int]) -> bool:
    return any(fact.first_offset <= offset <= fact.last_offset for offset in holders.values())


def _ending(holders: dict[int, int], acknowledged: bool, failed: bool, sent: bool, read_by: dict[str, None]) -> str:
    """The last sentence of a record's story."""
    if not sent:
        return "it still waits in the producer."
    promise = "acknowledged" if acknowledged else "failed" if failed else "not acknowledged yet"
    if not holders:
        place = "in no log" if not acknowledged else "in no log: it is lost"
    else:
        brokers = ", ".join(f"broker-{broker}" for broker in sorted(holders))
        offsets = ", ".join(str(offset) for offset in sorted(set(holders.values())))
        place = f"at offset {offsets} on {brokers}"
    readers = f"read by {', '.join(read_by)}" if read_by else "read by nobody yet"
    return f"{promise}, {place}, {readers}."
