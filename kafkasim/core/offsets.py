"""What ``__consumer_offsets`` holds, and the coordinator's memory of it.

Records are keyed by group and partition (an offset) or by group alone (the group's members); a value of None is a
tombstone. Keys and values are JSON here; Kafka writes the same fields in a binary schema of its own.
Kafka: GroupMetadataManager, OffsetKey, OffsetValue. Left out as yet: the expiry of offsets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kafkasim.records import Record, TopicPartition

TOPIC = "__consumer_offsets"


def offset_record(group: str, tp: TopicPartition, offset: int, now_ms: int) -> Record:
    """The committed offset of a group for one partition."""
    key = {"group": group, "topic": tp.topic, "partition": tp.partition}
    return Record(_json(key), _json({"offset": offset, "commitTimestamp": now_ms}), now_ms)


def group_record(group: str, value: Mapping[str, Any], now_ms: int) -> Record:
    """A group's generation, with its members and what they were assigned."""
    return Record(_json({"group": group}), _json(value), now_ms)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class CommittedOffsets:
    """The committed offsets of the groups of one partition, and their stored members."""

    def __init__(self) -> None:
        self.by_group: dict[str, dict[TopicPartition, int]] = {}
        self.stored_groups: dict[str, dict[str, Any]] = {}

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Note offsets that are safely in the log."""
        self.by_group.setdefault(group, {}).update(offsets)

    def of(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed offsets among these partitions."""
        known = self.by_group.get(group, {})
        return {tp: known[tp] for tp in partitions if tp in known}

    def load(self, records: Iterable[Record]) -> None:
        """Read the partition from start to end: the last record of a key wins."""
        for record in records:
            if record.key is None:
                continue
            key = json.loads(record.key)
            value = None if record.value is None else json.loads(record.value)
            if "topic" not in key:
                self.stored_groups[key["group"]] = value or {}
            elif value is None:
                self.by_group.get(key["group"], {}).pop(TopicPartition(key["topic"], key["partition"]), None)
            else:
                self.commit(key["group"], {TopicPartition(key["topic"], key["partition"]): value["offset"]})
