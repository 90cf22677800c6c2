"""A consumer: it owns partitions, fetches from their leaders, hands records out in order and commits where it stands.

Names, defaults and behaviour are the Java client's. The group's part is in sim/rebalancing and sim/membership, commits
in sim/commits, positions in sim/offset_lookup, fetching in sim/fetcher. Kafka: KafkaConsumer (ClassicKafkaConsumer).
Left out: the metrics of the client; a member that subscribes by pattern does not refresh its metadata before each join.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from kafkasim.config import ConsumerConfig, checks
from kafkasim.core.subscription import Subscription
from kafkasim.core.topic_rules import INTERNAL_TOPICS
from kafkasim.errors import ConfigError, TimeoutException, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.commits import Commits
from kafkasim.sim.consumer_arguments import GroupMetadata, Offsets, Partitions, partition_of, partitions_of
from kafkasim.sim.consumer_positions import Positions
from kafkasim.sim.consumer_records import ConsumerRecords, handed_out
from kafkasim.sim.fetcher import Fetcher
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future
from kafkasim.sim.membership import Membership
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.offset_lookup import OffsetLookup
from kafkasim.sim.offset_validation import OffsetValidation
from kafkasim.sim.rebalancing import RebalanceListener, Rebalancing
from kafkasim.sim.waiting import Waiting
from kafkasim.trace.facts import PartitionsAssigned

EXCLUSIVE = "Subscription to topics, partitions and pattern are mutually exclusive"
CLOSE_TIMEOUT_MS = 30_000
"""How long a closing consumer waits at most for its coordinator's last answers."""
NEVER_US = 10**15


class Consumer(Positions):
    """A consuming client on a machine of its own, made by ``cluster.consumer(...)``; calls that wait return futures.

    With a ``group_id`` it can be a member of a group (:meth:`subscribe`) or commit without being one (:meth:`assign`).
    All work is done inside :meth:`poll`, heartbeats apart: who does not poll for max.poll.interval.ms leaves the group.
    Calls that wait fail with TimeoutException after default.api.timeout.ms.
    """

    def __init__(self, host: Host, bootstrap: Sequence[str], config: ConsumerConfig) -> None:
        self.host = host
        self.config = config
        self.client_id = host.name
        self._kernel = host.kernel
        self._book = Subscription()
        self._waiting = Waiting(host, config.default_api_timeout_ms)
        self._client = NetworkClient(
            host, bootstrap, config, auto_create=config.allow_auto_create_topics, on_update=self._waiting.changed,
            hears_only_in=self._waiting if config.group_id is None else None)  # fmt: skip
        self._polling = False
        self._closing = False
        self._membership: Membership | None = None
        if config.group_id is not None:
            self._membership = Membership(
                self._client, config, on_change=self._waiting.changed, in_poll=lambda: self._polling
            )
        self._fetcher = Fetcher(
            self._client, config, self._book, on_records=self._waiting.happened, on_change=self._waiting.changed,
            in_poll=lambda: self._polling, is_heard=lambda: bool(self._membership and self._membership.generation >= 0),
        )  # fmt: skip
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

    def subscribe(self, topics: Sequence[str] | re.Pattern[str], listener: RebalanceListener | None = None) -> None:
        """Read these topics as a member of the group; partitions come with the next polls.

        ``topics`` replace those of an earlier call. A compiled pattern (``re.compile("gps-.*")``) stands for all topics
        whose whole name matches; it is looked at again with each refresh of the metadata (metadata.max.age.ms), so new
        topics join within five minutes. ``listener`` may have the methods ``on_partitions_revoked``, ``_assigned`` and
        ``_lost``, called inside poll(), which raises InvalidTopicException for a name that no topic can have. An empty
        list unsubscribes. Kafka: subscribe.
        """
        self._waiting.check_open()
        if isinstance(topics, re.Pattern):
            self.subscribe_matching(topics.fullmatch, listener)
            return
        wanted = checks.topics(topics)
        if not wanted:
            self.unsubscribe()
            return
        self._become_member(listener, by_pattern=False)
        self._book.topics = wanted
        self._client.want(*wanted)
        self._waiting.changed()

    def subscribe_matching(
        self, matches: Callable[[str], object], listener: RebalanceListener | None
    ) -> None:  # fmt: skip
        """Subscribe to all topics for whose names a function answers with something true. An addition of ours."""
        self._waiting.check_open()
        if not callable(matches):
            raise ConfigError(f"matches must be a function of a topic's name. Got {matches!r}.")
        self._become_member(listener, by_pattern=True)
        hidden = INTERNAL_TOPICS if self.config.exclude_internal_topics else ()
        self._book.topics = ()
        self._book.pattern = lambda topic: topic not in hidden and matches(topic)
        self._client.want_all(self._book.pattern)
        self._waiting.changed()

    def _become_member(self, listener: RebalanceListener | None, *, by_pattern: bool) -> None:
        if self._rebalancing is None:
            raise ConfigError(
                "subscribe() needs a group: give the consumer a group_id, or choose partitions with assign().",
                java_name="InvalidGroupIdException",
            )
        if self._book.is_manual or (self._book.is_subscribed and by_pattern != (self._book.pattern is not None)):
            raise UsageError(f"{EXCLUSIVE}: unsubscribe() first.")
        self._rebalancing.listener = listener

    def unsubscribe(self) -> None:
        """Read nothing any more, and leave the group. Nothing is committed by that."""

        def story() -> Generator[Any, Any, None]:
            if self._rebalancing is not None and self._book.is_subscribed:
                yield from self._rebalancing.leave()
            self._book.topics, self._book.pattern, self._book.is_manual = (), None, False
            self._client.want_all(None)
            self._set_owned(())

        self._waiting.run(story(), "unsubscribe()")

    def assign(self, partitions: Partitions) -> None:
        """Read exactly these partitions, without the group's management; they replace those of an earlier call.

        Partitions that stay keep their positions; an empty list gives up all. Raises UsageError while subscribed.
        Kafka: assign.
        """
        self._waiting.check_open()
        chosen = [partition_of(tp) for tp in partitions_of(partitions)]
        if self._book.is_subscribed:
            raise UsageError(f"{EXCLUSIVE}: unsubscribe() first.")
        if self._book.is_manual:
            self._commits.when_due()
        self._book.is_manual = bool(chosen)
        self._client.want(*dict.fromkeys(tp.topic for tp in chosen))
        self._set_owned(chosen)
        self._kernel.journal.record(PartitionsAssigned(self.client_id, self.config.group_id, -1, tuple(chosen)))

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that it owns now: assigned by hand, or by its group at the last poll()."""
        self._waiting.check_open()
        return frozenset(self._book.owned)

    def subscription(self) -> frozenset[str]:
        """The topics that it is subscribed to, with a pattern those that match now; empty with assign()."""
        self._waiting.check_open()
        return frozenset(self._book.topics)

    def group_metadata(self) -> GroupMetadata:
        """Group id, generation, member id and instance id, as the last completed join made them; -1 and "" before it.

        A transactional producer takes it for send_offsets_to_transaction(). Kafka: groupMetadata.
        """
        self._waiting.check_open()
        self._commits.group("group_metadata()")
        join = self._rebalancing
        assert join is not None
        return GroupMetadata(self.config.group_id, join.generation, join.member_id, self.config.group_instance_id)

    def enforce_rebalance(self) -> None:
        """Join anew with the next poll(), whatever has or has not changed."""
        self._waiting.check_open()
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
        """The next records, at most max.poll.records; waits up to ``timeout_ms`` for the first, and gives none after.

        On the way it joins the group and rebalances, calls the listener, commits when auto.commit.interval.ms has
        passed, and finds out where to start. The position moves when records are handed out, processed or not. Fails
        with NoOffsetForPartitionException or OffsetOutOfRangeException when auto.offset.reset=none leaves no place to
        read, and with WakeupException after wakeup(). Kafka: poll.
        """
        self._waiting.check_open()
        checks.milliseconds(timeout_ms, "timeout_ms")
        if not self._book.is_subscribed and not self._book.is_manual:
            raise UsageError("There is nothing to poll: subscribe() to topics or assign() partitions first.")
        if self._polling:
            raise UsageError(f"{self.client_id} is polling already, and a consumer is for one user at a time.")
        self._polling = True
        return self._waiting.start(self._poll(timeout_ms), "poll()")

    def _poll(self, timeout_ms: float) -> Generator[Any, Any, ConsumerRecords]:
        try:
            until_us = self._kernel.now_us + round(timeout_ms * US_PER_MS)
            while not self._closing:
                self._waiting.check_interrupt()
                yield from self._advance()
                self._client.refuse_impossible(self._book.topics)
                if self._book.has_records or self._kernel.now_us >= until_us:
                    return self._hand_out()
                yield self._waiting.by(min(until_us, self._next_us()))
                self._commits.waited()
            return ConsumerRecords({})
        finally:
            self._polling = False
            self._fetcher.rest()

    def _advance(self) -> Generator[Any, Any, None]:
        """Whatever can be done now towards the next records. Kafka: updateAssignmentMetadataIfNeeded."""
        by_pattern = self._book.pattern is not None
        if by_pattern and self._client.all_known:
            self._book.match(self._client.topics)
        self._client.want(*self._book.topics, *dict.fromkeys(tp.topic for tp in self._book.owned))
        self._commits.run_callbacks()
        is_member = True
        if self._rebalancing is not None and self._book.is_subscribed:
            knows_enough = self._client.all_known if by_pattern else self._client.brokers_known
            is_member = knows_enough and (yield from self._rebalancing.step())
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
        given = handed_out(self.host, self.config, taken)
        self._fetcher.send_fetches()
        return given

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
        self._waiting.check_open()
        return self._commits.start(offsets, callback)

    def committed(
        self, partitions: Partitions, timeout_ms: float | None = None, *, metadata: bool = False
    ) -> Future[dict[TopicPartition, Any]]:
        """The group's committed offset of each partition, None where there is none; waits as position() does.

        With ``metadata`` an OffsetAndMetadata each, with the text and the leader epoch that lie beside it, as Java's.
        """
        checks.flag(metadata, "metadata")
        until_us = self._waiting.deadline_us(timeout_ms)
        return self._waiting.start(
            self._commits.committed(partitions_of(partitions), until_us, metadata), "committed()"
        )  # fmt: skip

    # --- the end -----------------------------------------------------------------------------------------------

    def wakeup(self) -> None:
        """Interrupt a waiting call, or the next one that waits, with WakeupException."""
        self._waiting.interrupt()

    def close(self, *, auto_commit: bool = True) -> Future[None]:
        """Commit if that is automatic, leave the group (a static member stays), hang up. Kafka: close.

        ``auto_commit=False`` skips the last commit, an addition of ours; a commit_policy is not asked either.
        """
        checks.flag(auto_commit, "auto_commit")
        if not self.host.is_alive:
            return Future[None](self._kernel, f"close() of {self.client_id}").succeed()

        def story() -> Generator[Any, Any, None]:
            try:
                if self._rebalancing is not None and (self._book.is_subscribed or self._book.is_manual):
                    yield from self._commits.at_close(auto_commit)
                if self._rebalancing is not None and self._book.is_subscribed:
                    yield from self._rebalancing.leave()
            finally:
                self._fetcher.close()
                self._waiting.is_closed = True
            if self._membership is not None:
                with contextlib.suppress(TimeoutException):
                    patience_us = self._waiting.deadline_us(CLOSE_TIMEOUT_MS)
                    yield from self._waiting.until(self._membership.last_answers, "close()", patience_us)
                self._membership.close()
            self._client.close()

        if self._closing:
            return Future[None](self._kernel, f"close() of {self.client_id}").succeed()
        self._closing = True
        self._waiting.changed()
        return self._waiting.start(story(), "close()")
