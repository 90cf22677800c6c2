"""Which setting decides that a leader refuses a batch: what an answer to "why?" names."""

from __future__ import annotations

from kafkasim.config import TopicConfig
from kafkasim.errors import KafkaError


def deciding_setting(error: KafkaError, config: TopicConfig, leader_epoch: int) -> str:
    """The setting, with its value where it has one here, by Kafka's name of the error; empty where none decides."""
    return {
        "NOT_ENOUGH_REPLICAS": f"min.insync.replicas={config.min_insync_replicas}",
        "NOT_LEADER_OR_FOLLOWER": f"leader epoch {leader_epoch}",
        "MESSAGE_TOO_LARGE": f"max.message.bytes={config.max_message_bytes}",
        "RECORD_LIST_TOO_LARGE": f"segment.bytes={config.segment_bytes}",
        "INVALID_RECORD": f"cleanup.policy={','.join(config.cleanup_policy)}",
        "INVALID_TIMESTAMP": "message.timestamp.before.max.ms and message.timestamp.after.max.ms",
        "INVALID_REQUIRED_ACKS": "acks",
        "KAFKA_STORAGE_ERROR": "log.dirs",
        "OUT_OF_ORDER_SEQUENCE_NUMBER": "enable.idempotence=true",
        "INVALID_PRODUCER_EPOCH": "enable.idempotence=true",
        "INVALID_TXN_STATE": "transactional.id",
    }.get(error.name, "")
