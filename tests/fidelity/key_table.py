"""The table of the partitions that real clients chose for a key: both clients of ours send the keys."""

from __future__ import annotations

from typing import Any

import kafkasim as ks

CLIENTS = ("java", "kafka_python")


def expected(rows: list[dict[str, Any]]) -> Any:
    """The partition of each key, by client; the columns of other clients are for the reader."""
    return {client: {row["key"]: row[client] for row in rows} for client in CLIENTS}


def answer(rows: list[dict[str, Any]], partitions: int) -> Any:
    """What our native producer, which is the Java one, and the client library's producer choose."""
    cluster = ks.Cluster(brokers=1, seed=1)
    cluster.create_topic("keys", partitions=partitions)
    java = cluster.producer()
    kafka_python = cluster.client_library().KafkaProducer(bootstrap_servers="broker-101:9092")
    keys = [row["key"] for row in rows]
    return {
        "java": {key: java.send("keys", key=key.encode(), value=b"").get().partition for key in keys},
        "kafka_python": {key: kafka_python.send("keys", key=key.encode(), value=b"").get().partition for key in keys},
    }
