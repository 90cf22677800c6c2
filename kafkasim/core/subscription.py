"""The consumer's own book: what it wants, what it owns, where it stands, and what has come but was not handed out yet.

Kafka: SubscriptionState, FetchCollector. A position is the offset of the next record to hand out; it moves when records
are *returned* from poll(), not when they are processed. It is found out in this order: the committed offset; without
one, or when it is out of range, what ``auto.offset.reset`` says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kafkasim.core.hashing import in_hash_map_order, partition_hash_code
from kafkasim.core.read_committed import readable_batches
from kafkasim.errors import KafkaError, NoOffsetForPartitionException, OffsetOutOfRangeException
from kafkasim.records import Record, RecordBatch, TopicPartition

EARLIEST, LATEST = -2, -1
"""Where a reset goes, as ListOffsets asks for it."""


@dataclass(slots=True)
class Owned:
    """One assigned partition.

    ``position`` is None until it is known; ``asked`` while somebody finds it out. ``target`` is where it is to be then,
    whatever is committed: (EARLIEST or LATEST, what said so). What is ``going`` waits for its revocation and gives
    nothing any more. ``failure`` is what the next poll() has to raise. ``last_epoch`` is the leader epoch of the record
    before the position, ``checked_epoch`` that of the leader whose history was last found to hold it, and ``is_unsure``
    a position about which a leader is being asked (KIP-320). ``buffered`` holds (offset, leader epoch, record); when it
    is used up the position is ``fetched_to``, beyond the gaps that compaction and control records leave.
    """

    position: int | None = None
    target: tuple[int, str] | None = None
    asked: bool = False
    paused: bool = False
    going: bool = False
    failure: KafkaError | None = None
    high_watermark: int | None = None
    last_epoch: int = -1
    checked_epoch: int = -1
    is_unsure: bool = False
    fetched_to: int = 0
    buffered: deque[tuple[int, int, Record]] = field(default_factory=deque)

    def seek(self, offset: int | None) -> None:
        """Stand somewhere else; what was fetched for the old position is thrown away."""
        self.position, self.asked, self.target, self.failure = offset, False, None, None
        self.last_epoch = self.checked_epoch = -1
        self.is_unsure = False
        self.buffered.clear()

    def reset(self, policy: str) -> None:
        """Go where ``auto.offset.reset`` says, "earliest" or "latest"."""
        self.seek(None)
        self.target = (EARLIEST if policy == "earliest" else LATEST, f"auto.offset.reset={policy}")

    @property
    def may_give(self) -> bool:
        """Whether records may be handed out: neither paused nor about to go."""
        return not (self.paused or self.going)

    @property
    def lag(self) -> int | None:
        """How many offsets the position is behind the last known high watermark. Kafka: partitionLag."""
        if self.position is None or self.high_watermark is None:
            return None
        return self.high_watermark - self.position


class Subscription:
    """``topics`` are subscribed to; ``owned`` are the assigned partitions, by group or by hand (``is_manual``).

    With a ``pattern``, a function of a topic's name, the topics are those that match among those that are known.
    """

    def __init__(self) -> None:
        self.topics: tuple[str, ...] = ()
        self.pattern: Callable[[str], object] | None = None
        self.is_manual = False
        self.owned: dict[TopicPartition, Owned] = {}
        self._turn: deque[TopicPartition] = deque()
        self._order: list[TopicPartition] = []

    @property
    def is_subscribed(self) -> bool:
        """Whether partitions come from the group; else commits are no member's. Kafka: hasAutoAssignedPartitions."""
        return bool(self.topics) or self.pattern is not None

    def match(self, known: Iterable[str]) -> None:
        """Subscribe to what matches among the topics that are known. Kafka: updatePatternSubscription."""
        if self.pattern is not None:
            self.topics = tuple(topic for topic in sorted(known) if self.pattern(topic))

    def may_own(self, topic: str) -> bool:
        """Whether partitions of a topic may be assigned. Kafka: checkAssignmentMatchedSubscription."""
        return topic in self.topics if self.pattern is None else bool(self.pattern(topic))

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Own exactly these; what is owned already keeps its position.

        They are asked for in the order of the hash map in which Kafka collects them, topic by topic: with
        max.poll.records that decides which partition's records are handed out first.
        """
        self.owned = {tp: self.owned.get(tp, Owned()) for tp in partitions}
        table = 16 if self.is_manual else 1 << max(0, len(self.owned) - 1).bit_length()
        hashed = in_hash_map_order(self.owned, partition_hash_code, table=table)
        topics = list(dict.fromkeys(tp.topic for tp in hashed))
        self._order = sorted(hashed, key=lambda tp: topics.index(tp.topic))
        self._turn = deque(tp for tp in self._turn if tp in self.owned)

    def without_position(self) -> list[TopicPartition]:
        """Partitions whose position nobody knows or asks for yet."""
        return [tp for tp, one in self.owned.items() if one.position is None and not one.asked and one.failure is None]

    def uncommitted(self, partitions: Iterable[TopicPartition], policy: str) -> None:
        """There is no committed offset: go where the policy says; with "none" poll() raises NoOffsetForPartition."""
        missing = [tp for tp in partitions if tp in self.owned]
        for tp in missing:
            if policy != "none":
                self.owned[tp].reset(policy)
            else:
                self.owned[tp].seek(None)
                self.owned[tp].failure = NoOffsetForPartitionException(
                    f"Undefined offset with no reset policy for partitions: {', '.join(map(str, missing))}."
                )

    def out_of_range(self, tp: TopicPartition, fetch_offset: int, policy: str) -> bool:
        """A fetch at ``fetch_offset`` was out of range: go where the policy says, whatever is committed.

        With "none" the position stays and poll() raises OffsetOutOfRangeException. False when the position has changed
        since, or the partition has gone: then the answer is too late. Kafka: FetchCollector.handleInitializeErrors.
        """
        one = self.owned.get(tp)
        if one is None or one.position != fetch_offset:
            return False
        if policy != "none":
            one.reset(policy)
        else:
            one.failure = OffsetOutOfRangeException(
                f"Fetch position {fetch_offset} is out of range for partition {tp}, and there is no reset policy."
            )
        return True

    def fetchable(self) -> list[TopicPartition]:
        """Partitions to fetch: position known, not paused, nothing left to hand out."""
        return [
            tp
            for tp, one in ((tp, self.owned[tp]) for tp in self._order)
            if one.position is not None and one.may_give and not (one.buffered or one.is_unsure or one.failure)
        ]

    def fetched(
        self, tp: TopicPartition, batches: Sequence[RecordBatch], aborted: Sequence[tuple[int, int]] | None = None
    ) -> bool:
        """Keep what has come, but for records below the position; whether there was anything to hand out.

        Batches without a record for the user move the position past them at once: markers, and with read_committed
        (``aborted`` is not None) what belongs to an aborted transaction.
        """
        one = self.owned.get(tp)
        if one is None or one.position is None:
            return False
        one.fetched_to = max([one.position, *(batch.next_offset for batch in batches)])
        readable = batches if aborted is None else readable_batches(batches, aborted)
        for batch in readable:
            if batch.is_control:
                continue
            for offset, record in batch.items():
                if offset >= one.position:
                    one.buffered.append((offset, batch.leader_epoch, record))
        if not one.buffered:
            one.position = one.fetched_to
            return False
        if tp not in self._turn:
            self._turn.append(tp)
        return True

    @property
    def has_records(self) -> bool:
        """Whether poll() can return or raise something at once."""
        return any((one.buffered and one.may_give) or one.failure is not None for one in self.owned.values())

    def take(self, most: int) -> dict[TopicPartition, list[tuple[int, int, Record]]]:
        """At most ``most`` records as (offset, leader epoch, record), partition by partition; the positions move.

        The partition whose data came first is emptied first. When there is no record, a failure is raised, once; the
        partition may be tried again then. Kafka: max.poll.records, FetchCollector.collectFetch.
        """
        taken: dict[TopicPartition, list[tuple[int, int, Record]]] = {}
        for tp in list(self._turn):
            one = self.owned[tp]
            if one.buffered and one.may_give and most > 0:
                part = taken[tp] = [one.buffered.popleft() for _ in range(min(most, len(one.buffered)))]
                most -= len(part)
                one.position = part[-1][0] + 1 if one.buffered else one.fetched_to
                one.last_epoch = part[-1][1]
            if not one.buffered:
                self._turn.remove(tp)
                self._order.remove(tp)
                self._order.append(tp)
        if not taken:
            self.raise_failure()
        return taken

    def raise_failure(self) -> None:
        """Raise what the user has to hear, if there is something."""
        for one in self.owned.values():
            if one.failure is not None:
                failure, one.failure = one.failure, None
                raise failure

    def positions(self) -> dict[TopicPartition, int]:
        """The known positions: what a commit without arguments commits."""
        return {tp: one.position for tp, one in self.owned.items() if one.position is not None}

    def last_epochs(self) -> dict[TopicPartition, int]:
        """The leader epochs that are committed beside :meth:`positions`, where a record was handed out."""
        return {tp: one.last_epoch for tp, one in self.owned.items() if one.last_epoch >= 0}
