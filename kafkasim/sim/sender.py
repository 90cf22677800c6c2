"""The sender: it takes ready batches to the leaders of their partitions, one request per node, a batch per partition.

What becomes of them is in sim/deliveries, ids and transactions are in sim/transaction_manager. Kafka: Sender (runOnce,
sendProducerData), RecordAccumulator (ready, drain).
"""

from __future__ import annotations

from kafkasim.config import ProducerConfig
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator
from kafkasim.core.producer_transaction import TransactionState
from kafkasim.errors import TransactionAbortedException
from kafkasim.messages.data import ProduceRequest
from kafkasim.records import TopicPartition
from kafkasim.sim.deliveries import Deliveries, numbers
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Timer
from kafkasim.sim.network_client import NetworkClient
from kafkasim.sim.transaction_manager import TransactionManager
from kafkasim.trace.facts import BatchSent


class Sender:
    """One producer's sender. ``manager`` is None for a producer that is not idempotent.

    ``ready_since_ms`` and ``drained_ms`` are, for each node, when a batch was last ready for it and when it last took
    one: the difference is how long the node has kept records waiting.
    """

    def __init__(
        self, host: Host, config: ProducerConfig, client: NetworkClient, accumulator: RecordAccumulator,
        manager: TransactionManager | None, deliveries: Deliveries,
    ) -> None:  # fmt: skip
        self.host = host
        self.ready_ms: dict[int, int] = {}
        self.drained_ms: dict[int, int] = {}
        self._config = config
        self._kernel = host.kernel
        self._client = client
        self._accumulator = accumulator
        self._manager = manager
        self._deliveries = deliveries
        self._next_partition: dict[int, TopicPartition] = {}
        self._timer: Timer | None = None

    def wake(self) -> None:
        """Let the sender come around: at this moment, after everything that happens in it."""
        self._wake_in(0)

    def _wake_in(self, delay_ms: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.host.after_ms(delay_ms, self._run_once)

    def waits_too_long(self, node: int) -> bool:
        """Whether a node has kept records waiting beyond ``partitioner.availability.timeout.ms``."""
        limit = self._config.partitioner_availability_timeout_ms
        return limit > 0 and self.ready_ms.get(node, 0) - self.drained_ms.get(node, 0) > limit

    def _run_once(self) -> None:
        self._timer = None
        if self._manager is not None and self._talk(self._manager):
            return
        if not self._accumulator.has_undrained:
            return
        while self._send_round():
            pass
        self._sleep_until_ready()

    def _talk(self, manager: TransactionManager) -> bool:
        """See to ids and transactions first; whether no batch may be sent meanwhile."""
        transaction = manager.transaction
        if transaction is None and not self._accumulator.incomplete:
            return False
        manager.settle_sequences()
        if transaction is not None:
            self._accumulator.completing = transaction.is_ending
            if transaction.has_fatal_error:
                assert transaction.error is not None
                self._deliveries.give_up(transaction.error)
            elif transaction.has_abortable_error or transaction.state is TransactionState.ABORTING_TRANSACTION:
                why = transaction.error or TransactionAbortedException("Failing batch since transaction was aborted")
                self._deliveries.give_up(why, undrained_only=True)
        return manager.send_next(has_incomplete=bool(self._accumulator.incomplete))

    def _send_round(self) -> bool:
        """One request to every broker that is ready for one, with at most a batch per partition; whether any left."""
        now_ms = self._kernel.now_ms
        nodes: dict[int, None] = {}
        for tp in self._accumulator.filled():
            leader = self._client.leader(tp)
            if leader is None:
                self._client.refresh()
                continue
            self._accumulator.queues[tp][0].see_leader(self._client.leader_epoch(tp))
            at_ms = self._accumulator.sendable_at_ms(tp)
            if leader not in nodes and at_ms is not None and at_ms <= now_ms and not self._is_muted(tp):
                nodes[leader] = None
        served = [self._serve(node, now_ms) for node in nodes]
        return any(served)

    def _serve(self, node: int, now_ms: int) -> bool:
        channel = self._client.channel(self._client.nodes[node])
        limit = self._config.max_in_flight_requests_per_connection
        self.ready_ms[node] = now_ms
        if not channel.is_ready:
            channel.prepare(self.wake)
        elif channel.in_flight < limit:
            self.drained_ms[node] = now_ms
            return self._send_to(node, now_ms)
        self.drained_ms.setdefault(node, now_ms)
        return False

    def _is_muted(self, tp: TopicPartition) -> bool:
        """With one request in flight a partition waits for its batch: that keeps the order. Kafka: mutePartition."""
        in_order = self._config.max_in_flight_requests_per_connection == 1
        return in_order and bool(self._deliveries.in_flight.get(tp))

    def _may_drain(self, batch: ProducerBatch) -> bool:
        manager = self._manager
        if manager is None:
            return True
        if manager.transaction is not None and not manager.transaction.allowed(batch.tp):
            return False
        return manager.sequences.has_id and manager.sequences.may_drain(batch)

    def _drain(self, node: int, now_ms: int) -> list[ProducerBatch]:
        """The first batch of each of the node's partitions, in turn, until a request is full.

        Batches go along that still linger; the first one that must wait for its sequence ends the turn, and the next
        begins there. Kafka: RecordAccumulator.drainBatchesForOneNode.
        """
        mine = [tp for tp in self._accumulator.filled() if self._client.leader(tp) == node]
        if len(mine) > 1:  # only then it matters whose turn it is, and that may be one without a batch
            mine = [tp for tp in self._accumulator.queues if self._client.leader(tp) == node]
        first = self._next_partition.get(node)
        start = mine.index(first) if first in mine else 0
        taken: list[ProducerBatch] = []
        size = 0
        for place in range(len(mine)):
            tp = mine[(start + place) % len(mine)]
            queue = self._accumulator.queues[tp]
            if not queue or self._is_muted(tp):
                continue
            self._next_partition[node] = tp
            batch = queue[0]
            batch.see_leader(self._client.leader_epoch(tp))
            if batch.is_backing_off(now_ms):
                continue
            if (taken and size + batch.size > self._config.max_request_size) or not self._may_drain(batch):
                break
            taken.append(self._accumulator.take(tp))
            size += batch.size
        return taken

    def _send_to(self, node: int, now_ms: int) -> bool:
        batches = {batch.tp: batch for batch in self._drain(node, now_ms)}
        if not batches:
            return False
        for tp, batch in batches.items():
            if self._manager is not None:
                self._manager.sequences.number(batch)
            batch.attempts += 1
            self._kernel.journal.record(
                BatchSent(self.host.name, batch.batch_id, tp, numbers(batch), batch.attempts, node)
            )
        request = ProduceRequest(
            self._config.acks, self._config.request_timeout_ms,
            {tp: batch.as_record_batch() for tp, batch in batches.items()}, self._config.transactional_id,
        )  # fmt: skip
        self._deliveries.sent(batches)
        if self._config.acks == 0:
            self._client.channel(self._client.nodes[node]).send_without_answer(request)
            self._deliveries.assume_success(batches)
        else:
            self._client.send(node, request, lambda response, error: self._deliveries.answered(node, batches, response))
        return True

    def _sleep_until_ready(self) -> None:
        """Come around again when the next batch has lingered or waited long enough."""
        now_ms = self._kernel.now_ms
        times = [self._accumulator.sendable_at_ms(tp) for tp in self._accumulator.filled()]
        later = [at_ms for at_ms in times if at_ms is not None and at_ms > now_ms]
        if later and self._timer is None:
            # From the start of a whole millisecond on, as the rule reads the clock.
            us = self._kernel.now_us % 1000
            self._wake_in(min(later) - now_ms - us / 1000)
