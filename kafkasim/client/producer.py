"""KafkaProducer with kafka-python's arguments, over the native producer. kafka-python: kafka.producer.

send() returns at once, but for the first record of a topic: then it waits for metadata, up to max_block_ms. Calls
about transactions wait. Left out: compression, raw metrics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kafkasim.client.configs import PRODUCER, checked, native_settings
from kafkasim.client.consumer_arguments import checked_offsets
from kafkasim.client.errors import (
    BY_CODE,
    IllegalStateError,
    KafkaConfigurationError,
    KafkaTimeoutError,
    WrongTypeError,
    translated,
)
from kafkasim.client.futures import FutureRecordMetadata, RecordMetadata, finished, milliseconds
from kafkasim.client.partitioner import Asking, Partitioner, PartitionerBridge
from kafkasim.client.serializer import serialized
from kafkasim.client.structs import ConsumerGroupMetadata, header_size
from kafkasim.config import checks
from kafkasim.errors import ConfigError, KafkaError, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future, Kernel
from kafkasim.sim.sends import RecordMetadata as NativeMetadata

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster

log = logging.getLogger(__name__)


class KafkaProducer:
    """A producing client; ``config`` holds its settings, ``DEFAULT_CONFIG`` their defaults.

    Its calls block and let simulated time pass; they raise the cluster's errors under kafka-python's names. Settings
    that mean nothing here are refused unless they have their default.
    """

    DEFAULT_CONFIG: ClassVar[dict[str, Any]] = PRODUCER.defaults()
    cluster: ClassVar[Cluster]
    kernel: ClassVar[Kernel]

    def __init__(self, **configs: Any) -> None:
        self.config = checked(PRODUCER, configs)
        settings = native_settings(PRODUCER, configs)
        if self.config["acks"] == "all":
            self.config["acks"] = -1
        self._settle_idempotence(configs)
        shortest = self.config["linger_ms"] + self.config["request_timeout_ms"]
        if self.config["delivery_timeout_ms"] < shortest:
            raise KafkaConfigurationError(
                f"delivery_timeout_ms must not be below linger_ms + request_timeout_ms ({shortest}). "
                f"Got {self.config['delivery_timeout_ms']}."
            )
        partitioner = self.config["partitioner"]
        if not isinstance(partitioner, Partitioner):
            raise WrongTypeError(
                "partitioner must be an object of a class derived from kafka.partitioner.Partitioner. "
                f"Got {checks.shown(partitioner)}."
            )
        # kafka-python's buffer has no limit: send() never waits for memory
        settings.update(enable_idempotence=self.config["enable_idempotence"], buffer_memory=checks.LONG_MAX)
        bridge = PartitionerBridge(partitioner)
        self._native = self.cluster.producer({**settings, "partitioner_class": bridge})
        self.config["client_id"] = self._native.client_id
        bridge.chance = self.kernel.rng(f"partitioner/{self._native.client_id}")
        self._bridge = bridge
        self._sent = 0
        self._connected = False
        self._closed = False

    def _settle_idempotence(self, given: dict[str, Any]) -> None:
        """acks, retries and requests in flight that stand against idempotence win, unless it was asked for.

        A transactional_id asks for it.
        """
        asked_for = "enable_idempotence" in given
        if self.config["transactional_id"] is not None:
            if not self.config["enable_idempotence"]:
                raise KafkaConfigurationError("Cannot set transactional_id without enable_idempotence.")
            asked_for = True
        if not self.config["enable_idempotence"]:
            return
        against = [name for name, clash in (
            ("acks", self.config["acks"] != -1),
            ("retries", self.config["retries"] == 0),
            ("max_in_flight_requests_per_connection", self.config["max_in_flight_requests_per_connection"] > 5),
        ) if name in given and clash]  # fmt: skip
        if not against:
            return
        listed = ", ".join(f"{name}={self.config[name]!r}" for name in against)
        if asked_for:
            raise KafkaConfigurationError(f"enable_idempotence=True is incompatible with user-provided {listed}")
        log.warning("Idempotence is disabled: it does not go together with %s.", listed)
        self.config["enable_idempotence"] = False

    def __repr__(self) -> str:
        return (
            f"<KafkaProducer client_id={self.config['client_id']} transactional_id={self.config['transactional_id']}>"
        )

    # --- sending -------------------------------------------------------------------------------------------

    def send(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> FutureRecordMetadata:
        """Send one record; the future of where it went: ``get(timeout=seconds)`` gives its RecordMetadata.

        ``timestamp_ms`` is in ms of the epoch, now by default; ``headers`` are (text, bytes) pairs. Without a partition
        the key decides. Raises KafkaTimeoutError when the topic is not known after max_block_ms,
        MessageSizeTooLargeError, ValueError for a partition that the topic does not have or with neither key nor value,
        TypeError for what is not bytes and has no serializer. Other errors are raised by ``get()``.
        """
        self._open()
        if value is None and key is None:
            raise ConfigError("Need at least one: key or value")
        headers = _headers(headers)
        key_bytes = _bytes(serialized(self.config["key_serializer"], topic, headers, key), "key")
        value_bytes = _bytes(serialized(self.config["value_serializer"], topic, headers, value), "value")
        if partition is not None:
            checks.whole_number(partition, "partition", at_least=0)
        known = self.partitions_for(topic)
        if partition is not None and partition not in known:
            raise ConfigError(f"Unrecognized partition {partition} for topic {topic}; it has {sorted(known)}.")
        self._bridge.asking = Asking(key, value)
        try:
            future = self._native.send(
                topic, value_bytes, key=key_bytes, partition=partition, timestamp=timestamp_ms, headers=headers
            )
        except UsageError as error:
            raise IllegalStateError(str(error)) from error
        too_large = future.error is not None and isinstance(future.error, BY_TOO_LARGE)
        if too_large:
            raise BY_CODE[10](str(future.error), cause=future.error)
        if future.error is not None and self.config["transactional_id"] is not None:
            raise translated(future.error) from future.error
        self._sent += 1
        return FutureRecordMetadata(
            self.kernel, future, "get()", lambda native: _metadata(native, header_size(headers))
        )

    def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic; waits up to max_block_ms for them, then KafkaTimeoutError."""
        _topic(topic)
        future = self._native.partitions_for(topic)
        if not future.is_done():
            finished(self.kernel, future, "The wait for metadata")
        if future.error is not None:
            if isinstance(translated(future.error), KafkaTimeoutError):
                after_s = self.config["max_block_ms"] / 1000
                raise KafkaTimeoutError(f"Failed to update metadata after {after_s:.1f} secs.", cause=future.error)
            raise translated(future.error) from future.error
        self._connected = True
        return set(future.result())

    def flush(self, timeout: float | None = None) -> None:
        """Send everything now and wait until it is answered, at most ``timeout`` seconds, then KafkaTimeoutError.

        Errors of records are in their futures, not raised here.
        """
        timeout_ms = milliseconds(timeout)
        self._wait(self._native.flush(), "flush()", timeout_ms)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Flush, abort an open transaction, then hang up; KafkaTimeoutError when ``timeout`` seconds are over first.

        Calling it again does nothing. ``null_logger`` means nothing here.
        """
        timeout_ms = milliseconds(timeout)
        if not self._closed:
            if self._native.host.is_alive:
                self._wait(self._native.flush(), "close()", timeout_ms)
            self._closed = True
            self._wait(self._native.close(), "close()", None)
            for serializer in (self.config["key_serializer"], self.config["value_serializer"]):
                getattr(serializer, "close", lambda: None)()

    def _wait(self, future: Future[None], call: str, timeout_ms: float | None) -> None:
        if not finished(self.kernel, future, call, timeout_ms):
            raise KafkaTimeoutError("Timeout waiting for future")

    def _open(self) -> None:
        if self._closed:
            raise IllegalStateError("KafkaProducer already closed! Make a new one to send more.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()

    # --- what it knows of itself ------------------------------------------------------------------------------

    def bootstrap_connected(self) -> bool:
        """Whether a broker has answered. A real producer asks when it is made; this one with its first record."""
        return self._connected

    def metrics(self, raw: bool = False) -> dict[str, dict[str, int]]:
        """``{"producer-metrics": {"record-send-total", "record-error-total"}}``: records sent, and failed, so far."""
        if raw:
            raise UsageError("raw=True shows kafka-python's own objects. Call metrics() without it.")
        failed = int(self._native.metrics()["record-error-total"])
        return {"producer-metrics": {"record-send-total": self._sent, "record-error-total": failed}}

    # --- transactions ------------------------------------------------------------------------------------------

    def init_transactions(self) -> None:
        """Get the producer id; aborts what an earlier producer of this transactional_id has left open, and fences it.

        The first call of a transactional producer. KafkaTimeoutError after max_block_ms; called again it waits on.
        """
        self._transact("init_transactions()", self._native.init_transactions)

    def begin_transaction(self) -> None:
        """Begin a transaction; IllegalStateError when one is open. The cluster hears of it with its first record."""
        self._transact("begin_transaction()", self._native.begin_transaction)

    def send_offsets_to_transaction(self, offsets: Any, group_metadata: Any) -> None:
        """Commit a consumer's offsets with the transaction: they count when it is committed.

        ``offsets`` are {TopicPartition: OffsetAndMetadata}; ``group_metadata`` is what ``consumer.group_metadata()``
        gives, or just the group's name.
        """
        if not isinstance(group_metadata, str | ConsumerGroupMetadata):
            raise WrongTypeError(
                "group_metadata must be a ConsumerGroupMetadata, from consumer.group_metadata(), or a group's name."
                f" Got {checks.shown(group_metadata)}."
            )
        chosen = checked_offsets({} if offsets is None else offsets) or {}
        self._transact(
            "send_offsets_to_transaction()",
            lambda: self._native.send_offsets_to_transaction(chosen, group_metadata),
        )

    def commit_transaction(self) -> None:
        """Wait for all records, then commit.

        The first error of a record is raised, and only abort_transaction() is left; after ProducerFencedError nothing
        is. KafkaTimeoutError after max_block_ms leaves the end open: call it again.
        """
        self._transact("commit_transaction()", self._native.commit_transaction)

    def abort_transaction(self) -> None:
        """Abort: what was sent stays in the logs, and readers of committed data skip it."""
        self._transact("abort_transaction()", self._native.abort_transaction)

    def _transact(self, call: str, begin: Callable[[], Future[None] | None]) -> None:
        """Do what a call about transactions begins, and wait for it."""
        self._open()
        if self.config["transactional_id"] is None:
            raise IllegalStateError(f"{call} needs a transactional_id. Give one to KafkaProducer(...).")
        try:
            future = begin()
        except UsageError as error:
            raise IllegalStateError(str(error)) from error
        except KafkaError as error:
            raise translated(error) from error
        if future is None:
            return
        if not future.is_done():
            finished(self.kernel, future, call)
        if future.error is not None:
            raise translated(future.error) from future.error


BY_TOO_LARGE = KafkaError.by_name["MESSAGE_TOO_LARGE"]


def _topic(topic: object) -> None:
    """Topic names are checked before anything is asked."""
    if not isinstance(topic, str):
        raise WrongTypeError(f"The name of a topic must be a text. Got {checks.shown(topic)}.")
    trouble = checks.trouble_with_name(topic)
    if trouble:
        raise ConfigError(f"Topic name is invalid: {trouble}.")


def _headers(headers: Any) -> list[tuple[str, bytes]]:
    found = [] if headers is None else headers
    if not isinstance(found, list) or not all(
        isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], bytes)
        for item in found
    ):
        raise WrongTypeError(f"headers must be a list of (str, bytes) tuples. Got {checks.shown(headers)}.")
    return found


def _bytes(data: object, name: str) -> bytes | None:
    if data is None:
        return None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise WrongTypeError(
            f"Unsupported type for serialized {name}: {type(data)}, {checks.shown(data)}. Give bytes, or the producer a"
            f" {name}_serializer."
        )
    return bytes(data)


def _metadata(native: NativeMetadata, headers_size: int) -> RecordMetadata:
    return RecordMetadata(
        native.topic, native.partition, TopicPartition(native.topic, native.partition), native.offset,
        native.timestamp, None, native.serialized_key_size, native.serialized_value_size, headers_size,
    )  # fmt: skip
