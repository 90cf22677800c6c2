"""What lies on a broker's disk, as its files would show it. ``cluster.disk(102)`` makes one of these.

It is the one window beside the trace: how a learner looks into a log directory. While the broker is dead its files can
be damaged, as a loss of power or a bad block would do it.
"""

from __future__ import annotations

from typing import Any

from kafkasim.config import checks
from kafkasim.core.log import Log
from kafkasim.core.producer_state import ProducerState
from kafkasim.errors import UsageError, unknown_name
from kafkasim.records import TopicPartition
from kafkasim.sim.disk import Disk
from kafkasim.sim.host import Host
from kafkasim.sim.replica_on_disk import ReplicaOnDisk, replica_on_disk
from kafkasim.trace.arguments import partition_named
from kafkasim.trace.facts import UnflushedLost

LEADER_EPOCHS = "leader-epoch-checkpoint"


class DiskInspector:
    """The log directory of one broker at this moment."""

    def __init__(self, disk: Disk, host: Host) -> None:
        self._disk = disk
        self._host = host

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """The replicas that have a folder here, sorted."""
        return tuple(sorted(self._disk.logs))

    @property
    def high_watermarks(self) -> dict[TopicPartition, int]:
        """The file replication-offset-checkpoint as it was written last."""
        return dict(sorted(self._disk.high_watermarks.items()))

    @property
    def was_shut_down_cleanly(self) -> bool:
        """Whether the file .kafka_cleanshutdown lies here: without it a broker looks through its logs at start."""
        return self._disk.is_clean

    def replica(self, tp: object) -> ReplicaOnDisk:
        """One replica's folder, named as a TopicPartition, a pair or a text such as ``orders-0``."""
        partition, log = self._named(tp)
        return replica_on_disk(partition, log, self._host.kernel.now_ms)

    def checkpoint(self, file_name: str) -> dict[TopicPartition, Any]:
        """A checkpoint file as it was written last: partition to offset; a partition that it does not name is missing.

        ``file_name`` is ``replication-offset-checkpoint`` (high watermarks), ``recovery-point-offset-checkpoint``,
        ``log-start-offset-checkpoint`` or ``cleaner-offset-checkpoint``. Of ``leader-epoch-checkpoint`` each replica
        has one: partition to pairs of (epoch, start offset).
        """
        files = self._disk.checkpoints
        if checks.text(file_name, "file_name") == LEADER_EPOCHS:
            return {tp: tuple(self._disk.logs[tp].epochs.entries) for tp in self.partitions}
        if file_name not in files:
            raise unknown_name("checkpoint file", file_name, [*files, LEADER_EPOCHS])
        return dict(sorted(files[file_name].items()))

    def producers(self, tp: object) -> dict[int, ProducerState]:
        """The newest snapshot of producers in a replica's folder, by producer id; empty before the first one.

        Kafka writes one when it rolls a segment and at a clean shutdown. What a running leader knows is to be had from
        ``admin.describe_producers()``.
        """
        _, log = self._named(tp)
        newest = max(log.snapshots, default=None)
        return {} if newest is None else {one: state.copy() for one, state in log.snapshots[newest].items()}

    # --- damage --------------------------------------------------------------------------------------------

    def cut_log(self, tp: object, leo: int) -> None:
        """What a loss of power would have left: the log ends at offset ``leo``. Only while the broker is dead."""
        log = self._dead(tp, "cut_log()")
        checks.whole_number(leo, "leo", at_least=0)
        if leo > log.end_offset:
            raise UsageError(f"leo must not be behind the log's end, {log.end_offset}. Got {leo}.")
        log.active.torn_bytes = 0
        log.truncate_to(leo)
        log.tell(UnflushedLost, log.end_offset)

    def cut_bytes(self, tp: object, count: int) -> int:
        """Take bytes off the end of the last segment's file; gives the size that it had. Only while the broker is dead.

        What is left of a batch is still there, and no longer readable.
        """
        log = self._dead(tp, "cut_bytes()")
        segment = log.active
        size = segment.size_in_bytes + segment.torn_bytes
        checks.whole_number(count, "count", at_least=1)
        if count > size:
            raise UsageError(f"count must not be above the size of the last segment's file, {size} bytes. Got {count}.")
        left = size - count
        end, torn = log.end_offset, left
        while segment.size_in_bytes > left:
            log.truncate_to(segment.batches[-1].base_offset)
        segment.torn_bytes = torn - segment.size_in_bytes
        if log.end_offset < end:
            log.tell(UnflushedLost, log.end_offset)
        return size

    def add_bytes(self, tp: object, count: int) -> int:
        """Put zero bytes at the end of the last segment's file; gives the size that it had. Only while the broker is
        dead."""
        log = self._dead(tp, "add_bytes()")
        checks.whole_number(count, "count", at_least=1)
        size = log.active.size_in_bytes + log.active.torn_bytes
        log.active.torn_bytes += count
        return size

    def _dead(self, tp: object, call: str) -> Log:
        _, log = self._named(tp)
        if self._host.is_alive:
            raise UsageError(
                f"{call} needs a dead broker, and {self._host.name} is {self._host.state.value}. Kill it first:"
                f" cluster.kill({self._host.name!r})."
            )
        return log

    def _named(self, tp: object) -> tuple[TopicPartition, Log]:
        partition = partition_named(tp)
        if partition not in self._disk.logs:
            raise unknown_name(f"replica on {self._host.name}", str(partition), map(str, self._disk.logs))
        return partition, self._disk.logs[partition]

    def __str__(self) -> str:
        return "\n".join([f"disk of {self._host.name}", *(str(self.replica(tp)) for tp in self.partitions)])

    __repr__ = __str__
