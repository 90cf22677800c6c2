"""Settings of a topic, which inherits its brokers' and may override them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from kafkasim.config import checks
from kafkasim.config.definition import Settings, checked_mapping
from kafkasim.config.setting import boolean, integer, list_of, long, number, one_of
from kafkasim.errors import ConfigError


@dataclass(frozen=True, slots=True, init=False, repr=False)
class TopicConfig(Settings):
    """What a topic can be told, under Kafka's names and with the defaults of 3.9. Times are in ms, sizes in bytes.

    ``max_message_bytes`` limits a batch, not a record. -1 is "no limit" for both retentions. ``explicitly_set`` holds
    the names that the topic itself overrides.

    Kafka: org.apache.kafka.storage.internals.log.LogConfig.
    """

    KIND = "topic"

    min_insync_replicas: int = integer(1, at_least=1)
    unclean_leader_election_enable: bool = boolean(False)
    max_message_bytes: int = integer(1_048_588, at_least=0)
    message_timestamp_type: str = one_of("CreateTime", "CreateTime", "LogAppendTime")
    message_timestamp_before_max_ms: int = long(checks.LONG_MAX, at_least=0)
    message_timestamp_after_max_ms: int = long(checks.LONG_MAX, at_least=0)

    segment_bytes: int = integer(1_073_741_824, at_least=14)
    segment_ms: int = long(604_800_000, at_least=1)
    segment_jitter_ms: int = long(0, at_least=0)

    cleanup_policy: tuple[str, ...] = list_of(("delete",), "compact", "delete")
    retention_ms: int = long(604_800_000, at_least=-1)
    retention_bytes: int = long(-1)
    file_delete_delay_ms: int = long(60_000, at_least=0)

    min_cleanable_dirty_ratio: float = number(0.5, at_least=0, at_most=1)
    delete_retention_ms: int = long(86_400_000, at_least=0)
    min_compaction_lag_ms: int = long(0, at_least=0)
    max_compaction_lag_ms: int = long(checks.LONG_MAX, at_least=1)

    flush_messages: int = long(checks.LONG_MAX, at_least=1)
    flush_ms: int = long(checks.LONG_MAX, at_least=0)

    index_interval_bytes: int = integer(4096, at_least=0, not_modelled=True)
    segment_index_bytes: int = integer(10_485_760, at_least=4, not_modelled=True)
    message_downconversion_enable: bool = boolean(True, not_modelled=True)
    compression_type: str = one_of(
        "producer", "producer", "uncompressed", "gzip", "snappy", "lz4", "zstd", not_modelled=True
    )
    preallocate: bool = boolean(False, not_modelled=True)
    leader_replication_throttled_replicas: tuple[str, ...] = list_of((), not_modelled=True)
    follower_replication_throttled_replicas: tuple[str, ...] = list_of((), not_modelled=True)
    remote_storage_enable: bool = boolean(False, not_modelled=True)
    local_retention_ms: int = long(-2, at_least=-2, not_modelled=True)
    local_retention_bytes: int = long(-2, at_least=-2, not_modelled=True)

    @classmethod
    def inherited(cls, broker: Mapping[str, object]) -> Self:
        """The settings of a topic that overrides nothing: the brokers' values by field, as if they were defaults."""
        made = object.__new__(cls)
        made._fill({**cls().values(), **broker}, {})
        return made

    def overridden(self, overrides: Mapping[str, object]) -> Self:
        """These settings with a topic's own in their place; names and values as in :meth:`parse`."""
        return self.with_changes(**checked_mapping(type(self), overrides))

    def _inherited(self) -> dict[str, object]:
        return self.values()

    def _settled(self) -> dict[str, object]:
        if self.min_compaction_lag_ms > self.max_compaction_lag_ms:
            raise ConfigError(
                f"min.compaction.lag.ms must not be above max.compaction.lag.ms ({self.max_compaction_lag_ms}). "
                f"Got {self.min_compaction_lag_ms}.",
                java_name="InvalidConfigurationException",
            )
        return {}
