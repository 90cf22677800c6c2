"""The life of one record, from send() to its effect, told from the facts: and where it was lost or doubled, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact
from kafkasim.trace.life import Life


@dataclass(frozen=True)
class Chapter:
    """What one record lived through: its facts in order and how it ended.

    ``turning_point`` is the fact by which it was lost, removed, doubled or passed over; None if it was not.
    """

    facts: tuple[Fact, ...]
    ending: str
    turning_point: Fact | None = None

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
    life = Life(record)
    for fact in facts:
        life.see(fact)
    ending, turning_point = life.ending()
    return Chapter(tuple(life.facts), ending, turning_point)
