"""A producer: it chooses the partition and fills batches; its sender takes them to the leaders.

Names, defaults and behaviour are the Java client's. Kafka: KafkaProducer. Left out: compression, interceptors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafkasim.config import ProducerConfig, checks
from kafkasim.core.accumulator import RecordAccumulator, upper_bound
from kafkasim.errors import (
    BufferExhaustedException,
    InvalidTopicException,
    KafkaError,
    KafkaException,
    RecordTooLargeException,
    TimeoutException,
    UsageError,
)
from kafkasim.records import BATCH_OVERHEAD, Record, TopicPartition, record_size
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.deliveries import Deliveries
from kafkasim.sim.flushes import Flushes
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.offsets_for_transaction import offsets_for_transaction
from kafkasim.sim.partition_choice import PartitionChoice
from kafkasim.sim.producer_metrics import ProducerMetrics
from kafkasim.sim.sender import Sender
from kafkasim.sim.sends import Each, RecordMetadata, Send, headers_of, maker, serialized
from kafkasim.sim.transaction_manager import TransactionManager
from kafkasim.sim.transactional_calls import TransactionalCalls
from kafkasim.sim.workload import Workload
from kafkasim.trace.facts import RecordSent


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
        self._client = NetworkClient(host, bootstrap, config, auto_create=True, on_update=self._pump)
        self._accumulator = RecordAccumulator(
            config.batch_size, config.linger_ms, buffer_memory=config.buffer_memory, new_batch_id=self._new_batch_id
        )
        self._metrics = ProducerMetrics(self._accumulator, config.buffer_memory)
        self._manager = (
            TransactionManager(host, config, self._client, self._wake) if config.enable_idempotence else None
        )
        self._deliveries = Deliveries(
            host, config, self._client, self._accumulator, self._manager, self._metrics, self._pump
        )
        self._sender = Sender(host, config, self._client, self._accumulator, self._manager, self._deliveries)
        self._choice = PartitionChoice(
            config, host.kernel.rng(f"partitioner/{host.name}"), self._accumulator, self._client, self._sender
        )
        self._sends: deque[Send] = deque()
        self._transactions = TransactionalCalls(
            host, config, self._manager, sends=self._sends, after_sends=self._after_sends
        )
        self._deadlines = Deadlines(host)
        self._batches = 0
        self._numbers = 0
        self._flushes = Flushes()
        self._closed = False
        self._lookers: list[Callable[[], None]] = []
        self._call_of_send = f"send() of {host.name}"

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
        self._check_open("send()")
        checks.topic_name(topic)
        record = Record(
            serialized(key, "key", self.config.key_serializer),
            serialized(value, "value", self.config.value_serializer),
            self._kernel.now_ms if timestamp is None else checks.argument(timestamp, "timestamp"),
            headers_of(headers),
            (self.client_id, self._numbers),
        )
        if partition is not None:
            checks.argument(partition, "partition")
        return self._accept(Send(self._numbers, topic, record, partition, self.host.future(self._call_of_send)))

    def load(
        self, topic: str, *, records: int, per_second: float, value: Each = bytes(100), key: Each = None,
        partition: int | None = None,
    ) -> Future[None]:  # fmt: skip
        """Send many records at a steady rate; done when all of them are answered, well or not.

        ``value`` and ``key`` are the same for all, or functions of the record's number (from 0). A load costs one event
        a batch and none a record: see sim/workload. As Kafka's own kafka-producer-perf-test.
        """
        checks.topic_name(topic)
        checks.whole_number(records, "records", at_least=1)
        if partition is not None:
            checks.argument(partition, "partition")
        checks.number(per_second, "per_second", at_least=0.001)
        self._check_open("load()")
        if refusal := self._transactions.refusal_outside():
            raise refusal
        key_of = maker(key, "key", self.config.key_serializer)
        value_of = maker(value, "value", self.config.value_serializer)

        def send(number: int, came_ms: int) -> None:
            if self._closed:
                return
            record = Record(key_of(number), value_of(number), came_ms, (), (self.client_id, self._numbers))
            future = self.host.future(self._call_of_send)
            self._accept(Send(self._numbers, topic, record, partition, future, came_ms))

        future: Future[None] = self.host.future(f"load() of {self.client_id}")
        size = record_size(Record(key_of(0), value_of(0)), 0, 0)
        workload = Workload(
            self.host, self._sender, records=records, per_second=per_second, linger_ms=self.config.linger_ms,
            in_a_batch=max(1, (self.config.batch_size - BATCH_OVERHEAD) // size), send=send,
            sent=lambda: self._flushes.wait(self._numbers, future.succeed),
        )  # fmt: skip
        self._call(workload.start)
        return future

    def _check_open(self, call: str) -> None:
        if self._closed:
            raise UsageError(f"{call}: {self.client_id} is closed. Make a new producer to go on.")
        self.host.check_alive()

    def _accept(self, send: Send) -> Future[RecordMetadata]:
        future = send.future
        size = upper_bound(send.record)
        if size > (bound := min(self.config.max_request_size, self.config.buffer_memory)):
            limit = "max.request.size" if size > self.config.max_request_size else "buffer.memory"
            problem = RecordTooLargeException(f"The record takes up to {size} bytes, above {limit}={bound}.")
            return future.fail(self._transactions.record_failed(problem))
        self._flushes.sent()
        self._numbers += 1
        send.refusal = self._transactions.refusal_outside()
        self._call(self._send, send)
        if isinstance(refusal := send.refusal or future.error, UsageError):
            raise refusal
        return future

    def flush(self) -> Future[None]:
        """Send everything now; done when every record that was sent before is answered or has failed."""
        self.host.check_alive()
        future: Future[None] = self.host.future(f"flush() of {self.client_id}")
        self._accumulator.flushing += 1

        def finished() -> None:
            self._accumulator.flushing -= 1
            future.succeed()

        self._flushes.wait(self._numbers, finished)
        self._call(self._sender.wake)
        return future

    def close(self, timeout_ms: float | None = None) -> Future[None]:
        """Send what is left, abort an open transaction, then hang up. Nothing can be sent afterwards.

        After ``timeout_ms`` (by default never) what is left fails with KafkaException and its fate is open. Of a
        producer that was killed nothing is left to close.
        """
        if timeout_ms is not None:
            checks.milliseconds(timeout_ms, "timeout_ms")
        future: Future[None] = self.host.future(f"close() of {self.client_id}")
        self._closed = self._accumulator.is_closed = True
        if not self.host.is_alive:
            return future.succeed()

        def flushed(_: object) -> None:
            aborted = self._transactions.abort_at_close()
            if aborted is None:
                hang_up()
            else:
                aborted.then(lambda _: hang_up())

        def hang_up() -> None:
            if not future.is_done():
                self._client.close()
                future.succeed()

        def force() -> None:
            if not future.is_done():
                self._deliveries.give_up(KafkaException("Producer is closed forcefully."))
                hang_up()

        self.flush().then(flushed)
        if timeout_ms is not None:
            self._deadlines.add(timeout_ms, force)
        return future

    def metrics(self) -> dict[str, float]:
        """What the producer has counted, under Kafka's names (``record-retry-total``)."""
        return self._metrics.values(sum(map(len, self._deliveries.in_flight.values())))

    # --- transactions --------------------------------------------------------------------------------------

    def init_transactions(self) -> Future[None]:
        """Get the producer id of this transactional.id; an open transaction of an earlier producer is aborted.

        Waits up to ``max.block.ms``, as all calls about transactions do; call again to wait on. Kafka:
        initTransactions.
        """
        self._check_open("init_transactions()")
        return self._transactions.init()

    def begin_transaction(self) -> None:
        """Begin a transaction; nobody is told before its first record. Kafka: beginTransaction."""
        self._check_open("begin_transaction()")
        self._transactions.begin()

    def commit_transaction(self) -> Future[None]:
        """Commit: done once every record is acknowledged and the commit is written down. Kafka: commitTransaction."""
        self._check_open("commit_transaction()")
        return self._transactions.end(committed=True)

    def abort_transaction(self) -> Future[None]:
        """Abort: what was written is skipped by readers of committed data. Kafka: abortTransaction."""
        self._check_open("abort_transaction()")
        return self._transactions.end(committed=False)

    def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, Any], group: object) -> Future[None]:
        """Commit a consumer's offsets with the transaction: {partition: next offset to read}.

        ``group`` is what ``consumer.group_metadata()`` gives, or just the group's name. Kafka:
        sendOffsetsToTransaction.
        """
        self._check_open("send_offsets_to_transaction()")
        return self._transactions.send_offsets(offsets_for_transaction(offsets, group))

    def partitions_for(self, topic: str) -> Future[list[int]]:
        """The partitions of a topic, once they are known; TimeoutException after max.block.ms."""
        checks.topic_name(topic)
        self.host.check_alive()
        future: Future[list[int]] = self.host.future(f"partitions_for() of {self.client_id}")
        deadline = self._deadlines.add(self.config.max_block_ms, lambda: future.fail(self._client.unknown_topic(topic)))

        def look() -> None:
            error, partitions = self._client.topics.get(topic, (None, ()))
            if error is None and partitions and not future.is_done():
                deadline.cancel()
                self._lookers.remove(look)
                future.succeed(list(range(len(partitions))))

        self._lookers.append(look)
        self._call(self._client.want, topic)
        look()
        return future

    def _after_sends(self, function: Callable[[], None]) -> None:
        """Do something as soon as each record that was sent before is in a batch, or has failed."""
        newest = self._sends[-1].number

        def look() -> None:
            if not self._sends or self._sends[0].number > newest:
                self._lookers.remove(look)
                function()

        self._lookers.append(look)

    def _call(self, function: Callable[..., object], *args: Any) -> None:
        """Do what the user asked for; outside a process it has no cause but the user."""
        if not self._kernel.is_running:
            self._kernel.journal.cause = None
        function(*args)

    # --- choosing the partition and filling batches ------------------------------------------------------------

    def _wake(self) -> None:
        self._sender.wake()

    def _send(self, send: Send) -> None:
        self._client.want(send.topic)
        if not self._sends and self._place_or_fail(send):
            return
        self._sends.append(send)
        self._deadlines.add(self.config.max_block_ms, lambda: self._blocked_too_long(send))
        self._pump()

    def _pump(self) -> None:
        """Place the records that wait, in the order in which they were sent."""
        while self._sends and self._place_or_fail(self._sends[0]):
            self._sends.popleft()
        self._accumulator.waiting_for_memory = int(bool(self._sends) and self._sends[0].waits_for_memory)
        for look in list(self._lookers):
            look()
        self._sender.wake()

    def _place_or_fail(self, send: Send) -> bool:
        """Place a record; what the user's own partitioner raises is the record's error and stops nothing else."""
        try:
            return self._place(send)
        except Exception as error:
            self._fail(send, error)
            return True

    def _place(self, send: Send) -> bool:
        if self._client.is_outdated:
            self._client.refresh()
            return False
        error, partitions = self._client.topics.get(send.topic, (None, ()))
        if error is InvalidTopicException:
            raise error(f"{send.topic!r} is not a topic that can be written to.")
        if not partitions or (send.partition is not None and send.partition >= len(partitions)):
            self._client.refresh()
            return False
        if send.chosen is None:
            send.chosen = self._choice.choose(send.topic, send.record, send.partition)
        tp = TopicPartition(send.topic, send.chosen)
        waiting = self._waiting(send, tp)
        batch = self._accumulator.try_append(tp, send.record, waiting)
        is_new = batch is None
        if batch is None:
            if self._accumulator.memory_for(send.record) > self._accumulator.free_memory:
                send.waits_for_memory = True
                return False
            came_ms = self._kernel.now_ms if send.came_ms is None else send.came_ms
            batch = self._accumulator.open_batch(tp, send.record, waiting, came_ms)
            self._deliveries.watch(batch)
        self._choice.appended(tp, batch, is_new)
        self._sender.appended(tp, is_new=is_new)
        self._kernel.journal.record(RecordSent(self.client_id, send.number, tp, send.record.key, send.record.value))
        self._transactions.add_partition(tp, send.refusal)
        return True

    def _waiting(self, send: Send, tp: TopicPartition) -> Callable[[int | None, Exception | None], None]:
        def answered(offset: int | None, error: Exception | None) -> None:
            if send.future.is_done():  # its send() was refused
                return
            if error is not None:
                self._fail(send, error)
                return
            assert offset is not None
            key, value = send.record.key, send.record.value
            sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
            send.future.succeed(RecordMetadata(tp.topic, tp.partition, offset, send.record.timestamp, *sizes))
            self._flushes.answered(send.number)

        return answered

    def _fail(self, send: Send, error: Exception) -> None:
        send.future.fail(error)
        self._flushes.answered(send.number)

    def _new_batch_id(self) -> str:
        self._batches += 1
        return f"{self.client_id}/{self._batches}"

    def _blocked_too_long(self, send: Send) -> None:
        if send not in self._sends:
            return
        self._sends.remove(send)
        self._fail(send, self._transactions.record_failed(self._why_blocked(send)))
        self._pump()

    def _why_blocked(self, send: Send) -> KafkaError:
        block_ms = self.config.max_block_ms
        _, partitions = self._client.topics.get(send.topic, (None, ()))
        if partitions and send.partition is not None and send.partition >= len(partitions):
            return TimeoutException(
                f"Partition {send.partition} of topic {send.topic} with partition count {len(partitions)} is not"
                f" present in metadata after {block_ms} ms."
            )
        if partitions:
            self._metrics.buffer_exhausted()
            return BufferExhaustedException(
                f"Failed to allocate {self._accumulator.memory_for(send.record)} bytes within the configured max"
                f" blocking time {block_ms} ms. Total memory: {self.config.buffer_memory} bytes. Available memory:"
                f" {self._accumulator.free_memory} bytes."
            )
        unknown = self._client.unknown_topic(send.topic, block_ms)
        if all(other.topic != send.topic for other in self._sends):
            self._client.forget(send.topic)
        return unknown
