"""A program written for kafka-python sends to the simulated cluster; time passes while it waits."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest

from kafkasim.client.library import ClientLibrary
from kafkasim.cluster import Cluster
from kafkasim.core.hashing import partition_for_key
from kafkasim.errors import ConfigError, UsageError
from tests.bench.scenes import Counter


def test_a_record_goes_where_its_key_says(kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers="broker-101:9092", acks="all")
    sent = producer.send("truck_gps", key=b"truck-42", value=b"48.85,2.35", headers=[("unit", b"deg")])
    assert not sent.is_done
    metadata = sent.get()
    partition = partition_for_key(b"truck-42", 3)
    assert metadata._replace(timestamp=0) == (
        "truck_gps", partition, kafka.TopicPartition("truck_gps", partition), 0, 0, None, 8, 10, 7,
    )  # fmt: skip
    assert (sent.is_done, sent.succeeded(), sent.failed(), sent.value, sent.exception) == (
        True, True, False, metadata, None,
    )  # fmt: skip
    assert producer.metrics() == {"producer-metrics": {"record-send-total": 1, "record-error-total": 0}}


def test_only_the_first_send_to_a_topic_lets_time_pass(cluster: Cluster, kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer()
    before = cluster.now_ms
    producer.send("truck_gps", b"first")
    after = cluster.now_ms
    assert after > before
    producer.send("truck_gps", b"second")
    assert cluster.now_ms == after


def test_records_without_a_key_are_dealt_at_random_and_repeatably() -> None:
    def places() -> list[int]:
        cluster = Cluster(brokers=3, seed=7)
        cluster.create_topic("t", partitions=3, replication_factor=3)
        producer = cluster.client_library().KafkaProducer(linger_ms=100)
        sends = [producer.send("t", b"x") for _ in range(60)]
        producer.flush()
        assert all(send.is_done for send in sends)
        return [send.value.partition for send in sends]

    first = places()
    assert first == places()
    assert all(first.count(number) >= 10 for number in range(3))


def test_the_sticky_partitioner_changes_with_each_batch(kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(linger_ms=50, partitioner=kafka.partitioner.StickyPartitioner())
    batches = []
    for _ in range(5):
        sends = [producer.send("truck_gps", b"x") for _ in range(10)]
        producer.flush()
        partitions = {send.value.partition for send in sends}
        assert len(partitions) == 1
        batches.append(partitions.pop())
    assert all(one != other for one, other in itertools.pairwise(batches))


def test_a_partitioner_of_ones_own_sees_key_and_bytes(kafka: ClientLibrary) -> None:
    asked: list[tuple[Any, ...]] = []

    class ByLength(kafka.partitioner.Partitioner):  # type: ignore[name-defined,misc]
        def partition(
            self, topic: str, key: Any, serialized_key: Any, value: Any, serialized_value: Any, cluster: Any
        ) -> int:
            asked.append((topic, key, serialized_key, value, serialized_value))
            return len(value) % len(cluster.partitions_for_topic(topic))

    producer = kafka.KafkaProducer(partitioner=ByLength(), key_serializer=str.encode, value_serializer=str.encode)
    assert producer.send("truck_gps", key="k", value="four").get().partition == 1
    assert asked == [("truck_gps", "k", b"k", "four", b"four")]
    with pytest.raises(TypeError, match=r"derived from kafka\.partitioner\.Partitioner"):
        kafka.KafkaProducer(partitioner=lambda key, everything, available: 0)


def test_callbacks_hear_of_the_record_before_get_returns(kafka: ClientLibrary) -> None:
    heard: list[Any] = []
    sent = (
        kafka.KafkaProducer().send("truck_gps", b"x").add_callback(lambda n, metadata: heard.append((n, metadata)), 1)
    )
    metadata = sent.get()
    assert heard == [(1, metadata)]
    sent.add_both(heard.append).add_errback(heard.append)
    assert heard == [(1, metadata), metadata]


def test_a_failing_callback_is_logged_and_stops_nothing(kafka: ClientLibrary, caplog: Any) -> None:
    producer = kafka.KafkaProducer()
    sent = producer.send("truck_gps", b"x").add_callback(lambda _: 1 / 0)
    with caplog.at_level(logging.ERROR):
        sent.get()
    assert "ZeroDivisionError" in caplog.text


def test_too_few_replicas_fail_a_record_under_kafka_pythons_name(cluster: Cluster, kafka: ClientLibrary) -> None:
    cluster.create_topic("strict", partitions=1, replication_factor=3, min_insync_replicas=3)
    producer = kafka.KafkaProducer(acks="all", retries=0, enable_idempotence=False)
    assert producer.send("strict", b"x").get().offset == 0
    cluster.kill(103)
    cluster.run(for_ms=40_000)
    sent = producer.send("strict", b"y")
    with pytest.raises(kafka.errors.NotEnoughReplicasError) as caught:
        sent.get()
    error = caught.value
    assert (error.errno, error.retriable, error.message) == (19, True, "NOT_ENOUGH_REPLICAS")
    assert error.java_name == "NotEnoughReplicasException"
    assert str(error).startswith("[Error 19] NotEnoughReplicasError: ")
    assert (sent.failed(), sent.retriable(), sent.exception) == (True, True, error)
    assert producer.metrics()["producer-metrics"]["record-error-total"] == 1


def test_a_topic_that_nobody_knows_costs_max_block_ms() -> None:
    cluster = Cluster(brokers=1, broker_config={"auto.create.topics.enable": False})
    kafka = cluster.client_library()
    producer = kafka.KafkaProducer(max_block_ms=5_000)
    before = cluster.now_ms
    with pytest.raises(kafka.errors.KafkaTimeoutError, match=r"Failed to update metadata after 5\.0 secs\."):
        producer.send("nowhere", b"x")
    assert cluster.now_ms == before + 5_000


def test_a_delivery_that_takes_too_long_is_a_timeout_of_the_client(cluster: Cluster, kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(delivery_timeout_ms=3_000, request_timeout_ms=1_000)
    assert producer.partitions_for("truck_gps") == {0, 1, 2}
    for broker in cluster.brokers:
        cluster.kill(broker)
    with pytest.raises(kafka.errors.KafkaTimeoutError, match="3000 ms"):
        producer.send("truck_gps", b"x").get()


def test_get_waits_no_longer_than_it_is_told(cluster: Cluster, kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(linger_ms=10_000)
    sent = producer.send("truck_gps", b"x")
    before = cluster.now_ms
    with pytest.raises(kafka.errors.KafkaTimeoutError, match=r"Timeout after waiting for 0\.5 secs\."):
        sent.get(timeout=0.5)
    assert cluster.now_ms == before + 500
    with pytest.raises(kafka.errors.KafkaTimeoutError):
        producer.flush(timeout=0)
    producer.flush()
    assert sent.is_done


@pytest.mark.parametrize(
    ("configs", "idempotent"),
    [({}, True), ({"acks": "all"}, True), ({"acks": 1}, False), ({"retries": 0}, False),
     ({"max_in_flight_requests_per_connection": 6}, False), ({"enable_idempotence": False}, False)],
)  # fmt: skip
def test_idempotence_gives_way_unless_it_was_asked_for(
    kafka: ClientLibrary, configs: dict[str, Any], idempotent: bool
) -> None:
    producer = kafka.KafkaProducer(**configs)
    assert producer.config["enable_idempotence"] is producer._native.config.enable_idempotence is idempotent
    if not idempotent and "enable_idempotence" not in configs:
        with pytest.raises(kafka.errors.KafkaConfigurationError, match="incompatible with user-provided"):
            kafka.KafkaProducer(enable_idempotence=True, **configs)


def test_settings_arrive_at_the_native_producer(kafka: ClientLibrary) -> None:
    native = kafka.KafkaProducer()._native.config
    assert (native.acks, native.retries, native.reconnect_backoff_max_ms, native.retry_backoff_max_ms) == (
        -1, 2**31 - 1, 30_000, 100,
    )  # fmt: skip
    assert native.bootstrap_servers is None
    chosen = kafka.KafkaProducer(bootstrap_servers=["broker-101", "broker-102:9092"], client_id="gps", retries=3)
    assert chosen._native.config.bootstrap_servers == ("broker-101:9092", "broker-102:9092")
    assert (chosen._native.client_id, chosen._native.config.retries) == ("gps", 3)


@pytest.mark.parametrize(
    ("arguments", "kind", "match"),
    [
        ({"topic": "truck_gps"}, ValueError, "Need at least one: key or value"),
        ({"topic": "truck_gps", "value": "text"}, TypeError, "Unsupported type for serialized value"),
        ({"topic": "truck_gps", "value": b"x", "headers": [("a", "b")]}, TypeError, "headers must be"),
        ({"topic": "truck_gps", "value": b"x", "partition": 3}, ValueError, "Unrecognized partition 3"),
        ({"topic": "truck_gps", "value": b"x", "partition": True}, ValueError, "partition must be"),
        ({"topic": "no such name", "value": b"x"}, ValueError, "Topic name is invalid"),
        ({"topic": 5, "value": b"x"}, TypeError, "name of a topic"),
    ],
)
def test_bad_records_are_refused_at_the_call(
    kafka: ClientLibrary, arguments: dict[str, Any], kind: type[Exception], match: str
) -> None:
    producer = kafka.KafkaProducer()
    with pytest.raises(kind, match=match) as caught:
        producer.send(**arguments)
    assert isinstance(caught.value, ConfigError)
    assert producer.metrics()["producer-metrics"]["record-send-total"] == 0


def test_a_record_above_max_request_size_is_refused(kafka: ClientLibrary) -> None:
    with pytest.raises(kafka.errors.MessageSizeTooLargeError):
        kafka.KafkaProducer(max_request_size=1_000).send("truck_gps", b"x" * 2_000)


def test_a_closed_producer_sends_no_more(kafka: ClientLibrary) -> None:
    with kafka.KafkaProducer(linger_ms=1_000) as producer:
        sent = producer.send("truck_gps", b"x")
    assert sent.succeeded()
    producer.close()
    with pytest.raises(kafka.errors.IllegalStateError, match="already closed"):
        producer.send("truck_gps", b"y")


def test_nothing_may_wait_inside_a_process(cluster: Cluster, kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer()
    caught = []

    def story() -> Any:
        yield cluster.sleep_ms(1)
        try:
            producer.send("truck_gps", b"x")
        except UsageError as error:
            caught.append(str(error))

    cluster.process(story)
    cluster.run(for_ms=10)
    assert len(caught) == 1
    assert "cluster.producer()" in caught[0]


def read(kafka: ClientLibrary, isolation_level: str) -> list[bytes]:
    consumer = kafka.KafkaConsumer(isolation_level=isolation_level, auto_offset_reset="earliest")
    consumer.assign([kafka.TopicPartition("truck_gps", 0)])
    found = [one.value for _ in range(4) for records in consumer.poll(500).values() for one in records]
    consumer.close()
    return found


def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(kafka: ClientLibrary) -> None:
    producer = kafka.KafkaProducer(transactional_id="t")
    tp = kafka.TopicPartition("truck_gps", 0)
    producer.init_transactions()
    for value, offset, end in ((b"kept", 3, producer.commit_transaction), (b"gone", 7, producer.abort_transaction)):
        producer.begin_transaction()
        producer.send("truck_gps", value, partition=0)
        producer.send_offsets_to_transaction({tp: kafka.structs.OffsetAndMetadata(offset, "", -1)}, "readers")
        end()
    producer.close()

    assert read(kafka, "read_committed") == [b"kept"]
    assert read(kafka, "read_uncommitted") == [b"kept", b"gone"]
    offsets = kafka.KafkaAdminClient().list_group_offsets({"readers": None})
    assert [found.offset for found in offsets["readers"].values()] == [3]


def test_a_zombie_is_fenced(kafka: ClientLibrary) -> None:
    zombie, successor = (kafka.KafkaProducer(transactional_id="t") for _ in range(2))
    zombie.init_transactions()
    zombie.begin_transaction()
    zombie.send("truck_gps", b"late", partition=0).get()
    successor.init_transactions()
    with pytest.raises(kafka.errors.ProducerFencedError):
        zombie.commit_transaction()
    with pytest.raises(kafka.errors.KafkaError):
        zombie.send("truck_gps", b"later", partition=0)


def test_calls_about_transactions_need_an_id_and_their_order(kafka: ClientLibrary) -> None:
    with pytest.raises(kafka.errors.IllegalStateError, match="transactional_id"):
        kafka.KafkaProducer().begin_transaction()
    producer = kafka.KafkaProducer(transactional_id="t")
    for call in (producer.begin_transaction, lambda: producer.send("truck_gps", b"x")):
        with pytest.raises(kafka.errors.IllegalStateError):
            call()
    producer.init_transactions()
    producer.begin_transaction()
    with pytest.raises(kafka.errors.IllegalStateError):
        producer.begin_transaction()
    with pytest.raises(TypeError, match="group_metadata must be"):
        producer.send_offsets_to_transaction({}, 5)
    for settings in ({"enable_idempotence": False}, {"acks": 1}):
        with pytest.raises(kafka.errors.KafkaConfigurationError):
            kafka.KafkaProducer(transactional_id="t", **settings)


def test_a_name_that_kafka_errors_lacks_is_told_with_its_neighbours(kafka: ClientLibrary) -> None:
    with pytest.raises(AttributeError, match="NotEnoughReplicasError"):
        _ = kafka.errors.NotEnoughReplicaError


def test_a_record_for_whose_answer_nobody_listens_costs_no_event(kafka: ClientLibrary, cluster: Cluster) -> None:
    producer = kafka.KafkaProducer(linger_ms=5)
    producer.send("truck_gps", b"first", partition=0).get()
    counter = Counter(cluster._kernel)
    sent = [producer.send("truck_gps", b"%d" % number, partition=0) for number in range(100)]
    producer.flush()
    assert [future.value.offset for future in sent] == list(range(sent[0].value.offset, sent[0].value.offset + 100))
    assert counter.events < 20
