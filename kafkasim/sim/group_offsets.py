"""A coordinator's offsets: committed, also in transactions, asked for, deleted, and forgotten when they are too old.

Kafka: GroupCoordinator (doCommitOffsets, doTxnCommitOffsets, handleDeleteOffsets), GroupMetadataManager
(cleanupGroupMetadata). The clean-up runs at the beats of offsets.retention.check.interval.ms, and only when something
may be too old by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from kafkasim.core.group import Group
from kafkasim.core.group_metadata import GroupState
from kafkasim.core.offsets import group_tombstone, offset_record, trouble_with_metadata
from kafkasim.errors import GroupIdNotFoundException, GroupSubscribedToTopicException, UnstableOffsetCommitException
from kafkasim.messages import group_admin, groups
from kafkasim.messages.data import Error
from kafkasim.messages.transactions import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from kafkasim.records import Record, TopicPartition
from kafkasim.sim.connection import Reply
from kafkasim.sim.group_store import GroupStore, client_error
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.trace.facts import OffsetCommitted, OffsetDeleted

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

MS_PER_MINUTE = 60_000


class GroupOffsets:
    """The committed offsets of the groups of one broker; ``groups`` are those that it coordinates now."""

    def __init__(
        self, broker: Broker, store: GroupStore, known: dict[str, Group], forget: Callable[[Group], None]
    ) -> None:  # fmt: skip
        self._broker = broker
        self._store = store
        self._groups = known
        self._forget = forget
        self._clean_up: Timer | None = None
        self._clean_up_at_us = 0

    # --- commits ---------------------------------------------------------------------------------------------

    def commit(self, group: Group, request: groups.OffsetCommitRequest, reply: Reply) -> None:
        """OffsetCommit: checked against the group, written, then answered."""
        kernel = self._broker.kernel
        error = group.may_commit(
            request.member_id, request.generation_id, kernel.now_ms, request.group_instance_id
        ) or self._too_large(request.metadata.values())  # fmt: skip
        unknown = self._broker.metadata.unknown(request.offsets)
        offsets = {tp: offset for tp, offset in request.offsets.items() if tp not in unknown}
        if error is not None or not offsets:
            reply(groups.OffsetCommitResponse(error, unknown))
            return
        records = self._records(replace(request, offsets=offsets))

        def stored(error: Error, offset: int) -> None:
            if error is None and self._store.trouble_with(request.group_id) is None:
                self._store.offsets_of(request.group_id).load(records, offset)
                self._committed(request.group_id, offsets)
            reply(groups.OffsetCommitResponse(client_error(error), unknown))

        self._store.append(request.group_id, records, stored)

    def commit_in_transaction(self, group: Group, request: TxnOffsetCommitRequest, reply: Reply) -> None:
        """TxnOffsetCommit: the offsets lie in the log at once and count when the transaction's marker does."""
        error = group.may_commit_in_transaction(
            request.member_id, request.generation_id, request.group_instance_id
        ) or self._too_large(request.metadata.values())  # fmt: skip
        unknown = self._broker.metadata.unknown(request.offsets)
        offsets = {tp: offset for tp, offset in request.offsets.items() if tp not in unknown}
        if error is not None or not offsets:
            reply(TxnOffsetCommitResponse(error, unknown))
            return
        records = self._records(replace(request, offsets=offsets))

        def stored(error: Error, offset: int) -> None:
            if error is None and self._store.trouble_with(request.group_id) is None:
                self._store.offsets_of(request.group_id).prepare(request.producer_id, records, offset)
            reply(TxnOffsetCommitResponse(client_error(error), unknown))

        producer = (request.producer_id, request.producer_epoch)
        self._store.append(request.group_id, records, stored, producer=producer)

    def transaction_ended(self, number: int, producer_id: int, committed: bool) -> None:
        """The marker of a transaction is in partition ``number`` of ``__consumer_offsets``, on all in-sync replicas.

        Kafka: GroupCoordinator.scheduleHandleTxnCompletion.
        """
        offsets = self._store.partitions.get(number)
        if offsets is not None:
            for group_id, ended in offsets.end_transaction(producer_id, committed).items():
                self._committed(group_id, ended)

    def _records(self, request: groups.OffsetCommitRequest | TxnOffsetCommitRequest) -> list[Record]:
        now_ms = self._broker.kernel.now_ms
        return [
            offset_record(
                request.group_id, tp, offset, now_ms, request.leader_epochs.get(tp, -1), request.metadata.get(tp, "")
            )
            for tp, offset in request.offsets.items()
        ]

    def _too_large(self, texts: Iterable[str]) -> Error:
        limit = self._broker.config.offset_metadata_max_bytes
        return next(filter(None, (trouble_with_metadata(text, limit) for text in texts)), None)

    def _committed(self, group_id: str, offsets: dict[TopicPartition, int]) -> None:
        for tp, offset in offsets.items():
            self._broker.kernel.journal.record(OffsetCommitted(self._broker.broker_id, group_id, tp, offset))
        self.plan_clean_up(group_id)

    # --- questions ---------------------------------------------------------------------------------------------

    def fetch(self, request: groups.OffsetFetchRequest) -> groups.OffsetFetchResponse:
        """OffsetFetch, in any state of the group."""
        offsets = self._store.offsets_of(request.group_id)
        if request.require_stable and offsets.is_pending(request.group_id, request.partitions):
            return groups.OffsetFetchResponse(UnstableOffsetCommitException)
        found = offsets.details_of(request.group_id, request.partitions)
        return groups.OffsetFetchResponse(
            None, {tp: one.offset for tp, one in found.items()}, {tp: one.leader_epoch for tp, one in found.items()},
            {tp: one.metadata for tp, one in found.items()},
        )  # fmt: skip

    # --- what goes -----------------------------------------------------------------------------------------------

    def delete(self, request: group_admin.OffsetDeleteRequest, reply: Reply) -> None:
        """OffsetDelete: of a group with members only what nobody is subscribed to."""
        group = self._groups.get(request.group_id)
        if group is None:
            reply(group_admin.OffsetDeleteResponse(GroupIdNotFoundException))
            return
        wanted = group.subscribed_topics if group.members else frozenset()
        errors = self._broker.metadata.unknown(request.partitions)
        for tp in request.partitions:
            if tp.topic in wanted:
                errors.setdefault(tp, GroupSubscribedToTopicException)
        free = [tp for tp in request.partitions if tp not in errors]

        def deleted(error: Error) -> None:
            reply(group_admin.OffsetDeleteResponse(client_error(error), errors))

        self._delete(group, free, "deleted by an administrator", deleted)

    def delete_all(self, group: Group, reason: str, deleted: Callable[[Error], None]) -> None:
        """The whole group goes: its offsets and its own record."""
        self._delete(group, list(self._store.offsets_of(group.group_id).details_of(group.group_id, None)), reason,
                     deleted, with_group=True)  # fmt: skip

    def topic_deleted(self, topic: str) -> None:
        """With a topic its offsets go. Kafka: handleDeletedPartitions."""
        for offsets in self._store.partitions.values():
            for group_id, partitions in offsets.of_topic(topic).items():
                self._delete(self._groups[group_id], partitions, f"topic {topic} is deleted", lambda error: None)

    def _delete(
        self, group: Group, partitions: list[TopicPartition], reason: str, deleted: Callable[[Error], None], *,
        with_group: bool = False,
    ) -> None:  # fmt: skip
        broker, group_id = self._broker, group.group_id
        offsets = self._store.offsets_of(group_id)
        going = list(offsets.details_of(group_id, partitions))
        records = offsets.tombstones(group_id, going, broker.kernel.now_ms)
        if with_group and group.generation:
            records.append(group_tombstone(group_id, broker.kernel.now_ms))
        # The memory forgets at once: also Kafka deletes first and writes the tombstones then.
        offsets.load(records)
        offsets.forget_pending(group_id, None if with_group else going)
        for tp in going:
            broker.kernel.journal.record(OffsetDeleted(broker.broker_id, group_id, tp, reason))
        if with_group:
            self._forget(group)
        if records:
            self._store.append(group_id, records, lambda error, offset: deleted(error))
        else:
            deleted(None)

    # --- what grows old ------------------------------------------------------------------------------------------

    def plan_clean_up(self, group_id: str) -> None:
        """Something of this group may be too old some day: see that there is a clean-up then."""
        group = self._groups.get(group_id)
        if group is None or self._store.trouble_with(group_id) is not None:
            return
        offsets = self._store.offsets_of(group_id)
        kernel, config = self._broker.kernel, self._broker.config
        since = min(offsets.since(group).values(), default=None)
        if since is not None:
            due_ms = since + config.offsets_retention_minutes * MS_PER_MINUTE
        elif group.state is GroupState.EMPTY and not offsets.details_of(group_id, None):
            due_ms = kernel.now_ms
        else:
            return
        interval_us = config.offsets_retention_check_interval_ms * US_PER_MS
        due_us = max(kernel.now_us + 1, (due_ms - kernel.start_time_ms) * US_PER_MS)
        at_us = -(-due_us // interval_us) * interval_us
        if self._clean_up is not None:
            if self._clean_up_at_us <= at_us:
                return
            self._clean_up.cancel()
        self._clean_up_at_us = at_us
        self._clean_up = self._broker.after_ms((at_us - kernel.now_us) / US_PER_MS, self._run_clean_up)

    def _run_clean_up(self) -> None:
        self._clean_up = None
        now_ms = self._broker.kernel.now_ms
        retention_ms = self._broker.config.offsets_retention_minutes * MS_PER_MINUTE
        for group in list(self._groups.values()):
            offsets = self._store.offsets_of(group.group_id)
            old = offsets.expired(group, now_ms, retention_ms)
            left = set(offsets.details_of(group.group_id, None)) - set(old)
            is_over = group.state is GroupState.EMPTY and not left and not offsets.is_pending(group.group_id, None)
            if is_over:
                group.delete(now_ms)
            if old or is_over:
                reason = f"offsets.retention.minutes={self._broker.config.offsets_retention_minutes}"
                self._delete(group, old, reason, lambda error: None, with_group=is_over)
            self.plan_clean_up(group.group_id)
