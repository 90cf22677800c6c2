"""Facts about producer ids and transactions, as their producers and their coordinators see them."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


@fact("producer", host="producer", text="{producer} has producer id {producer_id}, epoch {epoch}")
class ProducerIdObtained(Fact):
    """A broker has given a producer its id and epoch."""

    producer: str
    producer_id: int
    epoch: int


@fact("producer", host="producer", text="{producer} raises its epoch to {epoch}: a sequence could not be resolved")
class ProducerEpochBumped(Fact):
    """An idempotent producer begins sequences anew, in a higher epoch that nobody had to give it."""

    producer: str
    producer_id: int
    epoch: int


@fact("producer", host="producer", text="transaction {transactional_id} of {producer} is {state}{error}")
class ProducerTransactionChanged(Fact):
    """The state of a transactional producer; ``error`` is empty or tells what went wrong."""

    producer: str
    transactional_id: str
    state: str
    error: str


@fact(
    "transactional_id",
    host="coordinator",
    text="{coordinator} makes transaction {transactional_id} (epoch {producer_epoch}) {state} with {partitions}",
)
class TransactionChanged(Fact):
    """A transaction's state, written to ``__transaction_state`` and in effect."""

    coordinator: int
    transactional_id: str
    producer_id: int
    producer_epoch: int
    state: str
    partitions: tuple[str, ...]


@fact(
    "tp",
    host="broker",
    text="{broker} ends the transaction of producer {producer_id} in {tp} with {outcome} at {offset}",
)
class MarkerWritten(Fact):
    """The leader of a partition has appended the marker that ends a transaction there."""

    broker: int
    tp: TopicPartition
    producer_id: int
    producer_epoch: int
    outcome: str
    offset: int
