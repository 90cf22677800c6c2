"""The consumer's own book: what it wants, what it owns, where it stands, and what has come but was not handed out yet.

Kafka: SubscriptionState, FetchCollector. A position is the offset of the next record to hand out; it moves when records
are *returned* from poll(), not when they are processed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from kafkasim.records import Record, RecordBatch, TopicPartition


@dataclass(slots=True)
class Owned:
    """One assigned partition; ``position`` is None until it is known, ``asked`` while somebody finds it out.

    ``target`` is where the user wants to be while that is being looked up: (-2 or -1, the call that said so).
    """

    position: int | None = None
    target: tuple[int, str] | None = None
    asked: bool = False
    paused: bool = False
    high_watermark: int | None = None
    last_epoch: int = -1
    buffered: deque[tuple[int, int, Record]] = field(default_factory=deque)

    def seek(self, offset: int | None) -> None:
        """Stand somewhere else; what was fetched for the old position is thrown away."""
        self.position, self.asked, self.target = offset, False, None
        self.buffered.clear()


class Subscription:
    """``topics`` are subscribed to; ``owned`` are the assigned partitions, by group or by hand (``is_manual``)."""

    def __init__(self) -> None:
        self.topics: tuple[str, ...] = ()
        self.is_manual = False
        self.owned: dict[TopicPartition, Owned] = {}
        self._turn: deque[TopicPartition] = deque()

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Own exactly these; what is owned already keeps its position."""
        self.owned = {tp: self.owned.get(tp, Owned()) for tp in partitions}
        self._turn = deque(tp for tp in self._turn if tp in self.owned)

    def without_position(self) -> list[TopicPartition]:
        """Partitions whose position nobody knows or asks for yet."""
        return [tp for tp, one in self.owned.items() if one.position is None and not one.asked]

    def fetchable(self) -> list[TopicPartition]:
        """Partitions to fetch: position known, not paused, nothing left to hand out."""
        return [
            tp for tp, one in self.owned.items() if one.position is not None and not one.paused and not one.buffered
        ]

    def fetched(self, tp: TopicPartition, batches: Iterable[RecordBatch]) -> bool:
        """Keep what has come, but for records below the position; whether there was anything."""
        one = self.owned.get(tp)
        if one is None or one.position is None:
            return False
        for batch in batches:
            for offset, record in batch.items():
                if offset >= one.position and not batch.is_control:
                    one.buffered.append((offset, batch.leader_epoch, record))
        if one.buffered and tp not in self._turn:
            self._turn.append(tp)
        return bool(one.buffered)

    @property
    def has_records(self) -> bool:
        """Whether poll() can return something at once."""
        return any(not self.owned[tp].paused and self.owned[tp].buffered for tp in self._turn)

    def take(self, most: int) -> dict[TopicPartition, list[tuple[int, int, Record]]]:
        """At most ``most`` records as (offset, leader epoch, record), partition by partition; the positions move."""
        taken: dict[TopicPartition, list[tuple[int, int, Record]]] = {}
        for tp in list(self._turn):
            one = self.owned[tp]
            if one.paused or not one.buffered or most <= 0:
                continue
            part = taken[tp] = []
            while one.buffered and most > 0:
                part.append(one.buffered.popleft())
                most -= 1
            one.position = part[-1][0] + 1
            one.last_epoch = part[-1][1]
            if not one.buffered:
                self._turn.remove(tp)
        return taken

    def positions(self) -> dict[TopicPartition, int]:
        """The known positions: what a commit without arguments commits."""
        return {tp: one.position for tp, one in self.owned.items() if one.position is not None}
