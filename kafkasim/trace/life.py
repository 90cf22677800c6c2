"""What happens to one record while a trace is read: where it lies, who has read it, and what went wrong.

:meth:`Life.see` takes the facts in their order, keeps those that concern the record, and :meth:`Life.ending` tells in
one sentence how it stands, with the fact by which it was lost, doubled or passed over.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact


class Life:
    """The life of the record that ``sent`` is about."""

    def __init__(self, sent: kinds.RecordSent) -> None:
        self.sent = sent
        self.facts: list[Fact] = [sent]
        self._tp = sent.tp
        self._places: dict[str, int] = {}  # batch -> the record's place in it
        self._copies: dict[int, dict[int, kinds.RecordsAppended]] = {}  # broker -> offset -> the append
        self._leader: kinds.PartitionChanged | None = None
        self._acknowledged: kinds.BatchAcknowledged | None = None
        self._failed: kinds.BatchFailed | None = None
        self._retried: kinds.BatchRetried | None = None
        self._doubled: kinds.RecordsAppended | None = None
        self._cut: kinds.LogTruncated | None = None
        self._committed_on: set[int] = set()
        self._read_by: dict[str, None] = {}
        self._effects: list[kinds.RecordProcessed] = []
        self._passed: dict[str, kinds.OffsetCommitted] = {}
        self._noting: set[str | None] = set()  # groups whose programs note what they work on

    # --- the facts, one after another --------------------------------------------------------------------------

    def see(self, fact: Fact) -> None:
        """Take the next fact of the trace; keep it if the record is concerned."""
        if isinstance(fact, kinds.RecordProcessed):
            self._noting.add(fact.group)
        if isinstance(fact, kinds.PartitionChanged):
            if fact.tp == self._tp and fact.leader >= 0:
                self._leader = fact
        elif self._concerned(fact):
            self.facts.append(fact)

    def _concerned(self, fact: Fact) -> bool:
        match fact:
            case kinds.BatchSent():
                return self._batch_sent(fact)
            case kinds.RecordsAppended() if fact.batch_id in self._places:
                return self._appended(fact)
            case kinds.DuplicateRecognised() | kinds.ProduceRefused() if fact.batch_id in self._places:
                return True
            case kinds.BatchRetried() if fact.batch_id in self._places:
                self._retried = fact
                return True
            case kinds.BatchAcknowledged() if fact.batch_id in self._places and self.sent.number in fact.records:
                self._acknowledged = fact
                return True
            case kinds.BatchFailed() if fact.batch_id in self._places and self.sent.number in fact.records:
                self._failed = fact
                return True
            case kinds.LogTruncated(tp=self._tp):
                return self._truncated(fact)
            case kinds.HighWatermarkMoved(tp=self._tp):
                return self._may_be_committed(fact)
            case kinds.RecordsPolled(tp=self._tp) if self._is_among(fact):
                self._read_by[fact.consumer] = None
                return True
            case kinds.RecordProcessed(tp=self._tp) if fact.offset in self._offsets():
                self._effects.append(fact)
                return True
            case kinds.OffsetCommitted(tp=self._tp):
                return self._offset_committed(fact)
        return False

    def _is_among(self, fact: kinds.RecordsPolled) -> bool:
        mine = (self.sent.producer, self.sent.number)
        return any((producer, number) == mine for _, producer, number in fact.records)

    def _batch_sent(self, fact: kinds.BatchSent) -> bool:
        mine = fact.producer == self.sent.producer and fact.tp == self._tp and self.sent.number in fact.records
        if mine:
            self._places[fact.batch_id] = fact.records.index(self.sent.number)
        return mine

    def _appended(self, fact: kinds.RecordsAppended) -> bool:
        copies = self._copies.setdefault(fact.broker, {})
        offset = fact.base_offset + self._places[fact.batch_id]
        if copies and offset not in copies:
            self._doubled = self._doubled or fact
        copies[offset] = fact
        return True

    def _truncated(self, fact: kinds.LogTruncated) -> bool:
        copies = self._copies.get(fact.broker, {})
        gone = [offset for offset in copies if offset >= fact.log_end_offset]
        for offset in gone:
            del copies[offset]
        if gone:
            self._cut = fact
            self._committed_on.discard(fact.broker)
        return bool(gone)

    def _may_be_committed(self, fact: kinds.HighWatermarkMoved) -> bool:
        first = min(self._copies.get(fact.broker, {}), default=None)
        news = first is not None and fact.high_watermark > first and fact.broker not in self._committed_on
        if news:
            self._committed_on.add(fact.broker)
        return news

    def _offset_committed(self, fact: kinds.OffsetCommitted) -> bool:
        offsets = self._offsets()
        news = bool(offsets) and fact.offset > offsets[0] and fact.group not in self._passed
        if news:
            self._passed[fact.group] = fact
        return news

    # --- how it ended ------------------------------------------------------------------------------------------

    def ending(self) -> tuple[str, Fact | None]:
        """How the record stands, as a sentence, and the fact that made trouble, if any."""
        if not self._places:
            return "it still waits in the producer.", None
        trouble, turning_point = self._trouble()
        readers = f"read by {', '.join(self._read_by)}" if self._read_by else "read by nobody yet"
        parts = [self._promise(), self._place(), readers, *self._effect()]
        return ", ".join(parts) + "." + (f" {trouble}" if trouble else ""), turning_point

    def _promise(self) -> str:
        if self._acknowledged is not None:
            return "acknowledged"
        return "failed" if self._failed is not None else "not acknowledged yet"

    def _place(self) -> str:
        offsets = self._offsets()
        if not offsets:
            return "in no log" if self._acknowledged is None else "in no log: it is lost"
        holders = _names(broker for broker, copies in self._copies.items() if copies)
        return f"at offset {', '.join(map(str, offsets))} on {holders}"

    def _effect(self) -> list[str]:
        applied = [fact for fact in self._effects if fact.effect != "ignored"]
        if not applied:
            return []
        sinks = ", ".join(dict.fromkeys(fact.sink for fact in applied))
        return [f"worked on for {sinks}" + (f" {len(applied)} times" if len(applied) > 1 else "")]

    def _trouble(self) -> tuple[str, Fact | None]:
        """Why it was lost, doubled or passed over; the worst first."""
        leader = self._leader
        holders = [broker for broker, copies in self._copies.items() if copies]
        if self._acknowledged is not None and (leader is None or leader.leader not in holders):
            if leader is not None and self._copies:
                why = f"Lost when broker-{leader.leader} became the leader without it: {leader.reason}."
                others = f" Only {_names(holders)} had it." if holders else ""
                return why + others, self._cut or leader
            return "Lost on its way: its producer was told of success before any broker had it.", self._acknowledged
        if len(self._offsets()) > 1 and self._doubled is not None:
            answer = f" after {self._retried.error}" if self._retried is not None else ""
            return f"Doubled when its repeat{answer} was stored again, as a new record.", self._doubled
        for group, commit in self._passed.items():
            if group in self._noting and not any(fact.group == group for fact in self._effects):
                return f"Passed over: group {group} committed offset {commit.offset} and never worked on it.", commit
        applied = [fact for fact in self._effects if fact.effect == "applied"]
        repeated = [one for one in applied[1:] if one.sink == applied[0].sink and one.group == applied[0].group]
        if repeated:
            again = repeated[0]
            return f"Worked on twice: {again.consumer} read it again, since no commit was beyond it.", again
        return "", None

    def _offsets(self) -> list[int]:
        """The offsets at which it stands, in any log."""
        return sorted({offset for copies in self._copies.values() for offset in copies})


def _names(brokers: Iterable[int]) -> str:
    return ", ".join(f"broker-{broker}" for broker in sorted(brokers))
