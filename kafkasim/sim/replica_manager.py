"""The replicas on one broker: the roles that the controller gives, and what follows when a partition has changed.

Work follows changes: whoever changes a partition calls :meth:`ReplicaManager.settle`, and that wakes what waits for its
high watermark, asks the controller for another ISR, and sets the periodic tasks that now have something to do.
Kafka: ReplicaManager.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kafkasim.core.partition import Partition, Role
from kafkasim.errors import FencedLeaderEpochException, UnknownTopicOrPartitionException
from kafkasim.messages.control import LeaderAndIsrRequest, StopReplicaRequest
from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition
from kafkasim.sim.alter_partition import AlterPartitions
from kafkasim.sim.fetch_sessions import FetchSessions
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.sim.log_requests import DeleteRecords
from kafkasim.sim.produce_purgatory import ProducePurgatory
from kafkasim.sim.replication import ReplicaFetchers

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

DURING_DELETE = -2
"""The leader epoch of a StopReplica that deletes a topic: it goes before every other epoch."""


class ReplicaManager:
    """All replicas of one broker's incarnation."""

    def __init__(self, broker: Broker) -> None:
        self.partitions: dict[TopicPartition, Partition] = {}
        self.sessions = FetchSessions(broker, self.partitions, self.settle, broker.config.fetch_max_bytes)
        self.purgatory = ProducePurgatory(self.partitions, broker.deadlines)
        self.fetchers = ReplicaFetchers(broker, broker.broker_id, broker.config, self.settle)
        self.deletions = DeleteRecords(broker)
        self._alter_partitions = AlterPartitions(broker)
        self._broker = broker
        self._bounds: dict[TopicPartition, tuple[int, int]] = {}
        self._isr_check: Timer | None = None
        self._checkpointing: Timer | None = None
        self._checkpoints_since_us: int | None = None

    def partition(self, tp: TopicPartition) -> Partition:
        """The replica of a partition that this broker holds. Kafka: getPartitionOrException."""
        partition = self.partitions.get(tp)
        if partition is None:
            raise UnknownTopicOrPartitionException(f"{self._broker.name} does not hold {tp}.")
        return partition

    # --- what the controller says ------------------------------------------------------------------------

    def leader_and_isr(self, request: LeaderAndIsrRequest) -> None:
        """Take up roles. Kafka: becomeLeaderOrFollower."""
        followed: dict[Partition, str] = {}
        for tp, state in request.partitions.items():
            partition = self.partitions.get(tp)
            if partition is None:
                partition = self.partitions[tp] = self._open(tp)
            was_leader = partition.is_leader
            if not partition.become(state, self._broker.kernel.now_ms):
                continue
            if partition.is_leader or state.leader not in request.live_leaders:
                self.fetchers.forget(tp)
            else:
                followed[partition] = request.live_leaders[state.leader]
            if was_leader or partition.is_leader:
                self._role_changed(partition)
            self.settle(partition)
        self.fetchers.follow(followed)
        if self._checkpoints_since_us is None:
            self._checkpoints_since_us = self._broker.kernel.now_us
            self.checkpoint()

    def stop_replicas(self, request: StopReplicaRequest) -> dict[TopicPartition, Error]:
        """Follow no longer, and where that is asked for delete the replica. Kafka: stopReplicas."""
        errors: dict[TopicPartition, Error] = {}
        for tp, stop in request.partitions.items():
            partition = self.partitions.get(tp)
            errors[tp] = None
            if partition is not None and DURING_DELETE != stop.leader_epoch < partition.leader_epoch:
                errors[tp] = FencedLeaderEpochException
                continue
            self.fetchers.forget(tp)
            if stop.delete:
                self._delete(tp)
        return errors

    def _delete(self, tp: TopicPartition) -> None:
        partition = self.partitions.pop(tp, None)
        self._bounds.pop(tp, None)
        if partition is not None and partition.is_leader:
            partition.role = Role.OFFLINE
            self._role_changed(partition)
        self._broker.disk.delete(tp)

    def configure(self, topic: str, own: Mapping[str, str]) -> None:
        """A topic has these settings of its own now. Kafka: ReplicaManager.updateTopicConfig."""
        mine = [tp for tp in self._broker.disk.logs if tp.topic == topic]
        if mine:
            self._broker.logs.configure(topic, self._broker.topic_config(own))
            for tp in mine:
                if tp in self.partitions:
                    self.settle(self.partitions[tp])

    def _role_changed(self, partition: Partition) -> None:
        self.sessions.role_changed(partition.tp)
        self.purgatory.check(partition.tp)
        self.deletions.check(partition.tp)
        self._broker.coordinator.role_changed(partition)
        self._broker.transactions.role_changed(partition)

    def _open(self, tp: TopicPartition) -> Partition:
        """The replica on this broker's disk, made if it is not there."""
        broker = self._broker
        log = broker.logs.open(tp, broker.topic_config(broker.metadata.topic_configs.get(tp.topic, {})))
        return Partition(
            broker.broker_id, tp, log, lag_max_ms=broker.config.replica_lag_time_max_ms,
            emit=broker.kernel.journal.record, is_alive=broker.metadata.is_live, truncation=broker.truncation,
        )  # fmt: skip

    # --- what follows from a change ----------------------------------------------------------------------

    def appended(self, base_offsets: Mapping[TopicPartition, int]) -> None:
        """This broker has appended as leader: wake the followers, and see what is committed by that."""
        self.sessions.appended(base_offsets)
        for tp in base_offsets:
            self.settle(self.partitions[tp])

    def log_changed(self, tp: TopicPartition) -> None:
        """A log has been changed by its manager: do what waits for that, if there is a replica in service."""
        if tp in self.partitions:
            self.settle(self.partitions[tp])

    def settle(self, partition: Partition) -> None:
        """After anything that may have moved a partition's high watermark, log start or ISR: do what waits for that."""
        tp = partition.tp
        self._broker.logs.changed(tp)
        self.deletions.check(tp)
        bounds = (partition.log.high_watermark, partition.log.start_offset)
        if self._bounds.get(tp) != bounds:
            self._bounds[tp] = bounds
            self._checkpoint_soon()
            if partition.is_leader:
                self.purgatory.check(tp)
                self.sessions.moved(tp)
        self._alter_partitions.ask(partition)
        if self._isr_check is None and partition.is_lagging:
            wait_ms = self._broker.until_next(self._broker.config.replica_lag_time_max_ms / 2)
            self._isr_check = self._broker.after_ms(wait_ms, self._check_isrs)

    def _check_isrs(self) -> None:
        """Kafka: the isr-expiration task, every replica.lag.time.max.ms / 2; it is run while somebody lags."""
        self._isr_check = None
        for partition in self.partitions.values():
            partition.shrink(self._broker.kernel.now_ms)
            self.settle(partition)

    def _checkpoint_soon(self) -> None:
        """At the next beat; the first one is that of the first roles. Kafka: startHighWatermarkCheckPointThread."""
        if self._checkpointing is None and self._checkpoints_since_us is not None:
            interval_ms = self._broker.config.replica_high_watermark_checkpoint_interval_ms
            since_ms = (self._broker.kernel.now_us - self._checkpoints_since_us) / US_PER_MS
            self._checkpointing = self._broker.after_ms(interval_ms - since_ms % interval_ms, self.checkpoint)

    def shut_down(self) -> None:
        """Follow nobody any more, and write the high watermarks down. Kafka: shutdown."""
        for tp in self.partitions:
            self.fetchers.forget(tp)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Write the high watermarks down. Kafka: checkpointHighWatermarks."""
        self._checkpointing = None
        self._broker.disk.high_watermarks = {tp: one.log.high_watermark for tp, one in self.partitions.items()}
