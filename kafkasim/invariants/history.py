"""A trace and what several checkers need to know of it, worked out once and when first asked for."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from kafkasim.invariants.finding import trace_of
from kafkasim.invariants.logs import CUTS, Log, RecordName, leader_logs
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact, Trace
from kafkasim.trace.facts import BatchAcknowledged, LogCleaned, MarkerWritten, ProducerIdObtained

Place = tuple[TopicPartition, int]
"""A partition and an offset."""


class History:
    """What the checkers of delivery look at."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace_of(trace)

    @cached_property
    def every_log(self) -> list[tuple[TopicPartition, Log]]:
        """See :func:`kafkasim.invariants.logs.leader_logs`."""
        return leader_logs(self.trace)

    @cached_property
    def logs(self) -> dict[TopicPartition, Log]:
        """The newest log of each partition."""
        return dict(self.every_log)

    @cached_property
    def acknowledged(self) -> dict[RecordName, BatchAcknowledged]:
        """The records that their producers report as sent, with acks=0 those written to the connection."""
        found: dict[RecordName, BatchAcknowledged] = {}
        for fact in self.trace.of(BatchAcknowledged):
            for number in fact.records:
                found[fact.producer, number] = fact
        return found

    def was_cleaned(self, tp: TopicPartition, offset: int, before: Fact) -> bool:
        """Whether compaction had removed the record there when that fact came to be."""
        cleaned = self._cleaned.get((tp, offset))
        return cleaned is not None and cleaned.index < before.index

    @cached_property
    def _cleaned(self) -> dict[Place, LogCleaned]:
        """Where compaction has removed a record, and when it first did."""
        found: dict[Place, LogCleaned] = {}
        for fact in self.trace.of(LogCleaned):
            for offset in fact.removed:
                found.setdefault((fact.tp, offset), fact)
        return found

    @cached_property
    def aborted(self) -> dict[Place, MarkerWritten]:
        """Where records of aborted transactions stand, and the marker that took each back: the next one behind it
        of a producer id of its producer."""
        users: dict[int, set[str]] = {}
        for obtained in self.trace.of(ProducerIdObtained):
            users.setdefault(obtained.producer_id, set()).add(obtained.producer)
        ends: dict[tuple[TopicPartition, str], dict[int, MarkerWritten]] = {}
        for marker in self._markers_that_stayed():
            for producer in sorted(users.get(marker.producer_id, ())):
                ends.setdefault((marker.tp, producer), {})[marker.offset] = marker
        offsets = {ended: sorted(markers) for ended, markers in ends.items()}
        found: dict[Place, MarkerWritten] = {}
        for tp, log in self.logs.items():
            for offset, ((producer, _), _) in log.items():
                behind = offsets.get((tp, producer), [])
                place = bisect_right(behind, offset)
                if place < len(behind):
                    end = ends[tp, producer][behind[place]]
                    if end.outcome == "abort":
                        found[tp, offset] = end
        return found

    def _markers_that_stayed(self) -> list[MarkerWritten]:
        """Without those that the leader which wrote them had to cut off again."""
        kept: dict[tuple[int, TopicPartition], list[MarkerWritten]] = {}
        for fact in self.trace.of(MarkerWritten, *CUTS):
            mine = kept.setdefault((fact.broker, fact.tp), [])
            if isinstance(fact, MarkerWritten):
                mine.append(fact)
            else:
                mine[:] = [marker for marker in mine if marker.offset < fact.log_end_offset]
        return [marker for markers in kept.values() for marker in markers]
