"""A consumer: it owns partitions, fetches from their leaders, hands records out in order and commits where it stands.

Names, defaults and behaviour are the Java client's. The group's part is in sim/rebalancing and sim/membership, commits
in sim/commits, positions in sim/offset_lookup, fetching in sim/fetcher. Kafka: KafkaConsumer (ClassicKafkaConsumer).
Left out: patterns, and the metrics of the client.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from kafkasim.config import ConsumerConfig, checks
from kafkasim.core.subscription import EARLIEST, LATEST, Subscription
from kafkasim.errors import ConfigError, TimeoutException, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.commits import Commits
from kafkasim.sim.consumer_arguments import GroupMetadata, Offsets, Partitions, partition_of, partitions_of
from kafkasim.sim.consumer_records import ConsumerRecord, ConsumerRecords, deserialized
from kafkasim.sim.fetcher import Fetcher
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future
from kafkasim.sim.membership import Membership
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.offset_lookup import OffsetAndTimestamp, OffsetLookup
from kafkasim.sim.offset_validation import OffsetValidation
from kafkasim.sim.rebalancing import RebalanceListener, Rebalancing
from kafkasim.sim.waiting import Waiting
from kafkasim.trace.facts import PartitionsAssigned, RecordsPolled

CLOSE_TIMEOUT_MS = 30_000
"""How long a closing consumer waits at most for its coordinator's last answers."""
NEVER_US = 10**15


class Consumer:
    """A consuming client, on a machine of its own. Made by ``cluster.consumer(...)``; calls that wait return
    futures."""

    def __init__(self, host: Host, bootstrap: Sequence[str], config: ConsumerConfig) -> None:
        self.host = host
        self.config = config
        self.client_id = host.name
        self._kernel = host.kernel
        self._book = Subscription()
        self._waiting = Waiting(host, config.default_api_timeout_ms)
        self._client = NetworkClient(
            host, bootstrap, config, auto_create=config.allow_auto_create_topics, on_update=self._waiting.changed
        )
        self._polling = False
        self._closed = False
        self._membership: Membership | None = None
        if config.group_id is not None:
            self._membership = Membership(
                self._client, config, on_change=self._waiting.changed, in_poll=lambda: self._polling
            )
        self._fetcher = Fetcher(self._client, config, self._book, self._waiting.changed)
        self._offsets = OffsetLookup(self._client, config, self._book, self._membership, self._waiting.changed)
        self._validation = OffsetValidation(self._client, config, self._book, self._waiting.changed)
        self._commits = Commits(host, config, self._book, self._membership, self._waiting)
        self._rebalancing: Rebalancing | None = None
        if self._membership is not None:
            self._rebalancing = Rebalancing(
                self._client, config, self._book, self._membership, self._commits, self._fetcher
            )

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
        if self._rebalancing is None:
            raise ConfigError(
                "subscribe() needs a group: give the consumer a group_id, or choose partitions with assign().",
                java_name="InvalidGroupIdException",
            )
        if self._book.is_manual:
            raise UsageError("Subscribing to topics and assigning partitions exclude each other: unsubscribe() first.")
        self._rebalancing.listener = listener
        self._book.topics = wanted
        self._client.want(*wanted)
        self._waiting.changed()

    def unsubscribe(self) -> None:
        """Read nothing any more, and leave the group. Nothing is committed by that."""
        self._open()

        def story() -> Generator[Any, Any, None]:
            if self._rebalancing is not None and self._book.topics:
                yield from self._rebalancing.leave()
            self._book.topics, self._book.is_manual = (), False
            self._set_owned(())

        outcome = self._waiting.run(story(), "unsubscribe()")
        if outcome.is_done():
            outcome.result()

    def assign(self, partitions: Partitions) -> None:
        """Read exactly these partitions, without the group's management."""
        self._open()
        chosen = [partition_of(tp) for tp in partitions_of(partitions)]
        if self._book.topics:
            raise UsageError("Subscribing to topics and assigning partitions exclude each other: unsubscribe() first.")
        if self._book.is_manual:
            self._commits.when_due()
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

    def group_metadata(self) -> GroupMetadata:
        """Group id, generation, member id and instance id, as the last completed join made them."""
        if self._rebalancing is None:
            return GroupMetadata(None, -1, "")
        join = self._rebalancing
        return GroupMetadata(self.config.group_id, join.generation, join.member_id, self.config.group_instance_id)

    def enforce_rebalance(self) -> None:
        """Join anew with the next poll(), whatever has or has not changed."""
        self._open()
        if self._membership is None:
            raise UsageError("enforce_rebalance() needs a group: give the consumer a group_id.")
        self._membership.request_rejoin()
        self._waiting.changed()

    def _set_owned(self, partitions: Iterable[TopicPartition]) -> None:
        self._book.assign(partitions)
        self._fetcher.assignment_changed()
        self._waiting.changed()

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
        return self._waiting.start(self._poll(timeout_ms), "poll()")

    def _poll(self, timeout_ms: float) -> Generator[Any, Any, ConsumerRecords]:
        try:
            until_us = self._kernel.now_us + round(timeout_ms * US_PER_MS)
            while not self._closed:
                self._waiting.check_interrupt()
                yield from self._advance()
                if self._book.has_records or self._kernel.now_us >= until_us:
                    return self._hand_out()
                yield self._waiting.by(min(until_us, self._next_us()))
            return ConsumerRecords({})
        finally:
            self._polling = False

    def _advance(self) -> Generator[Any, Any, None]:
        """Whatever can be done now towards the next records. Kafka: updateAssignmentMetadataIfNeeded."""
        self._client.want(*self._book.topics, *dict.fromkeys(tp.topic for tp in self._book.owned))
        self._commits.run_callbacks()
        is_member = True
        if self._rebalancing is not None and self._book.topics:
            is_member = self._client.brokers_known and (yield from self._rebalancing.step())
        if is_member:
            if self._membership is not None:
                self._commits.when_due()
            self._offsets.find_positions()
        self._validation.check()
        self._fetcher.send_fetches()

    def _next_us(self) -> int:
        """When poll() has something to do although nothing comes: a commit, or new metadata."""
        times = [self._client.expires_us, self._commits.next_due_us]
        now_us = self._kernel.now_us
        return min((at_us for at_us in times if at_us is not None and at_us > now_us), default=now_us + NEVER_US)

    def _hand_out(self) -> ConsumerRecords:
        taken = self._book.take(self.config.max_poll_records)
        given: dict[TopicPartition, list[ConsumerRecord]] = {}
        for tp, items in taken.items():
            names = tuple((offset, *(record.origin or ("", -1))) for offset, _, record in items)
            committed = self.config.isolation_level == "read_committed"
            fact = RecordsPolled(self.client_id, tp, items[0][0], items[-1][0], len(items), names, committed)
            self._kernel.journal.record(fact)
            given[tp] = [deserialized(self.config, tp, *item) for item in items]
        self._fetcher.send_fetches()
        return ConsumerRecords(given)

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
        owned = [self._owned(tp) for tp in partitions_of(partitions)]
        for tp in owned:
            self._offsets.seek(tp, where, call)
            self._fetcher.moved(tp)
        self._waiting.changed()

    def pause(self, partitions: Partitions) -> None:
        """Go on owning these partitions, but get no records of them."""
        for tp in [self._owned(tp) for tp in partitions_of(partitions)]:
            self._book.owned[tp].paused = True
            self._fetcher.moved(tp)

    def resume(self, partitions: Partitions) -> None:
        """Get records of these partitions again."""
        for tp in [self._owned(tp) for tp in partitions_of(partitions)]:
            self._book.owned[tp].paused = False
        self._waiting.changed()

    def paused(self) -> frozenset[TopicPartition]:
        """The partitions that are paused."""
        return frozenset(tp for tp, one in self._book.owned.items() if one.paused)

    def position(self, tp: TopicPartition, timeout_ms: float | None = None) -> Future[int]:
        """The offset of the next record that poll() would hand out; waits default.api.timeout.ms if not told else."""
        owned = self._owned(tp)
        until_us = self._waiting.deadline_us(timeout_ms)

        def known() -> bool:
            self._client.want(owned.topic)
            self._offsets.find_positions()
            self._book.raise_failure()
            return owned not in self._book.owned or self._book.owned[owned].position is not None

        def story() -> Generator[Any, Any, int]:
            yield from self._waiting.until(known, "position()", until_us)
            self._owned(owned)
            position = self._book.owned[owned].position
            assert position is not None
            return position

        return self._waiting.start(story(), "position()")

    def beginning_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The log start offset of each partition."""
        return self._waiting.start(
            self._offsets.listed(partitions_of(partitions), EARLIEST, self._waiting.until), "beginning_offsets()"
        )

    def end_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The high watermark of each partition: where a consumer's reading ends."""
        return self._waiting.start(
            self._offsets.listed(partitions_of(partitions), LATEST, self._waiting.until), "end_offsets()"
        )

    def offsets_for_times(
        self, times: Mapping[TopicPartition, int]
    ) -> Future[dict[TopicPartition, OffsetAndTimestamp | None]]:
        """The first record of each partition at or after a time in ms; None where there is none."""
        if not isinstance(times, Mapping):
            raise ConfigError(f"times must map TopicPartitions to times in ms. Got {times!r}.")
        wanted = {
            partition_of(tp): checks.whole_number(time, f"the time of {tp}", at_least=0) for tp, time in times.items()
        }
        return self._waiting.start(self._offsets.for_times(wanted, self._waiting.until), "offsets_for_times()")

    def partitions_for(self, topic: str) -> Future[list[int]]:
        """The partitions of a topic."""
        checks.topic_name(topic)

        def known() -> bool:
            self._client.want(topic)
            return bool(self._client.topics.get(topic, (None, ()))[1])

        def story() -> Generator[Any, Any, list[int]]:
            yield from self._waiting.until(known, "partitions_for()")
            return list(range(len(self._client.topics[topic][1])))

        return self._waiting.start(story(), "partitions_for()")

    # --- commits -----------------------------------------------------------------------------------------------

    def commit_sync(self, offsets: Offsets | None = None) -> Future[None]:
        """Commit the positions, or these offsets (of the *next* records); retried until default.api.timeout.ms.

        ``offsets`` maps partitions to offsets, or to OffsetAndMetadata. Fails with CommitFailedException when the group
        has gone on without this consumer. Kafka: commitSync.
        """
        return self._waiting.start(self._commits.sync(offsets), "commit_sync()")

    def commit_async(
        self, offsets: Offsets | None = None,
        callback: Callable[[Mapping[TopicPartition, int], Exception | None], object] | None = None,
    ) -> Future[None]:  # fmt: skip
        """Commit without waiting; not retried. ``callback(offsets, error)`` hears of it inside a later poll().

        The future of the outcome is an addition of ours: Kafka's call returns nothing.
        """
        return self._commits.start(offsets, callback)

    def committed(
        self, partitions: Partitions, timeout_ms: float | None = None, *, metadata: bool = False
    ) -> Future[dict[TopicPartition, Any]]:
        """The group's committed offset of each partition, None where there is none; waits as position() does.

        With ``metadata`` an OffsetAndMetadata each, with the text and the leader epoch that lie beside it, as Java's.
        """
        checks.flag(metadata, "metadata")
        asked = self._commits.committed(partitions_of(partitions), self._waiting.deadline_us(timeout_ms))

        def story() -> Generator[Any, Any, dict[TopicPartition, Any]]:
            found = yield from asked
            return found if metadata else {tp: None if one is None else one.offset for tp, one in found.items()}

        return self._waiting.start(story(), "committed()")

    def lag(self, tp: TopicPartition) -> int | None:
        """How far the position is behind the end that the last fetch has told; None while that is not known.

        Kafka: currentLag. What a group lags is the end offset minus its *committed* one.
        """
        return self._book.owned[self._owned(tp)].lag

    # --- the end -----------------------------------------------------------------------------------------------

    def wakeup(self) -> None:
        """Interrupt a waiting call, or the next one that waits, with WakeupException."""
        self._waiting.interrupt()

    def close(self) -> Future[None]:
        """Commit if that is automatic, leave the group, hang up."""

        def story() -> Generator[Any, Any, None]:
            try:
                if self._rebalancing is not None and (self._book.topics or self._book.is_manual):
                    yield from self._commits.at_close()
                if self._rebalancing is not None and self._book.topics:
                    yield from self._rebalancing.leave()
            finally:
                self._fetcher.close()
            if self._membership is not None:
                with contextlib.suppress(TimeoutException):
                    patience_us = self._waiting.deadline_us(CLOSE_TIMEOUT_MS)
                    yield from self._waiting.until(self._membership.last_answers, "close()", patience_us)
                self._membership.close()
            self._client.close()

        self._open()
        self._closed = True
        self._waiting.changed()
        return self._waiting.start(story(), "close()")

    def _open(self) -> None:
        if self._closed:
            raise UsageError(f"{self.client_id} is closed. Make a new consumer.")

    def _owned(self, tp: TopicPartition) -> TopicPartition:
        partition = partition_of(tp)
        if partition not in self._book.owned:
            owned = ", ".join(map(str, self._book.owned)) or "nothing"
            raise UsageError(f"{self.client_id} does not own {partition}; it owns {owned}.")
        return partition
