"""The state at a time, folded from the facts before it: the last fact per kind and subject wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.arguments import partition_named
from kafkasim.trace.fact import Fact

F = TypeVar("F", bound=Fact)
ENDS = kinds.LogTruncated | kinds.LogRecovered | kinds.UnflushedLost
"""Facts by which a log ends somewhere else; an append is the fourth way."""
OF_A_LOG = (kinds.HighWatermarkMoved, kinds.LogStartMoved)
"""What is forgotten of a replica that is deleted."""


class State:
    """What was true at ``at_ms``. A question about something that is not there answers None or an empty tuple."""

    def __init__(self, facts: Iterable[Fact], at_ms: float) -> None:
        self.at_ms = at_ms
        self._last: dict[tuple[type[Fact], tuple[object, ...]], Fact] = {}
        self._log_ends: dict[tuple[int, TopicPartition], int] = {}
        for fact in facts:
            self._last[type(fact), fact.subject] = fact
            if isinstance(fact, kinds.RecordsAppended | ENDS):
                self._log_ends[fact.broker, fact.tp] = fact.log_end_offset
            elif isinstance(fact, kinds.ReplicaDeleted):
                self._log_ends.pop((fact.broker, fact.tp), None)
                for kind in OF_A_LOG:
                    self._last.pop((kind, fact.subject), None)
            elif isinstance(fact, kinds.TopicCreated):
                self._forget_logs_of(fact.topic)

    def _forget_logs_of(self, topic: str) -> None:
        """A new topic has new logs, whatever lay under its name before."""
        for key, old in list(self._last.items()):
            if isinstance(old, OF_A_LOG) and old.tp.topic == topic:
                del self._last[key]
        self._log_ends = {at: end for at, end in self._log_ends.items() if at[1].topic != topic}

    def last(self, kind: type[F], *subject: object) -> F | None:
        """The last fact of a kind about a subject."""
        found = self._last.get((kind, subject))
        assert found is None or isinstance(found, kind)
        return found

    def all(self, kind: type[F]) -> list[F]:
        """The last fact of a kind about each of its subjects, oldest first."""
        found = [fact for fact in self._last.values() if isinstance(fact, kind)]
        return sorted(found, key=lambda fact: fact.index)

    @property
    def controller(self) -> int | None:
        """The broker that is the controller."""
        elected = self.last(kinds.ControllerElected)
        return None if elected is None else elected.broker

    @property
    def live_brokers(self) -> tuple[int, ...]:
        """The brokers that the controller believes alive."""
        known = self.last(kinds.LiveBrokersChanged)
        return () if known is None else known.brokers

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the topics, sorted."""
        gone = {fact.topic: fact.index for fact in self.all(kinds.TopicDeletionStarted)}
        created = self.all(kinds.TopicCreated)
        return tuple(sorted(one.topic for one in created if one.index > gone.get(one.topic, -1)))

    def partition(self, tp: object) -> kinds.PartitionChanged | None:
        """The state that the controller last wrote for a partition."""
        return self.last(kinds.PartitionChanged, partition_named(tp))

    def leader(self, tp: object) -> int | None:
        """The broker that leads a partition; None while there is none."""
        state = self.partition(tp)
        return None if state is None or state.leader < 0 else state.leader

    def isr(self, tp: object) -> tuple[int, ...]:
        """The in-sync replicas of a partition."""
        state = self.partition(tp)
        return () if state is None else state.isr

    def log_end_offset(self, tp: object, broker: int | None = None) -> int | None:
        """The end of a replica's log, the leader's when no broker is given."""
        partition = partition_named(tp)
        holder = self.leader(partition) if broker is None else broker
        return None if holder is None else self._log_ends.get((holder, partition), 0)

    def log_start_offset(self, tp: object, broker: int | None = None) -> int | None:
        """The first offset that a replica still has, the leader's when no broker is given."""
        partition = partition_named(tp)
        holder = self.leader(partition) if broker is None else broker
        if holder is None:
            return None
        moved = self.last(kinds.LogStartMoved, holder, partition)
        return 0 if moved is None else moved.log_start_offset

    def high_watermark(self, tp: object, broker: int | None = None) -> int | None:
        """How far a replica knows the partition to be committed, the leader when no broker is given."""
        partition = partition_named(tp)
        holder = self.leader(partition) if broker is None else broker
        if holder is None:
            return None
        moved = self.last(kinds.HighWatermarkMoved, holder, partition)
        return 0 if moved is None else moved.high_watermark

    def committed(self, group: str, tp: object) -> int | None:
        """The offset that a group has committed for a partition."""
        commit = self.last(kinds.OffsetCommitted, group, partition_named(tp))
        return None if commit is None else commit.offset

    def assignment(self, consumer: str) -> tuple[TopicPartition, ...]:
        """The partitions that a consumer owns."""
        owned = self.last(kinds.PartitionsAssigned, consumer)
        return () if owned is None else owned.partitions
