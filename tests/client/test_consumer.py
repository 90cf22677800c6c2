"""A program written for kafka-python reads from the simulated cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kafkasim.client.library import ClientLibrary
from kafkasim.cluster import Cluster
from kafkasim.errors import ConfigError, UsageError


@pytest.fixture
def ten(kafka: ClientLibrary) -> list[int]:
    """Ten records in partition 0 of truck_gps."""
    with kafka.KafkaProducer() as producer:
        return [producer.send("truck_gps", b"%d" % n, partition=0).get().offset for n in range(10)]


def reader(kafka: ClientLibrary, **configs: Any) -> Any:
    return kafka.KafkaConsumer(
        "truck_gps", **{"auto_offset_reset": "earliest", "consumer_timeout_ms": 10_000, "group_id": "g", **configs}
    )


def test_a_loop_reads_everything_in_order_and_ends(ten: list[int], cluster: Cluster, kafka: ClientLibrary) -> None:
    consumer = reader(kafka)
    records = []
    for record in consumer:
        records.append(record)
        last_ms = cluster.now_ms
    assert [(record.offset, record.value) for record in records] == [(n, b"%d" % n) for n in range(10)]
    assert cluster.now_ms == last_ms + 10_000
    assert records[0]._fields == (
        "topic", "partition", "leader_epoch", "offset", "timestamp", "timestamp_type", "key", "value", "headers",
        "checksum", "serialized_key_size", "serialized_value_size", "serialized_header_size",
    )  # fmt: skip
    assert records[0][6:] == (None, b"0", [], None, -1, 1, -1)
    consumer.close()
    assert list(consumer) == []


def test_in_a_loop_the_position_moves_record_by_record(ten: list[int], kafka: ClientLibrary) -> None:
    consumer = reader(kafka, enable_auto_commit=False)
    tp = kafka.TopicPartition("truck_gps", 0)
    for record in consumer:
        if record.offset == 3:
            break
    assert consumer.position(tp) == 4
    consumer.commit()
    consumer.close()
    again = reader(kafka)
    assert again.committed(tp) == 4
    assert again.committed(tp, metadata=True) == kafka.OffsetAndMetadata(4, "", 0)
    assert next(again).offset == 4


def test_poll_gives_lists_by_partition(ten: list[int], kafka: ClientLibrary) -> None:
    consumer = reader(kafka, max_poll_records=4)
    tp = kafka.TopicPartition("truck_gps", 0)
    assert consumer.poll() == {}
    assert [[r.offset for r in consumer.poll(10_000)[tp]] for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [record.offset for record in consumer.poll(10_000, max_records=1)[tp]] == [8]
    assert consumer.metrics() == {"consumer-fetch-manager-metrics": {"records-consumed-total": 9}}


def test_without_a_group_it_owns_every_partition(ten: list[int], kafka: ClientLibrary) -> None:
    consumer = reader(kafka, group_id=None)
    assert (consumer.assignment(), consumer.subscription()) == (set(), {"truck_gps"})
    assert next(consumer).offset == 0
    assert consumer.assignment() == {kafka.TopicPartition("truck_gps", number) for number in range(3)}
    with pytest.raises(kafka.errors.IllegalStateError, match="Requires group_id"):
        consumer.commit()
    assert consumer.group_metadata() == kafka.ConsumerGroupMetadata()


def test_seeking_and_the_ends(ten: list[int], kafka: ClientLibrary) -> None:
    consumer = kafka.KafkaConsumer()
    tp = kafka.TopicPartition("truck_gps", 0)
    consumer.assign([tp])
    assert (consumer.beginning_offsets([tp]), consumer.end_offsets([tp])) == ({tp: 0}, {tp: 10})
    assert consumer.position(tp) == 10
    consumer.seek(tp, 7)
    assert [record.offset for record in consumer.poll(1_000)[tp]] == [7, 8, 9]
    consumer.seek_to_beginning()
    assert consumer.position(tp) == 0
    consumer.pause(tp)
    assert consumer.paused() == {tp}
    assert consumer.poll(1_000) == {}
    consumer.resume(tp)
    assert len(consumer.poll(1_000)[tp]) == 10
    consumer.seek_to_end(tp)
    assert consumer.position(tp) == 10
    with pytest.raises(ValueError, match="Unassigned partition: truck_gps-1"):
        consumer.seek(kafka.TopicPartition("truck_gps", 1), 0)
    with pytest.raises(TypeError, match="TopicPartition"):
        consumer.position(("truck_gps", 0))


def test_a_commit_carries_offsets_and_a_text(ten: list[int], cluster: Cluster, kafka: ClientLibrary) -> None:
    consumer = reader(kafka, enable_auto_commit=False)
    tp = kafka.TopicPartition("truck_gps", 0)
    next(consumer)
    consumer.commit({tp: kafka.OffsetAndMetadata(5, "", -1)})
    assert consumer.committed(tp) == 5
    heard: list[Any] = []
    offsets = {tp: kafka.OffsetAndMetadata(6)}
    future = consumer.commit_async(offsets, callback=lambda *told: heard.append(told))
    assert not future.is_done
    cluster.run(for_ms=100)
    assert (future.succeeded(), heard) == (True, [])
    consumer.poll()
    assert heard == [(offsets, True)], "callbacks are called inside poll()"
    assert consumer.committed(tp) == 6
    with pytest.raises(TypeError, match="OffsetAndMetadata"):
        consumer.commit({tp: 5})
    consumer.commit({tp: kafka.OffsetAndMetadata(5, "a note")})
    assert consumer.committed(tp, metadata=True) == kafka.OffsetAndMetadata(5, "a note", -1)
    with pytest.raises(ConfigError, match="the metadata of truck_gps-0"):
        consumer.commit({tp: kafka.OffsetAndMetadata(5, 7)})


def test_the_end_is_known_from_the_last_fetch(ten: list[int], kafka: ClientLibrary) -> None:
    consumer = kafka.KafkaConsumer(max_poll_records=4)
    tp = kafka.TopicPartition("truck_gps", 0)
    consumer.assign([tp])
    consumer.seek_to_beginning()
    assert consumer.highwater(tp) is None
    assert len(consumer.poll(1_000)[tp]) == 4
    assert (consumer.position(tp), consumer.highwater(tp)) == (4, 10)
    with pytest.raises(kafka.errors.IllegalStateError):
        consumer.highwater(kafka.TopicPartition("truck_gps", 1))


@pytest.mark.parametrize(("autocommit", "committed"), [(True, 4), (False, None)])
def test_a_close_commits_or_not(ten: list[int], kafka: ClientLibrary, autocommit: bool, committed: int | None) -> None:
    tp = kafka.TopicPartition("truck_gps", 0)
    consumer = reader(kafka, max_poll_records=4)
    while consumer.poll(500).get(tp) is None:
        pass
    consumer.close(autocommit=autocommit)
    assert reader(kafka).committed(tp) == committed


def test_new_topics_join_a_pattern_with_the_next_metadata(cluster: Cluster, kafka: ClientLibrary) -> None:
    cluster.create_topic("train_gps", partitions=1, replication_factor=3)
    consumers = [
        kafka.KafkaConsumer(group_id=group, metadata_max_age_ms=20_000, auto_offset_reset="earliest")
        for group in ("g", None)
    ]  # fmt: skip
    for consumer in consumers:
        consumer.subscribe(pattern="^tr")
        assert consumer.subscription() is None
        consumer.poll(5_000)
        assert consumer.subscription() == {"truck_gps", "train_gps"}
        assert len(consumer.assignment()) == 4
    for topic in ("tram_gps", "a_tram"):
        cluster.create_topic(topic, partitions=2, replication_factor=3)
    kafka.KafkaProducer().send("tram_gps", b"late", partition=1).get()
    for consumer in consumers:
        assert "tram_gps" not in consumer.subscription()
        found = {}
        for _ in range(60):
            found |= consumer.poll(500)
        assert consumer.subscription() == {"tram_gps", "truck_gps", "train_gps"}, "a pattern is matched from the front"
        assert [record.value for record in found[kafka.TopicPartition("tram_gps", 1)]] == [b"late"]
        with pytest.raises(kafka.errors.IllegalStateError):
            consumer.subscribe(["truck_gps"])
        with pytest.raises(kafka.errors.IllegalStateError):
            consumer.assign([kafka.TopicPartition("truck_gps", 0)])
        consumer.unsubscribe()
        consumer.subscribe(["truck_gps"])
        consumer.poll(5_000)
        assert len(consumer.assignment()) == 3


def test_a_record_that_cannot_be_read_stays_in_the_way(kafka: ClientLibrary) -> None:
    with kafka.KafkaProducer() as producer:
        for value in (b"1", b"not json", b"3"):
            producer.send("truck_gps", value, partition=0).get()
    consumer = reader(kafka, value_deserializer=json.loads)
    tp = kafka.TopicPartition("truck_gps", 0)
    assert next(consumer).value == 1
    for _ in range(2):
        with pytest.raises(json.JSONDecodeError):
            next(consumer)
        assert consumer.position(tp) == 1
    consumer.seek(tp, 2)
    assert next(consumer).value == 3


def test_serializers_are_objects_too(kafka: ClientLibrary) -> None:
    serializer = kafka.serializer.JsonSerializer()
    with kafka.KafkaProducer(value_serializer=serializer) as producer:
        producer.send("truck_gps", {"lat": 48.85})
    assert next(reader(kafka, value_deserializer=serializer)).value == {"lat": 48.85}


def test_a_listener_hears_of_the_partitions(ten: list[int], kafka: ClientLibrary) -> None:
    heard: list[tuple[str, int]] = []

    class Listener(kafka.ConsumerRebalanceListener):  # type: ignore[name-defined,misc]
        def on_partitions_revoked(self, revoked: Any) -> None:
            heard.append(("revoked", len(revoked)))

        def on_partitions_assigned(self, assigned: Any) -> None:
            heard.append(("assigned", len(assigned)))

    consumer = kafka.KafkaConsumer(group_id="g")
    consumer.subscribe(["truck_gps"], listener=Listener())
    consumer.poll(5_000)
    assert heard[-1] == ("assigned", 3)
    assert consumer.group_metadata().state == "<stable>"
    consumer.close()
    assert heard[-1] == ("revoked", 3)


def test_topics_can_be_asked_for_and_are_not_created_by_that(kafka: ClientLibrary) -> None:
    consumer = kafka.KafkaConsumer()
    assert consumer.topics() == {"truck_gps"}
    assert consumer.partitions_for_topic("truck_gps") == {0, 1, 2}
    assert consumer.partitions_for_topic("nowhere") == set()
    assert consumer.topics() == {"truck_gps"}
    assert consumer.bootstrap_connected()


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        (lambda kafka: kafka.KafkaConsumer(group_instance_id="i"), ConfigError, "requires group_id"),
        (lambda kafka: kafka.KafkaConsumer(request_timeout_ms=100), ConfigError, "must be larger than"),
        (lambda kafka: kafka.KafkaConsumer().subscribe("truck_gps"), TypeError, "Topics must be a list"),
        (lambda kafka: kafka.KafkaConsumer().subscribe(), ValueError, "Must provide topics"),
        (lambda kafka: kafka.KafkaConsumer().subscribe(["t"], "^t"), UsageError, "only one way"),
        (lambda kafka: kafka.KafkaConsumer().subscribe(pattern="(t"), TypeError, "a regular expression such as"),
        (lambda kafka: kafka.KafkaConsumer().subscribe(pattern=7), TypeError, "a regular expression such as"),
        (lambda kafka: kafka.KafkaConsumer().subscribe(["t"], listener=object()), TypeError, "Listener"),
        (lambda kafka: kafka.KafkaConsumer("t").poll(-1), ValueError, "timeout_ms"),
        (lambda kafka: kafka.KafkaConsumer("t").poll(update_offsets=False), UsageError, "update_offsets"),
        (lambda kafka: kafka.KafkaConsumer("t").poll(max_records=0), ValueError, "max_records"),
    ],
)
def test_calls_that_make_no_sense_are_refused(
    kafka: ClientLibrary, call: Any, kind: type[Exception], match: str
) -> None:
    with pytest.raises(kind, match=match):
        call(kafka)


def test_an_endless_loop_over_silence_is_ended(kafka: ClientLibrary) -> None:
    consumer = kafka.KafkaConsumer()
    consumer.assign([kafka.TopicPartition("truck_gps", 0)])
    with pytest.raises(UsageError, match="consumer_timeout_ms"):
        next(consumer)
