"""Facts about the files of a replica: segments, what goes, what is flushed, what a crash has left."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact

THE_LEADERS = "the leader's log start"
"""What decides where a follower's log starts, when it was not its own retention."""


@fact("broker", "tp", host="broker", text="{broker} begins segment {base_offset} of {tp}: {reason} ({setting})")
class SegmentRolled(Fact):
    """A new active segment; the one before it is closed."""

    broker: int
    tp: TopicPartition
    base_offset: int
    reason: str
    setting: str


@fact("broker", "tp", host="broker", text="{broker} deletes segments {base_offsets} of {tp}: {reason} ({setting})")
class SegmentsDeleted(Fact):
    """Whole segments are gone; ``base_offsets`` names them."""

    broker: int
    tp: TopicPartition
    base_offsets: tuple[int, ...]
    reason: str
    setting: str


@fact(
    "broker", "tp", host="broker", text="{broker}: {tp} starts at offset {log_start_offset} now: {reason} ({setting})"
)
class LogStartMoved(Fact):
    """The first offset that a reader may ask for."""

    broker: int
    tp: TopicPartition
    log_start_offset: int
    reason: str
    setting: str


@fact(
    "broker", "tp", host="broker",
    text="{broker} has compacted {tp} up to offset {clean_up_to}, gone are {removed} ({setting})",
)  # fmt: skip
class LogCleaned(Fact):
    """A pass of the cleaner; ``removed`` lists the offsets that are gone with it."""

    broker: int
    tp: TopicPartition
    clean_up_to: int
    removed: tuple[int, ...]
    setting: str


@fact("broker", "tp", host="broker", text="{broker} has flushed {tp} up to offset {recovery_point} ({setting})")
class RecordsFlushed(Fact):
    """Everything below the recovery point would survive a loss of power."""

    broker: int
    tp: TopicPartition
    recovery_point: int
    setting: str


@fact("broker", "tp", host="broker", text="{broker} has lost what was not flushed of {tp}: it ends at {log_end_offset}")
class UnflushedLost(Fact):
    """A loss of power has taken the end of a log."""

    broker: int
    tp: TopicPartition
    log_end_offset: int


@fact(
    "broker", "tp", host="broker",
    text="{broker} finds {tp} up to offset {log_end_offset}, high watermark {high_watermark}: {reason}",
)  # fmt: skip
class LogRecovered(Fact):
    """A broker has started on a log after an unclean end; the high watermark is the one of its checkpoint."""

    broker: int
    tp: TopicPartition
    log_end_offset: int
    high_watermark: int
    reason: str


@fact("broker", "tp", host="broker", text="{broker} has deleted its replica of {tp}")
class ReplicaDeleted(Fact):
    """The controller has told a broker to delete a replica with all of its files: it lies elsewhere now, or the topic
    goes."""

    broker: int
    tp: TopicPartition
