"""What a leader looks at before it appends a client's batch, in Kafka's order.

Kafka: UnifiedLog.analyzeAndValidateRecords, LogValidator. Left out: checksums, formats before v2, compression.
"""

from __future__ import annotations

from dataclasses import replace

from kafkasim.config import TopicConfig
from kafkasim.errors import (
    InvalidRecordException,
    InvalidTimestampException,
    KafkaError,
    RecordBatchTooLargeException,
    RecordTooLargeException,
)
from kafkasim.records import NO_TIMESTAMP, RecordBatch

LOG_APPEND_TIME = "LogAppendTime"
SHOWN = 3


def validated(batch: RecordBatch, config: TopicConfig, now_ms: int, *, is_client: bool = True) -> RecordBatch:
    """The batch as it will be stored, with the leader's time if the topic wants it; raises what speaks against it.

    One bad record fails its whole batch; the error's ``record_errors`` then lists the places of the bad ones.
    """
    if batch.size_in_bytes > config.max_message_bytes:
        raise RecordTooLargeException(
            f"The batch has {batch.size_in_bytes} bytes, above max.message.bytes={config.max_message_bytes}."
        )
    if is_client and batch.is_control:
        raise InvalidRecordException("Clients are not allowed to write control records.")
    if not batch.is_control:
        _check_records(batch, config, now_ms)
    if batch.size_in_bytes > config.segment_bytes:
        raise RecordBatchTooLargeException(
            f"The batch has {batch.size_in_bytes} bytes, above segment.bytes={config.segment_bytes}."
        )
    if config.message_timestamp_type == LOG_APPEND_TIME:
        return _stamped(batch, now_ms)
    return batch


def _check_records(batch: RecordBatch, config: TopicConfig, now_ms: int) -> None:
    keyless: list[int] = []
    untimely: list[int] = []
    by_client = config.message_timestamp_type != LOG_APPEND_TIME
    earliest = now_ms - config.message_timestamp_before_max_ms
    latest = now_ms + config.message_timestamp_after_max_ms
    if "compact" in config.cleanup_policy:
        keyless = [place for place, record in enumerate(batch.records) if record.key is None]
    if by_client and (earliest > 0 or batch.max_timestamp > latest):
        untimely = [
            place
            for place, record in enumerate(batch.records)
            if record.timestamp != NO_TIMESTAMP and not earliest <= record.timestamp <= latest
        ]
    if untimely:
        raise _refusal(
            InvalidTimestampException(
                "One or more records have been rejected due to invalid timestamp: they must lie within"
                f" message.timestamp.before.max.ms={config.message_timestamp_before_max_ms} and"
                f" message.timestamp.after.max.ms={config.message_timestamp_after_max_ms} of the leader's clock."
            ),
            sorted({*keyless, *untimely}),
        )
    if keyless:
        raise _refusal(
            InvalidRecordException(
                f"One or more records have been rejected due to {len(keyless)} record errors in total, the first at"
                f" {keyless[:SHOWN]}: a compacted topic cannot accept a record without a key (cleanup.policy="
                f"{','.join(config.cleanup_policy)})."
            ),
            keyless,
        )


def _refusal(error: KafkaError, places: list[int]) -> KafkaError:
    error.record_errors = tuple(places)
    return error


def _stamped(batch: RecordBatch, now_ms: int) -> RecordBatch:
    """The batch with the leader's time in its header, which then holds for every record; the bytes stay as many."""
    records = tuple(replace(record, timestamp=now_ms) for record in batch.records)
    return replace(batch, records=records, max_timestamp=now_ms, timestamp_type=LOG_APPEND_TIME)
