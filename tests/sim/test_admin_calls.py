"""How an admin client asks for what only leaders know, and what it says of topics that cannot be."""

from __future__ import annotations

import pytest

import kafkasim as ks

TP = ks.TopicPartition("t", 0)
HARNESS = {"request.timeout.ms": 8_000, "default.api.timeout.ms": 20_000}


def cluster_of(count: int, **settings: object) -> ks.Cluster:
    config = {"zookeeper.session.timeout.ms": 6_000, "replica.lag.time.max.ms": 5_000, **settings}
    return ks.Cluster(list(range(1, count + 1)), first_broker=count, broker_config=config)


def error_of(answer: ks.Future) -> ks.KafkaSimError:
    with pytest.raises(ks.KafkaSimError) as caught:
        answer.get()
    return caught.value


def test_a_question_to_a_leader_that_has_just_died_waits_for_it_to_the_end():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [1, 2]})
    admin = cluster.admin(HARNESS)
    assert admin.list_offsets({TP: "latest"}).get()[TP].offset == 0
    cluster.kill(1)
    cluster.run(for_ms=10)
    before = cluster.now_ms

    error = error_of(admin.list_offsets({TP: "latest"}))

    assert (error.java_name, error.cause) == ("TimeoutException", None)
    assert cluster.now_ms - before == 20_000
    assert admin.describe_topic("t").get().partitions[0].leader == 2
    assert admin.list_offsets({TP: "latest"}).get()[TP].offset == 0


def test_a_question_that_is_cut_off_goes_to_the_new_leader():
    cluster = cluster_of(3)
    cluster.create_topic("t", assignment={0: [1, 2]})
    admin = cluster.admin(HARNESS)
    admin.list_offsets({TP: "latest"}).get()
    cluster.pause(1)
    before = cluster.now_ms
    assert admin.list_offsets({TP: "latest"}).get()[TP].offset == 0
    assert 8_000 < cluster.now_ms - before < 9_000


@pytest.mark.parametrize(
    ("call", "error", "cause"),
    [
        (lambda admin, tp: admin.list_offsets({tp: "latest"}), "UnknownTopicOrPartitionException", None),
        (lambda admin, tp: admin.delete_records({tp: 0}), "TimeoutException", "DisconnectException"),
        (lambda admin, tp: admin.describe_producers([tp]), "TimeoutException", "DisconnectException"),
    ],
)
def test_of_a_topic_that_nobody_knows_some_calls_hope_that_it_comes(call, error, cause):
    found = error_of(call(cluster_of(1).admin(HARNESS), TP))
    assert (found.java_name, getattr(found.cause, "java_name", None)) == (error, cause)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda admin: admin.delete_topic("a b"), "UnknownTopicOrPartitionException"),
        (lambda admin: admin.create_partitions("a b", 2), "UnknownTopicOrPartitionException"),
    ],
)
def test_a_name_that_no_topic_may_have_is_that_of_none(call, error):
    assert error_of(call(cluster_of(1).admin())).java_name == error


def test_what_java_refuses_at_the_call_is_refused_at_the_call():
    admin = cluster_of(1).admin()
    for call, error in (
        (lambda: admin.delete_topic(""), "InvalidTopicException"),
        (lambda: admin.alter_partition_reassignments({TP: []}), "IllegalArgumentException"),
        (lambda: admin.delete_records({TP: -2}), "OffsetOutOfRangeException"),
    ):
        with pytest.raises(ks.KafkaSimError) as caught:
            call()
        assert caught.value.java_name == error


def test_a_topic_without_any_replicas_is_there_and_has_no_leader():
    cluster = cluster_of(2)
    admin = cluster.admin(HARNESS)
    error = error_of(admin.create_topic("t", assignment={0: []}))
    assert error.java_name == "TimeoutException"
    assert error_of(admin.create_topic("t", 1, 1)).java_name == "TopicExistsException"
    assert error_of(admin.delete_topic("t")).java_name == "UnknownTopicOrPartitionException"


def test_a_producer_is_told_why_the_topic_that_it_needs_cannot_be_made():
    cluster = ks.Cluster([1], broker_config={"default.replication.factor": 2})
    error = error_of(cluster.producer(max_block_ms=3_000).send("t", "v"))
    assert (error.java_name, error.cause.java_name) == ("TimeoutException", "InvalidReplicationFactorException")
