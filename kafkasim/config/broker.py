"""Settings of a broker, and the ones that topics inherit from it."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.config.definition import Settings
from kafkasim.config.setting import SHORT_MAX, boolean, integer, list_of, long, number, one_of
from kafkasim.config.topic import TopicConfig
from kafkasim.errors import ConfigError

MS_PER_MINUTE = 60_000
MS_PER_HOUR = 3_600_000

TOPIC_NAMES = {
    "cleanup.policy": "log.cleanup.policy",
    "delete.retention.ms": "log.cleaner.delete.retention.ms",
    "flush.messages": "log.flush.interval.messages",
    "flush.ms": "log.flush.interval.ms",
    "index.interval.bytes": "log.index.interval.bytes",
    "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
    "max.message.bytes": "message.max.bytes",
    "message.timestamp.after.max.ms": "log.message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms": "log.message.timestamp.before.max.ms",
    "message.timestamp.type": "log.message.timestamp.type",
    "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
    "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
    "retention.bytes": "log.retention.bytes",
    "retention.ms": "log.retention.ms",
    "segment.bytes": "log.segment.bytes",
    "segment.index.bytes": "log.index.size.max.bytes",
    "segment.jitter.ms": "log.roll.jitter.ms",
    "segment.ms": "log.roll.ms",
}
"""What a topic calls a setting -> what its brokers call it, where that differs. Kafka: ServerTopicConfigSynonyms."""
DYNAMIC = frozenset(
    {
        *TOPIC_NAMES.values(), "min.insync.replicas", "unclean.leader.election.enable", "log.cleaner.backoff.ms",
        "producer.id.expiration.ms", "transaction.partition.verification.enable",
    }
)  # fmt: skip
"""The settings that a running broker takes over. Kafka: DynamicBrokerConfig.AllDynamicConfigs."""
OF_ITS_PLACE = frozenset({"broker.id", "broker.rack", "log.dir", "log.dirs", "zookeeper.connect"})
"""Settings of a real broker that a simulated one has no need of, as its place in the cluster says them."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class BrokerConfig(Settings):
    """What a broker can be told, under Kafka's names and with the defaults of 3.9. Times are in ms, sizes in bytes.

    What a topic inherits is in :meth:`topic_defaults`: there log.retention.ms goes before log.retention.minutes and
    that before log.retention.hours, log.roll.ms before log.roll.hours, log.flush.interval.ms before
    log.flush.scheduler.interval.ms. ``file.delete.delay.ms`` is the topic's name for ``log.segment.delete.delay.ms``;
    a real broker ignores it with a warning, here it means the same. ``zookeeper.connection.timeout.ms`` falls back to
    the session timeout. Stricter than Kafka: no period of background work may be 0, no count or size negative.

    Kafka: KafkaConfig.validateValues and the classes whose names end in Config or Configs beside it.
    """

    KIND = "broker"
    ELSEWHERE = TOPIC_NAMES

    # topics
    num_partitions: int = integer(1, at_least=1)
    default_replication_factor: int = integer(1, at_least=1, at_most=SHORT_MAX)
    auto_create_topics_enable: bool = boolean(True)
    delete_topic_enable: bool = boolean(True)
    min_insync_replicas: int = integer(1, at_least=1)
    unclean_leader_election_enable: bool = boolean(False)

    # logs
    message_max_bytes: int = integer(1_048_588, at_least=0)
    log_message_timestamp_type: str = one_of("CreateTime", "CreateTime", "LogAppendTime")
    log_message_timestamp_before_max_ms: int = long(checks.LONG_MAX, at_least=0)
    log_message_timestamp_after_max_ms: int = long(checks.LONG_MAX, at_least=0)
    log_segment_bytes: int = integer(1_073_741_824, at_least=14)
    log_roll_ms: int | None = long(None, at_least=1)
    log_roll_hours: int = integer(168, at_least=1)
    log_roll_jitter_ms: int | None = long(None, at_least=0)
    log_roll_jitter_hours: int = integer(0, at_least=0)
    log_cleanup_policy: tuple[str, ...] = list_of(("delete",), "compact", "delete")
    log_retention_ms: int | None = long(None)
    log_retention_minutes: int | None = integer(None)
    log_retention_hours: int = integer(168)
    log_retention_bytes: int = long(-1)
    log_retention_check_interval_ms: int = long(300_000, at_least=1)
    log_initial_task_delay_ms: int = long(30_000, at_least=0)
    log_segment_delete_delay_ms: int = long(60_000, at_least=0, also="file.delete.delay.ms")
    log_flush_interval_messages: int = long(checks.LONG_MAX, at_least=1)
    log_flush_interval_ms: int | None = long(None, at_least=0)
    log_flush_scheduler_interval_ms: int = long(checks.LONG_MAX, at_least=1)
    log_flush_offset_checkpoint_interval_ms: int = integer(60_000, at_least=1)
    log_flush_start_offset_checkpoint_interval_ms: int = integer(60_000, at_least=1)
    log_cleaner_enable: bool = boolean(True)
    log_cleaner_backoff_ms: int = long(15_000, at_least=1)
    log_cleaner_min_cleanable_ratio: float = number(0.5, at_least=0, at_most=1)
    log_cleaner_delete_retention_ms: int = long(86_400_000, at_least=0)
    log_cleaner_min_compaction_lag_ms: int = long(0, at_least=0)
    log_cleaner_max_compaction_lag_ms: int = long(checks.LONG_MAX, at_least=1)

    # replication
    replica_lag_time_max_ms: int = long(30_000, at_least=1)
    replica_fetch_wait_max_ms: int = integer(500, at_least=0)
    replica_fetch_min_bytes: int = integer(1, at_least=0)
    replica_fetch_max_bytes: int = integer(1_048_576, at_least=0)
    replica_fetch_response_max_bytes: int = integer(10_485_760, at_least=0)
    replica_fetch_backoff_ms: int = integer(1000, at_least=1)
    replica_socket_timeout_ms: int = integer(30_000, at_least=1)
    replica_high_watermark_checkpoint_interval_ms: int = long(5000, at_least=1)
    num_replica_fetchers: int = integer(1, at_least=1)
    fetch_max_bytes: int = integer(57_671_680, at_least=1024)

    # controller, ZooKeeper, shutdown
    auto_leader_rebalance_enable: bool = boolean(True)
    leader_imbalance_check_interval_seconds: int = long(300, at_least=1)
    leader_imbalance_per_broker_percentage: int = integer(10, at_least=0)
    controlled_shutdown_enable: bool = boolean(True)
    controlled_shutdown_max_retries: int = integer(3, at_least=0)
    controlled_shutdown_retry_backoff_ms: int = long(5000, at_least=1)
    controller_socket_timeout_ms: int = integer(30_000, at_least=1)
    request_timeout_ms: int = integer(30_000, at_least=1)
    zookeeper_session_timeout_ms: int = integer(18_000, at_least=1)
    zookeeper_connection_timeout_ms: int = integer(None, at_least=1)

    # groups and their offsets
    offsets_topic_num_partitions: int = integer(50, at_least=1)
    offsets_topic_replication_factor: int = integer(3, at_least=1, at_most=SHORT_MAX)
    offsets_topic_segment_bytes: int = integer(104_857_600, at_least=14)
    offsets_retention_minutes: int = integer(10_080, at_least=1)
    offsets_retention_check_interval_ms: int = long(600_000, at_least=1)
    offsets_commit_timeout_ms: int = integer(5000, at_least=1)
    offset_metadata_max_bytes: int = integer(4096, at_least=0)
    group_initial_rebalance_delay_ms: int = integer(3000, at_least=0)
    group_min_session_timeout_ms: int = integer(6000, at_least=1)
    group_max_session_timeout_ms: int = integer(1_800_000, at_least=1)
    group_max_size: int = integer(checks.INT_MAX, at_least=1)

    # transactions and producer ids
    transaction_state_log_num_partitions: int = integer(50, at_least=1)
    transaction_state_log_replication_factor: int = integer(3, at_least=1, at_most=SHORT_MAX)
    transaction_state_log_min_isr: int = integer(2, at_least=1)
    transaction_state_log_segment_bytes: int = integer(104_857_600, at_least=14)
    transaction_max_timeout_ms: int = integer(900_000, at_least=1)
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = integer(10_000, at_least=1)
    transactional_id_expiration_ms: int = integer(604_800_000, at_least=1)
    transaction_partition_verification_enable: bool = boolean(True)
    producer_id_expiration_ms: int = integer(86_400_000, at_least=1)
    producer_id_expiration_check_interval_ms: int = integer(600_000, at_least=1)

    # accepted with the default only
    offsets_commit_required_acks: int = integer(-1, not_modelled=True)
    log_cleaner_threads: int = integer(1, not_modelled=True)
    num_network_threads: int = integer(3, not_modelled=True)
    num_io_threads: int = integer(8, not_modelled=True)
    queued_max_requests: int = integer(500, not_modelled=True)
    log_index_interval_bytes: int = integer(4096, not_modelled=True)
    log_index_size_max_bytes: int = integer(10_485_760, not_modelled=True)
    zookeeper_max_in_flight_requests: int = integer(10, not_modelled=True)
    zookeeper_set_acl: bool = boolean(False, not_modelled=True)
    compression_type: str = one_of(
        "producer", "producer", "uncompressed", "gzip", "snappy", "lz4", "zstd", not_modelled=True
    )

    def topic_defaults(self) -> TopicConfig:
        """The settings of a topic that overrides none of them."""
        return TopicConfig.inherited(
            {
                "min_insync_replicas": self.min_insync_replicas,
                "unclean_leader_election_enable": self.unclean_leader_election_enable,
                "max_message_bytes": self.message_max_bytes,
                "message_timestamp_type": self.log_message_timestamp_type,
                "message_timestamp_before_max_ms": self.log_message_timestamp_before_max_ms,
                "message_timestamp_after_max_ms": self.log_message_timestamp_after_max_ms,
                "segment_bytes": self.log_segment_bytes,
                "segment_ms": _first(self.log_roll_ms, self.log_roll_hours * MS_PER_HOUR),
                "segment_jitter_ms": _first(self.log_roll_jitter_ms, self.log_roll_jitter_hours * MS_PER_HOUR),
                "cleanup_policy": self.log_cleanup_policy,
                "retention_ms": self._retention_ms(),
                "retention_bytes": self.log_retention_bytes,
                "file_delete_delay_ms": self.log_segment_delete_delay_ms,
                "min_cleanable_dirty_ratio": self.log_cleaner_min_cleanable_ratio,
                "delete_retention_ms": self.log_cleaner_delete_retention_ms,
                "min_compaction_lag_ms": self.log_cleaner_min_compaction_lag_ms,
                "max_compaction_lag_ms": self.log_cleaner_max_compaction_lag_ms,
                "flush_messages": self.log_flush_interval_messages,
                "flush_ms": _first(self.log_flush_interval_ms, self.log_flush_scheduler_interval_ms),
            }
        )

    def _retention_ms(self) -> int:
        """How long topics keep records, -1 for ever; any negative number asks for that."""
        if self.log_retention_ms is not None:
            return max(self.log_retention_ms, -1)
        if self.log_retention_minutes is not None:
            return max(self.log_retention_minutes * MS_PER_MINUTE, -1)
        return max(self.log_retention_hours * MS_PER_HOUR, -1)

    def _settled(self) -> dict[str, object]:
        if self._retention_ms() == 0:
            raise ConfigError("log.retention.ms must be unlimited (-1) or at least 1. Got 0.")
        self._in_order("replica_fetch_wait_max_ms", "replica_socket_timeout_ms")
        self._in_order("replica_fetch_wait_max_ms", "replica_lag_time_max_ms")
        self._in_order("log_cleaner_min_compaction_lag_ms", "log_cleaner_max_compaction_lag_ms")
        self._in_order("group_min_session_timeout_ms", "group_max_session_timeout_ms")
        if self.zookeeper_connection_timeout_ms is None:
            return {"zookeeper_connection_timeout_ms": self.zookeeper_session_timeout_ms}
        return {}

    def _in_order(self, lower: str, upper: str) -> None:
        least, most = getattr(self, lower), getattr(self, upper)
        if least > most:
            name, limit = lower.replace("_", "."), upper.replace("_", ".")
            raise ConfigError(f"{name} must not be above {limit} ({most}). Got {least}.")


def _first(preferred: int | None, otherwise: int) -> int:
    return otherwise if preferred is None else preferred
