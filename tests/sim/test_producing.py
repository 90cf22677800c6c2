"""Producers: acks, batches, partitions, errors."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim import errors


@pytest.fixture
def cluster():
    cluster = ks.Cluster(brokers=3, seed=11)
    cluster.create_topic("t", partitions=3, replication_factor=3, min_insync_replicas=2)
    return cluster


def test_what_the_caller_gets_for_each_acks(cluster):
    for acks, offset in ((0, -1), (1, 1), ("all", 2)):
        answer = cluster.producer(acks=acks).send("t", "v", partition=0).get()
        assert (answer.topic, answer.partition, answer.offset) == ("t", 0, offset)


def test_keys_go_where_kafkas_hash_says(cluster):
    producer = cluster.producer()
    sent = {key: producer.send("t", "v", key=key) for key in ("order-1", "key", "hello", "")}
    assert {key: future.get().partition for key, future in sent.items()} == {"order-1": 1, "key": 1, "hello": 0, "": 0}


def test_records_of_one_moment_share_a_batch_and_linger_waits_for_more(cluster):
    producer = cluster.producer(linger_ms=50)
    first = producer.send("t", "a", partition=0)
    cluster.run(for_ms=30)
    second = producer.send("t", "b", partition=0)
    first.get()
    second.get()
    assert [fact.records for fact in cluster.trace.of("BatchSent", producer="producer-1")] == [(0, 1)]
    batch = cluster.disk(cluster.trace.now.leader("t-0")).replica(ks.TopicPartition("t", 0)).batches[0]
    assert (batch.base_offset, batch.last_offset, batch.count, batch.leader_epoch) == (0, 1, 2, 0)


def test_a_batch_is_full_at_batch_size(cluster):
    producer = cluster.producer(linger_ms=1_000)
    for _ in range(149):
        producer.send("t", "x" * 100, partition=0)
    producer.flush().get()
    assert [len(fact.records) for fact in cluster.trace.of("BatchSent")] == [148, 1], "13.7 of the reference"


def test_a_record_that_is_too_large_is_refused_before_it_is_sent(cluster):
    with pytest.raises(errors.RecordTooLargeException, match=r"above max\.request\.size=1048576"):
        cluster.producer().send("t", "x" * 1_048_576).get()


def test_an_unknown_topic_is_made_on_the_way_and_a_missing_partition_times_out(cluster):
    assert cluster.producer().send("new", "v").get().offset == 0
    assert "new" in cluster.trace.now.topics
    with pytest.raises(errors.TimeoutException, match="Partition 9 of topic t"):
        cluster.producer(max_block_ms=2_000).send("t", "v", partition=9).get()


def test_without_auto_creation_an_unknown_topic_times_out_with_its_cause():
    cluster = ks.Cluster(brokers=1, seed=1, broker_config={"auto.create.topics.enable": "false"})
    with pytest.raises(errors.TimeoutException, match="Topic nowhere not present in metadata") as caught:
        cluster.producer(max_block_ms=3_000).send("nowhere", "v").get()
    assert isinstance(caught.value.cause, errors.UnknownTopicOrPartitionException)


def test_too_few_replicas_is_an_answer_under_kafkas_name(cluster):
    producer = cluster.producer(acks="all", delivery_timeout_ms=3_000, request_timeout_ms=1_000)
    producer.send("t", "fine", partition=0).get()
    leader = cluster.trace.now.leader("t-0")
    for broker in [broker for broker in cluster.brokers if broker != leader]:
        cluster.kill(broker)
    cluster.run(for_ms=25_000)
    failed = producer.send("t", "refused", partition=0)
    with pytest.raises(errors.TimeoutException):
        failed.get()
    assert {fact.error for fact in cluster.trace.of("ProduceRefused", tp="t-0")} == {"NOT_ENOUGH_REPLICAS"}
    why = cluster.trace.why("t-0", "produce")
    assert why.setting == "min.insync.replicas=2"
    single = cluster.producer(acks="all", retries=0, enable_idempotence=False)
    with pytest.raises(errors.NotEnoughReplicasException):
        single.send("t", "refused", partition=0).get()
    assert cluster.producer(acks=1).send("t", "taken", partition=0).get().offset == 1


def test_topics_are_refused_under_kafkas_names(cluster):
    for name, partitions, factor, error in (
        ("t", 1, 1, errors.TopicExistsException),
        ("a b", 1, 1, errors.InvalidTopicException),
        ("..", 1, 1, errors.InvalidTopicException),
        ("x" * 250, 1, 1, errors.InvalidTopicException),
        ("", 1, 1, errors.InvalidTopicException),
        ("many", 1, 4, errors.InvalidReplicationFactorException),
        ("none", 0, 1, errors.InvalidPartitionsException),
        ("zero", 1, 0, errors.InvalidReplicationFactorException),
    ):
        with pytest.raises(error):
            cluster.create_topic(name, partitions=partitions, replication_factor=factor)
    cluster.create_topic("a.b", partitions=1, replication_factor=1)
    with pytest.raises(errors.InvalidTopicException, match="collides"):
        cluster.create_topic("a_b", partitions=1, replication_factor=1)
    with pytest.raises(errors.InvalidConfigurationException):
        cluster.create_topic("odd", partitions=1, replication_factor=1, retention_ms="soon")
    assert cluster.admin().list_topics().get() == ["a.b", "t"]


def test_a_learners_partitioner_plugs_in(cluster):
    class ToTheLast:
        def partition(self, topic, key, value, available, partitions):
            return partitions - 1

    producer = cluster.producer(partitioner_class=ToTheLast())
    assert {producer.send("t", "v", key=f"{n}").get().partition for n in range(5)} == {2}


def test_a_partitioner_that_fails_fails_its_own_record_alone(cluster):
    class Moody:
        def partition(self, topic, key, value, available, partitions):
            if key == b"bad":
                raise ZeroDivisionError("my own mistake")
            return 9 if key == b"far" else 0

    producer = cluster.producer(partitioner_class=Moody())
    bad, far, good = (producer.send("t", "v", key=key) for key in ("bad", "far", "good"))
    assert good.get().partition == 0
    with pytest.raises(ZeroDivisionError, match="my own mistake"):
        bad.get()
    with pytest.raises(errors.ConfigError, match="a whole number from 0 to 2"):
        far.get()


def test_racks_keep_replicas_apart():
    cluster = ks.Cluster(brokers=6, racks=["a", "a", "b", "b", "c", "c"], seed=3)
    cluster.create_topic("t", partitions=12, replication_factor=3)
    racks = dict(zip(cluster.brokers, "aabbcc", strict=True))
    assignment = cluster.trace.of("TopicCreated", topic="t")[0].assignment
    assert all({racks[broker] for broker in replicas} == {"a", "b", "c"} for replicas in assignment)


def test_a_producer_that_slept_longer_than_its_picture_lives_sees_new_partitions() -> None:
    cluster = ks.Cluster(1)
    cluster.create_topic("t", partitions=1)
    admin, old, young = cluster.admin(), cluster.producer(), cluster.producer(metadata_max_age_ms=1_000)
    for producer in (old, young):
        producer.send("t", "v", key="b").get()
    admin.create_partitions("t", 50).get()
    cluster.run(for_ms=1_500)
    assert old.send("t", "v", key="b").get().partition == 0
    assert young.send("t", "v", key="b").get().partition == ks.partition_for_key(b"b", 50) != 0


def test_a_broker_that_refused_a_connection_is_tried_again_after_reconnect_backoff_ms() -> None:
    waits = []
    for settings in ({}, {"reconnect_backoff_ms": 30_000}):
        cluster = ks.Cluster(brokers=1, zookeepers=1, seed=7, broker_config={"zookeeper.session.timeout.ms": 4000})
        cluster.create_topic("t")
        cluster.kill(101)
        sent = cluster.producer(**settings).send("t", b"v")
        cluster.run(for_ms=100)
        cluster.restart(101)
        up_ms = cluster.now_ms
        sent.get()
        waits.append(cluster.now_ms - up_ms)
    assert waits[0] < 1_200, "it has doubled up to reconnect.backoff.max.ms"
    assert 20_000 < waits[1] < 30_000, "given alone it is constant, and counts from the refusal"


def test_nobody_writes_to_the_clusters_own_topics():
    cluster = ks.Cluster(brokers=1)
    cluster.create_topic("__consumer_offsets", 1, 1)
    with pytest.raises(ks.errors.KafkaError) as caught:
        cluster.producer().send("__consumer_offsets", "v").get()
    assert caught.value.java_name == "InvalidTopicException"
    assert cluster.disk(101).replica("__consumer_offsets-0").log_end_offset == 0


def test_a_broker_answers_the_requests_of_a_connection_one_after_the_other() -> None:
    cluster = ks.Cluster(brokers=3, first_broker=103, seed=7)
    cluster.create_topic("t", assignment={0: [101, 102], 1: [101, 103]})
    producer, other = cluster.producer(linger_ms=0), cluster.producer()
    for number in range(2):
        producer.send("t", b"warm up", partition=number).get()
    other.send("t", b"warm up", partition=1).get()
    cluster.pause(102)
    held, behind = producer.send("t", b"held", partition=0), None
    cluster.run(for_ms=10)
    behind = producer.send("t", b"behind it", partition=1)
    beside = other.send("t", b"beside it", partition=1)
    cluster.run(for_ms=1_000)
    assert (held.is_done(), behind.is_done(), beside.is_done()) == (False, False, True)
    assert cluster.disk(101).replica("t-1").log_end_offset == 3, "what is behind has not even been looked at"
    cluster.resume(102)
    cluster.run(for_ms=100)
    assert (held.result().offset, behind.result().offset) == (1, 3)


def in_flight_when_the_leader_stands_still(**settings: object) -> ks.Cluster:
    """Four records, each in a request of its own, to a leader that is paused until all of them have timed out."""
    cluster = ks.Cluster([1, 2], seed=7, first_broker=1, broker_config={"zookeeper.session.timeout.ms": 40_000})
    cluster.create_topic("t", assignment={0: [2]})
    producer = cluster.producer(request_timeout_ms=1500, **settings)
    producer.send("t", "warm").get()
    cluster.pause(2)
    for number in range(4):
        producer.send("t", f"{number}")
        cluster.run(for_ms=300)
    return cluster


def stored(cluster: ks.Cluster) -> list[bytes]:
    return [one.value for batch in cluster.disk(2).replica("t-0").batches for _, one in batch.records]


def test_of_what_a_client_has_sent_before_it_hung_up_the_first_request_is_served_and_its_answer_refused():
    cluster = in_flight_when_the_leader_stands_still(delivery_timeout_ms=4000)
    cluster.run(for_ms=6_000)
    cluster.resume(2)
    cluster.run(for_ms=2_000)
    assert stored(cluster) == [b"warm", b"0"], "the other three lay unread in the connection that was closed"
