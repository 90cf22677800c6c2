"""What a coordinator of transactions rules, request by request: epochs, states, refusals."""

from __future__ import annotations

from kafkasim.core.transactions import Transaction, TransactionState, Transition
from kafkasim.errors import InvalidTxnStateException, ProducerFencedException
from kafkasim.records import TopicPartition

T0 = TopicPartition("t", 0)
NEW = 7
"""A producer id that would be taken if the epochs were used up."""


def begun() -> Transaction:
    """A transactional id whose producer has its id, 5, in epoch 0."""
    transaction = Transaction("tx", 5)
    write(transaction, transaction.init_producer_id(60_000, None, NEW, 0))
    assert (transaction.producer_epoch, transaction.state) == (0, TransactionState.EMPTY)
    return transaction


def write(transaction: Transaction, ruled: object) -> None:
    """The transition is written down everywhere."""
    assert isinstance(ruled, Transition), ruled
    transaction.complete(ruled)


def test_a_successor_aborts_what_is_open_and_gets_the_epoch_after_the_fence() -> None:
    transaction = begun()
    write(transaction, transaction.add_partitions(5, 0, (T0,), 1))
    fence = transaction.init_producer_id(60_000, None, NEW, 2)
    assert isinstance(fence, Transition)
    assert fence.state is TransactionState.PREPARE_EPOCH_FENCE
    write(transaction, transaction.end(5, fence.producer_epoch, 2, committed=False, from_client=False))
    assert (transaction.producer_epoch, transaction.state) == (1, TransactionState.PREPARE_ABORT)
    write(transaction, transaction.finish(3))

    write(transaction, transaction.init_producer_id(60_000, None, NEW, 4))

    assert (transaction.producer_id, transaction.producer_epoch, transaction.state) == (5, 2, TransactionState.EMPTY)
    assert transaction.add_partitions(5, 0, (T0,), 5) is ProducerFencedException


def test_what_has_no_partition_cannot_be_ended() -> None:
    assert begun().end(5, 0, 1, committed=True) is InvalidTxnStateException


def test_a_commit_that_is_repeated_is_answered_as_the_first_and_an_abort_is_not() -> None:
    transaction = begun()
    write(transaction, transaction.add_partitions(5, 0, (T0,), 1))
    write(transaction, transaction.end(5, 0, 2, committed=True))
    write(transaction, transaction.finish(3))

    assert transaction.end(5, 0, 4, committed=True) is None
    assert transaction.end(5, 0, 4, committed=False) is InvalidTxnStateException
