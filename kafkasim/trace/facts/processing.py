"""Facts about what applications do with the records that they read."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


@fact("sink", "tp", "offset", host="consumer", text="{consumer} gives {tp} offset {offset} to {sink}: {effect}")
class RecordProcessed(Fact):
    """An application has worked on a record.

    ``effect`` is ``applied``; ``ignored`` by a sink that knew the record already; or ``in transaction``, where what was
    done counts if the transaction is committed.

    ``sink`` names what was worked on: a system outside Kafka, or the topic that a loop produces to.
    """

    consumer: str
    group: str | None
    sink: str
    tp: TopicPartition
    offset: int
    effect: str


@fact("consumer", host="consumer", text="the program of {consumer} dies after step {step}, number {number}")
class ProgramDied(Fact):
    """A processing loop was told to die at this point, without a goodbye."""

    consumer: str
    step: str
    number: int
