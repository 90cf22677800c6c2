"""Transactions on a running cluster: committed, aborted, fenced, timed out, taken over."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim import errors

TP = ks.TopicPartition("t", 0)


@pytest.fixture
def cluster():
    cluster = ks.Cluster(
        brokers=3, seed=3, broker_config={"transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000}
    )
    cluster.create_topic("t", partitions=1, replication_factor=3)
    return cluster


def started(cluster, **settings):
    producer = cluster.producer(transactional_id="tx", **settings)
    producer.init_transactions().get()
    producer.begin_transaction()
    return producer


def states(cluster):
    return [(fact.producer_epoch, fact.state) for fact in cluster.trace.of("TransactionChanged")]


def read(cluster, isolation_level):
    consumer = cluster.consumer(isolation_level=isolation_level, auto_offset_reset="earliest")
    consumer.assign([TP])
    found = [record.value for _ in range(4) for record in consumer.poll(500).get()]
    return [value.decode() for value in found]


def batches(cluster):
    log = cluster.disk(cluster.trace.now.leader("t-0")).replica(TP)
    return [(batch.producer_epoch, batch.base_sequence, batch.is_control) for batch in log.batches]


def test_read_committed_skips_what_was_aborted_and_read_uncommitted_does_not(cluster):
    producer = started(cluster)
    producer.send("t", "kept").get()
    producer.commit_transaction().get()
    producer.begin_transaction()
    producer.send("t", "dropped").get()
    producer.abort_transaction().get()
    cluster.run(for_ms=1000)
    assert batches(cluster) == [(0, 0, False), (0, -1, True), (0, 1, False), (0, -1, True)]
    assert read(cluster, "read_committed") == ["kept"]
    assert read(cluster, "read_uncommitted") == ["kept", "dropped"]
    assert states(cluster) == [
        (0, "Empty"), (0, "Ongoing"), (0, "PrepareCommit"), (0, "CompleteCommit"),
        (0, "Ongoing"), (0, "PrepareAbort"), (0, "CompleteAbort"),
    ]  # fmt: skip


def test_an_open_transaction_hides_everything_after_it_from_read_committed(cluster):
    started(cluster).send("t", "open").get()
    cluster.producer().send("t", "plain").get()
    assert read(cluster, "read_committed") == []
    assert read(cluster, "read_uncommitted") == ["open", "plain"]


def test_a_commit_takes_along_what_was_sent_just_before(cluster):
    """Nobody knows the topic yet when the commit is asked for."""
    producer = started(cluster)
    sent = producer.send("t", "a")
    producer.commit_transaction().get()
    assert sent.is_done()
    assert read(cluster, "read_committed") == ["a"]


def test_a_commit_of_what_cannot_be_sent_fails(cluster):
    producer = started(cluster, max_block_ms=2000)
    producer.send("t", "a", partition=7)
    with pytest.raises(errors.KafkaException):
        producer.commit_transaction().get()
    producer.abort_transaction().get()


def test_a_zombie_is_fenced_by_its_successor(cluster):
    zombie = started(cluster)
    zombie.send("t", "old").get()
    successor = started(cluster)
    for call in (zombie.commit_transaction, lambda: zombie.send("t", "late"), zombie.abort_transaction):
        with pytest.raises(errors.ProducerFencedException):
            call().get()
    successor.send("t", "new").get()
    successor.commit_transaction().get()
    cluster.run(for_ms=500)
    assert states(cluster)[2:5] == [(1, "PrepareAbort"), (1, "CompleteAbort"), (2, "Empty")], "the epoch rises by two"
    assert read(cluster, "read_committed") == ["new"]


def test_a_zombie_that_sends_first_hears_of_its_epoch_and_is_fenced_when_it_aborts(cluster):
    zombie = started(cluster)
    zombie.send("t", "old").get()
    started(cluster)
    for call, error in (
        (lambda: zombie.send("t", "late"), errors.InvalidProducerEpochException),
        (zombie.commit_transaction, errors.InvalidProducerEpochException),
        (zombie.abort_transaction, errors.ProducerFencedException),
    ):
        with pytest.raises(error):
            call().get()
    with pytest.raises(errors.ProducerFencedException):
        zombie.begin_transaction()


def test_a_transaction_open_for_too_long_is_aborted_by_its_coordinator(cluster):
    producer = started(cluster, transaction_timeout_ms=3000)
    producer.send("t", "a").get()
    cluster.run(for_ms=5000)
    assert states(cluster)[-2:] == [(1, "PrepareAbort"), (1, "CompleteAbort")]
    with pytest.raises(errors.ProducerFencedException):
        producer.commit_transaction().get()


def test_a_failed_record_leaves_only_abort_which_raises_the_epoch():
    cluster = ks.Cluster(brokers=1, seed=5, broker_config=ONE)
    cluster.create_topic("t", partitions=1, replication_factor=1, max_message_bytes=300)
    producer = started(cluster)
    producer.send("t", "a").get()
    with pytest.raises(errors.RecordTooLargeException):
        producer.send("t", "x" * 400).get()
    for call in (lambda: producer.send("t", "b"), producer.commit_transaction):
        with pytest.raises(errors.KafkaException) as caught:
            call().get()
        assert isinstance(caught.value.cause, errors.RecordTooLargeException)
    producer.abort_transaction().get()
    producer.begin_transaction()
    producer.send("t", "c").get()
    producer.commit_transaction().get()
    cluster.run(for_ms=500)
    assert batches(cluster) == [(0, 0, False), (0, -1, True), (1, 0, False), (1, -1, True)]
    producer.begin_transaction()
    producer.send("t", "d").get()
    producer.close().get()
    cluster.run(for_ms=500)
    assert states(cluster)[-1] == (1, "CompleteAbort"), "close() aborts"


ONE = {
    "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
    "offsets.topic.replication.factor": 1,
}  # fmt: skip


def test_calls_out_of_order_are_refused_at_once(cluster):
    producer = cluster.producer(transactional_id="tx")
    with pytest.raises(errors.UsageError):
        cluster.producer().init_transactions()
    with pytest.raises(errors.UsageError):
        cluster.producer(transactional_id="other").send("t", "a")
    for call in (producer.begin_transaction, producer.commit_transaction):
        with pytest.raises(errors.UsageError):
            call()
    producer.init_transactions().get()
    for call in (producer.commit_transaction, producer.abort_transaction, producer.init_transactions):
        with pytest.raises(errors.UsageError):
            call()
    producer.begin_transaction()
    producer.commit_transaction().get()
    assert states(cluster) == [(0, "Empty")], "an empty transaction writes nothing"


def test_a_record_whose_send_is_refused_goes_out_with_the_next_transaction_of_its_partition(cluster):
    producer = cluster.producer(transactional_id="tx", max_block_ms=2000)
    producer.init_transactions().get()
    with pytest.raises(errors.UsageError):
        producer.send("t", "too soon")
    cluster.run(for_ms=100)
    producer.begin_transaction()
    with pytest.raises(errors.TimeoutException):
        producer.commit_transaction().get()
    with pytest.raises(errors.UsageError, match="timed out"):
        producer.begin_transaction()
    other = cluster.producer(transactional_id="other")
    other.init_transactions().get()
    with pytest.raises(errors.UsageError):
        other.send("t", "too soon")
    cluster.run(for_ms=100)
    other.begin_transaction()
    assert other.send("t", "in time").get().offset == 1
    other.commit_transaction().get()
    other.close().get()
    for call in (other.begin_transaction, other.commit_transaction, other.init_transactions):
        with pytest.raises(errors.UsageError, match="closed"):
            call()


def test_offsets_count_with_the_commit_and_not_with_an_abort(cluster):
    admin = cluster.admin()
    producer = started(cluster)
    producer.send_offsets_to_transaction({TP: 2}, "g").get()
    assert admin.list_consumer_group_offsets("g").get() == {}
    producer.commit_transaction().get()
    cluster.run(for_ms=1000)
    assert admin.list_consumer_group_offsets("g").get() == {TP: 2}
    producer.begin_transaction()
    producer.send_offsets_to_transaction({TP: 5}, "g").get()
    producer.abort_transaction().get()
    cluster.run(for_ms=1000)
    assert admin.list_consumer_group_offsets("g").get() == {TP: 2}


def test_a_new_coordinator_completes_what_the_old_one_has_prepared(cluster):
    producer = started(cluster)
    producer.send("t", "a").get()
    producer.commit_transaction().get()
    coordinator = cluster.trace.of("TransactionChanged")[-1].coordinator
    cluster.kill(coordinator)
    cluster.run(for_ms=40_000)
    assert cluster.trace.of("TransactionChanged")[-1].state == "CompleteCommit"
    producer.begin_transaction()
    producer.send("t", "b").get()
    producer.commit_transaction().get()
    assert read(cluster, "read_committed") == ["a", "b"]


def test_a_coordinator_that_is_made_leader_again_completes_what_it_had_begun():
    """The markers of its earlier epoch are still on their way when it reads the transaction anew."""
    cluster = ks.Cluster(brokers=3, seed=3, first_broker=103, broker_config={"transaction.state.log.num.partitions": 1})
    cluster.create_topic("t", assignment={0: [101]})
    admin, state_log = cluster.admin(), ks.TopicPartition("__transaction_state", 0)
    producer = started(cluster)
    producer.send("t", "a").get()
    assert cluster.trace.now.leader(state_log) == 103
    cluster.inject(ks.faults.Delay(103, 101, by_ms=300, for_ms=5000))
    producer.commit_transaction()
    admin.alter_partition_reassignments({state_log: [103, 102]}).get()
    cluster.run(for_ms=5000)
    assert len(cluster.trace.of("MarkerWritten", tp="t-0")) == 2, "each epoch has sent one"
    assert states(cluster)[-1] == (0, "CompleteCommit")


def test_a_timeout_above_the_brokers_limit_is_refused(cluster):
    with pytest.raises(errors.KafkaException) as caught:
        cluster.producer(transactional_id="tx", transaction_timeout_ms=1_000_000).init_transactions().get()
    assert isinstance(caught.value.cause, errors.InvalidTxnTimeoutException)


def test_an_admin_describes_lists_and_takes_back(cluster):
    admin = cluster.admin()
    with pytest.raises(errors.TransactionalIdNotFoundException):
        admin.describe_transaction("tx").get()
    producer = started(cluster, transaction_timeout_ms=30_000)
    sent_ms = producer.send("t", "hangs").get().timestamp
    found = admin.describe_transaction("tx").get()
    assert (found.state, found.producer_id, found.producer_epoch, found.topic_partitions) == ("Ongoing", 0, 0, (TP,))
    assert found.transaction_timeout_ms == 30_000
    began_ms = found.transaction_start_time_ms
    assert sent_ms < began_ms < sent_ms + 100
    assert [str(one.transactional_id) + one.state for one in admin.list_transactions().get()] == ["txOngoing"]

    assert read(cluster, "read_committed") == []
    admin.abort_transaction(TP, found.producer_id, found.producer_epoch).get()
    cluster.run(for_ms=1000)
    assert batches(cluster) == [(0, 0, False), (0, -1, True)]
    assert admin.describe_transaction("tx").get().coordinator_id == found.coordinator_id
    producer.abort_transaction().get()
    cluster.run(for_ms=1000)
    found = admin.describe_transaction("tx").get()
    assert (found.state, found.transaction_start_time_ms, found.topic_partitions) == ("CompleteAbort", began_ms, ())


@pytest.mark.parametrize("verifies", [True, False])
def test_a_leader_asks_the_coordinator_whether_a_transaction_has_its_partition(verifies):
    settings = {"transaction.partition.verification.enable": verifies}
    cluster = ks.Cluster(brokers=3, seed=3, broker_config=settings)
    cluster.create_topic("t", partitions=3, replication_factor=3)
    producer = started(cluster)
    for partition in range(3):
        producer.send("t", "v", partition=partition).get()
    producer.commit_transaction().get()
    coordinator = cluster.trace.of("TransactionChanged")[-1].coordinator
    asked = {fact.source for fact in cluster.trace.of("MessageSent", api="AddPartitionsToTxnRequest")}
    leaders = {f"broker-{broker}" for broker in cluster.brokers if broker != coordinator}
    assert asked == {producer.client_id, *(leaders if verifies else ())}


def test_the_coordinators_topic_can_be_read_in_words_and_in_kafkas_names(cluster):
    producer = started(cluster)
    producer.send("t", "v").get()
    producer.commit_transaction().get()
    cluster.run(for_ms=1_000)
    tp = ks.TopicPartition("__transaction_state", ks.partition_for_group("tx", 50))
    replica = cluster.disk(cluster.trace.now.leader(tp)).replica(tp)
    assert [words for _, words in replica.in_words] == [
        "transaction tx of producer 0, epoch 0, is Empty",
        "transaction tx of producer 0, epoch 0, is Ongoing with t-0",
        "transaction tx of producer 0, epoch 0, is PrepareCommit with t-0",
        "transaction tx of producer 0, epoch 0, is CompleteCommit",
    ]
    _, key, value = replica.decoded[1]
    assert key == {"transactionalId": "tx"}
    assert (value["transactionStatus"], value["transactionPartitions"]) == ("Ongoing", [["t", 0]])
    assert value["transactionTimeoutMs"] == 60_000
    with pytest.raises(ks.UsageError, match=r"Only __consumer_offsets and __transaction_state can be put into words"):
        _ = cluster.disk(101).replica(TP).in_words


def test_a_batch_that_is_sent_tells_whose_it_is(cluster):
    producer = started(cluster)
    producer.send("t", "a", partition=0).get()
    producer.send("t", "b", partition=0).get()
    cluster.producer(acks=1, client_id="plain").send("t", "c").get()
    sent = cluster.trace.of("BatchSent")
    assert [(one.producer_epoch, one.base_sequence, one.is_transactional) for one in sent] == [
        (0, 0, True), (0, 1, True), (-1, -1, False),
    ]  # fmt: skip
    assert sent[0].producer_id == sent[1].producer_id >= 0 > sent[2].producer_id


def test_a_killed_producer_times_out_no_more(cluster):
    producer = cluster.producer(transactional_id="tx", max_block_ms=2000)
    waiting = producer.init_transactions()
    cluster.kill(producer)
    cluster.run(for_ms=10_000)
    assert not isinstance(waiting.error, errors.TimeoutException)
