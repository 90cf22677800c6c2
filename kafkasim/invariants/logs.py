"""What the leaders' logs hold at the end of a trace, record by record.

What was removed in its time (by retention, by DeleteRecords, by compaction, with its topic) counts as held: whoever
asks whether a record is lost asks whether it had the place that it was promised. It counts also on a leader that began
to follow after the removal and never had it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.records import TopicPartition
from kafkasim.trace import Trace
from kafkasim.trace.facts import (
    BatchSent,
    LogCleaned,
    LogRecovered,
    LogStartMoved,
    LogTruncated,
    PartitionChanged,
    RecordsAppended,
    ReplicaDeleted,
    UnflushedLost,
)

RecordName = tuple[str, int]
"""A record by its producer's client id and the number of its send."""
Log = dict[int, tuple[RecordName, RecordsAppended]]
"""Offset -> (the record, the append that put it there). Only records of producers: no markers, and nothing of the
cluster's own topics."""
CUTS = (LogTruncated, UnflushedLost, LogRecovered)


@dataclass(slots=True)
class _Replica:
    log: Log = field(default_factory=dict)
    start: int = 0
    end: int = 0


@dataclass(slots=True)
class _Partition:
    """``removed``: what was removed in its time, on any replica."""

    leader: int = -1
    replicas: dict[int, _Replica] = field(default_factory=dict)
    removed: Log = field(default_factory=dict)

    def apply(self, fact: object, batches: dict[str, BatchSent]) -> None:
        """Take over what a fact tells of one replica."""
        match fact:
            case RecordsAppended():
                replica = self._replica(fact.broker)
                replica.end = fact.log_end_offset
                if fact.batch_id in batches:
                    batch = batches[fact.batch_id]
                    for place, number in enumerate(batch.records):
                        replica.log[fact.base_offset + place] = ((batch.producer, number), fact)
            case LogTruncated() | UnflushedLost() | LogRecovered():
                replica = self._replica(fact.broker)
                for offset in range(fact.log_end_offset, replica.end):
                    replica.log.pop(offset, None)
                replica.end = fact.log_end_offset
            case LogStartMoved():
                self._start_moved(self._replica(fact.broker), fact.log_start_offset)
            case LogCleaned():
                self._remove(self._replica(fact.broker), fact.removed)

    def _replica(self, broker: int) -> _Replica:
        return self.replicas.setdefault(broker, _Replica())

    def _start_moved(self, replica: _Replica, start: int) -> None:
        """Beyond its end only a follower starts anew: that removes nothing, for it was too far behind to keep it."""
        if start > replica.end:
            replica.log.clear()
            replica.end = start
        else:
            self._remove(replica, range(replica.start, start))
        replica.start = start

    def _remove(self, replica: _Replica, offsets: range | tuple[int, ...]) -> None:
        for offset in offsets:
            if offset in replica.log:
                self.removed.setdefault(offset, replica.log[offset])

    def log_of_the_leader(self) -> Log:
        """What the leader holds, and what was removed in its time."""
        return dict(sorted({**self.removed, **self._replica(self.leader).log}.items()))


def leader_logs(trace: Trace) -> list[tuple[TopicPartition, Log]]:
    """The log of each partition on the leader of the end (its last one when it has none now), by offset.

    Those of deleted topics stand before those that exist; a topic that was made anew has two.
    """
    batches = {fact.batch_id: fact for fact in trace.of(BatchSent)}
    partitions: dict[TopicPartition, _Partition] = {}
    buried: list[tuple[TopicPartition, Log]] = []
    for fact in trace.of(PartitionChanged, RecordsAppended, *CUTS, LogStartMoved, LogCleaned, ReplicaDeleted):
        partition = partitions.setdefault(fact.tp, _Partition())
        if isinstance(fact, PartitionChanged):
            partition.leader = fact.leader if fact.leader >= 0 else partition.leader
        elif not isinstance(fact, ReplicaDeleted):
            partition.apply(fact, batches)
        elif fact.broker == partition.leader:
            buried.append((fact.tp, partition.log_of_the_leader()))
            del partitions[fact.tp]
        else:
            partition.replicas.pop(fact.broker, None)
    living = [(tp, one.log_of_the_leader()) for tp, one in partitions.items() if one.leader >= 0]
    return [pair for pair in (*buried, *living) if pair[1]]
