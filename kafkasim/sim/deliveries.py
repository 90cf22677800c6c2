"""What becomes of batches that were sent: acknowledged, sent again, split, refused, or too late.

Kafka: Sender (completeBatch, canRetry, reenqueueBatch, failBatch), ProducerBatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kafkasim.config import ProducerConfig
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator
from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import (
    DuplicateSequenceException,
    InvalidMetadataException,
    InvalidRecordException,
    KafkaError,
    KafkaException,
    NetworkException,
    NotEnoughReplicasAfterAppendException,
    NotLeaderOrFollowerException,
    RecordTooLargeException,
    TimeoutException,
)
from kafkasim.messages.data import PartitionProduceResponse, ProduceResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.deadlines import Deadline, Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.producer_metrics import ProducerMetrics
from kafkasim.sim.transaction_manager import TransactionManager
from kafkasim.trace.facts import BatchAcknowledged, BatchFailed, BatchRetried, BatchSplit

MAYBE_APPENDED = (
    TimeoutException, NetworkException, NotEnoughReplicasAfterAppendException, NotLeaderOrFollowerException,
)  # fmt: skip
"""Errors after which the records may be in the log all the same."""


class Deliveries:
    """One producer's batches on their way; ``on_progress`` is called after every end of one."""

    def __init__(
        self, host: Host, config: ProducerConfig, client: NetworkClient, accumulator: RecordAccumulator,
        manager: TransactionManager | None, metrics: ProducerMetrics, on_progress: Callable[[], None],
    ) -> None:  # fmt: skip
        self.in_flight: dict[TopicPartition, dict[ProducerBatch, None]] = {}
        self._host = host
        self._config = config
        self._kernel = host.kernel
        self._client = client
        self._accumulator = accumulator
        self._manager = manager
        self._metrics = metrics
        self._on_progress = on_progress
        self._deadlines = Deadlines(host)
        self._expiry: dict[ProducerBatch, Deadline] = {}
        self._chance = host.kernel.rng(f"retry/{host.name}")

    def watch(self, batch: ProducerBatch) -> None:
        """A new batch: from now on its delivery.timeout.ms runs."""
        left_ms = batch.created_ms + self._config.delivery_timeout_ms - self._kernel.now_ms
        self._expiry[batch] = self._deadlines.add(max(0, left_ms), lambda: self._expire(batch))

    def sent(self, batches: Mapping[TopicPartition, ProducerBatch]) -> None:
        """A request with these batches has left."""
        for tp, batch in batches.items():
            self.in_flight.setdefault(tp, {})[batch] = None
            self._metrics.sent(len(batch.records))

    def assume_success(self, batches: Mapping[TopicPartition, ProducerBatch]) -> None:
        """With acks=0 nobody answers: what was written to the connection counts as delivered."""
        for batch in batches.values():
            self._landed(batch)
            self._succeed(batch, -1)

    # --- answers ----------------------------------------------------------------------------------------------

    def answered(
        self, node: int, batches: Mapping[TopicPartition, ProducerBatch], response: ProduceResponse | None, *,
        overdue: bool,
    ) -> None:  # fmt: skip
        """The answer to a request, or None when the connection was lost first, perhaps because it was ``overdue``.

        Kafka: Sender.handleProduceResponse.
        """
        lost = PartitionProduceResponse(
            TimeoutException if overdue else NetworkException,
            message=f"Disconnected from node {node}{' due to timeout' if overdue else ''}",
        )
        for tp, batch in batches.items():
            self._landed(batch)
            part = lost if response is None else response.partitions[tp]
            if not batch.done:
                self._complete(batch, part, node)
        self._on_progress()

    def _landed(self, batch: ProducerBatch) -> None:
        self.in_flight[batch.tp].pop(batch, None)

    def _complete(self, batch: ProducerBatch, part: PartitionProduceResponse, node: int) -> None:
        error = part.error
        if error is None or error is DuplicateSequenceException:
            self._succeed(batch, part.base_offset)
            return
        if issubclass(error, MAYBE_APPENDED) and (self._config.acks == -1 or error is not NotLeaderOrFollowerException):
            batch.may_be_appended = True
        if error is RecordTooLargeException and len(batch.records) > 1:
            self._split(batch)
        elif self._may_retry(batch, part):
            self._retry(batch, error)
        else:
            adjust = batch.retries < self._config.retries
            setting = "it is not retriable" if adjust else f"retries={self._config.retries}"
            self._fail(batch, error(part.message), setting, part.record_errors, adjust=adjust)
        if issubclass(error, InvalidMetadataException):
            self._client.refresh()
            if part.new_leader is not None:
                self._client.learn_leader(batch.tp, *part.new_leader)

    def _may_retry(self, batch: ProducerBatch, part: PartitionProduceResponse) -> bool:
        assert part.error is not None
        if batch.retries >= self._config.retries:
            return False
        if self._manager is None:
            return part.error.retriable
        return self._manager.sequences.may_retry(batch, part.error, part.log_start_offset)

    def _retry(self, batch: ProducerBatch, error: type[KafkaError]) -> None:
        """Put a batch back, to be sent again after the back-off, which doubles from try to try."""
        self._kernel.journal.record(BatchRetried(self._host.name, batch.batch_id, batch.tp, error.name))
        config = self._config
        wait_ms = backoff_ms(batch.retries, config.retry_backoff_ms, config.retry_backoff_max_ms, self._chance)
        batch.retry_at_ms = self._kernel.now_ms + wait_ms
        batch.retries += 1
        self._metrics.retried(len(batch.records))
        self._accumulator.put_back(batch)

    def _split(self, batch: ProducerBatch) -> None:
        """Too large for the broker: smaller ones instead, as if they had never been tried."""
        parts = self._accumulator.split(batch)
        self._expiry.pop(batch).cancel()
        self._metrics.split()
        self._kernel.journal.because(
            BatchSplit(self._host.name, batch.batch_id, batch.tp, tuple(part.batch_id for part in parts))
        )
        if self._manager is not None:
            self._manager.sequences.replace(batch, parts)
        for part in reversed(parts):
            self._accumulator.put_back(part)
            self.watch(part)

    # --- ends -------------------------------------------------------------------------------------------------

    def _finish(self, batch: ProducerBatch) -> None:
        self._accumulator.finish(batch)
        self._expiry.pop(batch).cancel()

    def _succeed(self, batch: ProducerBatch, base_offset: int) -> None:
        self._finish(batch)
        if self._manager is not None:
            self._manager.sequences.completed(batch, base_offset)
        self._kernel.journal.record(
            BatchAcknowledged(self._host.name, batch.batch_id, batch.tp, numbers(batch), base_offset)
        )
        for place, waiting in enumerate(batch.waiting):
            waiting(-1 if base_offset < 0 else base_offset + place, None)

    def _expire(self, batch: ProducerBatch) -> None:
        """delivery.timeout.ms after its creation a batch fails, wherever it is. Kafka: ProducerBatch expiry."""
        if batch.done:
            return
        self._accumulator.remove(batch)
        if batch in self.in_flight.get(batch.tp, ()):
            batch.may_be_appended = True
            self._landed(batch)
        limit = self._config.delivery_timeout_ms
        problem = TimeoutException(
            f"Expiring {len(batch.records)} record(s) for {batch.tp}: {limit} ms has passed since batch creation."
            + (" The records may be in the log: an earlier try was not answered." if batch.may_be_appended else "")
        )
        self._fail(batch, problem, f"delivery.timeout.ms={limit}", adjust=False)
        if self._manager is not None and batch.retries:
            self._manager.sequences.expired_in_retry(batch)
        self._on_progress()

    def give_up(self, error: Exception, *, undrained_only: bool = False) -> None:
        """Fail all batches, or those that were never sent. Kafka: abortBatches, abortUndrainedBatches."""
        for batch in list(self._accumulator.incomplete):
            if undrained_only and batch.has_sequence:
                continue
            self._accumulator.remove(batch)
            if batch in self.in_flight.get(batch.tp, ()):
                batch.may_be_appended = True
                self._landed(batch)
            self._fail(batch, error, "the producer gave up", adjust=False, decides=False)

    def _fail(
        self, batch: ProducerBatch, error: Exception, setting: str, record_errors: tuple[int, ...] = (), *,
        adjust: bool, decides: bool = True,
    ) -> None:  # fmt: skip
        """The records fail; of a batch with bad records (``record_errors``) those under the error, the rest with it."""
        self._finish(batch)
        if self._manager is not None:
            if decides:
                self._manager.batch_failed(error)
            self._manager.sequences.failed(batch, error, adjust=adjust)
        self._metrics.failed(len(batch.records))
        name = error.name if isinstance(error, KafkaError) else type(error).__name__
        definite = not batch.may_be_appended
        self._kernel.journal.record(
            BatchFailed(self._host.name, batch.batch_id, batch.tp, numbers(batch), name, definite, setting)
        )
        rest = KafkaException(
            "Failed to append record because it was part of a batch which had one more more invalid records"
        )
        own = error if len(record_errors) < 2 else InvalidRecordException(str(error))
        for place, waiting in enumerate(batch.waiting):
            waiting(None, own if not record_errors or place in record_errors else rest)


def numbers(batch: ProducerBatch) -> tuple[int, ...]:
    """Which sends of its producer a batch carries."""
    return tuple(record.origin[1] for record in batch.records if record.origin is not None)
