"""One replica of a partition on one broker: what a leader and a follower may do.

Kafka: Partition (with ReplicaManager's answers). Theory of operation: the controller gives the role
(:meth:`Partition.become`). A leader appends what clients send, learns from fetches how far its followers are
(core/in_sync_replicas), and moves the high watermark up to what everybody in sync has. A follower appends what it
fetched, in the leader's offsets, and cuts what the leader does not have (core/truncation).

Left out: observers, log directories.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from kafkasim.core.guards import holds
from kafkasim.core.in_sync_replicas import InSyncReplicas
from kafkasim.core.log import Log
from kafkasim.core.producer_state import CompletedTransaction
from kafkasim.core.refusals import deciding_setting
from kafkasim.core.segment import Roll
from kafkasim.core.truncation import TruncateByEpoch, Truncation, end_of_agreement
from kafkasim.errors import (
    FencedLeaderEpochException,
    InvalidRequiredAcksException,
    KafkaError,
    NotEnoughReplicasException,
    NotLeaderOrFollowerException,
    OffsetNotAvailableException,
    OffsetOutOfRangeException,
    UnknownLeaderEpochException,
)
from kafkasim.messages.control import AlteredPartition, PartitionState
from kafkasim.messages.data import CONSUMER, FetchPosition, PartitionFetchResponse
from kafkasim.records import RecordBatch, TopicPartition
from kafkasim.trace import Fact
from kafkasim.trace.facts import (
    DuplicateRecognised,
    FollowerPositionMoved,
    HighWatermarkHeld,
    HighWatermarkMoved,
    LogTruncated,
    ProduceRefused,
    RecordsAppended,
    ReplicaRoleChanged,
)
from kafkasim.trace.facts.storage import THE_LEADERS

LEADER_STARTS_THERE = Roll("its leader's log starts there", THE_LEADERS)


class Role(Enum):
    """What a broker is to a partition."""

    LEADER = "leader"
    FOLLOWER = "follower"
    OFFLINE = "offline"


class Partition:
    """A replica: its log, its role, and for a leader its followers and the ISR (``in_sync``)."""

    def __init__(
        self, broker: int, tp: TopicPartition, log: Log, *, lag_max_ms: int, emit: Callable[[Fact], Fact],
        is_alive: Callable[[int], bool], truncation: Truncation | None = None,
    ) -> None:  # fmt: skip
        self.broker = broker
        self.tp = tp
        self.log = log
        self.role = Role.OFFLINE
        self.leader = -1
        self.leader_epoch = -1
        self.epoch_start_offset = 0
        self.replicas: tuple[int, ...] = ()
        self.in_sync = InSyncReplicas(broker, tp, lag_max_ms=lag_max_ms, emit=emit, is_alive=is_alive)
        self._emit = emit
        self._truncation = truncation or TruncateByEpoch()
        self._is_held = False

    @property
    def is_leader(self) -> bool:
        """Whether this broker leads, as far as it knows."""
        return self.role is Role.LEADER

    # --- the role ------------------------------------------------------------------------------------

    def become(self, state: PartitionState, now_ms: int) -> bool:
        """Take up the role that the controller gives; False when the leader epoch is not newer than the known one.

        Kafka: Partition.makeLeader, makeFollower.
        """
        if state.leader_epoch <= self.leader_epoch and holds("newer-leader-epoch-only"):
            return False
        was_leader = self.is_leader
        self.leader, self.leader_epoch, self.replicas = state.leader, state.leader_epoch, state.replicas
        self.role = Role.LEADER if state.leader == self.broker else Role.FOLLOWER
        self._emit(ReplicaRoleChanged(self.broker, self.tp, self.role.value, self.leader, self.leader_epoch))
        if self.is_leader:
            self.epoch_start_offset = self.log.end_offset
            self.log.epochs.assign(self.leader_epoch, self.log.end_offset)
            self.in_sync.lead(state, is_new_leader=not was_leader, now_ms=now_ms)
            self._advance_high_watermark(now_ms)
        else:
            self.in_sync.follow(state)
        return True

    def check_leader(self, leader_epoch: int = -1) -> None:
        """Refuse a request that this broker does not lead, or that comes from another epoch.

        Kafka: Partition.checkCurrentLeaderEpoch, getLocalLog.
        """
        if holds("leader-epoch-fence"):
            if leader_epoch >= 0 and leader_epoch < self.leader_epoch:
                raise FencedLeaderEpochException
            if leader_epoch > self.leader_epoch:
                raise UnknownLeaderEpochException
        if not self.is_leader:
            raise NotLeaderOrFollowerException(f"broker-{self.broker} does not lead {self.tp}.")

    # --- the leader: appending -------------------------------------------------------------------------

    @property
    def min_isr(self) -> int:
        """min.insync.replicas, capped by the number of replicas (3.7+)."""
        return min(self.log.config.min_insync_replicas, len(self.replicas))

    def append(self, batch: RecordBatch, acks: int, now_ms: int) -> tuple[int, int]:
        """Append a client's batch; give (base offset, the offset after it). Kafka: Partition.appendRecordsToLeader.

        A repeat of a stored batch gives the stored offsets. With acks=-1 and too few in-sync replicas nothing is
        appended and NotEnoughReplicasException is raised; acks 0 and 1 ignore min.insync.replicas.
        """
        return self._append(batch, acks, now_ms, self.log.append_as_leader)

    def append_marker(self, marker: RecordBatch, now_ms: int) -> tuple[int, int]:
        """Append a coordinator's end marker, as a client's batch with acks=-1."""
        return self._append(marker, -1, now_ms, self.log.append_marker)

    def _append(
        self, batch: RecordBatch, acks: int, now_ms: int, place: Callable[[RecordBatch, int, int], RecordBatch]
    ) -> tuple[int, int]:
        try:
            if acks not in (0, 1, -1):
                raise InvalidRequiredAcksException(f"acks must be 0, 1 or -1. Got {acks}.")
            self.check_leader()
            if acks == -1 and len(self.in_sync.committed) < self.min_isr and holds("min-isr-admission"):
                raise NotEnoughReplicasException(
                    f"The ISR of {self.tp} is {list(self.in_sync.committed)}, fewer than"
                    f" min.insync.replicas={self.min_isr}."
                )
            end = self.log.end_offset
            placed = place(batch, self.leader_epoch, now_ms)
        except KafkaError as error:
            self._emit(self._refusal(batch, error))
            raise
        if placed.base_offset < end:
            self._emit(DuplicateRecognised(self.broker, self.tp, placed.base_offset, batch.batch_id))
        else:
            self._emit_append(placed)
        self._advance_high_watermark(now_ms)  # also after a repeat: the ISR may have become smaller since
        return placed.base_offset, placed.next_offset

    def _refusal(self, batch: RecordBatch, error: KafkaError) -> ProduceRefused:
        setting = deciding_setting(error, self.log.config, self.leader_epoch)
        return ProduceRefused(self.broker, self.tp, batch.batch_id, error.name, str(error).rstrip("."), setting)

    def _emit_append(self, batch: RecordBatch) -> None:
        self._emit(
            RecordsAppended(
                self.broker, self.tp, self.role.value, batch.base_offset, batch.last_offset, batch.leader_epoch,
                batch.batch_id,
            )
        )  # fmt: skip

    # --- the leader: what it learns from fetches ---------------------------------------------------------

    def fetch(
        self, position: FetchPosition, replica_id: int, *, read_committed: bool = False, room: int | None = None,
        min_one: bool = True,
    ) -> PartitionFetchResponse:  # fmt: skip
        """What a follower or a consumer gets that fetches from a position; it says the high watermark from before.

        A follower reads up to the log's end, a consumer up to the high watermark or the last stable offset. ``room``
        limits the bytes further than the position does; one batch comes all the same when ``min_one``. Raises Kafka's
        errors. Kafka: Partition.fetchRecords, readRecords.
        """
        self.check_leader(position.leader_epoch)
        log = self.log
        if replica_id == CONSUMER:
            limit = log.last_stable_offset if read_committed else log.high_watermark
        elif replica_id not in self.in_sync.followers:
            raise UnknownLeaderEpochException
        else:
            limit = log.end_offset
        diverging = self._diverging(position)
        max_bytes = position.max_bytes if room is None else min(room, position.max_bytes)
        batches = () if diverging else tuple(log.read(position.fetch_offset, limit, max_bytes, min_one=min_one))
        aborted: list[CompletedTransaction] = []
        if read_committed and batches:
            aborted = log.aborted_transactions(position.fetch_offset, batches[-1].next_offset)
        return PartitionFetchResponse(
            high_watermark=log.high_watermark,
            last_stable_offset=log.last_stable_offset,
            log_start_offset=log.start_offset,
            batches=batches,
            diverging=diverging,
            aborted=tuple((one.producer_id, one.first_offset) for one in aborted),
        )

    def _diverging(self, position: FetchPosition) -> tuple[int, int] | None:
        """Where the leader's history leaves the follower's, as (epoch, end offset); None while they agree (KIP-320)."""
        if position.last_epoch < 0 or not holds("divergence-is-told"):
            return None
        epoch, end = self.log.epochs.end_offset_for(position.last_epoch, self.log.end_offset)
        if (epoch, end) == (-1, -1) or position.fetch_offset < self.log.start_offset:
            raise OffsetOutOfRangeException
        if epoch < position.last_epoch or end < position.fetch_offset:
            return (epoch, end)
        return None

    def can_be_fetched_by(self, replica: int, leader_epoch: int) -> bool:
        """Whether a follower's fetch from that epoch is served here."""
        try:
            self.check_leader(leader_epoch)
        except KafkaError:
            return False
        return replica in self.in_sync.followers

    def follower_fetched(self, broker: int, offset: int, now_ms: int, log_start_offset: int = -1) -> None:
        """A follower has fetched from ``offset``: that is its log end offset now. May move the high watermark.

        Kafka: Partition.updateFollowerFetchState.
        """
        follower = self.in_sync.followers[broker]
        moved = follower.log_end_offset != offset
        follower.fetched(offset, self.log.end_offset, now_ms)
        follower.log_start_offset = log_start_offset
        if moved:
            self._emit(FollowerPositionMoved(self.broker, self.tp, broker, offset))
        must_have = max(self.log.high_watermark, self.epoch_start_offset) if holds("joiner-has-everything") else 0
        self.in_sync.expand(broker, must_have)
        self._advance_high_watermark(now_ms)

    def follower_polled(self, broker: int, polled_ms: int) -> None:
        """A follower's last poll came from the end of the log at that time: so long it had everything."""
        follower = self.in_sync.followers.get(broker)
        if follower is not None and follower.log_end_offset >= 0:
            follower.fetched(follower.log_end_offset, follower.log_end_offset, polled_ms)

    def visible_end(self, *, read_committed: bool = False) -> int:
        """LATEST of a client: the high watermark, or the last stable offset.

        A new leader whose high watermark has not reached its own epoch yet does not know: OffsetNotAvailableException.
        Kafka: Partition.fetchOffsetForTimestamp.
        """
        if self.log.high_watermark < self.epoch_start_offset:
            raise OffsetNotAvailableException
        return self.log.last_stable_offset if read_committed else self.log.high_watermark

    @property
    def low_watermark(self) -> int:
        """Where the log starts on every live replica, as far as the leader knows: what is below is gone everywhere.

        Kafka: Partition.lowWatermarkIfLeader.
        """
        return self.in_sync.everyone_starts_at(self.log.start_offset)

    # --- the leader: high watermark and in-sync replicas -------------------------------------------------

    def _advance_high_watermark(self, now_ms: int) -> None:
        """Kafka: Partition.maybeIncrementLeaderHW, with the rule of 3.7+ that it stands still below min ISR."""
        if len(self.in_sync.committed) < self.min_isr:
            self._hold_high_watermark()
            return
        self._is_held = False
        candidate = self.in_sync.everyone_has(self.log.end_offset, now_ms)
        if candidate > self.log.high_watermark and self.log.move_high_watermark(candidate):
            self._emit(HighWatermarkMoved(self.broker, self.tp, self.log.high_watermark))

    def _hold_high_watermark(self) -> None:
        """Tell it once, when there is something that would be committed otherwise."""
        if self._is_held or self.log.end_offset <= self.log.high_watermark:
            return
        self._is_held = True
        setting = f"min.insync.replicas={self.log.config.min_insync_replicas}"
        isr = ", ".join(map(str, self.in_sync.committed))
        reason = f"the ISR ({isr}) is smaller than {setting}"
        self._emit(HighWatermarkHeld(self.broker, self.tp, self.log.high_watermark, self.min_isr, reason, setting))

    @property
    def is_lagging(self) -> bool:
        """Whether this is a leader and a member of its ISR has not everything."""
        return self.is_leader and self.in_sync.is_lagging(self.log.end_offset)

    def shrink(self, now_ms: int) -> None:
        """Ask to drop the members of the ISR that have lagged too long."""
        if self.is_leader:
            self.in_sync.shrink(self.log.end_offset, now_ms)

    def isr_answered(self, asked: tuple[int, ...], response: AlteredPartition, now_ms: int) -> bool:
        """The controller's answer to the proposal of an ISR; True when it must be asked again."""
        if not self.is_leader:
            return False
        again = self.in_sync.answered(asked, response)
        if response.error is None:
            self._advance_high_watermark(now_ms)
        return again

    # --- the follower ------------------------------------------------------------------------------------

    def start_following(self) -> None:
        """Before the first fetch from a leader: cut what this variant of truncation cuts at once."""
        start = self._truncation.start_of_following(self.log)
        if start < self.log.end_offset:
            self.truncate_to(start)

    def position(self, max_bytes: int = 1_048_576) -> FetchPosition:
        """From where a follower fetches: its log end offset, and the epoch of its last record."""
        log = self.log
        last_epoch = self._truncation.last_epoch(log)
        return FetchPosition(log.end_offset, self.leader_epoch, last_epoch, log.start_offset, max_bytes)

    def take_over(self, part: PartitionFetchResponse, now_ms: int) -> None:
        """Append what the leader sent, then follow its high watermark. Kafka: ReplicaFetcherThread."""
        for batch in part.batches:
            if batch.last_offset >= self.log.end_offset:
                self.log.append_as_follower(batch, now_ms)
                self._emit_append(batch)
        if self.log.move_high_watermark(part.high_watermark):
            self._emit(HighWatermarkMoved(self.broker, self.tp, self.log.high_watermark))
        self.log.move_start(min(part.log_start_offset, self.log.high_watermark), LEADER_STARTS_THERE)

    def truncate_by_epoch(self, epoch: int, end_offset: int) -> None:
        """Cut what the leader does not have, as its answer with a diverging epoch tells."""
        self.truncate_to(end_of_agreement(self.log, epoch, end_offset))

    def out_of_range(self, leader_start: int, leader_end: int, now_ms: int) -> None:
        """The leader does not hold this log's end: cut to the leader's end, or start over at its start, or keep all.

        Kafka: AbstractFetcherThread.fetchOffsetAndTruncate.
        """
        if leader_end < self.log.end_offset:
            self.truncate_to(leader_end)
        elif leader_start > self.log.end_offset:
            self.log.truncate_fully(leader_start, now_ms)
            self._emit(LogTruncated(self.broker, self.tp, self.log.end_offset))

    def truncate_to(self, offset: int) -> None:
        """Cut the log so that it ends at ``offset``, and forget an epoch that began at its end.

        The latter also when no record is cut: a leader that never appended anything has such an epoch, and its
        successor knows nothing of it. Kafka: UnifiedLog.truncateTo.
        """
        if offset < self.log.end_offset:
            self.log.truncate_to(offset)
            self._emit(LogTruncated(self.broker, self.tp, self.log.end_offset))
        else:
            self.log.epochs.truncate_from_end(self.log.end_offset)
