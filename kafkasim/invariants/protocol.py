"""The theorems of Kafka's replication protocol, checked after every step of a run.

They hold for any number of kills, pauses and faults of the network, as long as unclean leader election is off and no
disk loses what it had acknowledged. Where those are allowed, StrongIsr, WeakIsr, LeaderCompleteness and LogMatching
break: that is the lesson, not a bug. The epochs and LeaderInIsr hold always.
"""

from __future__ import annotations

from collections.abc import Iterator

from kafkasim.invariants.finding import Finding, Findings, trace_of
from kafkasim.invariants.replicas import ReplicaLog, Replicas
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact, Trace
from kafkasim.trace.facts import (
    BrokerRegistered,
    ControllerElected,
    HighWatermarkMoved,
    IsrLearned,
    LogRecovered,
    LogTruncated,
    PartitionChanged,
    RecordsAppended,
    ReplicaRoleChanged,
    UnflushedLost,
)

PROTOCOL = (
    "StrongIsr", "WeakIsr", "LeaderCompleteness", "LeaderInIsr", "LogMatching", "EpochsMonotonic", "OneLeaderPerEpoch",
)  # fmt: skip
"""The invariants that :func:`protocol` checks.

``StrongIsr``: below the high watermark of whoever believes to lead, every member of the controller's ISR has the same
records. ``WeakIsr``: the same for the ISR that this leader knows. ``LeaderCompleteness``: who is made leader has
everything that any leader before it has committed. ``LeaderInIsr``: a partition that has a leader has it in its ISR.
``LogMatching``: below both their high watermarks any two replicas have the same records. ``EpochsMonotonic``: leader,
partition, controller and broker epochs never fall. ``OneLeaderPerEpoch``: a leader epoch has one leader at most, a
controller epoch one controller.
"""

COMMITTED = -1
"""Stands for a broker's id in the log of what is committed."""
MOVES_LOGS = (HighWatermarkMoved, IsrLearned, LogTruncated, UnflushedLost, LogRecovered, ReplicaRoleChanged)


def protocol(trace: Trace) -> Findings:
    """What of the replication protocol is broken in a trace; nothing in a safe configuration (see the module)."""
    return Findings(_Checker().findings(trace_of(trace)))


class _Checker:
    """One walk through a trace. A pair of replicas is reported once for each invariant."""

    def __init__(self) -> None:
        self._replicas = Replicas()
        self._committed: dict[TopicPartition, ReplicaLog] = {}
        self._states: dict[TopicPartition, PartitionChanged] = {}
        self._leaders: dict[tuple[TopicPartition, int], Fact] = {}
        self._controllers: dict[int, ControllerElected] = {}
        self._epochs: dict[tuple[object, ...], tuple[int, Fact]] = {}
        self._reported: set[tuple[object, ...]] = set()

    def findings(self, trace: Trace) -> Iterator[Finding]:
        for fact in trace:
            if isinstance(fact, PartitionChanged):
                yield from self._decided(fact)
                yield from self._isr_holds(fact.tp, fact)
                continue
            if isinstance(fact, RecordsAppended):
                yield from self._in_order(fact)
            self._replicas.apply(fact)
            if isinstance(fact, MOVES_LOGS):
                if isinstance(fact, ReplicaRoleChanged):
                    yield from self._role(fact)
                yield from self._isr_holds(fact.tp, fact)
                if isinstance(fact, HighWatermarkMoved):
                    self._commit(fact)
                if isinstance(fact, HighWatermarkMoved | LogTruncated):
                    yield from self._logs_match(fact.tp, fact.broker, fact)
            elif isinstance(fact, ControllerElected):
                yield from self._controller(fact)
            elif isinstance(fact, BrokerRegistered):
                yield from self._rises(("broker", fact.broker), "broker epoch", fact.broker_epoch, fact)

    # --- what the controller and the brokers decide ------------------------------------------------------

    def _decided(self, fact: PartitionChanged) -> Iterator[Finding]:
        tp = fact.tp
        if fact.leader_epoch == 0 and fact.partition_epoch == 0:
            self._begin_anew(tp)
        self._states[tp] = fact
        if fact.leader >= 0 and fact.leader not in fact.isr:
            text = f"{tp} is led by broker-{fact.leader}, which is not in its ISR {fact.isr}"
            yield Finding("LeaderInIsr", str(tp), text, (fact,))
        yield from self._rises(("partition", tp), "leader epoch", fact.leader_epoch, fact)
        yield from self._rises(("state", tp), "partition epoch", fact.partition_epoch, fact)
        if fact.leader >= 0:
            yield from self._one_leader(tp, fact.leader_epoch, fact.leader, fact)
            yield from self._has_everything(tp, fact.leader, fact)

    def _begin_anew(self, tp: TopicPartition) -> None:
        """A topic of this name is made: whatever was known of an earlier one does not count."""
        self._replicas.forget(tp)
        self._committed.pop(tp, None)
        self._epochs = {about: known for about, known in self._epochs.items() if tp not in about}
        self._leaders = {about: known for about, known in self._leaders.items() if about[0] != tp}

    def _role(self, fact: ReplicaRoleChanged) -> Iterator[Finding]:
        yield from self._rises(("role", fact.broker, fact.tp), "leader epoch", fact.leader_epoch, fact)
        if fact.role == "leader":
            yield from self._one_leader(fact.tp, fact.leader_epoch, fact.broker, fact)

    def _one_leader(self, tp: TopicPartition, epoch: int, leader: int, fact: Fact) -> Iterator[Finding]:
        first = self._leaders.setdefault((tp, epoch), fact)
        was = first.leader if isinstance(first, PartitionChanged | ReplicaRoleChanged) else leader
        if was != leader:
            text = f"broker-{was} and broker-{leader} both lead {tp} in epoch {epoch}"
            yield from self._once("OneLeaderPerEpoch", str(tp), text, (epoch, leader), first, fact)

    def _controller(self, fact: ControllerElected) -> Iterator[Finding]:
        yield from self._rises(("controller",), "controller epoch", fact.controller_epoch, fact)
        first = self._controllers.setdefault(fact.controller_epoch, fact)
        if first is not fact:
            text = f"controller epoch {fact.controller_epoch} has two controllers"
            yield from self._once("OneLeaderPerEpoch", "controller", text, (fact.controller_epoch,), first, fact)

    def _in_order(self, fact: RecordsAppended) -> Iterator[Finding]:
        before = self._replicas.one(fact.broker, fact.tp).appends
        if before and before[-1].leader_epoch > fact.leader_epoch:
            text = (
                f"epoch {before[-1].leader_epoch} stands before {fact.leader_epoch} in the log of broker-{fact.broker}"
            )
            yield Finding("EpochsMonotonic", str(fact.tp), text, (before[-1], fact))

    def _rises(self, about: tuple[object, ...], what: str, epoch: int, fact: Fact) -> Iterator[Finding]:
        known = self._epochs.get(about)
        if known is not None and epoch < known[0]:
            text = f"the {what} falls from {known[0]} to {epoch}"
            yield Finding("EpochsMonotonic", " ".join(map(str, about)), text, (known[1], fact))
        self._epochs[about] = (epoch, fact)

    # --- logs --------------------------------------------------------------------------------------------

    def _isr_holds(self, tp: TopicPartition, fact: Fact) -> Iterator[Finding]:
        """StrongIsr and WeakIsr, for each replica that believes to lead."""
        state = self._states.get(tp)
        replicas = self._replicas.of(tp)
        for leader in [one for one in replicas.values() if one.leads_in_epoch is not None]:
            for name, isr in (("StrongIsr", () if state is None else state.isr), ("WeakIsr", leader.isr)):
                for broker in isr:
                    member = self._replicas.one(broker, tp)
                    if member is not leader:
                        yield from self._same(name, tp, leader, member, leader.high_watermark, fact)

    def _commit(self, fact: HighWatermarkMoved) -> None:
        """What a leader has committed is a log of its own; nothing is ever cut off it."""
        leader = self._replicas.one(fact.broker, fact.tp)
        committed = self._committed.setdefault(fact.tp, ReplicaLog(COMMITTED))
        if leader.leads_in_epoch is not None:
            for append in leader.appends_from(committed.end, fact.high_watermark):
                committed.append(append)

    def _has_everything(self, tp: TopicPartition, broker: int, fact: Fact) -> Iterator[Finding]:
        committed = self._committed.get(tp)
        if committed is None:
            return
        committed.agrees.clear()
        found = committed.differs(self._replicas.one(broker, tp), committed.end)
        if found is not None:
            offset, one, its = found
            has = "nothing there" if its is None else "another record there"
            text = f"offset {offset} of {tp} was committed, and broker-{broker}, made leader, has {has}"
            yield from self._once("LeaderCompleteness", str(tp), text, (broker,), one, its, fact)

    def _logs_match(self, tp: TopicPartition, broker: int, fact: Fact) -> Iterator[Finding]:
        replicas = self._replicas.of(tp)
        mine = replicas[broker]
        for other in replicas.values():
            if other is not mine:
                below = min(mine.high_watermark, other.high_watermark, mine.end, other.end)
                yield from self._same("LogMatching", tp, mine, other, below, fact)

    def _same(
        self, name: str, tp: TopicPartition, one: ReplicaLog, other: ReplicaLog, below: int, fact: Fact
    ) -> Iterator[Finding]:
        if one.agrees.get(other.broker, 0) >= below or below == 0:
            return
        found = one.differs(other, below)
        if found is not None:
            offset, mine, its = found
            has = "nothing there" if its is None else "another record there"
            text = f"offset {offset} of {tp} is committed for broker-{one.broker}, and broker-{other.broker} has {has}"
            yield from self._once(name, str(tp), text, (one.broker, other.broker), mine, its, fact)

    def _once(
        self, name: str, about: str, text: str, key: tuple[object, ...], *witnesses: Fact | None
    ) -> Iterator[Finding]:
        if (name, about, key) not in self._reported:
            self._reported.add((name, about, key))
            told = sorted({fact.index: fact for fact in witnesses if fact is not None}.items())
            yield Finding(name, about, text, tuple(fact for _, fact in told))
