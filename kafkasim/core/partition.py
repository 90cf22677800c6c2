"""One replica of a partition on one broker: what a leader and a follower may do.

Kafka: Partition (with ReplicaManager's answers). Theory of operation: the controller gives the role
(:meth:`Partition.become`). A leader appends what clients send, learns from fetches how far its followers are, moves
the high watermark up to what the whole in-sync set has, and asks the controller to change that set. A follower
appends what it fetched, in the leader's offsets, and cuts what the leader does not have.

Left out: observers, reassignment's target replicas, log directories.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from kafkasim.core.log import Log
from kafkasim.core.replica import Replica
from kafkasim.errors import (
    FencedLeaderEpochException,
    KafkaError,
    NotEnoughReplicasException,
    NotLeaderOrFollowerException,
    OffsetOutOfRangeException,
    UnknownLeaderEpochException,
)
from kafkasim.messages.control import AlterPartitionResponse, PartitionState
from kafkasim.messages.data import FetchPosition, PartitionFetchResponse
from kafkasim.records import RecordBatch, TopicPartition
from kafkasim.trace import Fact
from kafkasim.trace.facts import (
    DuplicateRecognised,
    FollowerPositionMoved,
    HighWatermarkMoved,
    IsrChangeProposed,
    LogTruncated,
    ProduceRefused,
    RecordsAppended,
    ReplicaRoleChanged,
)


class Role(Enum):
    """What a broker is to a partition."""

    LEADER = "leader"
    FOLLOWER = "follower"
    OFFLINE = "offline"


class Partition:
    """A replica: its log, its role, and for a leader the in-sync replicas.

    ``isr`` is the committed set, as the controller last confirmed it; ``proposed_isr`` is what this leader has asked
    for and not heard of yet. ``emit`` takes the facts, ``is_alive`` tells whether a broker is in the metadata.
    """

    def __init__(
        self, broker: int, tp: TopicPartition, log: Log, *, lag_max_ms: int, emit: Callable[[Fact], Fact],
        is_alive: Callable[[int], bool],
    ) -> None:  # fmt: skip
        self.broker = broker
        self.tp = tp
        self.log = log
        self.role = Role.OFFLINE
        self.leader = -1
        self.leader_epoch = -1
        self.epoch_start_offset = 0
        self.partition_epoch = -1
        self.replicas: tuple[int, ...] = ()
        self.isr: tuple[int, ...] = ()
        self.proposed_isr: tuple[int, ...] | None = None
        self.followers: dict[int, Replica] = {}
        self._lag_max_ms = lag_max_ms
        self._emit = emit
        self._is_alive = is_alive
        self._unsent_proposal: Fact | None = None

    # --- the role ------------------------------------------------------------------------------------

    def become(self, state: PartitionState, now_ms: int) -> bool:
        """Take up the role that the controller gives; False when the leader epoch is not newer than the known one."""
        if state.leader_epoch <= self.leader_epoch:
            return False
        was_leader = self.role is Role.LEADER
        self.leader, self.leader_epoch = state.leader, state.leader_epoch
        self.partition_epoch, self.replicas = state.partition_epoch, state.replicas
        self.proposed_isr = self._unsent_proposal = None
        self.role = Role.LEADER if state.leader == self.broker else Role.FOLLOWER
        self._emit(ReplicaRoleChanged(self.broker, self.tp, self.role.value, self.leader, self.leader_epoch))
        if self.role is Role.LEADER:
            self.isr = state.isr
            self.epoch_start_offset = self.log.end_offset
            self.log.epochs.assign(self.leader_epoch, self.log.end_offset)
            known = self.followers
            self.followers = {
                broker: known.get(broker, Replica(broker)) for broker in self.replicas if broker != self.broker
            }
            for broker, follower in self.followers.items():
                follower.reset(in_isr=broker in self.isr, is_new_leader=not was_leader, now_ms=now_ms)
            self._advance_high_watermark(now_ms)
        else:
            self.isr = ()
            self.followers = {}
        return True

    def check_leader(self, leader_epoch: int = -1) -> None:
        """Refuse a request that this broker does not lead, or that comes from another epoch."""
        if leader_epoch >= 0 and leader_epoch < self.leader_epoch:
            raise FencedLeaderEpochException
        if leader_epoch > self.leader_epoch:
            raise UnknownLeaderEpochException
        if self.role is not Role.LEADER:
            raise NotLeaderOrFollowerException(f"broker-{self.broker} does not lead {self.tp}.")

    # --- the leader: appending -------------------------------------------------------------------------

    @property
    def min_isr(self) -> int:
        """min.insync.replicas, capped by the number of replicas (3.7+)."""
        return min(self.log.config.min_insync_replicas, len(self.replicas))

    @property
    def maximal_isr(self) -> tuple[int, ...]:
        """The committed ISR with everyone that a pending change would add: nobody is let go before it is decided."""
        if self.proposed_isr is None:
            return self.isr
        return self.isr + tuple(broker for broker in self.proposed_isr if broker not in self.isr)

    def append(self, batch: RecordBatch, acks: int, now_ms: int) -> tuple[int, int]:
        """Append a client's batch; give (base offset, the offset after it). Kafka: Partition.appendRecordsToLeader.

        A repeat of a stored batch gives the stored offsets. With acks=-1 and too few in-sync replicas nothing is
        appended and NotEnoughReplicasException is raised; acks 0 and 1 ignore min.insync.replicas.
        """
        try:
            self.check_leader()
            if acks == -1 and len(self.isr) < self.min_isr:
                raise NotEnoughReplicasException(
                    f"The ISR of {self.tp} is {list(self.isr)}, fewer than min.insync.replicas={self.min_isr}."
                )
            stored = self.log.producers.duplicate_of(batch)
            if stored is not None:
                self._emit(DuplicateRecognised(self.broker, self.tp, stored.base_offset, batch.batch_id))
                return stored.base_offset, stored.next_offset
            placed = self.log.append_as_leader(batch, self.leader_epoch, now_ms)
        except KafkaError as error:
            self._emit(self._refusal(batch, error))
            raise
        self._emit_append(placed)
        self._advance_high_watermark(now_ms)
        return placed.base_offset, placed.next_offset

    def _refusal(self, batch: RecordBatch, error: KafkaError) -> ProduceRefused:
        settings = {
            "NOT_ENOUGH_REPLICAS": f"min.insync.replicas={self.log.config.min_insync_replicas}",
            "NOT_LEADER_OR_FOLLOWER": f"leader epoch {self.leader_epoch}",
            "MESSAGE_TOO_LARGE": f"max.message.bytes={self.log.config.max_message_bytes}",
            "RECORD_LIST_TOO_LARGE": f"segment.bytes={self.log.config.segment_bytes}",
        }
        setting = settings.get(error.name, "enable.idempotence")
        return ProduceRefused(self.broker, self.tp, batch.batch_id, error.name, str(error).rstrip("."), setting)

    def _emit_append(self, batch: RecordBatch) -> None:
        self._emit(
            RecordsAppended(
                self.broker, self.tp, self.role.value, batch.base_offset, batch.last_offset, batch.leader_epoch,
                batch.batch_id,
            )
        )  # fmt: skip

    # --- the leader: what it learns from fetches ---------------------------------------------------------

    def diverging(self, position: FetchPosition) -> tuple[int, int] | None:
        """Where the leader's history leaves the follower's, as (epoch, end offset); None while they agree.

        Kafka: Partition.readRecords (KIP-320 in the fetch, IBP >= 2.7).
        """
        if position.last_epoch < 0:
            return None
        epoch, end = self.log.epochs.end_offset_for(position.last_epoch, self.log.end_offset)
        if (epoch, end) == (-1, -1) or position.fetch_offset < self.log.start_offset:
            raise OffsetOutOfRangeException
        if epoch < position.last_epoch or end < position.fetch_offset:
            return (epoch, end)
        return None

    def follower_fetched(self, broker: int, offset: int, now_ms: int) -> None:
        """A follower has fetched from ``offset``: that is its log end offset now. May move the high watermark."""
        follower = self.followers[broker]
        moved = follower.log_end_offset != offset
        follower.fetched(offset, self.log.end_offset, now_ms)
        if moved:
            self._emit(FollowerPositionMoved(self.broker, self.tp, broker, offset))
        self._maybe_expand(follower)
        self._advance_high_watermark(now_ms)

    def follower_waited(self, broker: int, now_ms: int) -> None:
        """A follower's long poll was parked at the end of the log until now: so long it had everything."""
        follower = self.followers.get(broker)
        if follower is not None:
            follower.last_caught_up_ms = max(follower.last_caught_up_ms, now_ms)

    def read(self, position: FetchPosition, limit: int) -> PartitionFetchResponse:
        """What lies at a position, below offset ``limit``; the high watermark is the one before this fetch counts."""
        return PartitionFetchResponse(
            high_watermark=self.log.high_watermark,
            last_stable_offset=self.log.last_stable_offset,
            log_start_offset=self.log.start_offset,
            batches=tuple(self.log.read(position.fetch_offset, limit, position.max_bytes)),
        )

    # --- the leader: high watermark and in-sync replicas -------------------------------------------------

    def _advance_high_watermark(self, now_ms: int) -> None:
        """Kafka: Partition.maybeIncrementLeaderHW, with the rule of 3.7+ that it stands still below min ISR."""
        if len(self.isr) < self.min_isr:
            return
        candidate = self.log.end_offset
        maximal = self.maximal_isr
        for broker, follower in self.followers.items():
            counts = broker in maximal or (
                self._is_alive(broker) and follower.is_caught_up(self.log.end_offset, now_ms, self._lag_max_ms)
            )
            if counts:
                candidate = min(candidate, follower.log_end_offset)
        if candidate > self.log.high_watermark and self.log.move_high_watermark(candidate):
            self._emit(HighWatermarkMoved(self.broker, self.tp, self.log.high_watermark))

    def _maybe_expand(self, follower: Replica) -> None:
        """Kafka: Partition.maybeExpandIsr."""
        joins = (
            follower.broker not in self.isr
            and self.proposed_isr is None
            and follower.log_end_offset >= max(self.log.high_watermark, self.epoch_start_offset)
            and self._is_alive(follower.broker)
        )
        if joins:
            wanted = tuple(broker for broker in self.replicas if broker in self.isr or broker == follower.broker)
            self._propose(wanted, f"broker-{follower.broker} has caught up", "replica.lag.time.max.ms")

    def shrink(self, now_ms: int) -> None:
        """Ask to drop the members that have lagged too long. Kafka: Partition.maybeShrinkIsr."""
        if self.role is not Role.LEADER or self.proposed_isr is not None:
            return
        out = [
            broker
            for broker in self.isr
            if broker != self.broker
            and not self.followers[broker].is_caught_up(self.log.end_offset, now_ms, self._lag_max_ms)
        ]
        if out:
            reason = " and ".join(f"broker-{broker}" for broker in out) + " has not caught up for too long"
            kept = tuple(broker for broker in self.isr if broker not in out)
            self._propose(kept, reason, f"replica.lag.time.max.ms={self._lag_max_ms}")

    def _propose(self, isr: tuple[int, ...], reason: str, setting: str) -> None:
        self.proposed_isr = isr
        self._unsent_proposal = self._emit(IsrChangeProposed(self.broker, self.tp, isr, reason, setting))

    def take_proposal(self) -> Fact | None:
        """The fact that this leader wants another ISR (``proposed_isr``), once, for the question to the controller."""
        proposal, self._unsent_proposal = self._unsent_proposal, None
        return proposal

    def isr_answered(self, asked: tuple[int, ...], response: AlterPartitionResponse, now_ms: int) -> None:
        """The controller's answer to a proposal. Kafka: Partition.handleAlterPartitionUpdate and ...Error."""
        if self.role is not Role.LEADER or self.proposed_isr != asked:
            return
        if response.error is None:
            if response.partition_epoch > self.partition_epoch:
                self.isr, self.partition_epoch, self.proposed_isr = response.isr, response.partition_epoch, None
                self._advance_high_watermark(now_ms)
        elif response.error.name in ("INELIGIBLE_REPLICA", "OPERATION_NOT_ATTEMPTED"):
            self.proposed_isr = None
        # After any other error the change stays pending until the controller sends a newer LeaderAndIsr.

    # --- the follower ------------------------------------------------------------------------------------

    def position(self) -> FetchPosition:
        """From where a follower fetches: its log end offset, and the epoch of its last record."""
        return FetchPosition(self.log.end_offset, self.leader_epoch, self.log.epochs.latest, self.log.start_offset)

    def take_over(self, part: PartitionFetchResponse, now_ms: int) -> None:
        """Append what the leader sent, then follow its high watermark. Kafka: ReplicaFetcherThread."""
        for batch in part.batches:
            if batch.last_offset >= self.log.end_offset:
                self.log.append_as_follower(batch, now_ms)
                self._emit_append(batch)
        if self.log.move_high_watermark(part.high_watermark):
            self._emit(HighWatermarkMoved(self.broker, self.tp, self.log.high_watermark))

    def truncate_by_epoch(self, epoch: int, end_offset: int) -> None:
        """Cut what the leader does not have. Kafka: AbstractFetcherThread.getOffsetTruncationState (KIP-279)."""
        own_epoch, own_end = self.log.epochs.end_offset_for(epoch, self.log.end_offset)
        if (own_epoch, own_end) == (-1, -1):
            target = end_offset
        elif own_epoch == epoch:
            target = min(own_end, end_offset)
        else:
            target = own_end
        self.truncate_to(target)

    def truncate_to(self, offset: int) -> None:
        """Cut the log so that it ends at ``offset``."""
        if offset < self.log.end_offset:
            self.log.truncate_to(offset)
            self._emit(LogTruncated(self.broker, self.tp, self.log.end_offset))
