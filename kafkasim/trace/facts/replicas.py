"""Facts about replicas: what a broker does with a partition's log."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


@fact("broker", "tp", host="broker", text="{broker} is {role} of {tp}, leader epoch {leader_epoch}")
class ReplicaRoleChanged(Fact):
    """A broker has taken up the role of ``leader`` or ``follower`` that the controller gave it."""

    broker: int
    tp: TopicPartition
    role: str
    leader: int
    leader_epoch: int


@fact("broker", "tp", host="broker", text="{broker} ({role}) appends {tp} offsets {base_offset} to {last_offset}")
class RecordsAppended(Fact):
    """A batch is in a replica's log; ``batch_id`` is the producer's name for it, the same on every replica."""

    broker: int
    tp: TopicPartition
    role: str
    base_offset: int
    last_offset: int
    leader_epoch: int
    batch_id: str

    @property
    def log_end_offset(self) -> int:
        """The offset that the next record of this replica gets."""
        return self.last_offset + 1


@fact("broker", "tp", host="broker", text="{broker} knows {batch_id} for {tp} already: it is at offset {base_offset}")
class DuplicateRecognised(Fact):
    """A retried batch of an idempotent producer was in the log already; nothing is appended."""

    broker: int
    tp: TopicPartition
    base_offset: int
    batch_id: str


@fact("broker", "tp", host="broker", text="{broker} cuts its log of {tp}: it ends at offset {log_end_offset} now")
class LogTruncated(Fact):
    """A replica has thrown away the end of its log, which its leader does not have."""

    broker: int
    tp: TopicPartition
    log_end_offset: int


@fact("broker", "tp", "follower", host="broker", text="{broker} sees {follower} fetch {tp} from {log_end_offset}")
class FollowerPositionMoved(Fact):
    """The leader has learned a follower's log end offset: it is the offset that the follower fetches next."""

    broker: int
    tp: TopicPartition
    follower: int
    log_end_offset: int


@fact("broker", "tp", host="broker", text="{broker} moves the high watermark of {tp} to {high_watermark}")
class HighWatermarkMoved(Fact):
    """Everything below the high watermark is committed, as far as this replica knows."""

    broker: int
    tp: TopicPartition
    high_watermark: int


@fact("broker", "tp", host="broker", text="{broker} holds the high watermark of {tp} at {high_watermark}: {reason}")
class HighWatermarkHeld(Fact):
    """There is more in the log, but the ISR is smaller than ``min_isr`` and so nothing is committed (3.7+)."""

    broker: int
    tp: TopicPartition
    high_watermark: int
    min_isr: int
    reason: str
    setting: str


@fact("broker", "tp", host="broker", text="{broker} asks for the ISR {isr} of {tp}: {reason} ({setting})")
class IsrChangeProposed(Fact):
    """A leader has asked the controller to change the in-sync replicas."""

    broker: int
    tp: TopicPartition
    isr: tuple[int, ...]
    reason: str
    setting: str


@fact("broker", "tp", host="broker", text="{broker} knows the ISR {isr} of {tp}")
class IsrLearned(Fact):
    """A leader counts with this committed ISR from now on: its role came with it, or the controller has confirmed
    it."""

    broker: int
    tp: TopicPartition
    isr: tuple[int, ...]


@fact("broker", "tp", host="broker", text="{broker} refuses {batch_id} for {tp}: {error}, {reason} ({setting})")
class ProduceRefused(Fact):
    """A leader has not appended a batch."""

    broker: int
    tp: TopicPartition
    batch_id: str
    error: str
    reason: str
    setting: str
