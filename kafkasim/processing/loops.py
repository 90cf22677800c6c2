"""Loops with one delivery semantic each, and the crash that shows it.

Kafka: the loops of its documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

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
from kafkasim.processing.arguments import check_clients, check_function, check_sink
from kafkasim.processing.sinks import IN_TRANSACTION, Sink, note
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.consumer_records import ConsumerRecord
from kafkasim.sim.kernel import Future
from kafkasim.sim.producer import Producer
from kafkasim.trace.facts import ProgramDied

Loop = Generator[Any, Any, None]
Result = tuple[bytes | None, bytes | None]
STEPS = ("poll", "process", "commit", "begin", "send", "offsets")
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


class _Program:
    """A loop's program: it counts its steps and dies when it is told to."""

    def __init__(self, crash: Crash | None, consumer: Consumer, *others: Producer, work_ms: float = 0) -> None:
        check_clients(consumer, *others)
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

    A generator for ``cluster.process``. ``poll_ms`` is how long a poll waits for records, ``work_ms`` how long the work
    on one record takes, its effect at the end. The consumer should have ``enable_auto_commit=False``. A commit that
    comes too late, because the group has gone on, gives up what this poll returned. Raises ConfigError.
    """
    program = _Program(crash, consumer, work_ms=work_ms)
    check_sink(sink)
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

    A generator for ``cluster.process``. ``commit_each`` is ``poll`` (everything one poll returned) or ``record``;
    ``poll_ms`` is how long a poll waits for records, ``work_ms`` how long the work on one record takes, its effect at
    the end. The consumer should have ``enable_auto_commit=False``: auto-commit commits also what was only received.
    """
    if commit_each not in ("poll", "record"):
        raise unknown_name("value of commit_each", commit_each, ("poll", "record"))
    program = _Program(crash, consumer, work_ms=work_ms)
    check_sink(sink)
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

    A generator for ``cluster.process``. ``transform`` gives the (key, value) to write into topic ``to``, bytes or None,
    or None for nothing. The consumer should have ``enable_auto_commit=False``, the producer a ``transactional_id``;
    readers of ``to`` need ``isolation_level="read_committed"``. An aborted transaction is read again; a producer that
    is fenced, or that cannot abort, ends the loop and leaves the group.
    """
    check_function(transform, "transform")
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
