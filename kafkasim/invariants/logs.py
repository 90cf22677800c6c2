"""What lies in the leaders' logs at the end of a trace, record by record."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace import Trace
from kafkasim.trace.facts import BatchSent, LogTruncated, PartitionChanged, RecordsAppended, UnflushedLost

RecordName = tuple[str, int]
"""A record by its producer's client id and the number of its send."""


def leaders(trace: Trace) -> dict[TopicPartition, int]:
    """The leader of each partition at the end; its last one when it has none now."""
    found: dict[TopicPartition, int] = {}
    for state in trace.of(PartitionChanged):
        if state.leader >= 0:
            found[state.tp] = state.leader
    return found


def leader_logs(trace: Trace) -> dict[TopicPartition, dict[int, tuple[RecordName, RecordsAppended]]]:
    """For each partition: offset -> (the record, the append that put it there), on the leader of the end.

    Only records of producers are in it: no markers, and nothing of the cluster's own topics. What retention and
    compaction have removed since is still in it: for these checks a record that was kept for its time is not lost.
    """
    batches = {fact.batch_id: fact for fact in trace.of(BatchSent)}
    led_by = leaders(trace)
    logs: dict[TopicPartition, dict[int, tuple[RecordName, RecordsAppended]]] = {}
    for fact in trace.of(RecordsAppended, LogTruncated, UnflushedLost):
        if led_by.get(fact.tp) != fact.broker:
            continue
        log = logs.setdefault(fact.tp, {})
        if isinstance(fact, LogTruncated | UnflushedLost):
            for offset in [offset for offset in log if offset >= fact.log_end_offset]:
                del log[offset]
        elif fact.batch_id in batches:
            batch = batches[fact.batch_id]
            for place, number in enumerate(batch.records):
                log[fact.base_offset + place] = ((batch.producer, number), fact)
    return logs
