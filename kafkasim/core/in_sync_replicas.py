"""What a leader knows of its followers, who of them is in sync, and how far everybody in sync has come.

Kafka: Partition (maybeIncrementLeaderHW, maybeExpandIsr, maybeShrinkIsr), PartitionState. Theory of operation: the
controller confirms an ISR, the *committed* one. The leader proposes changes and goes on with the *maximal* ISR until
the answer is there: who is to join counts already, who is to leave counts still. So nobody is let go before it is
decided, and one change at a time is under way.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.core.guards import holds
from kafkasim.core.replica import Replica
from kafkasim.messages.control import AlteredPartition, PartitionState
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact
from kafkasim.trace.facts import IsrChangeProposed, IsrLearned

BACK_TO_COMMITTED = ("INELIGIBLE_REPLICA", "OPERATION_NOT_ATTEMPTED")
"""Errors after which a leader gives its proposal up."""
WAIT_FOR_THE_CONTROLLER = (
    "INVALID_UPDATE_VERSION", "FENCED_LEADER_EPOCH", "UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID",
    "INVALID_REQUEST", "NEW_LEADER_ELECTED",
)  # fmt: skip
"""Errors that show that the leader's picture is old: its proposal stays pending until a newer LeaderAndIsr comes."""


class InSyncReplicas:
    """The followers of one leader, its committed ISR and the one that it has proposed.

    ``committed`` is empty on a follower, which is never told the ISR. ``emit`` takes the facts, ``is_alive`` tells
    whether a broker is in this broker's metadata.
    """

    def __init__(
        self, broker: int, tp: TopicPartition, *, lag_max_ms: int, emit: Callable[[Fact], Fact],
        is_alive: Callable[[int], bool],
    ) -> None:  # fmt: skip
        self.followers: dict[int, Replica] = {}
        self.committed: tuple[int, ...] = ()
        self.proposed: tuple[int, ...] | None = None
        self.partition_epoch = -1
        self._broker = broker
        self._tp = tp
        self._replicas: tuple[int, ...] = ()
        self._lag_max_ms = lag_max_ms
        self._emit = emit
        self._is_alive = is_alive
        self._unsent: Fact | None = None

    @property
    def maximal(self) -> tuple[int, ...]:
        """The committed ISR with everyone that a pending change would add."""
        if self.proposed is None:
            return self.committed
        if not holds("pending-shrink-counts"):
            return self.proposed
        return self.committed + tuple(broker for broker in self.proposed if broker not in self.committed)

    # --- the role ----------------------------------------------------------------------------------------

    def lead(self, state: PartitionState, *, is_new_leader: bool, now_ms: int) -> None:
        """This broker leads in a new epoch: what it knew of its followers begins anew, but for the log end offsets
        when it led before."""
        self._take_over(state)
        self._commit(state.isr)
        known = {} if is_new_leader else self.followers
        others = [broker for broker in state.replicas if broker != self._broker]
        self.followers = {broker: known.get(broker, Replica(broker)) for broker in others}
        for broker, follower in self.followers.items():
            follower.reset(in_isr=broker in self.committed, is_new_leader=is_new_leader, now_ms=now_ms)

    def follow(self, state: PartitionState) -> None:
        """This broker follows, and knows no ISR."""
        self._take_over(state)
        self.committed = ()
        self.followers = {}

    def _commit(self, isr: tuple[int, ...]) -> None:
        self.committed = isr
        self._emit(IsrLearned(self._broker, self._tp, isr))

    def _take_over(self, state: PartitionState) -> None:
        self.partition_epoch, self._replicas = state.partition_epoch, state.replicas
        self.proposed = self._unsent = None

    # --- how far everybody has come ----------------------------------------------------------------------

    def everyone_has(self, end_offset: int, now_ms: int) -> int:
        """Up to which offset all have the log that ends at ``end_offset``: all of the maximal ISR, and whoever is
        alive and near enough to join it. Kafka: Partition.maybeIncrementLeaderHW."""
        has = end_offset
        maximal = self.maximal
        if not holds("hw-waits-for-isr"):
            return has
        for broker, follower in self.followers.items():
            if follower.log_end_offset < has and (
                broker in maximal
                or (self._is_alive(broker) and follower.is_caught_up(end_offset, now_ms, self._lag_max_ms))
            ):
                has = follower.log_end_offset
        return has

    def everyone_starts_at(self, start_offset: int) -> int:
        """Where the log starts on all replicas that are alive, the leader's starting at ``start_offset``."""
        live = (one.log_start_offset for broker, one in self.followers.items() if self._is_alive(broker))
        return min([start_offset, *live])

    def is_lagging(self, end_offset: int) -> bool:
        """Whether a member has not all of the log: only then can the ISR shrink."""
        return any(
            follower.log_end_offset != end_offset
            for broker, follower in self.followers.items()
            if broker in self.committed
        )

    # --- changes -----------------------------------------------------------------------------------------

    def expand(self, broker: int, must_have: int) -> None:
        """Propose to let a follower in that has the log up to ``must_have``. Kafka: Partition.maybeExpandIsr."""
        joins = (
            broker not in self.committed
            and self.proposed is None
            and self.followers[broker].log_end_offset >= must_have
            and self._is_alive(broker)
        )
        if joins:
            wanted = tuple(one for one in self._replicas if one in self.committed or one == broker)
            reason = f"broker-{broker} has caught up to offset {self.followers[broker].log_end_offset}"
            self._propose(wanted, reason, f"replica.lag.time.max.ms={self._lag_max_ms}")

    def shrink(self, end_offset: int, now_ms: int) -> None:
        """Propose to drop the members that have lagged too long. Kafka: Partition.maybeShrinkIsr."""
        if self.proposed is not None:
            return
        out = [
            broker
            for broker, follower in self.followers.items()
            if broker in self.committed and not follower.is_caught_up(end_offset, now_ms, self._lag_max_ms)
        ]
        if out:
            kept = tuple(broker for broker in self.committed if broker not in out)
            reason = " and ".join(self._lag_of(self.followers[broker], end_offset, now_ms) for broker in out)
            self._propose(kept, reason, f"replica.lag.time.max.ms={self._lag_max_ms}")

    @staticmethod
    def _lag_of(follower: Replica, end_offset: int, now_ms: int) -> str:
        at = "has not fetched yet" if follower.log_end_offset < 0 else f"is at offset {follower.log_end_offset}"
        lag_ms = now_ms - follower.last_caught_up_ms
        return f"broker-{follower.broker} {at} of {end_offset}, last caught up {lag_ms:g} ms ago"

    def _propose(self, isr: tuple[int, ...], reason: str, setting: str) -> None:
        self.proposed = isr
        self._unsent = self._emit(IsrChangeProposed(self._broker, self._tp, isr, reason, setting))

    def take_proposal(self) -> Fact | None:
        """The fact that this leader wants another ISR (``proposed``), once, for the question to the controller."""
        proposal, self._unsent = self._unsent, None
        return proposal

    def answered(self, asked: tuple[int, ...], response: AlteredPartition) -> bool:
        """The controller's answer to a proposal; True when it must be asked again.

        Kafka: Partition.handleAlterPartitionUpdate and handleAlterPartitionError.
        """
        if self.proposed != asked:
            return False
        if response.error is None:
            if response.partition_epoch >= self.partition_epoch:
                self.partition_epoch, self.proposed = response.partition_epoch, None
                self._commit(response.isr)
            return False
        if response.error.name in BACK_TO_COMMITTED:
            self.proposed = None
        return self.proposed is not None and response.error.name not in WAIT_FOR_THE_CONTROLLER
