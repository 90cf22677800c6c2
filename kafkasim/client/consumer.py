"""KafkaConsumer with kafka-python's arguments, over the native consumer. kafka-python: kafka.consumer.

Without a group_id a subscription owns all partitions that its topics have at the first poll(). Calls without a
``timeout_ms`` give up after a minute, where kafka-python's wait for ever. Left out: raw metrics, and polls that
do not move the position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kafkasim.client.catalogue import Catalogue
from kafkasim.client.configs import CONSUMER, checked, native_settings
from kafkasim.client.consumer_arguments import (
    check_times,
    checked_offsets,
    compiled,
    partition_of,
    partitions_of,
    timeout,
)
from kafkasim.client.consumer_positions import Positions
from kafkasim.client.errors import IllegalStateError, KafkaConfigurationError, WrongTypeError, translated
from kafkasim.client.futures import Future, finished, result
from kafkasim.client.listening import Listening
from kafkasim.client.serializer import deserialized
from kafkasim.client.structs import (
    ConsumerGroupMetadata,
    ConsumerRebalanceListener,
    ConsumerRecord,
    OffsetAndMetadata,
    header_size,
)
from kafkasim.client.without_group import WithoutGroup
from kafkasim.config import ConsumerConfig, checks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer_records import ConsumerRecord as NativeRecord
from kafkasim.sim.kernel import US_PER_MS, Kernel
from kafkasim.sim.kernel import Future as NativeFuture

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster

Offsets = Mapping[TopicPartition, OffsetAndMetadata]


class KafkaConsumer(Positions):
    """A consuming client; ``config`` holds its settings, ``DEFAULT_CONFIG`` their defaults. Iterate it for records.

    Its calls block and let simulated time pass; they raise the cluster's errors under kafka-python's names. Settings
    that mean nothing here are refused unless they have their default. Heartbeats apart, all is done inside poll().
    """

    DEFAULT_CONFIG: ClassVar[dict[str, Any]] = CONSUMER.defaults()
    cluster: ClassVar[Cluster]
    kernel: ClassVar[Kernel]

    def __init__(self, *topics: str, **configs: Any) -> None:
        self.config = checked(CONSUMER, configs)
        check_times(self.config)
        settings = native_settings(CONSUMER, configs)
        settings["partition_assignment_strategy"] = settings.get("partition_assignment_strategy", DEFAULT_ASSIGNORS)
        self._has_group = self.config["group_id"] is not None
        if not self._has_group:
            if self.config["group_instance_id"] is not None:
                raise KafkaConfigurationError("group_instance_id requires group_id")
            settings.pop("enable_auto_commit", None)
        self._native = self.cluster.consumer(config=settings)
        self._catalogue = Catalogue(self.cluster, self.kernel, self._native, settings.get("bootstrap_servers"))
        self._sizes: dict[int, ConsumerConfig] = {}
        self._alone = WithoutGroup(self.kernel, self._native, self._catalogue, self.config["metadata_max_age_ms"])
        self._listening: Listening | None = None
        self._counts = {"records-consumed-total": 0}
        self._closed = False
        if topics:
            self.subscribe(topics)

    def __repr__(self) -> str:
        return f"<KafkaConsumer client_id={self._native.client_id} group_id={self.config['group_id']}>"

    # --- what to read --------------------------------------------------------------------------------------

    def subscribe(
        self, topics: Sequence[str] = (), pattern: str | None = None, listener: ConsumerRebalanceListener | None = None
    ) -> None:
        """Read these topics, or all whose names begin with what ``pattern`` matches; with a group_id as a member.

        A pattern is a regular expression, looked at again every metadata_max_age_ms: new topics join then. ``listener``
        hears of the partitions that come and go, inside poll(). Raises IllegalStateError with partitions assigned by
        hand, or when patterns and names are mixed.
        """
        if not topics and not pattern:
            raise ConfigError(
                f"Must provide topics or pattern. Got {checks.shown(topics)} and {checks.shown(pattern)}."
            )
        if topics and pattern:
            raise IllegalStateError(EXCLUSIVE)
        if isinstance(topics, str | bytes) or not isinstance(topics, Sequence):
            raise WrongTypeError(f"Topics must be a list (or non-str sequence). Got {checks.shown(topics)}.")
        if listener is not None and not isinstance(listener, ConsumerRebalanceListener):
            raise WrongTypeError(f"listener must be a ConsumerRebalanceListener. Got {checks.shown(listener)}.")
        for topic in topics:
            if not isinstance(topic, str):
                raise WrongTypeError(f"All topics must be strings. Got {checks.shown(topic)}.")
            if checks.trouble_with_name(topic):
                raise ConfigError(f"Topic name is invalid: {checks.trouble_with_name(topic)}.")
        matches = None if pattern is None else compiled(pattern).match
        if self._has_group:
            self._listening = None if listener is None else Listening(self.kernel, listener)
            try:
                if matches is None:
                    self._native.subscribe(list(topics), self._listening)
                else:
                    self._native.subscribe_matching(matches, self._listening)
            except UsageError as error:
                raise IllegalStateError(str(error)) from error
        elif (self._alone.is_on and (matches is None) != (self._alone.matches is None)) or (
            self._native.assignment() and not self._alone.is_on
        ):
            raise IllegalStateError(f"{EXCLUSIVE}: unsubscribe() first.")
        else:
            self._alone.choose(topics, matches)
            self._native.assign([])

    def unsubscribe(self) -> None:
        """Read nothing any more, and leave the group; nothing is committed by that."""
        self._alone.choose((), None)
        self._native.unsubscribe()
        if self._listening is not None:
            self._listening.call()

    def subscription(self) -> set[str] | None:
        """The topics that it is subscribed to, with a pattern those that match now; None when there are none."""
        return set(self._alone.topics or self._native.subscription()) or None

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read exactly these partitions, without the group's management; they replace those of an earlier call.

        Raises IllegalStateError while subscribed.
        """
        chosen = partitions_of(partitions)
        if self._alone.is_on:
            raise IllegalStateError(f"{EXCLUSIVE}: unsubscribe() first.")
        try:
            self._native.assign(chosen)
        except UsageError as error:
            raise IllegalStateError(str(error)) from error

    def assignment(self) -> set[TopicPartition]:
        """The partitions that it owns now; with a subscription they come with poll()."""
        return set(self._native.assignment())

    # --- reading -------------------------------------------------------------------------------------------

    def poll(
        self, timeout_ms: float = 0, max_records: int | None = None, update_offsets: bool = True
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next records, ``{partition: [records]}``; waits up to ``timeout_ms`` for the first, and gives {} after.

        At most ``max_records``, by default max_poll_records. On the way it joins the group and rebalances, calls the
        listener, and commits when auto_commit_interval_ms has passed. When a deserializer fails its error is raised,
        and nothing of this poll counts as read. With auto_offset_reset="none" it may raise NoOffsetForPartitionError
        or OffsetOutOfRangeError.
        """
        if not update_offsets:
            raise UsageError("update_offsets=False is not modelled: iterate the consumer, or seek() back.")
        checks.milliseconds(timeout_ms, "timeout_ms")
        self._open()
        if max_records is None:
            max_records = self.config["max_poll_records"]
        most = checks.whole_number(max_records, "max_records", at_least=1)
        until_us = self.kernel.now_us + round(timeout_ms * US_PER_MS)
        if not self._alone.assign(timeout_ms):
            return {}
        # the native consumer reads how much to hand out from its settings, at each poll
        if most not in self._sizes:
            self._sizes[most] = self._native.config.with_changes(max_poll_records=most)
        self._native.config = self._sizes[most]
        left_ms = max(0, until_us - self.kernel.now_us) / US_PER_MS
        future = self._native.poll(left_ms)
        self._listen_until(future)
        polled = result(self.kernel, future, "poll()")
        try:
            records = {tp: [self._record(one) for one in part] for tp, part in polled.items()}
        except Exception:
            for tp, part in polled.items():
                if tp in self._native.assignment():
                    self._native.seek(tp, part[0].offset)
            raise
        self._counts["records-consumed-total"] += sum(map(len, records.values()))
        return records

    def _listen_until(self, future: NativeFuture[Any]) -> None:
        """Wait, with the listener's calls, which may wait themselves."""
        if self._listening is not None and not self.kernel.is_running:
            self._listening.until(future)

    def __iter__(self) -> KafkaConsumer:
        return self

    def __next__(self) -> ConsumerRecord:
        """The next record, waited for up to consumer_timeout_ms; the position moves record by record.

        Without that setting the loop has no end, but an hour of simulated silence is refused with UsageError.
        """
        if self._closed:
            raise StopIteration
        limit = self.config["consumer_timeout_ms"]
        waited_us = self.kernel.now_us
        while True:
            passed_ms = (self.kernel.now_us - waited_us) / US_PER_MS
            if passed_ms >= limit:
                raise StopIteration
            if passed_ms >= MAX_SILENCE_MS:
                raise UsageError(
                    "No record has come for an hour of simulated time, and nobody else can act while this loop waits."
                    " Give the consumer consumer_timeout_ms."
                )
            for part in self.poll(min(limit - passed_ms, MAX_SILENCE_MS - passed_ms), max_records=1).values():
                return part[0]

    def _record(self, native: NativeRecord) -> ConsumerRecord:
        topic, headers = native.topic, list(native.headers)
        return ConsumerRecord(
            topic, native.partition, native.leader_epoch, native.offset, native.timestamp, 0,
            deserialized(self.config["key_deserializer"], topic, headers, native.key),
            deserialized(self.config["value_deserializer"], topic, headers, native.value),
            headers, None, native.serialized_key_size, native.serialized_value_size, header_size(headers),
        )  # fmt: skip

    # --- commits -----------------------------------------------------------------------------------------------

    def commit(self, offsets: Offsets | None = None, timeout_ms: float | None = None) -> None:
        """Commit the positions, or these offsets (of the *next* records), and wait; retried until ``timeout_ms``.

        ``offsets`` are {TopicPartition: OffsetAndMetadata}. Raises CommitFailedError when the group has gone on
        without this member, IllegalStateError without a group_id.
        """
        self._needs_group()
        limit = timeout(timeout_ms)
        result(self.kernel, self._native.commit_sync(checked_offsets(offsets)), "commit()", limit)

    def commit_async(
        self, offsets: Offsets | None = None, callback: Callable[[Any, Any], object] | None = None
    ) -> Future:
        """Commit the positions, or these offsets, without waiting and without a second try; the future of the outcome.

        ``callback(offsets, response)`` gets True or the error, inside a later poll() or commit.
        """
        self._needs_group()

        def heard(committed: Mapping[TopicPartition, int], error: Exception | None) -> None:
            if callback is not None:
                shown = offsets or {tp: OffsetAndMetadata(offset) for tp, offset in committed.items()}
                callback(shown, True if error is None else translated(error))

        return Future(
            self.kernel,
            self._native.commit_async(checked_offsets(offsets), heard),
            "commit_async()",
            lambda nothing: True,
        )

    def committed(
        self, partition: TopicPartition, metadata: bool = False, timeout_ms: float | None = None
    ) -> int | OffsetAndMetadata | None:
        """The group's committed offset of a partition, None where there is none.

        With ``metadata`` an OffsetAndMetadata: with the text and the leader epoch that were committed beside it.
        """
        self._needs_group()
        tp = partition_of(partition)
        limit = timeout(timeout_ms)
        future = self._native.committed([tp], metadata=metadata)
        found: int | OffsetAndMetadata | None = result(self.kernel, future, "committed()", limit)[tp]
        return found

    def _needs_group(self) -> None:
        if not self._has_group:
            raise IllegalStateError("Requires group_id")

    # --- the cluster, the group, the end --------------------------------------------------------------------------

    def topics(self) -> set[str]:
        """The topics of the cluster; its own among them only with exclude_internal_topics=False."""
        return self._catalogue.topics(list_internal=not self.config["exclude_internal_topics"])

    def partitions_for_topic(self, topic: str) -> set[int]:
        """The numbers of a topic's partitions; none when there is no such topic, which is not created by asking."""
        return self._catalogue.partitions(topic)

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Its membership now: what a transactional producer takes in send_offsets_to_transaction()."""
        if not self._has_group:
            return ConsumerGroupMetadata()
        group, generation, member, _ = self._native.group_metadata()
        state = "<stable>" if generation >= 0 else "<unjoined>"
        return ConsumerGroupMetadata(group, generation, member, self.config["group_instance_id"], state)

    def bootstrap(self, timeout_ms: float | None = None, refresh: bool = False) -> None:
        """Wait until a broker has answered, at most ``timeout_ms``; KafkaTimeoutError then. Asks each time."""
        self._catalogue.topics(timeout_ms=timeout(timeout_ms))

    def bootstrap_connected(self) -> bool:
        """Whether a broker answers; a real consumer asked when it was made, this one asks now."""
        return self._catalogue.answers()

    def metrics(self, raw: bool = False) -> dict[str, dict[str, int]]:
        """``{"consumer-fetch-manager-metrics": {"records-consumed-total"}}``: the records handed out so far."""
        if raw:
            raise UsageError("raw=True shows kafka-python's own objects. Call metrics() without it.")
        return {"consumer-fetch-manager-metrics": dict(self._counts)}

    def close(self, autocommit: bool = True, timeout_ms: float | None = None) -> None:
        """Commit if that is automatic and ``autocommit`` says so, leave the group, hang up.

        After ``timeout_ms``, by default request_timeout_ms, it goes without waiting. Calling it again does nothing.
        """
        if self._closed:
            return
        limit = self.config["request_timeout_ms"] if timeout_ms is None else timeout(timeout_ms)
        future = self._native.close(auto_commit=bool(autocommit))
        self._listen_until(future)
        self._closed = True
        finished(self.kernel, future, "close()", limit)
        self._catalogue.close()
        for deserializer in (self.config["key_deserializer"], self.config["value_deserializer"]):
            getattr(deserializer, "close", lambda: None)()
        if future.error is not None:
            raise translated(future.error) from future.error

    def _open(self) -> None:
        if self._closed:
            raise IllegalStateError("KafkaConsumer is closed. Make a new one to read more.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()


EXCLUSIVE = "You must choose only one way to configure your consumer: by topics, by pattern, or by partitions"
MAX_SILENCE_MS = 3_600_000
DEFAULT_ASSIGNORS = ("range", "roundrobin")
