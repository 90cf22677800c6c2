"""Transactions and the producers of partitions, in kafka-python's words. kafka-python: kafka.admin._transactions.

Left out: patterns of transactional ids, which no broker of 3.9 knows, and asking one particular replica.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kafkasim.client.admin_base import AdminBase, brokers, listed, no_choice, several
from kafkasim.client.enums import TransactionState
from kafkasim.client.errors import WrongTypeError
from kafkasim.config import checks
from kafkasim.errors import UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.admin_transactions import TransactionDescription as NativeDescription

UNDER_WAY = ("Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence", "Unknown")
SLACK_MS = 5 * 60_000


class TransactionListing(NamedTuple):
    """A transactional id, its producer id, and the state of its last transaction."""

    transactional_id: str
    producer_id: int
    state: TransactionState


class TransactionDescription(NamedTuple):
    """A transaction as its coordinator knows it; the start is -1 and there are no partitions while none is open."""

    coordinator_id: int
    state: TransactionState
    producer_id: int
    producer_epoch: int
    transaction_timeout_ms: int
    transaction_start_time_ms: int
    topic_partitions: set[TopicPartition]


class ProducerState(NamedTuple):
    """What a partition remembers of a producer; -1 where there is nothing, offsets and times in ms as they are."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    current_transaction_start_offset: int


class PartitionProducerState(NamedTuple):
    """The producers that a partition remembers."""

    active_producers: list[ProducerState]


class AbortTransactionSpec(NamedTuple):
    """Which transaction to abort in which partition; describe_producers() has the numbers."""

    topic_partition: TopicPartition
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int = -1


class TransactionAdmin(AdminBase):
    """What an administrator does with transactions."""

    def list_transactions(
        self, broker_ids: Iterable[int] | None = None, producer_id_filters: Iterable[int] | None = None,
        state_filters: Iterable[str] | None = None, duration_filter_ms: int | None = None,
        transactional_id_pattern: str | None = None,
    ) -> dict[int, list[TransactionListing]]:  # fmt: skip
        """The transactions that each broker coordinates, or those that pass all filters.

        ``duration_filter_ms`` lets pass those that have been open for longer.
        """
        self._open()
        if transactional_id_pattern is not None:
            raise UsageError("transactional_id_pattern is not modelled, and no broker of 3.9 knows it: leave it out.")
        asked = brokers(broker_ids)
        states = [
            TransactionState.value_for(one) for one in several(state_filters or (), "state_filters", "states")
        ]  # fmt: skip
        ids = [
            checks.whole_number(one, "a producer id")
            for one in several(producer_id_filters or (), "producer_id_filters", "producer ids")
        ]
        if duration_filter_ms is not None:
            checks.whole_number(duration_filter_ms, "duration_filter_ms", at_least=0)
        cluster = self._wait(self._native.describe_cluster(), "list_transactions()")
        answer: dict[int, list[TransactionListing]] = {node.id: [] for node in cluster.nodes}
        for one in self._wait(self._native.list_transactions(), "list_transactions()"):
            passes = (not states or one.state in states) and (not ids or one.producer_id in ids)
            if passes and duration_filter_ms is not None:
                age_ms = self._age_ms(self._transaction(one.transactional_id))
                passes = age_ms is not None and age_ms > duration_filter_ms
            if passes:
                state = TransactionState(one.state)
                listing = TransactionListing(one.transactional_id, one.producer_id, state)
                answer.setdefault(one.coordinator_id, []).append(listing)
        return answer if asked is None else {broker: answer.get(broker, []) for broker in asked}

    def describe_transactions(self, transactional_ids: Iterable[str]) -> dict[str, TransactionDescription]:
        """What each coordinator knows; TransactionalIdNotFoundError for an id that nobody has used."""
        self._open()
        answer = {}
        for name in checks.names(transactional_ids, "transactional_ids"):
            one = self._transaction(name)
            start_ms = -1 if one.transaction_start_time_ms is None else one.transaction_start_time_ms
            answer[name] = TransactionDescription(
                one.coordinator_id, TransactionState(one.state), one.producer_id, one.producer_epoch,
                one.transaction_timeout_ms, start_ms, set(one.topic_partitions),
            )  # fmt: skip
        return answer

    def _transaction(self, transactional_id: str) -> NativeDescription:
        return self._wait(self._native.describe_transaction(transactional_id), "describe_transactions()")

    def _age_ms(self, one: NativeDescription) -> int | None:
        """How long a transaction has been open; None for one that is over."""
        if one.state not in UNDER_WAY or one.transaction_start_time_ms is None:
            return None
        return self.kernel.now_ms - one.transaction_start_time_ms

    def describe_producers(
        self, partitions: Iterable[TopicPartition], broker_id: int | None = None
    ) -> dict[TopicPartition, PartitionProducerState]:
        """The producers that each partition's leader remembers; UnknownTopicOrPartitionError for an unknown one."""
        self._open()
        no_choice("broker_id", broker_id)
        wanted = listed(partitions, "partitions")
        self._check_known(wanted, "describe_producers()")
        found = self._wait(self._native.describe_producers(wanted), "describe_producers()")
        return {
            tp: PartitionProducerState(
                [
                    ProducerState(
                        one.producer_id, one.producer_epoch, one.last_sequence, one.last_timestamp,
                        -1 if one.coordinator_epoch is None else one.coordinator_epoch,
                        -1 if one.current_transaction_start_offset is None else one.current_transaction_start_offset,
                    )
                    for one in producers
                ]
            )
            for tp, producers in found.items()
        }  # fmt: skip

    def abort_transaction(self, spec: AbortTransactionSpec) -> None:
        """Have a partition's leader write an abort marker for a transaction that hangs; no coordinator is asked."""
        self._open()
        if not isinstance(spec, AbortTransactionSpec):
            raise WrongTypeError(f"spec must be an AbortTransactionSpec. Got {checks.shown(spec)}.")
        listed([spec.topic_partition], "topic_partition")
        self._check_known([spec.topic_partition], "abort_transaction()")
        self._wait(self._native.abort_transaction(*spec), "abort_transaction()")

    def find_hanging_transactions(
        self, broker_ids: Iterable[int] | None = None, max_transaction_timeout_ms: int = 900000
    ) -> list[dict[str, Any]]:
        """The transactions that have been open for 5 minutes longer than ``max_transaction_timeout_ms``."""
        limit_ms = checks.milliseconds(max_transaction_timeout_ms, "max_transaction_timeout_ms") + SLACK_MS
        listings = self.list_transactions(broker_ids)
        hanging = []
        for name in sorted(one.transactional_id for some in listings.values() for one in some):
            one = self._transaction(name)
            age_ms = self._age_ms(one)
            if age_ms is not None and age_ms >= limit_ms:
                hanging.append({
                    "transactional_id": name, "producer_id": one.producer_id, "producer_epoch": one.producer_epoch,
                    "state": one.state, "age_ms": age_ms, "coordinator_id": one.coordinator_id,
                    "topic_partitions": sorted(one.topic_partitions),
                })  # fmt: skip
        return hanging
