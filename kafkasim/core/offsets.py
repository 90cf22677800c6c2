"""Committed offsets, in memory and as the records of ``__consumer_offsets`` that outlive a coordinator.

The memory is a fold of the records in order: a coordinator that takes over reads all batches
(:meth:`CommittedOffsets.load`), and one at work adds its own as soon as they are acknowledged, never before. Offsets
inside a transaction are *pending* until its marker is in the same partition: then they count, or are forgotten.

Kafka: GroupMetadataManager. Left out: that an offset does not expire while a newer commit of it is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafkasim.core.group_metadata import GroupMetadata, GroupState
from kafkasim.core.offset_records import decoded, group_record, group_tombstone, offset_record, offset_tombstone
from kafkasim.errors import OffsetMetadataTooLarge
from kafkasim.messages.data import Error
from kafkasim.records import NO_TIMESTAMP, Record, RecordBatch, TopicPartition

__all__ = [
    "TOPIC",
    "CommittedOffsets",
    "OffsetAndMetadata",
    "group_record",
    "group_tombstone",
    "offset_record",
    "offset_tombstone",
    "trouble_with_metadata",
]

TOPIC = "__consumer_offsets"


@dataclass(frozen=True, slots=True)
class OffsetAndMetadata:
    """A committed offset, which is the next one to read, and what was committed beside it; the time is in ms."""

    offset: int
    leader_epoch: int = -1
    metadata: str = ""
    commit_timestamp: int = NO_TIMESTAMP


def trouble_with_metadata(metadata: str, max_bytes: int) -> Error:
    """Why a text may not be committed beside an offset; ``max_bytes`` is ``offset.metadata.max.bytes``."""
    return OffsetMetadataTooLarge if len(metadata.encode()) > max_bytes else None


class CommittedOffsets:
    """The committed offsets of the groups of one partition, and the groups as they were last stored.

    ``pending`` holds, by producer id and group, what an open transaction will have committed, each with the offset of
    its record in the log: a commit that stands behind it there is newer and stays.
    """

    def __init__(self) -> None:
        self.by_group: dict[str, dict[TopicPartition, OffsetAndMetadata]] = {}
        self.stored_groups: dict[str, dict[str, Any]] = {}
        self.pending: dict[int, dict[str, dict[TopicPartition, tuple[int, OffsetAndMetadata]]]] = {}
        self._appended_at: dict[tuple[str, TopicPartition], int] = {}

    # --- what comes ------------------------------------------------------------------------------------------

    def load_batches(self, batches: Iterable[RecordBatch]) -> None:
        """Take in the partition from its start: commits, commits in transactions, and how these ended."""
        for batch in batches:
            if batch.is_control:
                committed, _ = batch.marker
                self.end_transaction(batch.producer_id, committed)
            elif batch.is_transactional:
                self.prepare(batch.producer_id, batch.records, batch.base_offset)
            else:
                self.load(batch.records, batch.base_offset)

    def load(self, records: Iterable[Record], appended_at: int = 0) -> None:
        """Take in records that are safely in the partition, in its order: the last one of a key wins."""
        for record in records:
            found = decoded(record)
            if found is None:
                continue
            key, value = found
            if "topic" not in key:
                self._take_group(key["group"], value)
            else:
                tp = TopicPartition(key["topic"], key["partition"])
                self._take_offset(key["group"], tp, None if value is None else _committed(value), appended_at)

    def _take_group(self, group: str, value: dict[str, Any] | None) -> None:
        if value is None:
            self.stored_groups.pop(group, None)
        else:
            self.stored_groups[group] = value

    def _take_offset(
        self, group: str, tp: TopicPartition, committed: OffsetAndMetadata | None, appended_at: int
    ) -> None:  # fmt: skip
        known = self.by_group.setdefault(group, {})
        if committed is None:
            known.pop(tp, None)
            self._appended_at.pop((group, tp), None)
        else:
            known[tp] = committed
            self._appended_at[group, tp] = appended_at
        if not known:
            del self.by_group[group]

    # --- transactions ----------------------------------------------------------------------------------------

    def prepare(self, producer_id: int, records: Iterable[Record], appended_at: int) -> None:
        """A transaction will have committed these. Kafka: addPendingTxnOffsetCommit."""
        for record in records:
            found = decoded(record)
            if found is None or "topic" not in found[0]:
                continue
            key, value = found
            if value is not None:
                groups = self.pending.setdefault(producer_id, {})
                tp = TopicPartition(key["topic"], key["partition"])
                groups.setdefault(key["group"], {})[tp] = (appended_at, _committed(value))

    def end_transaction(self, producer_id: int, committed: bool) -> dict[str, dict[TopicPartition, int]]:
        """The marker is there: what was pending counts, or is forgotten. The offsets that count now, by group.

        Kafka: completePendingTxnOffsetCommit.
        """
        ended: dict[str, dict[TopicPartition, int]] = {}
        for group, offsets in self.pending.pop(producer_id, {}).items():
            for tp, (appended_at, offset) in offsets.items():
                if committed and self._appended_at.get((group, tp), -1) < appended_at:
                    self._take_offset(group, tp, offset, appended_at)
                    ended.setdefault(group, {})[tp] = offset.offset
        return ended

    def forget_pending(self, group: str, partitions: Iterable[TopicPartition] | None) -> None:
        """What open transactions have of these partitions (None: of the group) counts no more, however they end.

        Kafka: GroupMetadata.removeOffsets; and there is no group any more to complete it for.
        """
        for groups in self.pending.values():
            if partitions is None:
                groups.pop(group, None)
            else:
                for tp in partitions:
                    groups.get(group, {}).pop(tp, None)

    def is_pending(self, group: str, partitions: Iterable[TopicPartition] | None) -> bool:
        """Whether an open transaction holds offsets of one of these partitions (None: of any)."""
        pending = {tp for groups in self.pending.values() for tp in groups.get(group, {})}
        return bool(pending) if partitions is None else any(tp in pending for tp in partitions)

    # --- questions ---------------------------------------------------------------------------------------------

    def of(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed offsets among these partitions."""
        return {tp: committed.offset for tp, committed in self.details_of(group, partitions).items()}

    def details_of(
        self, group: str, partitions: Iterable[TopicPartition] | None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """The same, with what was committed beside them; all of the group's for None."""
        known = self.by_group.get(group, {})
        return dict(known) if partitions is None else {tp: known[tp] for tp in partitions if tp in known}

    # --- what goes -------------------------------------------------------------------------------------------

    def since(self, group: GroupMetadata) -> Mapping[TopicPartition, int]:
        """The offsets that grow old, each with the time in ms since when. Kafka: removeExpiredOffsets.

        An Empty group counts from when it became empty, a group that never had members from each commit. In a Stable
        group only topics that nobody is subscribed to count, from the commit; while it rebalances nothing grows old.
        """
        known = self.by_group.get(group.group_id, {})
        if not group.has_had_members:
            return {tp: committed.commit_timestamp for tp, committed in known.items()}
        if group.state is GroupState.EMPTY:
            return dict.fromkeys(known, group.state_since_ms)
        if group.state is GroupState.STABLE:
            wanted = group.subscribed_topics
            return {tp: one.commit_timestamp for tp, one in known.items() if tp.topic not in wanted}
        return {}

    def expired(self, group: GroupMetadata, now_ms: int, retention_ms: int) -> list[TopicPartition]:
        """Partitions whose offsets have lain unused for ``offsets.retention.minutes``."""
        return [tp for tp, since_ms in self.since(group).items() if now_ms - since_ms >= retention_ms]

    def tombstones(self, group: str, partitions: Iterable[TopicPartition], now_ms: int) -> list[Record]:
        """What deletes these offsets, those that there are."""
        return [offset_tombstone(group, tp, now_ms) for tp in self.details_of(group, partitions)]

    def of_topic(self, topic: str) -> dict[str, list[TopicPartition]]:
        """Which group has offsets of a topic: with the topic they go, too."""
        found = {group: [tp for tp in known if tp.topic == topic] for group, known in self.by_group.items()}
        return {group: partitions for group, partitions in found.items() if partitions}


def _committed(value: Mapping[str, Any]) -> OffsetAndMetadata:
    return OffsetAndMetadata(value["offset"], value["leaderEpoch"], value["metadata"], value["commitTimestamp"])
