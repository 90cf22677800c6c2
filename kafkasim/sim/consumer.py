"""A consumer: it owns partitions, fetches from their leaders, hands records out in order and commits where it stands.

Names, defaults and behaviour are the Java client's. Kafka: KafkaConsumer (ClassicKafkaConsumer). Left out as yet:
read_committed, offsetsForTimes, patterns, max.poll.interval.ms, the check for truncation (KIP-320).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol

from kafkasim.config import ConsumerConfig, checks
from kafkasim.core.subscription import EARLIEST, LATEST, Subscription
from kafkasim.errors import ConfigError, TimeoutException, UsageError
from kafkasim.records import Record, TopicPartition
from kafkasim.sim.commits import Commits
from kafkasim.sim.consumer_records import ConsumerRecord, ConsumerRecords
from kafkasim.sim.fetcher import Fetcher
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future
from kafkasim.sim.membership import Membership
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.offset_lookup import OffsetLookup
from kafkasim.trace.facts import PartitionsAssigned, PartitionsRevoked, RecordsPolled

LINGER_MS = 10
"""How long a closing consumer keeps its connections for the last answers."""
Partitions = Sequence[TopicPartition]


class RebalanceListener(Protocol):
    """What a user may pass to subscribe(): called inside poll(), in Kafka's order."""

    def on_partitions_revoked(self, partitions: list[TopicPartition]) -> object:
        """These are about to go to somebody else: the last moment to commit."""

    def on_partitions_assigned(self, partitions: list[TopicPartition]) -> object:
        """These are owned from now on."""


class Consumer:
    """A consuming client, on a machine of its own. Made by ``cluster.consumer(...)``; calls that wait return
    futures."""

    def __init__(self, host: Host, bootstrap: Sequence[str], config: ConsumerConfig) -> None:
        self.host = host
        self.config = config
        self.client_id = host.name
        self._kernel = host.kernel
        self._book = Subscription()
        self._client = NetworkClient(
            host, bootstrap, request_timeout_ms=config.request_timeout_ms, retry_backoff_ms=config.retry_backoff_ms,
            retry_backoff_max_ms=config.retry_backoff_max_ms, metadata_max_age_ms=config.metadata_max_age_ms,
            auto_create=config.allow_auto_create_topics, on_update=self.changed,
        )  # fmt: skip
        self._membership: Membership | None = None
        if config.group_id is not None:
            self._membership = Membership(
                self._client, config, topics=lambda: self._book.topics, owned=lambda: tuple(self._book.owned),
                on_revoked=lambda: self._give_up("revoked"), on_lost=lambda: self._give_up("lost"),
                on_assigned=self._own, on_change=self.changed,
            )  # fmt: skip
        self._fetcher = Fetcher(self._client, config, self._book, self.changed)
        self._offsets = OffsetLookup(self._client, config, self._book, self._membership, self.changed)
        self._commits = Commits(self, config, self._book, self._membership, self.until)
        self._listener: RebalanceListener | None = None
        self._wakeups: list[Future[None]] = []
        self._polling = False
        self._closed = False

    def __repr__(self) -> str:
        group = f"group {self.config.group_id}" if self.config.group_id else "no group"
        return f"<Consumer {self.client_id}: {group}, {len(self._book.owned)} partitions>"

    # --- what to read --------------------------------------------------------------------------------------

    def subscribe(self, topics: Sequence[str], listener: RebalanceListener | None = None) -> None:
        """Read these topics as a member of the group; partitions come with the next polls."""
        self._open()
        wanted = tuple(checks.topic_name(topic) for topic in checks.names(topics, "topics"))
        if not wanted:
            self.unsubscribe()
            return
        if self._membership is None:
            raise ConfigError(
                "subscribe() needs a group: give the consumer a group_id, or choose partitions with assign().",
                java_name="InvalidGroupIdException",
            )
        if self._book.is_manual:
            raise UsageError("Subscribing to topics and assigning partitions exclude each other: unsubscribe() first.")
        self._listener = listener
        self._book.topics = wanted
        self._membership.rejoin()
        self._client.want(*wanted)

    def unsubscribe(self) -> None:
        """Read nothing any more, and leave the group. Nothing is committed by that."""
        self._open()
        if self._book.topics and self._membership is not None:
            self._give_up("revoked")
            self._membership.leave()
        self._book.topics, self._book.is_manual = (), False
        self._set_owned(())

    def assign(self, partitions: Partitions) -> None:
        """Read exactly these partitions, without the group's management."""
        self._open()
        chosen = [_partition(tp) for tp in _listed(partitions)]
        if self._book.topics:
            raise UsageError("Subscribing to topics and assigning partitions exclude each other: unsubscribe() first.")
        self._book.is_manual = bool(chosen)
        self._client.want(*dict.fromkeys(tp.topic for tp in chosen))
        self._set_owned(chosen)
        self._kernel.journal.record(PartitionsAssigned(self.client_id, self.config.group_id, -1, tuple(chosen)))

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that this consumer owns."""
        return frozenset(self._book.owned)

    def subscription(self) -> frozenset[str]:
        """The topics that it is subscribed to."""
        return frozenset(self._book.topics)

    def group_metadata(self) -> tuple[str | None, int, str]:
        """Group id, generation (-1 outside any) and member id."""
        if self._membership is None:
            return (None, -1, "")
        return (self._membership.group_id, self._membership.generation, self._membership.member_id)

    def _set_owned(self, partitions: Iterable[TopicPartition]) -> None:
        self._book.assign(partitions)
        self._fetcher.assignment_changed()
        self.changed()

    def _own(self, partitions: tuple[TopicPartition, ...]) -> None:
        """The group has given this member its share."""
        assert self._membership is not None
        self._commits.restart_timer()
        self._set_owned(partitions)
        fact = PartitionsAssigned(self.client_id, self.config.group_id, self._membership.generation, partitions)
        self._kernel.journal.record(fact)
        if self._listener is not None:
            self._listener.on_partitions_assigned(list(partitions))

    def _give_up(self, reason: str) -> None:
        """The partitions go: revoked before a rebalance, or lost when it went on without this member."""
        owned = tuple(self._book.owned)
        if reason == "revoked":
            self._commits.before_rebalance()
            if self._listener is not None:
                self._listener.on_partitions_revoked(list(owned))
        if owned:
            self._kernel.journal.record(PartitionsRevoked(self.client_id, owned, reason))
        self._set_owned(())

    # --- reading -------------------------------------------------------------------------------------------

    def poll(self, timeout_ms: float = 0) -> Future[ConsumerRecords]:
        """The next records, at most max.poll.records; waits up to ``timeout_ms`` for the first. Kafka: poll."""
        self._open()
        checks.milliseconds(timeout_ms, "timeout_ms")
        if not self._book.topics and not self._book.is_manual:
            raise UsageError("There is nothing to poll: subscribe() to topics or assign() partitions first.")
        if self._polling:
            raise UsageError(f"{self.client_id} is polling already, and a consumer is for one user at a time.")
        self._polling = True
        return self._start(self._poll(timeout_ms), "poll()")

    def _poll(self, timeout_ms: float) -> Generator[Any, Any, ConsumerRecords]:
        try:
            until_us = self._kernel.now_us + round(timeout_ms * US_PER_MS)
            while True:
                self._advance()
                if self._book.has_records or self._kernel.now_us >= until_us:
                    return self._hand_out()
                yield self._wake_by(until_us)
        finally:
            self._polling = False

    def _advance(self) -> None:
        """Whatever can be done now towards the next records. Kafka: updateAssignmentMetadataIfNeeded."""
        self._client.want(*self._book.topics, *dict.fromkeys(tp.topic for tp in self._book.owned))
        if self._membership is not None and self._book.topics:
            if self._client.brokers_known:
                self._membership.step()
            self._commits.when_due()
        self._offsets.find_positions()
        self._fetcher.send_fetches()

    def _hand_out(self) -> ConsumerRecords:
        taken = self._book.take(self.config.max_poll_records)
        given: dict[TopicPartition, list[ConsumerRecord]] = {}
        for tp, items in taken.items():
            names = tuple((offset, *(record.origin or ("", -1))) for offset, _, record in items)
            fact = RecordsPolled(self.client_id, tp, items[0][0], items[-1][0], len(items), names)
            self._kernel.journal.record(fact)
            given[tp] = [self._consumer_record(tp, *item) for item in items]
        self._fetcher.send_fetches()
        return ConsumerRecords(given)

    def _consumer_record(self, tp: TopicPartition, offset: int, epoch: int, record: Record) -> ConsumerRecord:
        key: Any = record.key
        value: Any = record.value
        if key is not None and self.config.key_deserializer is not None:
            key = self.config.key_deserializer(key)
        if value is not None and self.config.value_deserializer is not None:
            value = self.config.value_deserializer(value)
        return ConsumerRecord(
            tp.topic, tp.partition, offset, record.timestamp, key, value, record.headers, epoch,
            -1 if record.key is None else len(record.key), -1 if record.value is None else len(record.value),
        )  # fmt: skip

    # --- where to read ---------------------------------------------------------------------------------------

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read this partition from ``offset`` on."""
        checks.whole_number(offset, "offset", at_least=0)
        self._seek([tp], offset, "seek()")

    def seek_to_beginning(self, partitions: Partitions = ()) -> None:
        """Read these partitions (all that are owned by default) from their log start offset on."""
        self._seek(partitions or list(self._book.owned), EARLIEST, "seek_to_beginning()")

    def seek_to_end(self, partitions: Partitions = ()) -> None:
        """Read these partitions (all that are owned by default) from their end on."""
        self._seek(partitions or list(self._book.owned), LATEST, "seek_to_end()")

    def _seek(self, partitions: Partitions, where: int, call: str) -> None:
        owned = [self._owned(tp) for tp in _listed(partitions)]
        for tp in owned:
            self._offsets.seek(tp, where, call)
            self._fetcher.moved(tp)
        self.changed()

    def pause(self, partitions: Partitions) -> None:
        """Go on owning these partitions, but get no records of them."""
        for tp in [self._owned(tp) for tp in _listed(partitions)]:
            self._book.owned[tp].paused = True
            self._fetcher.moved(tp)

    def resume(self, partitions: Partitions) -> None:
        """Get records of these partitions again."""
        for tp in [self._owned(tp) for tp in _listed(partitions)]:
            self._book.owned[tp].paused = False
        self.changed()

    def paused(self) -> frozenset[TopicPartition]:
        """The partitions that are paused."""
        return frozenset(tp for tp, one in self._book.owned.items() if one.paused)

    def position(self, tp: TopicPartition, timeout_ms: float | None = None) -> Future[int]:
        """The offset of the next record that poll() would hand out; waits default.api.timeout.ms if not told else."""
        owned = self._owned(tp)
        until_us = self._deadline_us(timeout_ms)

        def known() -> bool:
            self._advance()
            self._book.raise_failure()
            return owned not in self._book.owned or self._book.owned[owned].position is not None

        def story() -> Generator[Any, Any, int]:
            yield from self.until(known, "position()", until_us)
            position = self._book.owned[owned].position
            assert position is not None
            return position

        return self._start(story(), "position()")

    def beginning_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The log start offset of each partition."""
        return self._start(self._offsets.listed(_listed(partitions), EARLIEST, self.until), "beginning_offsets()")

    def end_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The high watermark of each partition: where a consumer's reading ends."""
        return self._start(self._offsets.listed(_listed(partitions), LATEST, self.until), "end_offsets()")

    def partitions_for(self, topic: str) -> Future[list[int]]:
        """The partitions of a topic."""
        checks.topic_name(topic)

        def known() -> bool:
            self._client.want(topic)
            return bool(self._client.topics.get(topic, (None, ()))[1])

        def story() -> Generator[Any, Any, list[int]]:
            yield from self.until(known, "partitions_for()")
            return list(range(len(self._client.topics[topic][1])))

        return self._start(story(), "partitions_for()")

    # --- commits -----------------------------------------------------------------------------------------------

    def commit_sync(self, offsets: Mapping[TopicPartition, int] | None = None) -> Future[None]:
        """Commit the positions, or these offsets (of the *next* records); retried until default.api.timeout.ms."""
        return self._start(self._commits.sync(offsets), "commit_sync()")

    def commit_async(
        self, offsets: Mapping[TopicPartition, int] | None = None,
        callback: Callable[[Mapping[TopicPartition, int], Exception | None], object] | None = None,
    ) -> None:  # fmt: skip
        """Commit without waiting; not retried. ``callback(offsets, error)`` hears how it went."""
        self._commits.start(offsets, callback)

    def committed(
        self, partitions: Partitions, timeout_ms: float | None = None
    ) -> Future[dict[TopicPartition, int | None]]:
        """The group's committed offset of each partition, None where there is none; waits as position() does."""
        asked = self._commits.committed(_listed(partitions), self._deadline_us(timeout_ms))
        return self._start(asked, "committed()")

    def close(self) -> Future[None]:
        """Commit if that is automatic, leave the group, hang up."""

        def story() -> Generator[Any, Any, None]:
            if self._membership is not None and self._book.topics:
                yield from self._commits.at_close()
                self._give_up("revoked")
                self._membership.leave()
            self._closed = True
            self._fetcher.close()
            yield self.host.sleep_ms(LINGER_MS)
            self._client.close()

        self._open()
        return self._start(story(), "close()")

    # --- waiting -------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str, until_us: int | None = None) -> Generator[Any, Any, None]:
        """Wait until something holds; TimeoutException at that time, or after default.api.timeout.ms."""
        began_us = self._kernel.now_us
        if until_us is None:
            until_us = self._deadline_us(None)
        while not condition():
            if self._kernel.now_us >= until_us:
                raise TimeoutException(f"{what} was not done within {(until_us - began_us) / US_PER_MS:g} ms.")
            yield self._wake_by(until_us)

    def _deadline_us(self, timeout_ms: float | None) -> int:
        """When a call that may wait so long, default.api.timeout.ms if it was not told, gives up."""
        if timeout_ms is None:
            timeout_ms = self.config.default_api_timeout_ms
        return self._kernel.now_us + round(checks.milliseconds(timeout_ms, "timeout_ms") * US_PER_MS)

    def _wake_by(self, until_us: int) -> Future[None]:
        wakeup: Future[None] = Future(self._kernel, f"something new for {self.client_id}")
        self._wakeups.append(wakeup)
        self.host.after_ms(max(0, until_us - self._kernel.now_us) / US_PER_MS, self._wake, wakeup)
        return wakeup

    def _wake(self, wakeup: Future[None]) -> None:
        if not wakeup.is_done():
            wakeup.succeed()

    def changed(self) -> None:
        """Something is new: whoever waits looks again."""
        wakeups, self._wakeups = self._wakeups, []
        for wakeup in wakeups:
            self._wake(wakeup)

    def _start(self, story: Generator[Any, Any, Any], call: str) -> Future[Any]:
        """Run a call's story; its errors are the future's."""
        future: Future[Any] = Future(self._kernel, f"{call} of {self.client_id}")
        if not self._kernel.is_running:
            self._kernel.journal.cause = None

        def told() -> Generator[Any, Any, None]:
            try:
                value = yield from story
            except Exception as error:
                future.fail(error)
                return
            future.succeed(value)

        self.host.process(told(), call)
        return future

    def _open(self) -> None:
        if self._closed:
            raise UsageError(f"{self.client_id} is closed. Make a new consumer.")

    def _owned(self, tp: TopicPartition) -> TopicPartition:
        partition = _partition(tp)
        if partition not in self._book.owned:
            owned = ", ".join(map(str, self._book.owned)) or "nothing"
            raise UsageError(f"{self.client_id} does not own {partition}; it owns {owned}.")
        return partition


def _listed(partitions: object) -> list[TopicPartition]:
    if isinstance(partitions, TopicPartition | str) or not isinstance(partitions, Iterable):
        raise ConfigError(f"partitions must be a list of TopicPartition. Got {partitions!r}.")
    return [_partition(tp) for tp in partitions]


def _partition(tp: object) -> TopicPartition:
    if isinstance(tp, tuple) and len(tp) == 2 and isinstance(tp[0], str):
        return TopicPartition(checks.topic_name(tp[0]), checks.whole_number(tp[1], "partition", at_least=0))
    raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")
