"""Every replica's log and role as the facts tell them, folded step by step: what the protocol's invariants look at."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from kafkasim.records import TopicPartition
from kafkasim.trace import Fact
from kafkasim.trace.facts import (
    HighWatermarkMoved,
    HostChanged,
    IsrLearned,
    LogRecovered,
    LogTruncated,
    RecordsAppended,
    ReplicaDeleted,
    ReplicaRoleChanged,
    UnflushedLost,
)

ALIVE = ("running", "paused")


@dataclass(slots=True)
class ReplicaLog:
    """One replica: the appends that its log consists of, and what its broker believes.

    ``isr`` is the one that it knows as leader; ``agrees`` tells for each other replica up to which offset the two are
    known to hold the same.
    """

    broker: int
    appends: list[RecordsAppended] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    end: int = 0
    high_watermark: int = 0
    leads_in_epoch: int | None = None
    isr: tuple[int, ...] = ()
    agrees: dict[int, int] = field(default_factory=dict)

    def append(self, fact: RecordsAppended) -> None:
        """A batch is added."""
        self.appends.append(fact)
        self.bases.append(fact.base_offset)
        self.end = fact.log_end_offset

    def cut(self, end: int) -> None:
        """Everything from an offset on is gone; beyond its end only a follower that starts anew is cut."""
        keep = bisect_left(self.bases, end)
        del self.appends[keep:], self.bases[keep:]
        self.end = end

    def appends_from(self, start: int, end: int) -> list[RecordsAppended]:
        """The appends that lie between two offsets as a whole."""
        first = bisect_left(self.bases, start)
        return [append for append in self.appends[first : bisect_left(self.bases, end)] if append.log_end_offset <= end]

    def at(self, offset: int) -> RecordsAppended | None:
        """The append that an offset lies in; None where nothing was ever appended."""
        place = bisect_left(self.bases, offset + 1) - 1
        if place < 0 or offset > self.appends[place].last_offset:
            return None
        return self.appends[place]

    def differs(self, other: ReplicaLog, up_to: int) -> tuple[int, Fact | None, Fact | None] | None:
        """The first offset below ``up_to`` where the other log ends or holds another record, and both appends there.

        Offsets that only one of them ever got one by one (the other a cleaned log, with gaps) are not compared.
        """
        offset = self.agrees.get(other.broker, 0)
        place = max(0, bisect_left(self.bases, offset + 1) - 1)
        for mine in self.appends[place:]:
            if mine.base_offset >= up_to:
                break
            start = max(mine.base_offset, offset)
            if start >= other.end:
                return start, mine, None
            its = other.at(start)
            if its is not None and (its.batch_id, its.leader_epoch) != (mine.batch_id, mine.leader_epoch):
                return start, mine, its
        if up_to > other.end and other.end < self.end:
            return other.end, self.at(other.end), None
        self.agrees[other.broker] = up_to
        other.agrees[self.broker] = max(up_to, other.agrees.get(self.broker, 0))
        return None


class Replicas:
    """All replicas of a run; :meth:`apply` takes the facts in order."""

    def __init__(self) -> None:
        self._of: dict[TopicPartition, dict[int, ReplicaLog]] = {}

    def of(self, tp: TopicPartition) -> dict[int, ReplicaLog]:
        """The replicas of a partition by broker."""
        return self._of.setdefault(tp, {})

    def one(self, broker: int, tp: TopicPartition) -> ReplicaLog:
        """One replica, empty when nothing was told of it yet."""
        return self.of(tp).setdefault(broker, ReplicaLog(broker))

    def forget(self, tp: TopicPartition) -> None:
        """The topic is made anew."""
        self._of.pop(tp, None)

    def apply(self, fact: Fact) -> None:
        """Take over what a fact tells."""
        match fact:
            case RecordsAppended():
                self.one(fact.broker, fact.tp).append(fact)
            case LogTruncated() | UnflushedLost() | LogRecovered():
                replica = self.one(fact.broker, fact.tp)
                self._cut(replica, fact.tp, fact.log_end_offset)
                known = fact.high_watermark if isinstance(fact, LogRecovered) else replica.high_watermark
                replica.high_watermark = min(known, fact.log_end_offset)
            case ReplicaDeleted():
                self._cut(self.one(fact.broker, fact.tp), fact.tp, 0)
                del self.of(fact.tp)[fact.broker]
            case HighWatermarkMoved():
                self.one(fact.broker, fact.tp).high_watermark = fact.high_watermark
            case IsrLearned():
                self.one(fact.broker, fact.tp).isr = fact.isr
            case ReplicaRoleChanged():
                replica = self.one(fact.broker, fact.tp)
                replica.leads_in_epoch = fact.leader_epoch if fact.role == "leader" else None
                replica.isr = ()
            case HostChanged() if fact.state not in ALIVE:
                for replicas in self._of.values():
                    for replica in replicas.values():
                        if fact.host == f"broker-{replica.broker}":
                            replica.leads_in_epoch = None

    def _cut(self, replica: ReplicaLog, tp: TopicPartition, end: int) -> None:
        replica.cut(end)
        for other in self.of(tp).values():
            for one, its in ((replica, other.broker), (other, replica.broker)):
                one.agrees[its] = min(one.agrees.get(its, 0), end)
