"""The logs of one broker and what is done to them from time to time: retention, compaction, flushes, checkpoints.

Each is a task with fixed beats, as in Kafka, that is only run at those beats at which it finds something to do: whoever
changes a log calls :meth:`LogManager.changed`, and that works out when this will be.

Kafka: LogManager, LogCleaner. Left out: more than one log directory, several cleaner threads; a pass takes no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kafkasim.config import TopicConfig
from kafkasim.config.checks import LONG_MAX
from kafkasim.core import cleaner, retention
from kafkasim.core.log import Log
from kafkasim.core.producer_state import ProducerStates
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.periodic import PeriodicTask

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker


class LogManager:
    """All logs of one broker's incarnation; they lie on its disk."""

    def __init__(self, broker: Broker) -> None:
        config = broker.config
        self._broker = broker
        self._disk = broker.disk
        self._chance = broker.kernel.rng(f"segment-jitter/{broker.name}")
        self._seen: dict[TopicPartition, tuple[int, ...]] = {}
        # In Kafka's order where beats fall together: the checkpoints tell of what retention has just left.
        delays_ms = [config.log_initial_task_delay_ms + place / US_PER_MS for place in range(4)]
        self._retention = PeriodicTask(
            broker, delays_ms[0], config.log_retention_check_interval_ms, self._check_retention
        )
        self._flusher = PeriodicTask(broker, delays_ms[1], config.log_flush_scheduler_interval_ms, self._flush)
        self._recovery_points = PeriodicTask(
            broker, delays_ms[2], config.log_flush_offset_checkpoint_interval_ms, self._write_recovery_points
        )
        self._log_starts = PeriodicTask(
            broker, delays_ms[3], config.log_flush_start_offset_checkpoint_interval_ms, self._write_log_starts
        )
        self._cleaner = PeriodicTask(broker, 0, config.log_cleaner_backoff_ms, self._clean)

    # --- life --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load what lies on the disk. Kafka: LogManager.startup."""
        self._disk.recover(self._broker.kernel.now_ms)
        for tp in self._disk.logs:
            self.changed(tp)

    def shut_down(self) -> None:
        """Flush and write down everything, and that it was done. Kafka: LogManager.shutdown."""
        now_ms = self._broker.kernel.now_ms
        for log in self._disk.logs.values():
            log.flush(now_ms, "a clean shutdown")
            log.snapshots[log.end_offset] = log.producers.snapshot()
        self._disk.write_recovery_points()
        self._disk.write_log_starts()
        self._disk.is_clean = True

    def open(self, tp: TopicPartition, config: TopicConfig) -> Log:
        """The log of a replica, made if it is not there. Kafka: LogManager.getOrCreateLog."""
        kernel, broker = self._broker.kernel, self._broker.broker_id
        if tp not in self._disk.logs:
            producers = ProducerStates(
                expiration_ms=self._broker.config.producer_id_expiration_ms,
                check_ms=self._broker.config.producer_id_expiration_check_interval_ms, opened_ms=kernel.now_ms,
            )  # fmt: skip
            self._disk.logs[tp] = Log(
                config, kernel.now_ms, producers=producers, jitter=self._chance.randrange,
                before_append=self._disk.check_space,
                tell=lambda kind, *values: kernel.journal.record(kind(broker, tp, *values)),
            )  # fmt: skip
            self.changed(tp)
        return self._disk.logs[tp]

    def configure(self, topic: str, config: TopicConfig) -> None:
        """A topic has other settings now. Kafka: LogManager.updateTopicConfig."""
        for tp, log in self._disk.logs.items():
            if tp.topic == topic and log.config != config:
                log.config = config
                self._seen.pop(tp, None)
                self.changed(tp)

    # --- work follows changes ------------------------------------------------------------------------------

    def changed(self, tp: TopicPartition) -> None:
        """A log may have changed: work out at which beats there is something to do for it."""
        log = self._disk.logs.get(tp)
        if log is None:
            return
        size = log.size_in_bytes if log.config.retention_bytes >= 0 else 0
        unflushed = log.end_offset if log.config.flush_ms < LONG_MAX else 0
        now = (
            log.high_watermark, log.last_stable_offset, log.start_offset, len(log.segments), log.recovery_point, size,
            unflushed,
        )  # fmt: skip
        if self._seen.get(tp) == now:
            return
        self._seen[tp] = now
        now_ms = self._broker.kernel.now_ms
        self._cap_checkpoints(tp, log)
        if "compact" in log.config.cleanup_policy:
            self._cleaner.due(self._cleaning_due_ms(tp, log))
        else:
            self._retention.due(retention.due_ms(log, now_ms))
        if self._disk.recovery_points.get(tp) != log.recovery_point:
            self._recovery_points.due(now_ms)
        if self._disk.log_starts.get(tp) != (log.start_offset if log.starts_within_a_segment else None):
            self._log_starts.due(now_ms)
        self._flusher.due(self._flush_due_ms(log))

    def _cap_checkpoints(self, tp: TopicPartition, log: Log) -> None:
        """After a truncation no checkpoint may lie behind the log's end. Kafka: LogManager.truncateTo."""
        if self._disk.recovery_points.get(tp, 0) > log.recovery_point:
            self._disk.write_recovery_points()
        if self._disk.cleaner_offsets.get(tp, 0) > log.end_offset:
            self._disk.cleaner_offsets[tp] = log.end_offset

    def _check_retention(self) -> int | None:
        """Kafka: LogManager.cleanupLogs; compacted logs are the cleaner's, their retention too."""
        return _earliest(
            self._delete_old(tp, log)
            for tp, log in list(self._disk.logs.items())
            if "compact" not in log.config.cleanup_policy
        )

    def _delete_old(self, tp: TopicPartition, log: Log) -> int | None:
        now_ms = self._broker.kernel.now_ms
        if any(retention.delete_old_segments(log, now_ms).values()):
            self._broker.replicas.log_changed(tp)
        return retention.due_ms(log, now_ms)

    def _clean(self) -> int | None:
        """Passes over the dirtiest logs until none is dirty enough. Kafka: LogCleaner.CleanerThread.doWork."""
        now_ms = self._broker.kernel.now_ms
        compacted = [(tp, one) for tp, one in self._disk.logs.items() if "compact" in one.config.cleanup_policy]
        if self._broker.config.log_cleaner_enable:
            while (dirtiest := self._dirtiest(compacted)) is not None:
                tp, log, found = dirtiest
                self._disk.cleaner_offsets[tp] = cleaner.clean(log, found, now_ms)
                self._broker.replicas.log_changed(tp)
            for tp, log in compacted:
                self._delete_old(tp, log)
        return _earliest(self._cleaning_due_ms(tp, log) for tp, log in compacted)

    def _dirtiest(
        self, compacted: list[tuple[TopicPartition, Log]]
    ) -> tuple[TopicPartition, Log, cleaner.Cleanable] | None:
        """Kafka: LogCleanerManager.grabFilthiestCompactedLog."""
        now_ms = self._broker.kernel.now_ms
        eligible = [
            (found.ratio, tp, log, found)
            for tp, log in compacted
            if (found := cleaner.cleanable(log, self._disk.cleaner_offsets.get(tp), now_ms)).is_eligible(
                log.config.min_cleanable_dirty_ratio
            )
        ]
        return max(eligible, key=lambda one: one[0])[1:] if eligible else None

    def _cleaning_due_ms(self, tp: TopicPartition, log: Log) -> int | None:
        if not self._broker.config.log_cleaner_enable:
            return None
        now_ms = self._broker.kernel.now_ms
        return _earliest(
            (cleaner.due_ms(log, self._disk.cleaner_offsets.get(tp), now_ms), retention.due_ms(log, now_ms))
        )

    def _flush(self) -> int | None:
        """Kafka: LogManager.flushDirtyLogs."""
        now_ms = self._broker.kernel.now_ms
        for tp, log in self._disk.logs.items():
            if log.recovery_point < log.end_offset and now_ms - log.flushed_ms >= log.config.flush_ms:
                log.flush(now_ms, f"flush.ms={log.config.flush_ms}")
                self.changed(tp)
        return _earliest(map(self._flush_due_ms, self._disk.logs.values()))

    def _flush_due_ms(self, log: Log) -> int | None:
        has_limit = log.config.flush_ms < LONG_MAX and log.recovery_point < log.end_offset
        return log.flushed_ms + log.config.flush_ms if has_limit else None

    def _write_recovery_points(self) -> None:
        self._disk.write_recovery_points()

    def _write_log_starts(self) -> None:
        self._disk.write_log_starts()


def _earliest(times: Iterable[int | None]) -> int | None:
    return min((time for time in times if time is not None), default=None)
