"""Exercise 01 is judged by behaviour: the reference and another right answer pass, each wrong one is told something else."""

from __future__ import annotations

import itertools

import pytest

import kafkasim as ks
from kafkasim.grader.lessons import lesson_01


def by_key(producer, readings):
    for truck, text in readings:
        producer.send("truck_gps", text, key=truck)


def by_partition(producer, readings):
    for truck, text in readings:
        producer.send("truck_gps", text, partition=int(truck[-1]) % 3)


def test_right_answers_pass():
    lesson_01.check_send_readings(by_key)
    lesson_01.check_send_readings(by_partition)


def nothing(producer, readings):
    pass


def without_key(producer, readings):
    for _, text in readings:
        producer.send("truck_gps", text)


def twice(producer, readings):
    by_key(producer, readings)
    by_key(producer, readings)


def backwards(producer, readings):
    by_key(producer, list(reversed(readings)))


def another_topic(producer, readings):
    for truck, text in readings:
        producer.send("trucks", text, key=truck)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (nothing, "No reading has arrived"),
        (another_topic, "No reading has arrived"),
        (without_key, "no order between them|there is no order"),
        (twice, "60 values lie in the topic, but 30 readings"),
        (backwards, "in another order than they were sent in"),
    ],
)
def test_wrong_ways_to_send_are_told_apart(wrong, message):
    with pytest.raises(AssertionError, match=message) as caught:
        lesson_01.check_send_readings(wrong)
    assert "Replay it with seed 0 and the plan 'nothing fails'." in str(caught.value)
    assert len(str(caught.value).split()) <= 60


def read(consumer, topic, partition, offset, count):
    tp = ks.TopicPartition(topic, partition)
    consumer.assign([tp])
    consumer.seek(tp, offset)
    values = []
    while len(values) < count:
        values += [record.value.decode() for record in consumer.poll(1000).get()]
    return values[:count]


def read_by_skipping(consumer, topic, partition, offset, count):
    return read(consumer, topic, partition, 0, offset + count)[offset:]


def test_both_ways_to_read_pass():
    lesson_01.check_read_from(read)
    lesson_01.check_read_from(read_by_skipping)


@pytest.mark.parametrize(
    ("wrong", "given"),
    [
        (lambda *_: [], r"It gave \[\]"),
        (lambda consumer, topic, partition, offset, count: read(consumer, topic, partition, 0, count), "5, 3"),
        (lambda consumer, topic, partition, offset, count: read(consumer, topic, 0, offset, count), "2, 5, 3"),
        (lambda consumer, topic, partition, offset, count: read(consumer, topic, partition, offset, 2), "0, 0, 3"),
    ],
)
def test_wrong_ways_to_read_are_shown_what_they_gave(wrong, given):
    with pytest.raises(AssertionError, match=given):
        lesson_01.check_read_from(wrong)


def in_order(records):
    last = {}
    for record in records:
        if record.offset <= last.get(record.partition, -1):
            return False
        last[record.partition] = record.offset
    return True


def test_the_order_that_kafka_promises():
    lesson_01.check_in_order(in_order)
    lesson_01.check_in_order(
        lambda records: all(
            earlier.offset < later.offset
            for place, later in enumerate(records)
            for earlier in records[:place]
            if earlier.partition == later.partition
        )
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda records: True, "swapped"),
        (lambda records: False, "in order"),
        (
            lambda records: [r.offset for r in records] == sorted(r.offset for r in records),
            "before a low one of another",
        ),
        (
            lambda records: all(b.offset == a.offset + 1 for a, b in itertools.pairwise(records)),
            "interleaved",
        ),
        (lambda records: None, "True or False"),
    ],
)
def test_wrong_ideas_of_order_meet_the_history_that_refutes_them(wrong, message):
    with pytest.raises(AssertionError, match=message):
        lesson_01.check_in_order(wrong)


def deal(producer, topic, values, partitions):
    for number, value in enumerate(values):
        producer.send(topic, value, partition=number % partitions)


def test_dealing_out_passes():
    lesson_01.check_spread(deal)
    lesson_01.check_spread(lambda producer, topic, values, partitions: deal(producer, topic, values[::-1], partitions))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda producer, topic, values, partitions: [producer.send(topic, value) for value in values], "not even"),
        (
            lambda producer, topic, values, partitions: [
                producer.send(topic, v, key=f"{n}") for n, v in enumerate(values)
            ],
            "without a key",
        ),
        (lambda producer, topic, values, partitions: deal(producer, topic, values, 3), "not even"),
        (lambda producer, topic, values, partitions: deal(producer, topic, values[1:], partitions), "each once"),
    ],
)
def test_wrong_ways_to_spread_are_told_apart(wrong, message):
    with pytest.raises(AssertionError, match=message):
        lesson_01.check_spread(wrong)


def test_an_error_of_the_cluster_is_told_in_its_own_words():
    with pytest.raises(AssertionError, match=r"ConfigError: key must be bytes, a text or None\. Got 7"):
        lesson_01.attempt(
            lesson_01.check_send_readings, lambda producer, readings: producer.send("truck_gps", "x", key=7)
        )
