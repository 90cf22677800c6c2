"""The sender: it takes ready batches to the leaders of their partitions, and repeats what may be repeated.

Kafka: Sender, TransactionManager (for idempotence). Left out as yet: transactions, splitting of batches that are too
large, the epoch bump after a sequence that can no longer be resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kafkasim.config import ProducerConfig
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator
from kafkasim.errors import (
    DuplicateSequenceException,
    InvalidMetadataException,
    KafkaError,
    NetworkException,
    OutOfOrderSequenceException,
    TimeoutException,
)
from kafkasim.messages.data import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
)
from kafkasim.messages.transactions import InitProducerIdRequest, InitProducerIdResponse
from kafkasim.records import NO_SEQUENCE, TopicPartition
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Timer
from kafkasim.sim.network_client import NetworkClient
from kafkasim.trace.facts import BatchAcknowledged, BatchFailed, BatchRetried, BatchSent

INDEFINITE = (TimeoutException, NetworkException)
"""Errors after which the records may be in the log all the same."""


class Sender:
    """One producer's sender; ``on_progress`` is called after every answer."""

    def __init__(
        self, host: Host, config: ProducerConfig, client: NetworkClient, accumulator: RecordAccumulator,
        on_progress: Callable[[], None],
    ) -> None:  # fmt: skip
        self.host = host
        self.config = config
        self.unfinished: dict[ProducerBatch, None] = {}
        self._kernel = host.kernel
        self._client = client
        self._accumulator = accumulator
        self._on_progress = on_progress
        self._deadlines = Deadlines(host)
        self._chance = host.kernel.rng(f"retry/{host.name}")
        self._in_flight: dict[TopicPartition, int] = {}
        self._sequences: dict[TopicPartition, int] = {}
        self._producer_id = -1
        self._producer_epoch = -1
        self._asked_for_id = False
        self._timer: Timer | None = None

    @property
    def memory(self) -> int:
        """Bytes of the buffers that are in use."""
        return sum(batch.capacity for batch in self.unfinished)

    def watch(self, batch: ProducerBatch) -> None:
        """A new batch: from now on its delivery.timeout.ms runs."""
        self.unfinished[batch] = None
        self._deadlines.add(self.config.delivery_timeout_ms, lambda: self._expire(batch))

    def wake(self) -> None:
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
        self.wake()

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
                channel.prepare(self.wake)
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
                BatchSent(self.host.name, batch.batch_id, tp, _numbers(batch), batch.attempts, node)
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
                definite = part.error not in INDEFINITE
                self._fail(batch, part.error(part.message), definite, "it is not retriable")
        self._on_progress()

    def _landed(self, batch: ProducerBatch) -> None:
        self._in_flight[batch.tp] -= 1

    def _may_retry(self, batch: ProducerBatch, error: type[KafkaError]) -> bool:
        repeatable = error.retriable or (error is OutOfOrderSequenceException and batch.base_sequence != NO_SEQUENCE)
        return repeatable and batch.attempts <= self.config.retries

    def _retry(self, batch: ProducerBatch, part: PartitionProduceResponse, node: int) -> None:
        """Put a batch back, to be sent again after the back-off; at once when the partition has a new leader."""
        assert part.error is not None
        self._kernel.journal.record(BatchRetried(self.host.name, batch.batch_id, batch.tp, part.error.name))
        backoff = min(self.config.retry_backoff_ms * 2 ** (batch.attempts - 1), self.config.retry_backoff_max_ms)
        batch.retry_at_ms = self._kernel.now_ms + round(backoff * self._chance.uniform(0.8, 1.2))
        if issubclass(part.error, InvalidMetadataException):
            self._client.refresh()
        if part.new_leader is not None and self._client.learn_leader(batch.tp, *part.new_leader) not in (None, node):
            batch.retry_at_ms = self._kernel.now_ms
        self._accumulator.put_back(batch)

    def _succeed(self, batch: ProducerBatch, base_offset: int) -> None:
        self._finish(batch)
        self._kernel.journal.record(
            BatchAcknowledged(self.host.name, batch.batch_id, batch.tp, _numbers(batch), base_offset)
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
        self._on_progress()

    def _fail(self, batch: ProducerBatch, error: KafkaError, definite: bool, setting: str) -> None:
        self._finish(batch)
        self._kernel.journal.record(
            BatchFailed(self.host.name, batch.batch_id, batch.tp, _numbers(batch), error.name, definite, setting)
        )
        for waiting in batch.waiting:
            waiting(None, error)

    def _finish(self, batch: ProducerBatch) -> None:
        batch.done = True
        del self.unfinished[batch]


def _numbers(batch: ProducerBatch) -> tuple[int, ...]:
    return tuple(record.origin[1] for record in batch.records if record.origin is not None)
