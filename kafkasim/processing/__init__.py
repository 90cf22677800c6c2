"""What applications do with records: loops with one delivery semantic each, and sinks that count effects.

A loop is a generator for ``cluster.process``; it runs until its program dies or time stops::

    sink = ks.processing.Sink("database")
    cluster.process(ks.processing.at_least_once(cluster.consumer("orders", group_id="billing"), sink))

The order of three steps makes the semantic. *At most once* commits what it has received and then works: what was in
hand at a crash is lost. *At least once* works and then commits: it is done again. *Exactly once* from Kafka to Kafka
puts results and offsets into one transaction. To a system outside, exactly once takes a sink that recognises repeats.
``crash`` lets the program die right after a step, the way to see each of these.

Kafka: the loops of its documentation, KafkaStreams with ``processing.guarantee=exactly_once_v2``. Left out: state
stores, joins, windows, more than one topic to write to.
"""

from __future__ import annotations

from kafkasim.processing.loops import STEPS, Crash, Loop, Result, at_least_once, at_most_once, exactly_once
from kafkasim.processing.sinks import OffsetSink, Sink, UpsertSink, note
from kafkasim.processing.stream import Stream

__all__ = [
    "STEPS",
    "Crash",
    "Loop",
    "OffsetSink",
    "Result",
    "Sink",
    "Stream",
    "UpsertSink",
    "at_least_once",
    "at_most_once",
    "exactly_once",
    "note",
]
