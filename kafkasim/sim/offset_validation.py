"""After a change of leader a consumer asks whether its position is still on the leader's history (KIP-320).

It tells the leader epoch of the record before its position; the leader tells where that epoch ends in its log. An end
below the position means that the log was truncated: with a reset policy the position goes there, without one poll()
raises LogTruncationException. Until it is known, nothing is fetched.

Kafka: SubscriptionState.maybeValidatePositionForCurrentLeader, OffsetsForLeaderEpochClient.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.config import ConsumerConfig
from kafkasim.core.subscription import Owned, Subscription
from kafkasim.errors import LogTruncationException
from kafkasim.messages.data import OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.network_client import NetworkClient
from kafkasim.trace.facts import PositionSet


class OffsetValidation:
    """One consumer's questions whether its positions still hold; ``on_change`` is called when one is answered."""

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, book: Subscription, on_change: Callable[[], None]
    ) -> None:
        self._client = client
        self._config = config
        self._book = book
        self._on_change = on_change

    def check(self) -> None:
        """Ask about every position that was last checked with an older leader epoch."""
        for tp, one in self._book.owned.items():
            epoch = self._client.leader_epoch(tp)
            if one.position is None or one.is_unsure or one.failure is not None or epoch <= one.checked_epoch:
                continue
            if one.last_epoch < 0:
                one.checked_epoch = epoch
            else:
                one.is_unsure = True
                self._ask(tp, one, epoch)

    def _ask(self, tp: TopicPartition, one: Owned, epoch: int) -> None:
        leader = self._client.leader(tp)
        if leader is None:
            self._later(one)
            return
        position, last_epoch = one.position, one.last_epoch

        def answered(response: OffsetForLeaderEpochResponse | None, error: object) -> None:
            if self._book.owned.get(tp) is not one or (one.position, one.last_epoch) != (position, last_epoch):
                one.is_unsure = False
                return
            part = None if response is None else response.partitions[tp]
            if part is None or part.error is not None:
                self._later(one)
                return
            one.is_unsure = False
            one.checked_epoch = epoch
            assert position is not None
            if part.leader_epoch < 0 or part.end_offset < position:
                self._truncated(tp, one, position, part.leader_epoch, part.end_offset)
            self._on_change()

        self._client.send(leader, OffsetForLeaderEpochRequest({tp: (epoch, last_epoch)}), answered)

    def _truncated(self, tp: TopicPartition, one: Owned, position: int, epoch: int, end: int) -> None:
        policy = self._config.auto_offset_reset
        if policy == "none":
            one.failure = LogTruncationException(
                f"{tp} was truncated: the position is {position}, and leader epoch {one.last_epoch} ends at {end}."
            )
        elif epoch < 0:
            one.reset(policy)
        else:
            reason = f"the log was truncated, leader epoch {epoch} ends there"
            checked = one.checked_epoch
            one.seek(end)
            one.last_epoch, one.checked_epoch = epoch, checked
            self._client.host.kernel.journal.record(PositionSet(self._client.host.name, tp, end, reason))

    def _later(self, one: Owned) -> None:
        def again() -> None:
            one.is_unsure = False
            self._on_change()

        self._client.refresh()
        self._client.host.after_ms(self._config.retry_backoff_ms, again)
