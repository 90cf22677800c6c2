"""Facts about groups and consumers."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


@fact("group", host="coordinator", text="group {group} is {state}, generation {generation}, members: {members}")
class GroupChanged(Fact):
    """The coordinator's picture of a group."""

    coordinator: int
    group: str
    state: str
    generation: int
    members: tuple[str, ...]
    leader: str | None
    protocol: str | None


@fact("member", host="member", text="{member} is {state} in group {group}, generation {generation}")
class MemberChanged(Fact):
    """A consumer's own picture of its membership; generation -1 and an empty member id while it has none."""

    member: str
    group: str
    state: str
    generation: int
    member_id: str


@fact("consumer", host="consumer", text="{consumer} owns {partitions} in generation {generation}")
class PartitionsAssigned(Fact):
    """A consumer's whole assignment."""

    consumer: str
    group: str | None
    generation: int
    partitions: tuple[TopicPartition, ...]


@fact("consumer", host="consumer", text="{consumer} gives up {partitions}: {reason}")
class PartitionsRevoked(Fact):
    """A consumer no longer owns these partitions; ``reason`` says whether they were revoked or lost."""

    consumer: str
    partitions: tuple[TopicPartition, ...]
    reason: str


@fact("consumer", "tp", host="consumer", text="{consumer} reads {tp} offsets {first_offset} to {last_offset}")
class RecordsPolled(Fact):
    """poll() has handed ``count`` records to the application; the position is now ``last_offset`` + 1.

    ``records`` tells them: (offset, producer, number of the send), ("", -1) for a record without a passport;
    ``read_committed`` is the consumer's isolation level.
    """

    consumer: str
    tp: TopicPartition
    first_offset: int
    last_offset: int
    count: int
    records: tuple[tuple[int, str, int], ...] = ()
    read_committed: bool = False

    @property
    def position(self) -> int:
        """The offset that this consumer reads next."""
        return self.last_offset + 1


@fact("consumer", "tp", host="consumer", text="{consumer} starts {tp} at offset {position}: {reason}")
class PositionSet(Fact):
    """A consumer's position was set by a committed offset, by auto.offset.reset or by seek()."""

    consumer: str
    tp: TopicPartition
    position: int
    reason: str


@fact("group", "tp", host="coordinator", text="group {group} has committed offset {offset} of {tp}")
class OffsetCommitted(Fact):
    """The coordinator has stored the offset that the group reads next."""

    coordinator: int
    group: str
    tp: TopicPartition
    offset: int


@fact("group", "tp", host="coordinator", text="group {group} has no committed offset of {tp} any more: {reason}")
class OffsetDeleted(Fact):
    """The coordinator has forgotten a committed offset."""

    coordinator: int
    group: str
    tp: TopicPartition
    reason: str
