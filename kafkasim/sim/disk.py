"""What outlives a broker's process: its logs and checkpoint files. What it can suffer: kafkasim/faults/disks.py."""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.core.log import Log
from kafkasim.core.log_recovery import recover
from kafkasim.errors import KafkaStorageException
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import ReplicaDeleted, UnflushedLost


class Disk:
    """The log directory of one broker.

    Of what is in memory only the checkpoint files remember something: ``high_watermarks`` is the file
    replication-offset-checkpoint, ``recovery_points`` recovery-point-offset-checkpoint, ``log_starts``
    log-start-offset-checkpoint and ``cleaner_offsets`` cleaner-offset-checkpoint. ``is_clean`` says whether the file
    .kafka_cleanshutdown lies there. An append takes ``append_ms``, fails while it ``is_full``, and a broker whose log
    directory ``has_failed`` cannot be started; ``on_failed`` is called when an append has failed.
    """

    def __init__(self, on_failed: Callable[[], object]) -> None:
        self.append_ms = 0.0
        self.is_full = False
        self.has_failed = False
        self._on_failed = on_failed
        self.logs: dict[TopicPartition, Log] = {}
        self.high_watermarks: dict[TopicPartition, int] = {}
        self.recovery_points: dict[TopicPartition, int] = {}
        self.log_starts: dict[TopicPartition, int] = {}
        self.cleaner_offsets: dict[TopicPartition, int] = {}
        self.is_clean = False

    @property
    def checkpoints(self) -> dict[str, dict[TopicPartition, int]]:
        """The checkpoint files by their names."""
        return {
            "replication-offset-checkpoint": self.high_watermarks,
            "recovery-point-offset-checkpoint": self.recovery_points,
            "log-start-offset-checkpoint": self.log_starts,
            "cleaner-offset-checkpoint": self.cleaner_offsets,
        }

    def check_space(self) -> None:
        """Before an append. Raises KafkaStorageException."""
        if self.is_full:
            self._on_failed()
            raise KafkaStorageException("No space is left on the device.")

    def recover(self, now_ms: int) -> None:
        """A process starts on this disk: it knows of each log what its files say. Kafka: LogManager.loadLogs."""
        for tp, log in self.logs.items():
            recover(
                log, now_ms, high_watermark=self.high_watermarks.get(tp, 0),
                recovery_point=self.recovery_points.get(tp, 0), start_offset=self.log_starts.get(tp, 0),
                was_clean=self.is_clean,
            )  # fmt: skip
        self.is_clean = False

    def delete(self, tp: TopicPartition) -> None:
        """A replica and all of its files go."""
        log = self.logs.pop(tp, None)
        if log is not None:
            log.tell(ReplicaDeleted)
        for file in self.checkpoints.values():
            file.pop(tp, None)

    def write_recovery_points(self) -> None:
        """Kafka: LogManager.checkpointLogRecoveryOffsets."""
        self.recovery_points = {tp: log.recovery_point for tp, log in self.logs.items()}

    def write_log_starts(self) -> None:
        """Only the logs that start within a segment are named. Kafka: LogManager.checkpointLogStartOffsets."""
        self.log_starts = {tp: log.start_offset for tp, log in self.logs.items() if log.starts_within_a_segment}

    def power_loss(self) -> None:
        """The machine has lost its power: what was not flushed is gone."""
        for log in self.logs.values():
            if log.flushed_offset < log.end_offset:
                log.truncate_to(log.flushed_offset)
                log.tell(UnflushedLost, log.end_offset)
