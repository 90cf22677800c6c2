"""What applications do with records: loops with one delivery semantic each, and sinks that count effects.

A loop is a generator for ``cluster.process``; it runs until its program dies or time stops::

    sink = ks.processing.Sink("database")
    cluster.process(ks.processing.at_least_once(cluster.consumer("orders", group_id="billing"), sink))

The order of three steps makes the semantic. *At most once* commits what it has received and then works: what was in
hand at a crash is lost. *At least once* works and then commits: it is done again. *Exactly once* from Kafka to Kafka
puts results and offsets into one transaction. To a system outside, exactly once takes a sink that recognises repeats.
``crash`` lets the program die right after a step, the way to see each of these.

Kafka: the loops of its documentation, KafkaStreams with ``processing.guarantee=exactly_once_v2``. Left out: state
stores, joins, windows, more than one topic to write to.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Self

from kafkasim.config import checks
from kafkasim.errors import (
    CommitFailedException,
    ConfigError,
    InvalidProducerEpochException,
    KafkaError,
    ProducerFencedException,
    RebalanceInProgressException,
    TimeoutException,
    unknown_name,
)
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.consumer_records import ConsumerRecord
from kafkasim.sim.kernel import Future
from kafkasim.sim.producer import Producer
from kafkasim.trace.facts import ProgramDied, RecordProcessed

Loop = Generator[Any, Any, None]
Result = tuple[bytes | None, bytes | None]
STEPS = ("poll", "process", "commit", "begin", "send", "offsets")
APPLIED, IGNORED, IN_TRANSACTION = "applied", "ignored", "in transaction"
GONE = (CommitFailedException, RebalanceInProgressException)
"""Errors of a commit after which the partitions belong to somebody else: what follows is read again, maybe by them."""
FENCED = (ProducerFencedException, InvalidProducerEpochException)
"""Another producer has the same transactional id now: this one is over."""


@dataclass(frozen=True)
class Crash:
    """The program dies right after it has taken ``step`` for the ``number``-th time, from 1 on.

    Steps are ``poll`` (one that gave records), ``process`` (one record) and ``commit``; in a transaction also
    ``begin``, ``send`` (one record) and ``offsets``.
    """

    step: str
    number: int = 1

    def __post_init__(self) -> None:
        if self.step not in STEPS:
            raise unknown_name("step", self.step, STEPS)
        checks.whole_number(self.number, "number", at_least=1)


# --- sinks -------------------------------------------------------------------------------------------------


class Sink:
    """A system outside Kafka on which every record has its effect: a repeated record has it twice.

    ``effects`` are the (key, value) pairs in the order in which they had an effect. A sink outlives the programs that
    write to it.
    """

    def __init__(self, name: str = "sink") -> None:
        if not isinstance(name, str) or not name:
            raise ConfigError(f"name must be a text that is not empty. Got {name!r}.")
        self.name = name
        self.effects: list[tuple[Any, Any]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self.effects)} effects>"

    def apply(self, consumer: Consumer, record: ConsumerRecord) -> bool:
        """Work on a record; whether it had an effect."""
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
    """Write down that an application has worked on a record: for loops that a learner writes without a sink."""
    tp = TopicPartition(record.topic, record.partition)
    fact = RecordProcessed(consumer.client_id, consumer.config.group_id, sink, tp, record.offset, effect)
    consumer.host.kernel.journal.record(fact)


# --- loops -------------------------------------------------------------------------------------------------


class _Program:
    """A loop's program: it counts its steps and dies when it is told to."""

    def __init__(self, crash: Crash | None, consumer: Consumer, *others: Producer, work_ms: float = 0) -> None:
        if crash is not None and not isinstance(crash, Crash):
            raise ConfigError(f"crash must be a ks.processing.Crash or None. Got {crash!r}.")
        self._crash = crash
        self._hosts = [consumer.host, *(other.host for other in others)]
        self._taken: dict[str, int] = {}
        self._work_ms = checks.milliseconds(work_ms, "work_ms")

    def work(self) -> Future[None]:
        """The time that the work on one record takes."""
        return self._hosts[0].sleep_ms(self._work_ms)

    def step(self, name: str) -> bool:
        """A step is taken; True when the program has died of it."""
        self._taken[name] = self._taken.get(name, 0) + 1
        if self._crash != Crash(name, self._taken[name]):
            return False
        self._hosts[0].kernel.journal.because(ProgramDied(self._hosts[0].name, name, self._taken[name]))
        for host in self._hosts:
            host.kill()
        return True


def at_most_once(
    consumer: Consumer, sink: Sink, *, poll_ms: float = 100, work_ms: float = 0, crash: Crash | None = None
) -> Loop:
    """Poll, commit, then work: a crash after the commit loses what was not worked on yet; nothing is done twice.

    ``work_ms`` is how long the work on a record takes, its effect at the end.
    """
    program = _Program(crash, consumer, work_ms=work_ms)
    return _at_most_once(program, consumer, sink, checks.milliseconds(poll_ms, "poll_ms"))


def _at_most_once(program: _Program, consumer: Consumer, sink: Sink, poll_ms: float) -> Loop:
    while True:
        records = yield consumer.poll(poll_ms)
        if not records:
            continue
        if program.step("poll"):
            return
        try:
            yield consumer.commit_sync()
        except GONE:
            continue
        if program.step("commit"):
            return
        for record in records:
            yield program.work()
            sink.apply(consumer, record)
            if program.step("process"):
                return


def at_least_once(
    consumer: Consumer, sink: Sink, *, commit_each: str = "poll", poll_ms: float = 100, work_ms: float = 0,
    crash: Crash | None = None,
) -> Loop:  # fmt: skip
    """Poll, work, then commit: a crash before the commit does the work again; nothing is lost.

    ``commit_each`` is ``poll`` (everything one poll returned) or ``record``; ``work_ms`` is how long the work on a
    record takes, its effect at the end.
    """
    if commit_each not in ("poll", "record"):
        raise unknown_name("value of commit_each", commit_each, ("poll", "record"))
    program = _Program(crash, consumer, work_ms=work_ms)
    return _at_least_once(program, consumer, sink, commit_each, checks.milliseconds(poll_ms, "poll_ms"))


def _at_least_once(program: _Program, consumer: Consumer, sink: Sink, commit_each: str, poll_ms: float) -> Loop:
    while True:
        records = yield consumer.poll(poll_ms)
        if not records:
            continue
        if program.step("poll"):
            return
        try:
            for record in records:
                yield program.work()
                sink.apply(consumer, record)
                if program.step("process"):
                    return
                if commit_each == "record":
                    yield consumer.commit_sync({TopicPartition(record.topic, record.partition): record.offset + 1})
                    if program.step("commit"):
                        return
            if commit_each == "poll":
                yield consumer.commit_sync()
                if program.step("commit"):
                    return
        except GONE:
            continue


def exactly_once(
    consumer: Consumer, producer: Producer, transform: Callable[[ConsumerRecord], Result | None], to: str, *,
    poll_ms: float = 100, crash: Crash | None = None,
) -> Loop:  # fmt: skip
    """Consume, transform, produce: the results of a poll and its offsets are one transaction.

    ``transform`` gives the (key, value) to write, or None for nothing. The consumer should have
    ``enable_auto_commit=False``, the producer a ``transactional_id``; readers of ``to`` need
    ``isolation_level="read_committed"``. An aborted transaction is read again; a producer that is
    fenced, or that cannot abort, ends the loop and leaves the group.
    """
    if not callable(transform):
        raise ConfigError(f"transform must be a function of a record. Got {transform!r}.")
    program = _Program(crash, consumer, producer)
    return _exactly_once(
        program, consumer, producer, transform, checks.topic_name(to), checks.milliseconds(poll_ms, "poll_ms")
    )


def _exactly_once(
    program: _Program, consumer: Consumer, producer: Producer,
    transform: Callable[[ConsumerRecord], Result | None], to: str, poll_ms: float,
) -> Loop:  # fmt: skip
    try:
        yield from _insist(producer.init_transactions)
        while True:
            records = yield consumer.poll(poll_ms)
            if not records:
                continue
            if program.step("poll"):
                return
            try:
                producer.begin_transaction()
                if program.step("begin"):
                    return
                offsets: dict[TopicPartition, int] = {}
                for record in records:
                    result = transform(record)
                    if result is not None:
                        producer.send(to, result[1], key=result[0])
                        if program.step("send"):
                            return
                    note(consumer, to, record, IN_TRANSACTION)
                    offsets[TopicPartition(record.topic, record.partition)] = record.offset + 1
                yield producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
                if program.step("offsets"):
                    return
                yield from _insist(producer.commit_transaction)
                if program.step("commit"):
                    return
            except FENCED:
                break
            except KafkaError:
                if not (yield from _aborted(producer)):
                    break
                for tp in records.partitions:
                    if tp in consumer.assignment():
                        consumer.seek(tp, records[tp][0].offset)
    except FENCED:
        pass
    yield consumer.close()  # what it owns is for its successor to read


def _aborted(producer: Producer) -> Generator[Any, Any, bool]:
    """Take the transaction back; a producer that cannot even do that can do nothing more."""
    try:
        yield from _insist(producer.abort_transaction)
    except KafkaError:
        return False
    return True


def _insist(call: Callable[[], Future[None]]) -> Loop:
    """Repeat a call that has timed out: only the same call again tells how it ended."""
    while True:
        try:
            yield call()
        except TimeoutException:
            continue
        return


class Stream:
    """A small stream of records from the consumer's topics to one other topic, exactly once, as Kafka Streams has it.

    Steps are put in a chain; :meth:`to` ends it and gives the loop to run::

        cluster.process(ks.processing.Stream(consumer, producer).filter(is_late).map_values(bytes.upper).to("late"))
    """

    def __init__(self, consumer: Consumer, producer: Producer) -> None:
        self._consumer, self._producer = consumer, producer
        self._steps: list[Callable[[Any, Any], Result | None]] = []

    def map(self, function: Callable[[Any, Any], Result]) -> Self:
        """Replace each (key, value) by what ``function(key, value)`` gives."""
        return self._add(function)

    def map_values(self, function: Callable[[Any], bytes | None]) -> Self:
        """Replace each value; keys stay, and with them the partitions."""
        return self._add(lambda key, value: (key, function(value)))

    def filter(self, keep: Callable[[Any, Any], bool]) -> Self:
        """Go on only with records for which ``keep(key, value)`` is true."""
        return self._add(lambda key, value: (key, value) if keep(key, value) else None)

    def _add(self, step: Callable[[Any, Any], Result | None]) -> Self:
        self._steps.append(step)
        return self

    def to(self, topic: str, *, poll_ms: float = 100, crash: Crash | None = None) -> Loop:
        """Write the results to a topic: the loop, for ``cluster.process``."""

        def transform(record: ConsumerRecord) -> Result | None:
            pair: Result | None = (record.key, record.value)
            for step in self._steps:
                if pair is None:
                    return None
                pair = step(*pair)
            return pair

        return exactly_once(self._consumer, self._producer, transform, topic, poll_ms=poll_ms, crash=crash)
