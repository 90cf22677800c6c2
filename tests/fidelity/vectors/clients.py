"""Vectors of what clients do: hashes, partitions, batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.core import hashing, partitioners
from kafkasim.core.accumulator import RecordAccumulator
from kafkasim.records import Record, TopicPartition


def murmur2(given: Any) -> Any:
    return hashing.murmur2(bytes.fromhex(given["key_hex"]))


def key_partition(given: Any) -> Any:
    key = bytes.fromhex(given["key_hex"])
    return {str(count): hashing.partition_for_key(key, count) for count in given["partition_counts"]}


def adaptive_partitioning(given: Any) -> Any:
    queues, numbers = given["queue_sizes"], given["partition_ids"]
    table = partitioners.cumulative_weights(queues)
    if table is None:
        return {"adaptive": False}

    def choice(value: int) -> int:
        sticky = partitioners.StickyPartitioner(1, Throw(value))
        return sticky.change("t", numbers, len(numbers), queues)

    choices = {str(value): choice(value) for value in given["random_values"]}
    return {"adaptive": True, "cumulative_table": table, "choice_for_random": choices}


class Throw:
    """Chance that has come up with a number, which Kafka brings into range by modulo."""

    def __init__(self, value: int) -> None:
        self.value = value

    def randrange(self, stop: int, /) -> int:
        return self.value % stop


def round_robin_partitioner(given: Any) -> Any:
    partitioner = partitioners.RoundRobinPartitioner(given["counter_starts_at"])
    available, partitions = given["available_partitions"], given["total_partitions"]
    return [partitioner.partition("t", None, None, available, partitions) for _ in range(given["calls"])]


def batch_fill(given: Any) -> Any:
    """Append equal records until one opens a second batch."""
    if given["compression"] != "none":
        raise ValueError("batches are not compressed")
    key = None if given["key_bytes"] is None else bytes(given["key_bytes"])
    headers = tuple(("", b"") for _ in range(given["headers"]))
    accumulator, tp = RecordAccumulator(given["batch.size"], 0), TopicPartition("t", 0)
    time_ms = 0
    while len(accumulator.queues.get(tp, ())) < 2:
        record = Record(key, bytes(given["value_bytes"]), time_ms, headers)
        accumulator.append(tp, record, lambda offset, error: None, 0)
        time_ms += not given["equal_timestamps"]
    full = accumulator.take(tp)
    return {"records_in_full_batch": len(full.records), "batch_bytes": full.size}


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one for one in (murmur2, key_partition, adaptive_partitioning, round_robin_partitioner, batch_fill)
}
