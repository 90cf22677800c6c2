"""Where a consumer reads: its positions, and the ends and times of partitions.

Kafka: the calls of KafkaConsumer between seek and offsetsForTimes; what answers them is in sim/offset_lookup.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from kafkasim.config import checks
from kafkasim.core.subscription import EARLIEST, LATEST, Subscription
from kafkasim.errors import UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.consumer_arguments import Partitions, partition_of, partitions_of, times_of
from kafkasim.sim.fetcher import Fetcher
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.offset_lookup import OffsetAndTimestamp, OffsetLookup
from kafkasim.sim.waiting import Waiting


class Positions:
    """The part of a consumer that moves it to and fro."""

    client_id: str
    host: Host
    _book: Subscription
    _fetcher: Fetcher
    _offsets: OffsetLookup
    _waiting: Waiting

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read a partition that it owns from ``offset`` on; nothing is committed by that. Kafka: seek.

        Whether there is a record at ``offset`` shows at the next poll(): outside the log auto.offset.reset decides.
        """
        checks.argument(offset, "offset")
        self._seek([tp], offset, "seek()")

    def seek_to_beginning(self, partitions: Partitions = ()) -> None:
        """Read these partitions (all that are owned by default) from their log start offset on."""
        self._seek(partitions or list(self._book.owned), EARLIEST, "seek_to_beginning()")

    def seek_to_end(self, partitions: Partitions = ()) -> None:
        """Read these partitions (all that are owned by default) from their end on."""
        self._seek(partitions or list(self._book.owned), LATEST, "seek_to_end()")

    def _seek(self, partitions: Partitions, where: int, call: str) -> None:
        owned = [self._owned(tp) for tp in partitions_of(partitions)]
        for tp in owned:
            self._offsets.seek(tp, where, call)
            self._fetcher.moved(tp)
        self._waiting.changed()

    def pause(self, partitions: Partitions) -> None:
        """Go on owning these partitions, but get no records of them until resume(), or until they are given up."""
        for tp in [self._owned(tp) for tp in partitions_of(partitions)]:
            self._book.owned[tp].paused = True
            self._fetcher.paused(tp)

    def resume(self, partitions: Partitions) -> None:
        """Get records of these partitions again."""
        for tp in [self._owned(tp) for tp in partitions_of(partitions)]:
            self._book.owned[tp].paused = False
        self._waiting.changed()

    def paused(self) -> frozenset[TopicPartition]:
        """The partitions that are paused."""
        self._waiting.check_open()
        return frozenset(tp for tp, one in self._book.owned.items() if one.paused)

    def position(self, tp: TopicPartition, timeout_ms: float | None = None) -> Future[int]:
        """The offset of the next record that poll() would hand out; waits default.api.timeout.ms if not told else."""
        owned = self._owned(tp)
        until_us = self._waiting.deadline_us(timeout_ms)

        def story() -> Generator[Any, Any, int]:
            yield from self._waiting.until(lambda: self._offsets.is_known(owned), "position()", until_us)
            return self._book.positions()[self._owned(owned)]

        return self._waiting.start(story(), "position()")

    def beginning_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The log start offset of each partition, owned or not: that of the first record which is still there."""
        asked = self._offsets.listed(partitions_of(partitions), EARLIEST, self._waiting.until)
        return self._waiting.start(asked, "beginning_offsets()")

    def end_offsets(self, partitions: Partitions) -> Future[dict[TopicPartition, int]]:
        """The high watermark of each partition, owned or not: where a consumer's reading ends.

        With isolation.level=read_committed it is the last stable offset. Kafka: endOffsets.
        """
        asked = self._offsets.listed(partitions_of(partitions), LATEST, self._waiting.until)
        return self._waiting.start(asked, "end_offsets()")

    def offsets_for_times(
        self, times: Mapping[TopicPartition, int]
    ) -> Future[dict[TopicPartition, OffsetAndTimestamp | None]]:
        """The first record of each partition at or after a time in ms of the epoch; None where there is none.

        ``times`` maps partitions, owned or not, to times; the answer has offset, timestamp and leader epoch. Kafka:
        offsetsForTimes.
        """
        wanted = self._offsets.for_times(times_of(times), self._waiting.until)
        return self._waiting.start(wanted, "offsets_for_times()")

    def partitions_for(self, topic: str) -> Future[list[int]]:
        """The partitions of a topic."""
        asked = self._offsets.partitions_for(checks.topic_name(topic), self._waiting.until)
        return self._waiting.start(asked, "partitions_for()")

    def lag(self, tp: TopicPartition) -> int | None:
        """How far the position is behind the end that the last fetch has told; None while that is not known.

        Kafka: currentLag. What a group lags is the end offset minus its *committed* one.
        """
        return self._book.owned[self._owned(tp)].lag

    def high_watermark(self, tp: TopicPartition) -> int | None:
        """The high watermark that the last fetch has told; None before the first. An addition of ours."""
        return self._book.owned[self._owned(tp)].high_watermark

    def _owned(self, tp: TopicPartition) -> TopicPartition:
        self._waiting.check_open()
        partition = partition_of(tp)
        if partition not in self._book.owned:
            owned = ", ".join(map(str, self._book.owned)) or "nothing"
            raise UsageError(f"{self.client_id} does not own {partition}; it owns {owned}.")
        return partition
