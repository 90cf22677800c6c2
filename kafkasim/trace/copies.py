"""Where the copies of one record lie, in the logs of which brokers, and by what each of them went."""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact


class Copies:
    """The copies of one record of a partition.

    ``gone`` holds, by broker, the fact by which its last copy went; ``doubled`` is the append that made a second one,
    ``topic_gone`` the mark that its topic is to be deleted.
    """

    def __init__(self, tp: TopicPartition) -> None:
        self._tp = tp
        self._at: dict[int, dict[int, kinds.RecordsAppended]] = {}  # broker -> offset -> the append
        self._starts: dict[int, int] = {}  # broker -> where its log starts
        self.gone: dict[int, Fact] = {}
        self.doubled: kinds.RecordsAppended | None = None
        self.topic_gone: kinds.TopicDeletionStarted | None = None

    def add(self, fact: kinds.RecordsAppended, place: int) -> None:
        """A batch that carries the record, at this place of it, is in a log."""
        mine, offset = self._at.setdefault(fact.broker, {}), fact.base_offset + place
        if mine and offset not in mine:
            self.doubled = self.doubled or fact
        mine[offset] = fact
        self.gone.pop(fact.broker, None)

    def see(self, fact: Fact) -> bool:
        """What else happens to a log; whether a copy went with it."""
        match fact:
            case kinds.LogTruncated(tp=self._tp) | kinds.UnflushedLost(tp=self._tp) | kinds.LogRecovered(tp=self._tp):
                return self._without(fact.broker, lambda offset: offset >= fact.log_end_offset, fact)
            case kinds.LogCleaned(tp=self._tp):
                return self._without(fact.broker, lambda offset: offset in fact.removed, fact)
            case kinds.LogStartMoved(tp=self._tp):
                return self._started(fact)
            case kinds.ReplicaDeleted(tp=self._tp):
                went = self._without(fact.broker, lambda offset: True, fact)
                self._starts.pop(fact.broker, None)  # a new replica begins anew
                return went
            case kinds.TopicDeletionStarted(topic=self._tp.topic) if self._at and self.topic_gone is None:
                self.topic_gone = fact
                return True
        return False

    def holders(self) -> list[int]:
        """The brokers that have the record, in ascending order."""
        return sorted(broker for broker in self._at if self._on(broker))

    def offsets(self, broker: int | None = None) -> list[int]:
        """The offsets at which it stands, in any log or in one broker's."""
        brokers = self._at if broker is None else [broker]
        return sorted({offset for one in brokers for offset in self._on(one)})

    @property
    def ever(self) -> bool:
        """Whether it has been in any log."""
        return bool(self._at)

    def _on(self, broker: int) -> list[int]:
        """Where a broker's log has it; what lies before the log's start is not there for any reader."""
        start = self._starts.get(broker, 0)
        return [offset for offset in self._at.get(broker, {}) if offset >= start]

    def _started(self, fact: kinds.LogStartMoved) -> bool:
        before = self._on(fact.broker)
        self._starts[fact.broker] = fact.log_start_offset
        if before and not self._on(fact.broker):
            self.gone[fact.broker] = fact
        elif self._on(fact.broker):
            self.gone.pop(fact.broker, None)
        return before != self._on(fact.broker)

    def _without(self, broker: int, is_gone: Callable[[int], bool], fact: Fact) -> bool:
        mine = self._at.get(broker, {})
        before = self._on(broker)
        for offset in [offset for offset in mine if is_gone(offset)]:
            del mine[offset]
        if before and not self._on(broker):
            self.gone[broker] = fact
        return before != self._on(broker)
