"""What an admin client asks about transactions: the calls of Admin that speak with their coordinators, and the abort
of a transaction that hangs, which goes to the partition's leader.

Kafka: DescribeTransactionsHandler, ListTransactionsHandler, AbortTransactionHandler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafkasim.config import checks
from kafkasim.config.setting import SHORT_MAX
from kafkasim.errors import KafkaError
from kafkasim.messages import transactions as api
from kafkasim.messages.data import MetadataRequest, MetadataResponse
from kafkasim.messages.groups import FindCoordinatorRequest, FindCoordinatorResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.admin_arguments import partition_of
from kafkasim.sim.admin_calls import AdminCalls, Call
from kafkasim.sim.kernel import Future


@dataclass(frozen=True, slots=True)
class TransactionListing:
    """A transactional id, its producer id, and the state of its last transaction.

    ``coordinator_id``, the broker that told of it, is an addition of ours.
    """

    transactional_id: str
    producer_id: int
    state: str
    coordinator_id: int = -1


@dataclass(frozen=True, slots=True)
class TransactionDescription:
    """A transaction as its coordinator knows it.

    ``state`` is Kafka's name; ``transaction_start_time_ms`` is None and ``topic_partitions`` is empty while none is
    under way.
    """

    transactional_id: str
    coordinator_id: int
    state: str
    producer_id: int
    producer_epoch: int
    transaction_timeout_ms: int
    transaction_start_time_ms: int | None
    topic_partitions: tuple[TopicPartition, ...]


class TransactionCalls:
    """The transactional part of one admin client."""

    def __init__(self, calls: AdminCalls) -> None:
        self._calls = calls

    def describe(self, transactional_id: str) -> Future[TransactionDescription]:
        """Ask the coordinator of the id."""
        checks.text(transactional_id, "transactional_id")
        call = Call(self._calls, f"describe_transaction({transactional_id!r})", lambda error: error.retriable)

        def coordinated(answer: FindCoordinatorResponse) -> None:
            _raise(answer.error)

            def take(response: api.DescribeTransactionsResponse) -> None:
                _raise(response.error)
                start_ms = response.start_ms if response.start_ms >= 0 else None
                found = TransactionDescription(
                    transactional_id, answer.node_id, response.state, response.producer_id, response.producer_epoch,
                    response.timeout_ms, start_ms, response.partitions,
                )  # fmt: skip
                call.succeed(found)

            call.send(answer.host, api.DescribeTransactionsRequest(transactional_id), take)

        question = FindCoordinatorRequest(transactional_id, "transaction")
        call.begin(lambda: self._calls.any(call, lambda server: call.send(server, question, coordinated)))
        return call.future

    def list(self) -> Future[list[TransactionListing]]:
        """The transactions of all brokers, sorted."""
        call = Call(self._calls, "list_transactions()", lambda error: error.retriable)
        found: dict[int, list[TransactionListing]] = {}

        def ask_all(metadata: MetadataResponse) -> None:
            for broker, server in metadata.brokers.items():
                if broker not in found:
                    ask(broker, server, len(metadata.brokers))

        def ask(broker: int, server: str, brokers: int) -> None:
            def take(response: api.ListTransactionsResponse) -> None:
                _raise(response.error)
                found[broker] = [TransactionListing(*one, broker) for one in response.transactions]
                if len(found) >= brokers:
                    everything = [one for some in found.values() for one in some]
                    call.succeed(sorted(everything, key=lambda one: one.transactional_id))

            call.send(server, api.ListTransactionsRequest(), take)

        call.begin(lambda: self._calls.any(call, lambda server: call.send(server, MetadataRequest(()), ask_all)))
        return call.future

    def abort(self, tp: TopicPartition, producer_id: int, producer_epoch: int, coordinator_epoch: int) -> Future[None]:
        """Have the partition's leader write an abort marker, whatever the coordinator knows."""
        partition_of(tp)
        checks.whole_number(producer_id, "producer_id", at_least=0, at_most=checks.LONG_MAX)
        checks.whole_number(producer_epoch, "producer_epoch", at_least=0, at_most=SHORT_MAX)
        checks.whole_number(coordinator_epoch, "coordinator_epoch", at_least=-1, at_most=checks.INT_MAX)

        def request(partitions: tuple[TopicPartition, ...]) -> api.WriteTxnMarkersRequest:
            marker = api.TransactionMarker(
                producer_id, producer_epoch, committed=False, coordinator_epoch=coordinator_epoch,
                partitions=partitions,
            )  # fmt: skip
            return api.WriteTxnMarkersRequest((marker,))

        def answered(response: api.WriteTxnMarkersResponse) -> dict[TopicPartition, KafkaError | None]:
            errors = response.errors[producer_id]
            return {tp: None if error is None else error() for tp, error in errors.items()}

        asked = self._calls.call_leaders("abort_transaction()", (tp,), request, answered)
        future: Future[None] = Future(self._calls.host.kernel, "abort_transaction()")

        def done(result: Future[dict[TopicPartition, Any]]) -> None:
            if result.error is None:
                future.succeed()
            else:
                future.fail(result.error)

        asked.then(done)
        return future


def _raise(error: type[KafkaError] | None) -> None:
    if error is not None:
        raise error
