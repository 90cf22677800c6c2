"""What Kafka writes into its znodes: paths and JSON payloads. Kafka: ZkData."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kafkasim.messages.control import PartitionState
from kafkasim.records import TopicPartition

CONTROLLER = "/controller"
CONTROLLER_EPOCH = "/controller_epoch"
BROKER_IDS = "/brokers/ids"
TOPICS = "/brokers/topics"
TOPIC_CONFIGS = "/config/topics"
PRODUCER_IDS = "/latest_producer_id_block"
PERSISTENT = (
    "/admin", "/admin/delete_topics", "/brokers", BROKER_IDS, "/brokers/seqid", TOPICS, "/cluster", "/config",
    "/config/brokers", "/config/changes", "/config/clients", "/config/ips", TOPIC_CONFIGS, "/config/users",
    "/consumers", "/isr_change_notification", PRODUCER_IDS, "/log_dir_event_notification",
)  # fmt: skip
"""The znodes that the first broker makes."""


def encode(payload: Mapping[str, Any]) -> bytes:
    """JSON as Kafka writes it, without spaces."""
    return json.dumps(payload, separators=(",", ":")).encode()


def decode(data: bytes) -> Any:
    """What a payload says."""
    return json.loads(data)


def broker_path(broker: int) -> str:
    """The ephemeral znode of a broker; its czxid is the broker epoch."""
    return f"{BROKER_IDS}/{broker}"


def broker_payload(host: str, port: int, timestamp: int, rack: str | None) -> bytes:
    """How a broker is reached."""
    payload: dict[str, Any] = {
        "version": 5, "host": host, "port": port, "endpoints": [f"PLAINTEXT://{host}:{port}"],
        "listener_security_protocol_map": {"PLAINTEXT": "PLAINTEXT"}, "jmx_port": -1, "timestamp": str(timestamp),
        "features": {},
    }  # fmt: skip
    if rack is not None:
        payload["rack"] = rack
    return encode(payload)


def controller_payload(broker: int, timestamp: int) -> bytes:
    """Who is the controller."""
    return encode({"version": 2, "brokerid": broker, "timestamp": str(timestamp), "kraftControllerEpoch": -1})


def topic_path(topic: str) -> str:
    """The assignment of a topic."""
    return f"{TOPICS}/{topic}"


def topic_payload(topic_id: str, assignment: Mapping[int, tuple[int, ...]]) -> bytes:
    """Which brokers hold which partition, preferred leader first."""
    partitions = {str(number): list(replicas) for number, replicas in sorted(assignment.items())}
    return encode(
        {"version": 3, "topic_id": topic_id, "partitions": partitions, "adding_replicas": {}, "removing_replicas": {}}
    )


def assignment_of(data: bytes) -> dict[int, tuple[int, ...]]:
    """The assignment in a topic's payload."""
    return {int(number): tuple(replicas) for number, replicas in sorted(decode(data)["partitions"].items())}


def state_path(tp: TopicPartition) -> str:
    """The state of a partition; the znode's version is the partition epoch."""
    return f"{TOPICS}/{tp.topic}/partitions/{tp.partition}/state"


def state_payload(state: PartitionState, controller_epoch: int) -> bytes:
    """Leader, ISR and epochs; leader -1 means none."""
    return encode(
        {
            "controller_epoch": controller_epoch, "leader": state.leader, "version": 1,
            "leader_epoch": state.leader_epoch, "isr": list(state.isr),
        }
    )  # fmt: skip


def state_of(data: bytes, version: int, replicas: tuple[int, ...]) -> PartitionState:
    """The state in a partition's payload."""
    payload = decode(data)
    return PartitionState(payload["leader"], payload["leader_epoch"], tuple(payload["isr"]), version, replicas)


def config_path(topic: str) -> str:
    """The settings that a topic was given."""
    return f"{TOPIC_CONFIGS}/{topic}"


def config_payload(config: Mapping[str, str]) -> bytes:
    """A topic's own settings."""
    return encode({"version": 1, "config": dict(config)})
