"""What ``__consumer_offsets`` holds, and the coordinator's memory of it.

Records are keyed by group and partition (an offset) or by group alone (the group's members); a value of None is a
tombstone. The memory is a fold of the records in order: a coordinator that takes over reads them all
(:meth:`CommittedOffsets.load`), and one at work adds its own as soon as they are acknowledged, never before.

Keys and values are JSON here, under Kafka's names of the fields; Kafka writes a binary schema (OffsetCommitKey version
1, OffsetCommitValue version 3, GroupMetadataKey version 2). Kafka: GroupMetadataManager. Left out: that an offset does
not expire while a newer commit of it is under way; offsets inside transactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafkasim.core.group_metadata import GroupMetadata, GroupState
from kafkasim.errors import OffsetMetadataTooLarge
from kafkasim.messages.data import Error
from kafkasim.records import NO_TIMESTAMP, Record, TopicPartition

TOPIC = "__consumer_offsets"


@dataclass(frozen=True, slots=True)
class OffsetAndMetadata:
    """A committed offset, which is the next one to read, and what was committed beside it; the time is in ms."""

    offset: int
    leader_epoch: int = -1
    metadata: str = ""
    commit_timestamp: int = NO_TIMESTAMP


def offset_record(
    group: str, tp: TopicPartition, offset: int, now_ms: int, leader_epoch: int = -1, metadata: str = ""
) -> Record:  # fmt: skip
    """The committed offset of a group for one partition."""
    value = {"offset": offset, "leaderEpoch": leader_epoch, "metadata": metadata, "commitTimestamp": now_ms}
    return Record(_offset_key(group, tp), _json(value), now_ms)


def offset_tombstone(group: str, tp: TopicPartition, now_ms: int) -> Record:
    """The group has no committed offset of this partition any more."""
    return Record(_offset_key(group, tp), None, now_ms)


def group_record(group: str, value: Mapping[str, Any], now_ms: int) -> Record:
    """A group's generation, with its members and what they were assigned."""
    return Record(_json({"group": group}), _json(value), now_ms)


def group_tombstone(group: str, now_ms: int) -> Record:
    """The group is gone."""
    return Record(_json({"group": group}), None, now_ms)


def trouble_with_metadata(metadata: str, max_bytes: int) -> Error:
    """Why a text may not be committed beside an offset; ``max_bytes`` is ``offset.metadata.max.bytes``."""
    return OffsetMetadataTooLarge if len(metadata.encode()) > max_bytes else None


def _offset_key(group: str, tp: TopicPartition) -> bytes:
    return _json({"group": group, "topic": tp.topic, "partition": tp.partition})


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class CommittedOffsets:
    """The committed offsets of the groups of one partition, and the groups as they were last stored."""

    def __init__(self) -> None:
        self.by_group: dict[str, dict[TopicPartition, OffsetAndMetadata]] = {}
        self.stored_groups: dict[str, dict[str, Any]] = {}

    def load(self, records: Iterable[Record]) -> None:
        """Take in records that are safely in the partition, in its order: the last one of a key wins."""
        for record in records:
            if record.key is None:
                continue
            key = json.loads(record.key)
            value = None if record.value is None else json.loads(record.value)
            if "topic" not in key:
                self._take_group(key["group"], value)
            else:
                self._take_offset(key["group"], TopicPartition(key["topic"], key["partition"]), value)

    def _take_group(self, group: str, value: dict[str, Any] | None) -> None:
        if value is None:
            self.stored_groups.pop(group, None)
        else:
            self.stored_groups[group] = value

    def _take_offset(self, group: str, tp: TopicPartition, value: dict[str, Any] | None) -> None:
        known = self.by_group.setdefault(group, {})
        if value is None:
            known.pop(tp, None)
        else:
            known[tp] = OffsetAndMetadata(
                value["offset"], value["leaderEpoch"], value["metadata"], value["commitTimestamp"]
            )
        if not known:
            del self.by_group[group]

    def of(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed offsets among these partitions."""
        return {tp: committed.offset for tp, committed in self.details_of(group, partitions).items()}

    def details_of(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """The same, with what was committed beside them."""
        known = self.by_group.get(group, {})
        return {tp: known[tp] for tp in partitions if tp in known}

    # --- what goes -------------------------------------------------------------------------------------------

    def expired(self, group: GroupMetadata, now_ms: int, retention_ms: int) -> list[TopicPartition]:
        """Partitions whose offsets have lain unused for ``offsets.retention.minutes``. Kafka: removeExpiredOffsets.

        An Empty group counts from when it became empty, a group that never had members from each commit. In a Stable
        group only topics that nobody is subscribed to count, from the commit; while it rebalances nothing expires.
        """
        known = self.by_group.get(group.group_id, {})
        if not group.has_had_members:
            since = {tp: committed.commit_timestamp for tp, committed in known.items()}
        elif group.state is GroupState.EMPTY:
            since = dict.fromkeys(known, group.state_since_ms)
        elif group.state is GroupState.STABLE:
            wanted = group.subscribed_topics
            since = {tp: one.commit_timestamp for tp, one in known.items() if tp.topic not in wanted}
        else:
            since = {}
        return [tp for tp, since_ms in since.items() if now_ms - since_ms >= retention_ms]

    def tombstones(self, group: str, partitions: Iterable[TopicPartition], now_ms: int) -> list[Record]:
        """What deletes these offsets, those that there are."""
        return [offset_tombstone(group, tp, now_ms) for tp in self.details_of(group, partitions)]

    def of_topic(self, topic: str) -> dict[str, list[TopicPartition]]:
        """Which group has offsets of a topic: with the topic they go, too."""
        found = {group: [tp for tp in known if tp.topic == topic] for group, known in self.by_group.items()}
        return {group: partitions for group, partitions in found.items() if partitions}
