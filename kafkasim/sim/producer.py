"""A producer: it chooses the partition, fills batches, sends them to the leaders and repeats what may be repeated.

Names, defaults and behaviour are the Java client's. Kafka: KafkaProducer, Sender, TransactionManager (for idempotence).
Left out as yet: transactions, compression, interceptors, splitting of batches that are too large.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.config import ProducerConfig, checks
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator, upper_bound
from kafkasim.errors import (
    ConfigError,
    DuplicateSequenceException,
    KafkaError,
    NetworkException,
    OutOfOrderSequenceException,
    RecordTooLargeException,
    TimeoutException,
    UnknownTopicOrPartitionException,
    UsageError,
)
from kafkasim.messages.data import (
    InitProducerIdRequest,
    InitProducerIdResponse,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
)
from kafkasim.records import NO_SEQUENCE, Record, TopicPartition
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future, Timer
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.partition_choice import PartitionChoice
from kafkasim.trace.facts import BatchAcknowledged, BatchFailed, BatchRetried, BatchSent, RecordSent

TIMEOUT_ALLOWED = (TimeoutException, NetworkException)


@dataclass(frozen=True, slots=True)
class RecordMetadata:
    """Where a record went; ``offset`` is -1 with acks=0, ``timestamp`` is in ms of the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    serialized_key_size: int
    serialized_value_size: int


@dataclass(eq=False, slots=True)
class Send:
    """A record that waits for its partition to be chosen."""

    number: int
    topic: str
    record: Record
    partition: int | None
    future: Future[RecordMetadata]


class Producer:
    """A producing client, on a machine of its own.

    Made by ``cluster.producer(...)``. All calls return futures; ``send`` never blocks, but the future of a record waits
    up to ``max.block.ms`` for metadata and memory, and ``delivery.timeout.ms`` for the answer.
    """

    def __init__(self, host: Host, bootstrap: Sequence[str], config: ProducerConfig) -> None:
        self.host = host
        self.config = config
        self.client_id = host.name
        self._kernel = host.kernel
        self._client = NetworkClient(
            host, bootstrap, request_timeout_ms=config.request_timeout_ms, retry_backoff_ms=config.retry_backoff_ms,
            retry_backoff_max_ms=config.retry_backoff_max_ms, metadata_max_age_ms=config.metadata_max_age_ms,
            auto_create=True, on_update=self._pump,
        )  # fmt: skip
        self._accumulator = RecordAccumulator(config.batch_size, config.linger_ms)
        self._choice = PartitionChoice(config, host.kernel.rng(f"partitioner/{host.name}"), self._accumulator)
        self._deadlines = Deadlines(host)
        self._chance = host.kernel.rng(f"retry/{host.name}")
        self._sends: deque[Send] = deque()
        self._batches = 0
        self._numbers = 0
        self._memory = 0
        self._unfinished: dict[ProducerBatch, None] = {}
        self._in_flight: dict[TopicPartition, int] = {}
        self._sequences: dict[TopicPartition, int] = {}
        self._producer_id = -1
        self._producer_epoch = -1
        self._asked_for_id = False
        self._timer: Timer | None = None
        self._closed = False
        self._finished_hooks: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Producer {self.client_id}: acks={self.config.acks}, {self._numbers} records sent>"

    # --- the user's calls ----------------------------------------------------------------------------------

    def send(
        self, topic: str, value: bytes | str | None = None, *, key: bytes | str | None = None,
        partition: int | None = None, timestamp: int | None = None, headers: Sequence[tuple[str, bytes]] = (),
    ) -> Future[RecordMetadata]:  # fmt: skip
        """Send one record; the future of where it went.

        Texts become UTF-8. ``timestamp`` is in ms of the epoch, now by default. The error of a record that cannot be
        delivered is in the future. Kafka: KafkaProducer.send.
        """
        if self._closed:
            raise UsageError(f"{self.client_id} is closed. Make a new producer to send more.")
        checks.topic_name(topic)
        record = Record(
            self._bytes(key, "key", self.config.key_serializer),
            self._bytes(value, "value", self.config.value_serializer),
            self._kernel.now_ms if timestamp is None else checks.whole_number(timestamp, "timestamp", at_least=0),
            _headers(headers),
            (self.client_id, self._numbers),
        )
        if partition is not None:
            checks.whole_number(partition, "partition", at_least=0)
        future: Future[RecordMetadata] = Future(self._kernel, f"send() of {self.client_id}")
        size = upper_bound(record)
        if size > min(self.config.max_request_size, self.config.buffer_memory):
            limit = "max.request.size" if size > self.config.max_request_size else "buffer.memory"
            bound = min(self.config.max_request_size, self.config.buffer_memory)
            return future.fail(RecordTooLargeException(f"The record takes up to {size} bytes, above {limit}={bound}."))
        self._call(self._send, Send(self._numbers, topic, record, partition, future))
        self._numbers += 1
        return future

    def flush(self) -> Future[None]:
        """Send everything now; done when every record that was sent before is answered or has failed."""
        future: Future[None] = Future(self._kernel, f"flush() of {self.client_id}")
        self._accumulator.flushing += 1
        waiting = {batch: None for batch in self._unfinished}

        def finished() -> None:
            if not self._sends and not future.is_done() and all(batch.done for batch in waiting):
                self._accumulator.flushing -= 1
                self._finished_hooks.remove(finished)
                future.succeed()

        self._finished_hooks.append(finished)
        self._call(self._wake)
        finished()
        return future

    def close(self) -> Future[None]:
        """Send what is left, then hang up. Nothing can be sent afterwards."""
        self._closed = True
        future = self.flush()
        future.then(lambda _: self._client.close())
        return future

    def partitions_for(self, topic: str) -> Future[list[int]]:
        """The partitions of a topic, once they are known; TimeoutException after max.block.ms."""
        checks.topic_name(topic)
        future: Future[list[int]] = Future(self._kernel, f"partitions_for() of {self.client_id}")
        deadline = self._deadlines.add(self.config.max_block_ms, lambda: future.fail(_unknown_topic(topic)))

        def look() -> None:
            error, partitions = self._client.topics.get(topic, (None, ()))
            if error is None and partitions and not future.is_done():
                deadline.cancel()
                self._finished_hooks.remove(look)
                future.succeed(list(range(len(partitions))))

        self._finished_hooks.append(look)
        self._call(self._client.want, topic)
        look()
        return future

    def _call(self, function: Callable[..., object], *args: Any) -> None:
        """Do what the user asked for; outside a process it has no cause but the user."""
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        function(*args)

    @staticmethod
    def _bytes(value: Any, name: str, serializer: Callable[[Any], bytes | None] | None) -> bytes | None:
        if serializer is not None:
            value = serializer(value)
        if isinstance(value, str):
            return value.encode()
        if value is None or isinstance(value, bytes):
            return value
        raise ConfigError(
            f"{name} must be bytes, a text or None. Got {value!r}. Turn it into bytes or give a {name}_serializer.",
            java_name="SerializationException",
        )

    # --- choosing the partition and filling batches ------------------------------------------------------------

    def _send(self, send: Send) -> None:
        self._sends.append(send)
        self._deadlines.add(self.config.max_block_ms, lambda: self._blocked_too_long(send))
        self._client.want(send.topic)
        self._pump()

    def _pump(self) -> None:
        """Place the records that wait, in the order in which they were sent."""
        while self._sends and self._place(self._sends[0]):
            self._sends.popleft()
        for hook in list(self._finished_hooks):
            hook()
        self._wake()

    def _place(self, send: Send) -> bool:
        error, partitions = self._client.topics.get(send.topic, (None, ()))
        if error is not None and not error.retriable:
            send.future.fail(error(f"{send.topic!r} is not a topic that can be written to."))
            return True
        if not partitions or (send.partition is not None and send.partition >= len(partitions)):
            self._client.refresh()
            return False
        if self._memory + self.config.batch_size > self.config.buffer_memory and self._unfinished:
            return False
        available = tuple(
            number for number, part in enumerate(partitions) if part.leader in self._client.nodes
        ) or tuple(range(len(partitions)))
        number = self._choice.choose(send.topic, send.record, send.partition, available, len(partitions))
        tp = TopicPartition(send.topic, number)
        batch, is_new = self._accumulator.append(
            tp, send.record, self._waiting(send, tp), self._kernel.now_ms, self._new_batch_id
        )
        if is_new:
            self._memory += batch.capacity
            self._unfinished[batch] = None
            self._deadlines.add(self.config.delivery_timeout_ms, lambda: self._expire(batch))
        self._choice.appended(tp, batch, is_new)
        self._kernel.journal.record(RecordSent(self.client_id, send.number, tp, send.record.key, send.record.value))
        return True

    def _waiting(self, send: Send, tp: TopicPartition) -> Callable[[int | None, Exception | None], None]:
        def answered(offset: int | None, error: Exception | None) -> None:
            if error is not None:
                send.future.fail(error)
                return
            assert offset is not None
            key, value = send.record.key, send.record.value
            send.future.succeed(
                RecordMetadata(
                    tp.topic, tp.partition, offset, send.record.timestamp,
                    -1 if key is None else len(key), -1 if value is None else len(value),
                )
            )  # fmt: skip

        return answered

    def _new_batch_id(self) -> str:
        self._batches += 1
        return f"{self.client_id}/{self._batches}"

    def _blocked_too_long(self, send: Send) -> None:
        if send not in self._sends:
            return
        self._sends.remove(send)
        error, partitions = self._client.topics.get(send.topic, (None, ()))
        if partitions and send.partition is not None and send.partition >= len(partitions):
            problem = TimeoutException(
                f"Partition {send.partition} of topic {send.topic} with partition count {len(partitions)} is not"
                f" present in metadata after {self.config.max_block_ms} ms."
            )
        elif partitions:
            problem = TimeoutException(f"Failed to allocate memory within max.block.ms={self.config.max_block_ms}.")
        else:
            problem = _unknown_topic(send.topic, self.config.max_block_ms)
            if not any(other.topic == send.topic for other in self._sends):
                self._client.forget(send.topic)
        send.future.fail(problem)
        self._pump()

    # --- the sender -----------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Let the sender come around: at this moment, after everything that happens in it."""
        self._wake_in(0)

    def _wake_in(self, delay_ms: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.host.after_ms(delay_ms, self._run_sender)

    def _run_sender(self) -> None:
        self._timer = None
        if self._accumulator.unsent == 0 or not self._has_producer_id():
            return
        while self._send_round():
            pass
        self._sleep_until_ready()

    def _has_producer_id(self) -> bool:
        """An idempotent producer needs an id before its first batch; any broker gives one."""
        if not self.config.enable_idempotence or self._producer_id >= 0:
            return True
        if not self._asked_for_id:
            self._asked_for_id = True
            self._client.channel(self._client.least_loaded()).send(InitProducerIdRequest(), self._got_producer_id)
        return False

    def _got_producer_id(self, response: InitProducerIdResponse | None, error: type[KafkaError] | None) -> None:
        self._asked_for_id = False
        if response is None or response.error is not None:
            self._wake_in(self.config.retry_backoff_ms)
            return
        self._producer_id, self._producer_epoch = response.producer_id, response.producer_epoch
        self._wake()

    def _send_round(self) -> bool:
        """One request to every broker that is ready for one, with at most a batch per partition; whether any left."""
        by_node: dict[int, list[TopicPartition]] = {}
        for tp in self._accumulator.queues:
            at_ms = self._accumulator.ready_at_ms(tp)
            if at_ms is None or at_ms > self._kernel.now_ms:
                continue
            leader = self._client.leader(tp)
            if leader is None:
                self._client.refresh()
            elif self.config.max_in_flight_requests_per_connection > 1 or not self._in_flight.get(tp):
                by_node.setdefault(leader, []).append(tp)
        sent = False
        for node, partitions in by_node.items():
            channel = self._client.channel(self._client.nodes[node])
            if not channel.is_ready:
                channel.prepare(self._wake)
            elif channel.in_flight < self.config.max_in_flight_requests_per_connection:
                self._send_to(node, partitions)
                sent = True
        return sent

    def _send_to(self, node: int, partitions: list[TopicPartition]) -> None:
        taken: dict[TopicPartition, ProducerBatch] = {}
        size = 0
        for tp in partitions:
            first = self._accumulator.queues[tp][0]
            if taken and size + first.size > self.config.max_request_size:
                continue
            batch = taken[tp] = self._accumulator.take(tp)
            size += batch.size
            self._number(batch)
            batch.attempts += 1
            self._in_flight[tp] = self._in_flight.get(tp, 0) + 1
            self._kernel.journal.record(
                BatchSent(self.client_id, batch.batch_id, tp, _numbers(batch), batch.attempts, node)
            )
        request = ProduceRequest(
            self.config.acks, self.config.request_timeout_ms,
            {tp: batch.as_record_batch(self._producer_id) for tp, batch in taken.items()},
        )  # fmt: skip
        if self.config.acks == 0:
            self._client.channel(self._client.nodes[node]).send_without_answer(request)
            for batch in taken.values():
                self._landed(batch)
                self._succeed(batch, -1)
            return
        self._client.send(node, request, lambda response, error: self._answered(node, taken, response))

    def _number(self, batch: ProducerBatch) -> None:
        """Give a batch of an idempotent producer its sequence when it leaves for the first time."""
        if self.config.enable_idempotence and batch.base_sequence == NO_SEQUENCE:
            batch.base_sequence = self._sequences.get(batch.tp, 0)
            batch.producer_epoch = self._producer_epoch
            self._sequences[batch.tp] = (batch.base_sequence + len(batch.records)) % 2**31

    def _sleep_until_ready(self) -> None:
        """Come around again when the next batch has lingered or waited long enough."""
        now_ms = self._kernel.now_ms
        times = [self._accumulator.ready_at_ms(tp) for tp in self._accumulator.queues]
        later = [at_ms for at_ms in times if at_ms is not None and at_ms > now_ms]
        if later and self._timer is None:
            # From the start of a whole millisecond on, as the rule reads the clock.
            us = self._kernel.now_us % 1000
            self._wake_in(min(later) - now_ms - us / 1000)

    # --- answers ----------------------------------------------------------------------------------------------

    def _answered(
        self, node: int, taken: Mapping[TopicPartition, ProducerBatch], response: ProduceResponse | None
    ) -> None:
        for tp, batch in taken.items():
            self._landed(batch)
            part = PartitionProduceResponse(NetworkException) if response is None else response.partitions[tp]
            if batch.done:
                continue
            if part.error is None or part.error is DuplicateSequenceException:
                self._succeed(batch, part.base_offset)
            elif self._may_retry(batch, part.error):
                self._retry(batch, part, node)
            else:
                definite = part.error not in TIMEOUT_ALLOWED
                self._fail(batch, part.error(part.message), definite, "it is not retriable")
        self._pump()

    def _landed(self, batch: ProducerBatch) -> None:
        self._in_flight[batch.tp] -= 1

    def _may_retry(self, batch: ProducerBatch, error: type[KafkaError]) -> bool:
        repeatable = error.retriable or (error is OutOfOrderSequenceException and batch.base_sequence != NO_SEQUENCE)
        return repeatable and batch.attempts <= self.config.retries

    def _retry(self, batch: ProducerBatch, part: PartitionProduceResponse, node: int) -> None:
        """Put a batch back, to be sent again after the back-off; at once when the partition has a new leader."""
        assert part.error is not None
        self._kernel.journal.record(BatchRetried(self.client_id, batch.batch_id, batch.tp, part.error.name))
        backoff = min(self.config.retry_backoff_ms * 2 ** (batch.attempts - 1), self.config.retry_backoff_max_ms)
        batch.retry_at_ms = self._kernel.now_ms + round(backoff * self._chance.uniform(0.8, 1.2))
        if issubclass(part.error, UnknownTopicOrPartitionException.__mro__[1]):
            self._client.refresh()
        if part.new_leader is not None and part.new_leader not in (-1, node):
            batch.retry_at_ms = self._kernel.now_ms
        self._accumulator.put_back(batch)

    def _succeed(self, batch: ProducerBatch, base_offset: int) -> None:
        self._finish(batch)
        self._kernel.journal.record(
            BatchAcknowledged(self.client_id, batch.batch_id, batch.tp, _numbers(batch), base_offset)
        )
        for place, waiting in enumerate(batch.waiting):
            waiting(-1 if base_offset < 0 else base_offset + place, None)

    def _expire(self, batch: ProducerBatch) -> None:
        """delivery.timeout.ms after its creation a batch fails, wherever it is. Kafka: ProducerBatch expiry."""
        if batch.done:
            return
        self._accumulator.remove(batch)
        problem = TimeoutException(
            f"Expiring {len(batch.records)} record(s) for {batch.tp}: {self.config.delivery_timeout_ms} ms has passed"
            " since batch creation."
        )
        self._fail(batch, problem, batch.attempts == 0, f"delivery.timeout.ms={self.config.delivery_timeout_ms}")
        self._pump()

    def _fail(self, batch: ProducerBatch, error: KafkaError, definite: bool, setting: str) -> None:
        self._finish(batch)
        self._kernel.journal.record(
            BatchFailed(self.client_id, batch.batch_id, batch.tp, _numbers(batch), error.name, definite, setting)
        )
        for waiting in batch.waiting:
            waiting(None, error)

    def _finish(self, batch: ProducerBatch) -> None:
        batch.done = True
        self._memory -= batch.capacity
        del self._unfinished[batch]


def _numbers(batch: ProducerBatch) -> tuple[int, ...]:
    return tuple(record.origin[1] for record in batch.records if record.origin is not None)


def _headers(headers: object) -> tuple[tuple[str, bytes], ...]:
    if isinstance(headers, Sequence) and not isinstance(headers, str | bytes):
        pairs = [tuple(pair) for pair in headers if isinstance(pair, Sequence)]
        if len(pairs) == len(headers) and all(
            len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], bytes) for pair in pairs
        ):
            return tuple((pair[0], pair[1]) for pair in pairs)
    raise ConfigError(f"headers must be a list of (text, bytes) pairs. Got {headers!r}.")


def _unknown_topic(topic: str, block_ms: int | None = None) -> TimeoutException:
    after = "" if block_ms is None else f" after {block_ms} ms"
    return TimeoutException(f"Topic {topic} not present in metadata{after}.", cause=UnknownTopicOrPartitionException())
