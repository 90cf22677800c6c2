"""The sender: it takes ready batches to the leaders of their partitions, one request per node, a batch per partition.

What becomes of them is in sim/deliveries, ids and transactions are in sim/transaction_manager. Kafka: Sender (runOnce,
sendProducerData), RecordAccumulator (ready, drain).
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.config import ProducerConfig
from kafkasim.core.accumulator import ProducerBatch, RecordAccumulator
from kafkasim.core.producer_transaction import TransactionState
from kafkasim.errors import KafkaError, TransactionAbortedException
from kafkasim.messages.data import ProduceRequest, ProduceResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.deliveries import Deliveries, numbers
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer
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
        self._soon: Timer | None = None
        self._is_here = False
        self._later = Alarm(host, self._run_once)

    # --- when it comes around ----------------------------------------------------------------------------------

    def appended(self, tp: TopicPartition, *, is_new: bool) -> None:
        """A record has been put into a batch, perhaps a new one: be there when the batch asks to be sent."""
        if is_new and self._must_talk():
            self._come_soon()
        else:
            self._come_for(tp)

    def take_in(self, hand_over: Callable[[], None]) -> None:
        """Come around in the present event, as its last act, after ``hand_over`` has put in some records."""
        self._is_here = True
        try:
            hand_over()
        finally:
            self._is_here = False
        self._run_once()

    def wake(self) -> None:
        """Something may let batches go that wait: come around if there is something to do, or when there will be."""
        if self._must_talk():
            self._come_soon()
            return
        for tp in self._accumulator.filled():
            self._come_for(tp)

    def _must_talk(self) -> bool:
        manager = self._manager
        if manager is None or manager.is_quiet:
            return False
        return manager.transaction is not None or bool(self._accumulator.incomplete)

    def _come_for(self, tp: TopicPartition) -> None:
        """When the first batch of a partition asks to be sent; at once when its leader must be found."""
        if self._client.leader(tp) is None:
            self._come_soon()
        else:
            self._come_at(self._sendable_at_ms(tp))

    def _sendable_at_ms(self, tp: TopicPartition) -> int:
        self._accumulator.queues[tp][0].see_leader(self._client.leader_epoch(tp))
        at_ms = self._accumulator.sendable_at_ms(tp)
        assert at_ms is not None
        return at_ms

    def _come_at(self, at_ms: int) -> None:
        at_us = (at_ms - self._kernel.start_time_ms) * US_PER_MS
        if at_us <= self._kernel.now_us:
            self._come_soon()
        elif self._later.at_us is None or at_us < self._later.at_us:
            self._later.set(at_us)

    def _come_soon(self) -> None:
        """At this moment, after everything that happens in it."""
        if self._soon is None and not self._is_here:
            self._soon = self.host.after_us(0, self._come)

    def _come(self) -> None:
        self._soon = None
        self._run_once()

    # --- one round ---------------------------------------------------------------------------------------------

    def waits_too_long(self, node: int) -> bool:
        """Whether a node has kept records waiting beyond ``partitioner.availability.timeout.ms``."""
        limit = self._config.partitioner_availability_timeout_ms
        return limit > 0 and self.ready_ms.get(node, 0) - self.drained_ms.get(node, 0) > limit

    def _run_once(self) -> None:
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
            is_due = self._sendable_at_ms(tp) <= now_ms
            if leader not in nodes and is_due and not self._is_muted(tp):
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
        first = self._next_partition.get(node)
        if first is not None and self._client.leader(first) == node:
            place = self._accumulator.place
            mine.sort(key=lambda tp: (place(tp) < place(first), place(tp)))
        taken: list[ProducerBatch] = []
        size = 0
        for tp in mine:
            if self._is_muted(tp):
                continue
            self._next_partition[node] = tp
            batch = self._accumulator.queues[tp][0]
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
                BatchSent(
                    self.host.name, batch.batch_id, tp, numbers(batch), batch.attempts, node, batch.producer_id,
                    batch.producer_epoch, batch.base_sequence, batch.is_transactional,
                )
            )  # fmt: skip
        request = ProduceRequest(
            self._config.acks, self._config.request_timeout_ms,
            {tp: batch.as_record_batch() for tp, batch in batches.items()}, self._config.transactional_id,
        )  # fmt: skip
        self._deliveries.sent(batches)
        if self._config.acks == 0:
            self._client.channel(self._client.nodes[node]).send_without_answer(request)
            self._deliveries.assume_success(batches)
        else:
            channel = self._client.channel(self._client.nodes[node])

            def answered(response: ProduceResponse | None, error: type[KafkaError] | None) -> None:
                self._deliveries.answered(node, batches, response, overdue=channel.is_overdue)

            channel.send(request, answered)
        return True

    def _sleep_until_ready(self) -> None:
        """Come around again when the next batch has lingered or waited long enough; what could not be sent although
        it was time waits for somebody to wake the sender."""
        now_ms = self._kernel.now_ms
        for tp in self._accumulator.filled():
            at_ms = self._sendable_at_ms(tp)
            if at_ms > now_ms:
                self._come_at(at_ms)
