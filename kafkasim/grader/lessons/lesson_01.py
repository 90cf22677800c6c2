"""Checks of exercise 01: topics, partitions and offsets.

Each check runs the learner's function on clusters of 20 seeds under three fault plans, and reads the verdict from what
lies in the partitions afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafkasim.cluster import Cluster
from kafkasim.errors import KafkaSimError
from kafkasim.faults import Kill, Restart
from kafkasim.grader.check import judge, quietly
from kafkasim.records import Record, TopicPartition
from kafkasim.sim.consumer_records import ConsumerRecord

TOPIC = "truck_gps"
TRUCKS = ("truck-0", "truck-1", "truck-2", "truck-3", "truck-4")
READINGS = [(truck, f"{truck} reading {number}") for number in range(6) for truck in TRUCKS]

PLANS: dict[str, Sequence[Any]] = {
    "nothing fails": (),
    "broker-102 dies": (Kill(102),),
    "broker-102 dies and comes back": (Kill(102), Restart(102)),
}
"""Faults in the order of their coming, 200 ms after the first send and then 25 s apart."""


def _cluster(seed: int, faults: Sequence[Any], partitions: int = 3) -> Cluster:
    cluster = Cluster(brokers=3, seed=seed)
    cluster.create_topic(TOPIC, partitions=partitions, replication_factor=3, min_insync_replicas=2)
    for place, fault in enumerate(faults):
        cluster.at(cluster.now_ms + 200 + 25_000 * place, fault)
    return cluster


def _log(cluster: Cluster, partitions: int = 3) -> dict[int, list[tuple[int, Record]]]:
    """What lies in each partition, on the disk of its leader."""
    state = cluster.trace.now
    logs = {}
    for number in range(partitions):
        tp = TopicPartition(TOPIC, number)
        leader = state.leader(tp)
        assert leader is not None
        logs[number] = list(cluster.disk(leader).replica(tp).records)
    return logs


def check_send_readings(send_readings: Callable[..., object]) -> None:
    """Every reading arrives once, and the readings of each truck lie in the order in which they were sent."""

    def trial(seed: int, faults: Sequence[Any]) -> str | None:
        cluster = _cluster(seed, faults)
        producer = cluster.producer(acks="all", batch_size=100)  # so small that keyless records change partition often
        half = len(READINGS) // 2
        send_readings(producer, READINGS[:half])
        producer.flush().get()
        cluster.run(for_ms=300)
        send_readings(producer, READINGS[half:])
        producer.flush().get()
        cluster.run(for_ms=30_000)
        return _broken_promise(_log(cluster))

    judge(trial, plans=PLANS)


def _broken_promise(logs: Mapping[int, list[tuple[int, Record]]]) -> str | None:
    values = [record.value.decode() for log in logs.values() for _, record in log if record.value is not None]
    if not values:
        return "No reading has arrived. Call producer.send() for each of them."
    if sorted(values) != sorted(value for _, value in READINGS):
        return f"{len(values)} values lie in the topic, but {len(READINGS)} readings were to be sent, each once."
    for truck in TRUCKS:
        places = {number for number, log in logs.items() for _, record in log if _is_of(record, truck)}
        if len(places) > 1:
            return (
                f"The readings of {truck} lie in the partitions {sorted(places)}, and there is no order between them."
                " What keeps records together in one partition?"
            )
        (number,) = places
        order = [record.value for _, record in logs[number] if _is_of(record, truck)]
        if order != [value.encode() for name, value in READINGS if name == truck]:
            return f"The readings of {truck} lie in another order than they were sent in."
    return None


def _is_of(record: Record, truck: str) -> bool:
    return record.value is not None and record.value.decode().startswith(f"{truck} ")


def check_read_from(read_from: Callable[..., object]) -> None:
    """The values from an offset of one partition on, and nothing of another partition."""

    def trial(seed: int, faults: Sequence[Any]) -> str | None:
        cluster = _cluster(seed, faults)
        producer = cluster.producer(acks="all")
        for number in range(24):
            producer.send(TOPIC, f"value {number}", partition=number % 3)
        producer.flush().get()
        cluster.run(for_ms=300)
        for partition, offset, count in ((0, 0, 3), (2, 5, 3), (1, 2, 4)):
            wanted = [f"value {partition + 3 * place}" for place in range(offset, offset + count)]
            got = read_from(cluster.consumer(), TOPIC, partition, offset, count)
            if got != wanted:
                return (
                    f"read_from(consumer, {TOPIC!r}, {partition}, {offset}, {count}) must give {wanted}. It gave"
                    f" {got!r}. An offset counts within its partition."
                )
        return None

    judge(trial, plans=PLANS)


def _record(partition: int, offset: int) -> ConsumerRecord:
    return ConsumerRecord(TOPIC, partition, offset, 0, None, None, (), 0, -1, -1)


HISTORIES: tuple[tuple[str, tuple[tuple[int, int], ...], bool], ...] = (
    ("one partition, in order", ((0, 0), (0, 1), (0, 2)), True),
    ("two partitions, interleaved", ((0, 0), (1, 0), (0, 1), (1, 1)), True),
    ("a high offset of one before a low one of another", ((0, 7), (1, 3), (0, 8)), True),
    ("a gap, as compaction leaves it", ((0, 0), (0, 5)), True),
    ("nothing at all", (), True),
    ("one partition, swapped", ((0, 1), (0, 0)), False),
    ("swapped behind another partition", ((0, 3), (1, 0), (0, 2)), False),
    ("the same record twice", ((1, 4), (1, 4)), False),
)


def check_in_order(in_order: Callable[..., object]) -> None:
    """True exactly when the offsets rise within each partition."""
    for name, history, wanted in HISTORIES:
        records = [_record(partition, offset) for partition, offset in history]
        got = quietly(in_order, records)
        assert isinstance(got, bool), f"in_order() must give True or False. For {name} it gave {got!r}."
        assert got is wanted, (
            f"For {name}, (partition, offset) {list(history)}, in_order() must give {wanted}. It gave {got}. There is"
            " an order within each partition, and none between partitions."
        )


def check_spread(spread: Callable[..., object]) -> None:
    """Values without keys, evenly over all partitions, each once."""

    def trial(seed: int, faults: Sequence[Any]) -> str | None:
        partitions = 3 + seed % 4
        cluster = _cluster(seed, faults, partitions)
        producer = cluster.producer(acks="all")
        values = [f"value {number}" for number in range(partitions * 4 + seed % 3)]
        spread(producer, TOPIC, values, partitions)
        producer.flush().get()
        cluster.run(for_ms=30_000)
        logs = _log(cluster, partitions)
        found = [record for log in logs.values() for _, record in log]
        if sorted(str(record.value) for record in found) != sorted(str(value.encode()) for value in values):
            return f"{len(found)} values lie in the topic, but {len(values)} were to be sent, each once."
        if any(record.key is not None for record in found):
            return "The values must be sent without a key: a key decides the partition by its hash."
        counts = [len(log) for log in logs.values()]
        if max(counts) - min(counts) > 1:
            return (
                f"The partitions hold {counts} values, and that is not even. Without a key Kafka's producer stays with"
                " one partition for a while: choose the partition yourself."
            )
        return None

    judge(trial, plans=PLANS)


def attempt(check: Callable[[Callable[..., object]], None], answer: Callable[..., object]) -> None:
    """Run a check; what the learner's code does wrong in Kafka's terms is said in Kafka's terms."""
    try:
        check(answer)
    except KafkaSimError as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from None
