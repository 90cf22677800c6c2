"""KafkaProducer and what its send() returns. kafka-python: kafka.producer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kafkasim.client import configs
from kafkasim.config import checks
from kafkasim.core.hashing import partition_for_key
from kafkasim.errors import ConfigError, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future
from kafkasim.sim.producer import RecordMetadata as NativeMetadata

if TYPE_CHECKING:
    from kafkasim.client.library import ClientLibrary


class RecordMetadata(NamedTuple):
    """Where a record went."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int


class FutureRecordMetadata:
    """What send() returns: the record's fate, now or later."""

    def __init__(self, library: ClientLibrary, native: Future[NativeMetadata], header_size: int) -> None:
        self._library = library
        self._native = native
        self._header_size = header_size

    @property
    def is_done(self) -> bool:
        """Whether the answer is there."""
        return self._native.is_done()

    @property
    def value(self) -> RecordMetadata | None:
        """The answer, if it is a good one."""
        return self._metadata(self._native.result()) if self.succeeded() else None

    @property
    def exception(self) -> Exception | None:
        """The answer, if it is an error."""
        error = self._native.error
        return None if error is None else self._library.errors.translated(error, waited=True)

    def succeeded(self) -> bool:
        """Whether the record was acknowledged."""
        return self.is_done and self._native.error is None

    def failed(self) -> bool:
        """Whether the record has failed."""
        return self.is_done and self._native.error is not None

    def get(self, timeout: float | None = None) -> RecordMetadata:
        """Let time pass until the answer is there, at most ``timeout`` seconds; give it or raise its error."""
        self._library.wait(self._native, timeout)
        return self._metadata(self._library.errors.call(self._native.result))

    def add_callback(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> FutureRecordMetadata:
        """Call ``f(*args, metadata, **kwargs)`` when the record is acknowledged."""
        self._native.then(lambda done: f(*args, self.value, **kwargs) if done.error is None else None)
        return self

    def add_errback(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> FutureRecordMetadata:
        """Call ``f(*args, error, **kwargs)`` when the record has failed."""
        self._native.then(lambda done: None if done.error is None else f(*args, self.exception, **kwargs))
        return self

    def add_both(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> FutureRecordMetadata:
        """Both of them."""
        return self.add_callback(f, *args, **kwargs).add_errback(f, *args, **kwargs)

    def _metadata(self, native: NativeMetadata) -> RecordMetadata:
        return RecordMetadata(
            native.topic, native.partition, TopicPartition(native.topic, native.partition), native.offset,
            native.timestamp, None, native.serialized_key_size, native.serialized_value_size, self._header_size,
        )  # fmt: skip


class DefaultPartitioner:
    """By murmur2 with a key, else a random available partition for each record. kafka-python: DefaultPartitioner."""

    def __init__(self) -> None:
        self._chance: random.Random = random.Random(0)

    def bind(self, chance: random.Random) -> None:
        """Take the random numbers from the cluster's own stream, so that a run can be repeated."""
        self._chance = chance

    def partition(
        self, topic: str, key: bytes | None, value: bytes | None, available: Sequence[int], partitions: int
    ) -> int:
        """The partition of one record."""
        if key is not None:
            return partition_for_key(key, partitions)
        return self._chance.choice(list(available) or list(range(partitions)))


class StickyPartitioner:
    """The sticky choice of the Java client. kafka-python: StickyPartitioner."""


class KafkaProducer:
    """A producing client with kafka-python's arguments; blocking calls let simulated time pass."""

    def __init__(self, library: ClientLibrary, given: dict[str, Any]) -> None:
        values = configs.chosen(configs.PRODUCER, given, "KafkaProducer", ("partitioner",))
        partitioner = given.get("partitioner") or DefaultPartitioner()
        settings = configs.native(values, library.bootstrap(values["bootstrap_servers"]))
        if "enable_idempotence" not in given:
            del settings["enable_idempotence"]
        if not isinstance(partitioner, StickyPartitioner):
            settings["partitioner_class"] = partitioner
        self.config = values
        self._library = library
        self._native = library.cluster.producer(settings)
        if isinstance(partitioner, DefaultPartitioner):
            partitioner.bind(library.chance(f"partitioner/{self._native.client_id}"))
        self._known: set[str] = set()
        self._closed = False

    def send(
        self, topic: str, value: Any = None, key: Any = None, headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None, timestamp_ms: int | None = None,
    ) -> FutureRecordMetadata:  # fmt: skip
        """Send one record; waits only for the metadata of a new topic."""
        if self._closed:
            raise UsageError("KafkaProducer already closed!")
        if value is None and key is None:
            raise ConfigError("Need at least one: key or value")
        self._library.outside_a_process("KafkaProducer.send()")
        for name, data, serializer in (("key", key, "key_serializer"), ("value", value, "value_serializer")):
            if self.config[serializer] is None and data is not None and not isinstance(data, bytes):
                raise ConfigError(f"{name} must be bytes, or give a {serializer}. Got {data!r}.")
        if topic not in self._known:
            self.partitions_for(topic)
        native = self._native.send(
            topic, value, key=key, partition=partition, timestamp=timestamp_ms, headers=headers or ()
        )
        header_size = sum(len(name.encode()) + len(data) for name, data in headers or ()) if headers else -1
        return FutureRecordMetadata(self._library, native, header_size)

    def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic; KafkaTimeoutError after max_block_ms."""
        found = self._library.errors.call(self._native.partitions_for(topic).get)
        self._known.add(topic)
        return set(found)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything that was sent is answered, at most ``timeout`` seconds."""
        self._library.wait(self._native.flush(), timeout)

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        """Flush, then hang up."""
        if not self._closed:
            self._closed = True
            self._library.wait(self._native.close(), timeout)

    def bootstrap_connected(self) -> bool:
        """Whether some broker can be reached."""
        return self._library.errors.call(lambda: not self._closed)

    def metrics(self, raw: bool = False) -> dict[str, dict[str, float]]:
        """A few numbers, as far as they are kept here."""
        checks.flag(raw, "raw")
        return {"producer-metrics": {"record-send-total": float(self._native.records_sent)}}
