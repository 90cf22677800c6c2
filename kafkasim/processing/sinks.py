"""Systems outside Kafka on which records have effects, and the note that a program has worked on one."""

from __future__ import annotations

from typing import Any

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.processing.arguments import check_record
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.consumer_records import ConsumerRecord
from kafkasim.trace.facts import RecordProcessed

APPLIED, IGNORED, IN_TRANSACTION = "applied", "ignored", "in transaction"


class Sink:
    """A system outside Kafka on which every record has its effect: a repeated record has it twice.

    ``effects`` are the (key, value) pairs in the order in which they had an effect. A sink outlives the programs that
    write to it. One of a learner's own derives from it and says in ``is_new`` which records have an effect.
    """

    def __init__(self, name: str = "sink") -> None:
        if not isinstance(name, str) or not name:
            raise ConfigError(f"name must be a text that is not empty. Got {name!r}.")
        self.name = name
        self.effects: list[tuple[Any, Any]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self.effects)} effects>"

    def apply(self, consumer: Consumer, record: ConsumerRecord) -> bool:
        """Work on a record, and note it; whether it had an effect. Loops call it once for each record."""
        check_record(consumer, record)
        new = self.is_new(record)
        if new:
            self.effects.append((record.key, record.value))
        note(consumer, self.name, record, APPLIED if new else IGNORED)
        return new

    def is_new(self, record: ConsumerRecord) -> bool:
        """Whether a record may have an effect; here always."""
        return True


class UpsertSink(Sink):
    """Idempotent by key: a table with one row a key. A record that would write what is there has no effect.

    A replay of older values passes through the table again before it ends in the same state.
    """

    def __init__(self, name: str = "table") -> None:
        super().__init__(name)
        self.rows: dict[Any, Any] = {}

    def is_new(self, record: ConsumerRecord) -> bool:
        """Write the row; whether that changed anything."""
        changed = record.key not in self.rows or self.rows[record.key] != record.value
        self.rows[record.key] = record.value
        return changed


class OffsetSink(Sink):
    """Idempotent by offset: it keeps, with its data, the next offset of each partition, and ignores what lies below."""

    def __init__(self, name: str = "ledger") -> None:
        super().__init__(name)
        self.next_offsets: dict[TopicPartition, int] = {}

    def is_new(self, record: ConsumerRecord) -> bool:
        """Whether the record lies at or above the offset that comes next in its partition."""
        tp = TopicPartition(record.topic, record.partition)
        if record.offset < self.next_offsets.get(tp, 0):
            return False
        self.next_offsets[tp] = record.offset + 1
        return True


def note(consumer: Consumer, sink: str, record: ConsumerRecord, effect: str) -> None:
    """Write down that an application has worked on a record: for loops that a learner writes without a sink.

    ``sink`` names where the effect is, ``effect`` is "applied", "ignored" or "in transaction". The checkers of
    ``ks.invariants`` go by it.
    """
    check_record(consumer, record)
    checks.text(sink, "sink")
    checks.one_of(effect, "effect", (APPLIED, IGNORED, IN_TRANSACTION))
    tp = TopicPartition(record.topic, record.partition)
    fact = RecordProcessed(consumer.client_id, consumer.config.group_id, sink, tp, record.offset, effect)
    consumer.host.kernel.journal.record(fact)
