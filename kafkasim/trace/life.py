"""What happens to one record while a trace is read: where it lies, who has read it, and what went wrong.

:meth:`Life.see` takes the facts in their order, keeps those that concern the record, and :meth:`Life.ending` tells in
one sentence how it stands, with the fact by which it was lost, removed, doubled or passed over.
"""

from __future__ import annotations

from kafkasim.trace import facts as kinds
from kafkasim.trace.copies import Copies
from kafkasim.trace.fact import Fact
from kafkasim.trace.troubles import Trouble, doubled, lost, names, passed_over, removed

IN_TRANSACTION = "in transaction"
"""The effect of what counts only with its transaction."""


class Life:
    """The life of the record that ``sent`` is about."""

    def __init__(self, sent: kinds.RecordSent) -> None:
        self.sent = sent
        self.facts: list[Fact] = [sent]
        self.copies = Copies(sent.tp)
        self.leader: kinds.PartitionChanged | None = None
        self.acknowledged: kinds.BatchAcknowledged | None = None
        self.failed: kinds.BatchFailed | None = None
        self.retried: kinds.BatchRetried | None = None
        self.marker: kinds.MarkerWritten | None = None
        self.reads: list[tuple[kinds.RecordsPolled, kinds.PositionSet | None]] = []  # and where that reader had begun
        self.group_of: dict[str, str | None] = {}
        self.effects: list[kinds.RecordProcessed] = []
        self.passed: dict[str, kinds.OffsetCommitted] = {}
        self.noting: set[str | None] = set()  # groups whose programs note what they work on
        self.started_behind: kinds.PositionSet | None = None
        self.successors: dict[int, int] = {}  # broker -> the offset of the latest record with the same key
        self._tp = sent.tp
        self._places: dict[str, int] = {}  # batch -> the record's place in it
        self._same_key: set[tuple[str, int]] = set()  # later records with the same key
        self._later: dict[str, int] = {}  # batch -> the place of the last of these in it
        self._producer_id = -1
        self._is_transactional = False
        self._positions: dict[str, kinds.PositionSet] = {}
        self._is_leaderless = False
        self._committed_on: set[int] = set()

    @property
    def read_by(self) -> tuple[str, ...]:
        """The consumers that have read it, in the order in which they did."""
        return tuple(dict.fromkeys(poll.consumer for poll, _ in self.reads))

    # --- the facts, one after another --------------------------------------------------------------------------

    def see(self, fact: Fact) -> None:
        """Take the next fact of the trace; keep it if the record is concerned."""
        if self._concerned(fact):
            self.facts.append(fact)
        else:
            self._learn(fact)

    def _concerned(self, fact: Fact) -> bool:
        match fact:
            case kinds.BatchSent():
                return self._batch_sent(fact)
            case kinds.RecordsAppended(tp=self._tp):
                return self._appended(fact)
            case kinds.DuplicateRecognised() | kinds.ProduceRefused() | kinds.BatchSplit():
                return fact.batch_id in self._places
            case kinds.BatchRetried() if fact.batch_id in self._places:
                self.retried = fact
                return True
            case kinds.BatchAcknowledged() if self._carries(fact):
                self.acknowledged = fact
                return True
            case kinds.BatchFailed() if self._carries(fact):
                self.failed = fact
                return True
            case kinds.HighWatermarkMoved(tp=self._tp):
                return self._may_be_committed(fact)
            case kinds.MarkerWritten(tp=self._tp):
                return self._ended(fact)
            case kinds.RecordsPolled(tp=self._tp) if self._is_among(fact):
                self.reads.append((fact, self._positions.get(fact.consumer)))
                return True
            case kinds.RecordProcessed(tp=self._tp) if fact.offset in self.copies.offsets():
                self.effects.append(fact)
                self.noting.add(fact.group)
                return True
            case kinds.OffsetCommitted(tp=self._tp):
                return self._offset_committed(fact)
        return self.copies.see(fact)

    def _learn(self, fact: Fact) -> None:
        """Take note of what does not concern the record itself, but may explain its end."""
        match fact:
            case kinds.RecordProcessed():
                self.noting.add(fact.group)
            case kinds.PartitionChanged(tp=self._tp):
                self._led(fact)
            case kinds.ProducerIdObtained(producer=self.sent.producer):
                self._producer_id = fact.producer_id
            case kinds.ProducerTransactionChanged(producer=self.sent.producer):
                self._is_transactional = True
            case kinds.RecordSent(tp=self._tp, key=self.sent.key) if (
                fact.key is not None and fact.index > self.sent.index
            ):
                self._same_key.add((fact.producer, fact.number))
            case kinds.PartitionsAssigned():
                self.group_of[fact.consumer] = fact.group
            case kinds.PositionSet(tp=self._tp):
                self._positions[fact.consumer] = fact
                offsets = self.copies.offsets()
                if offsets and fact.position > offsets[-1] and fact.consumer not in self.read_by:
                    self.started_behind = fact

    def _led(self, fact: kinds.PartitionChanged) -> None:
        """The last leader counts while there is none; a change of the ISR alone is no new choice."""
        is_same = self.leader is not None and self.leader.leader == fact.leader
        if fact.leader >= 0 and (self._is_leaderless or not is_same):
            self.leader = fact
        self._is_leaderless = fact.leader < 0

    def _carries(self, fact: kinds.BatchAcknowledged | kinds.BatchFailed) -> bool:
        return fact.producer == self.sent.producer and fact.tp == self._tp and self.sent.number in fact.records

    def _is_among(self, fact: kinds.RecordsPolled) -> bool:
        mine = (self.sent.producer, self.sent.number)
        return any((producer, number) == mine for _, producer, number in fact.records)

    def _batch_sent(self, fact: kinds.BatchSent) -> bool:
        later = [place for place, number in enumerate(fact.records) if (fact.producer, number) in self._same_key]
        if later and fact.tp == self._tp:
            self._later[fact.batch_id] = later[-1]
        mine = fact.producer == self.sent.producer and fact.tp == self._tp and self.sent.number in fact.records
        if mine:
            self._places[fact.batch_id] = fact.records.index(self.sent.number)
        return mine

    def _appended(self, fact: kinds.RecordsAppended) -> bool:
        if fact.batch_id in self._later:
            self.successors[fact.broker] = fact.base_offset + self._later[fact.batch_id]
        if fact.batch_id not in self._places:
            return False
        self.copies.add(fact, self._places[fact.batch_id])
        return True

    def _may_be_committed(self, fact: kinds.HighWatermarkMoved) -> bool:
        first = min(self.copies.offsets(fact.broker), default=None)
        if first is None:
            self._committed_on.discard(fact.broker)
        news = first is not None and fact.high_watermark > first and fact.broker not in self._committed_on
        if news:
            self._committed_on.add(fact.broker)
        return news

    def _ended(self, fact: kinds.MarkerWritten) -> bool:
        """The first marker behind the record ends its transaction."""
        offsets = self.copies.offsets(fact.broker)
        is_mine = self._is_transactional and fact.producer_id == self._producer_id and self.marker is None
        if is_mine and offsets and fact.offset > offsets[0]:
            self.marker = fact
            return True
        return False

    def _offset_committed(self, fact: kinds.OffsetCommitted) -> bool:
        offsets = self.copies.offsets()
        news = bool(offsets) and fact.offset > offsets[0] and fact.group not in self.passed
        if news:
            self.passed[fact.group] = fact
        return news

    # --- how it ended ------------------------------------------------------------------------------------------

    def ending(self) -> tuple[str, Fact | None]:
        """How the record stands, as a sentence, and the fact that made trouble, if any."""
        if not self._places and self.failed is None:
            return "it still waits in the producer.", None
        trouble = self._trouble()
        parts = [self._promise(), self._place(trouble), *self._transaction(), *self._readers(trouble), *self._effect()]
        text = ", ".join(parts) + "."
        return (text, None) if trouble is None else (f"{text} {trouble.text}", trouble.fact)

    def _trouble(self) -> Trouble | None:
        """Why it was lost, removed, doubled or passed over; the worst first."""
        return removed(self) or lost(self) or doubled(self) or passed_over(self)

    def _promise(self) -> str:
        if self.acknowledged is not None:
            return "acknowledged"
        if self.failed is None:
            return "not acknowledged yet"
        return f"failed with {self.failed.error}" + ("" if self._places else " before it was ever sent")

    def _place(self, trouble: Trouble | None) -> str:
        if self.copies.holders():
            return f"at offset {', '.join(map(str, self.copies.offsets()))} on {names(self.copies.holders())}"
        if trouble is not None and trouble.is_removal:
            return "in no log any more"
        return "in no log" if self.acknowledged is None else "in no log: it is lost"

    def _transaction(self) -> list[str]:
        if self.marker is None:
            return ["its transaction is open"] if self._is_transactional and self.copies.holders() else []
        return ["in a transaction that was " + ("committed" if self.marker.outcome == "commit" else "aborted")]

    def _readers(self, trouble: Trouble | None) -> list[str]:
        if self.read_by:
            return [f"read by {', '.join(self.read_by)}"]
        if self.failed is not None and not self.copies.ever:
            return []
        return ["read by nobody" if trouble is not None and trouble.is_removal else "read by nobody yet"]

    def _effect(self) -> list[str]:
        applied = [fact for fact in self.effects if fact.effect != "ignored"]
        if not applied:
            return []
        sinks = ", ".join(dict.fromkeys(fact.sink for fact in applied))
        times = f" {len(applied)} times" if len(applied) > 1 else ""
        return [f"worked on for {sinks}{times}{self._transactions_of(applied)}"]

    def _transactions_of(self, applied: list[kinds.RecordProcessed]) -> str:
        """What was done in a transaction counts with the commit that has the group's offset in it, once."""
        inside = [fact for fact in applied if fact.effect == IN_TRANSACTION]
        if not inside:
            return ""
        if not any(fact.group in self.passed for fact in inside):
            return " in transactions, none committed" if len(inside) > 1 else " in a transaction that is not committed"
        return " in transactions, one of them committed" if len(inside) > 1 else " in a transaction that was committed"
