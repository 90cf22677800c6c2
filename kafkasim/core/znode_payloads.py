"""What Kafka writes into its znodes: paths and JSON payloads. Kafka: ZkData."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kafkasim.core.assignment import ReplicaAssignment
from kafkasim.messages.control import PartitionState
from kafkasim.records import TopicPartition

CONTROLLER = "/controller"
CONTROLLER_EPOCH = "/controller_epoch"
BROKER_IDS = "/brokers/ids"
TOPICS = "/brokers/topics"
TOPIC_CONFIGS = "/config/topics"
BROKER_CONFIGS = "/config/brokers"
CONFIG_CHANGES = "/config/changes"
DELETE_TOPICS = "/admin/delete_topics"
LOG_DIR_EVENTS = "/log_dir_event_notification"
CLUSTER_ID = "/cluster/id"
FEATURE = "/feature"
PRODUCER_IDS = "/latest_producer_id_block"
PRODUCER_ID_BLOCK = 1000
PERSISTENT = (
    "/admin", DELETE_TOPICS, "/brokers", BROKER_IDS, "/brokers/seqid", TOPICS, "/cluster", "/config", BROKER_CONFIGS,
    CONFIG_CHANGES, "/config/clients", "/config/ips", TOPIC_CONFIGS, "/config/users", "/consumers",
    "/isr_change_notification", PRODUCER_IDS, LOG_DIR_EVENTS,
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


def cluster_id_payload(cluster_id: str) -> bytes:
    """The name that the first broker has drawn for the cluster."""
    return encode({"version": "1", "id": cluster_id})


def feature_payload() -> bytes:
    """The finalized features: none, and enabled."""
    return encode({"features": {}, "version": 2, "status": 1})


def topic_path(topic: str) -> str:
    """The assignment of a topic."""
    return f"{TOPICS}/{topic}"


def topic_payload(topic_id: str, assignment: Mapping[int, ReplicaAssignment]) -> bytes:
    """Which brokers hold which partition, preferred leader first, and which of them come or go."""

    def listed(part: str) -> dict[str, list[int]]:
        found = {str(number): list(getattr(one, part)) for number, one in sorted(assignment.items())}
        return {number: brokers for number, brokers in found.items() if brokers or part == "replicas"}

    return encode(
        {
            "removing_replicas": listed("removing"), "partitions": listed("replicas"), "topic_id": topic_id,
            "adding_replicas": listed("adding"), "version": 3,
        }
    )  # fmt: skip


def assignment_of(data: bytes) -> dict[int, ReplicaAssignment]:
    """The assignment in a topic's payload."""
    payload = decode(data)
    return {
        int(number): ReplicaAssignment(
            tuple(replicas), tuple(payload["adding_replicas"].get(number, ())),
            tuple(payload["removing_replicas"].get(number, ())),
        )
        for number, replicas in sorted(payload["partitions"].items(), key=lambda item: int(item[0]))
    }  # fmt: skip


def partitions_path(topic: str) -> str:
    """The parent of a topic's partitions."""
    return f"{TOPICS}/{topic}/partitions"


def partition_path(tp: TopicPartition) -> str:
    """The parent of a partition's state."""
    return f"{TOPICS}/{tp.topic}/partitions/{tp.partition}"


def state_path(tp: TopicPartition) -> str:
    """The state of a partition; the znode's version is the partition epoch."""
    return f"{partition_path(tp)}/state"


def state_payload(state: PartitionState, controller_epoch: int) -> bytes:
    """Leader, ISR and epochs; leader -1 means none. Only a recovering partition says that it is."""
    payload: dict[str, Any] = {
        "controller_epoch": controller_epoch, "leader": state.leader, "version": 1,
        "leader_epoch": state.leader_epoch, "isr": list(state.isr),
    }  # fmt: skip
    if state.is_recovering:
        payload["leader_recovery_state"] = 1
    return encode(payload)


def state_of(data: bytes, version: int, replicas: tuple[int, ...]) -> PartitionState:
    """The state in a partition's payload."""
    payload = decode(data)
    return PartitionState(
        payload["leader"], payload["leader_epoch"], tuple(payload["isr"]), version, replicas,
        payload.get("leader_recovery_state") == 1,
    )  # fmt: skip


def config_path(topic: str) -> str:
    """The settings that a topic was given."""
    return f"{TOPIC_CONFIGS}/{topic}"


def config_payload(config: Mapping[str, str]) -> bytes:
    """The settings that a topic or a broker was given."""
    return encode({"version": 1, "config": dict(config)})


def config_change_payload(entity: str) -> bytes:
    """A notice that the settings of ``topics/...`` or ``brokers/...`` have changed."""
    return encode({"version": 2, "entity_path": entity})


def delete_topic_path(topic: str) -> str:
    """The request to delete a topic; the znode is empty."""
    return f"{DELETE_TOPICS}/{topic}"


def producer_id_block_payload(broker: int, start: int) -> bytes:
    """The block of producer ids that was given out last, and to whom."""
    return encode(
        {"version": 1, "broker": broker, "block_start": str(start), "block_end": str(start + PRODUCER_ID_BLOCK - 1)}
    )
