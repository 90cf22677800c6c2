"""Where a KafkaConsumer reads: its positions, and the ends and times of partitions. kafka-python: kafka.consumer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from kafkasim.client.consumer_arguments import partition_of, partitions_of, timeout
from kafkasim.client.errors import IllegalStateError
from kafkasim.client.futures import finished, result
from kafkasim.client.structs import OffsetAndTimestamp
from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.kernel import Kernel


class Positions:
    """The part of a consumer that moves it to and fro."""

    kernel: ClassVar[Kernel]
    config: dict[str, Any]
    _native: Consumer

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read this partition from ``offset`` on; what lies there is not looked at before the next poll().

        Raises ValueError for a partition that is not owned: with a subscription, partitions come with poll().
        """
        checks.whole_number(offset, "offset", at_least=0)
        self._native.seek(self._owned([partition], ConfigError)[0], offset)

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Read these partitions, all by default, from their log start on; looked up with the next poll()."""
        self._native.seek_to_beginning(self._owned(partitions or self._all(), ConfigError))

    def seek_to_end(self, *partitions: TopicPartition) -> None:
        """Read these partitions, all by default, from their high watermark on; looked up with the next poll()."""
        self._native.seek_to_end(self._owned(partitions or self._all(), ConfigError))

    def pause(self, *partitions: TopicPartition) -> None:
        """Go on owning these partitions, but get no records of them until resume(), or until they are given up."""
        self._native.pause(self._owned(partitions, IllegalStateError))

    def resume(self, *partitions: TopicPartition) -> None:
        """Get records of these partitions again, from where it stood."""
        self._native.resume(self._owned(partitions, IllegalStateError))

    def paused(self) -> set[TopicPartition]:
        """The partitions that are paused."""
        return set(self._native.paused())

    def position(self, partition: TopicPartition, timeout_ms: float | None = None) -> int | None:
        """The offset of the next record; None when it is not known after ``timeout_ms``.

        It moves when records are handed out, whatever becomes of them.
        """
        future = self._native.position(self._owned([partition], IllegalStateError)[0])
        if not finished(self.kernel, future, "position()", timeout(timeout_ms)):
            return None
        return result(self.kernel, future, "position()")

    def highwater(self, partition: TopicPartition) -> int | None:
        """The high watermark that the last fetch has told: the end of what can be read; None before the first."""
        owned = self._owned([partition], IllegalStateError)[0]
        return self._native.high_watermark(owned)

    def beginning_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]:
        """The log start offset of each partition, owned or not: the first record that is still there."""
        limit = self._limit(timeout_ms)
        future = self._native.beginning_offsets(partitions_of(partitions))
        return result(self.kernel, future, "beginning_offsets()", limit)

    def end_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
    ) -> dict[TopicPartition, int]:
        """The high watermark of each partition, owned or not: where reading ends.

        With isolation_level="read_committed" it is the last stable offset.
        """
        limit = self._limit(timeout_ms)
        future = self._native.end_offsets(partitions_of(partitions))
        return result(self.kernel, future, "end_offsets()", limit)

    def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int], timeout_ms: float | None = None
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """The first record of each partition at or after a time in ms of the epoch: its offset and time, or None."""
        limit = self._limit(timeout_ms)
        found = result(self.kernel, self._native.offsets_for_times(timestamps), "offsets_for_times()", limit)
        return {tp: None if one is None else OffsetAndTimestamp(*one) for tp, one in found.items()}

    def _limit(self, timeout_ms: float | None) -> float | None:
        return self.config["request_timeout_ms"] if timeout_ms is None else timeout(timeout_ms)

    def _all(self) -> list[TopicPartition]:
        if not self._native.assignment():
            raise ConfigError("No partitions are currently assigned: poll() first.")
        return sorted(self._native.assignment())

    def _owned(self, partitions: Iterable[TopicPartition], refusal: type[Exception]) -> list[TopicPartition]:
        found = [partition_of(tp) for tp in partitions]
        for tp in found:
            if tp not in self._native.assignment():
                raise refusal(f"Unassigned partition: {tp}. With a subscription, partitions come with poll().")
        return found
