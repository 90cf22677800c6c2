"""A consumer's commits: by itself at Kafka's moments, or when it is told to. Kafka: ConsumerCoordinator.

Auto-commit happens inside poll() when ``auto.commit.interval.ms`` has passed, before a rebalance and at close. It
commits the positions: what earlier polls returned, processed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafkasim.config import ConsumerConfig, checks
from kafkasim.core.subscription import Subscription
from kafkasim.errors import (
    CommitFailedException,
    ConfigError,
    IllegalGenerationException,
    KafkaError,
    RebalanceInProgressException,
    RetriableCommitFailedException,
    UnknownMemberIdException,
)
from kafkasim.messages import groups
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.membership import Membership

if TYPE_CHECKING:
    from kafkasim.sim.consumer import Consumer

Offsets = Mapping[TopicPartition, int]
Callback = Callable[[Offsets, Exception | None], object]
Until = Callable[..., Generator[Any, Any, None]]


class Commits:
    """One consumer's commits."""

    def __init__(
        self, consumer: Consumer, config: ConsumerConfig, book: Subscription, membership: Membership | None,
        until: Until,
    ) -> None:  # fmt: skip
        self._host = consumer.host
        self._config = config
        self._book = book
        self._membership = membership
        self._until = until
        self._changed = consumer.changed
        self._timer_us = self._host.kernel.now_us
        self._committed: dict[TopicPartition, int] = {}

    # --- by itself -----------------------------------------------------------------------------------------

    def restart_timer(self) -> None:
        """A rebalance is over: the interval begins anew."""
        self._timer_us = self._host.kernel.now_us

    def when_due(self) -> None:
        """Inside poll(): commit the positions if the interval has passed."""
        due_us = self._timer_us + self._config.auto_commit_interval_ms * US_PER_MS
        if self._config.enable_auto_commit and self._host.kernel.now_us >= due_us:
            self.restart_timer()
            self.before_rebalance()

    def before_rebalance(self) -> None:
        """Commit the positions that are not committed yet, if that is automatic."""
        positions = self._book.positions()
        new = {tp: offset for tp, offset in positions.items() if self._committed.get(tp) != offset}
        if self._config.enable_auto_commit and new and self._can_send():
            self.start(new, None)

    def at_close(self) -> Generator[Any, Any, None]:
        """The last commit, waited for, if that is automatic."""
        if self._config.enable_auto_commit and self._book.positions() and self._can_send():
            yield from self.sync(None)

    def _can_send(self) -> bool:
        return self._membership is not None and self._membership.coordinator is not None

    # --- when told ---------------------------------------------------------------------------------------------

    def sync(self, offsets: object) -> Generator[Any, Any, None]:
        """Commit and wait; retriable errors are retried."""
        wanted = self._offsets(offsets)
        membership = self._group("commit_sync()")
        outcome: list[type[KafkaError] | None] = []

        def sendable() -> bool:
            if membership.coordinator is None:
                membership.find_coordinator()
            return membership.coordinator is not None

        while wanted:
            yield from self._until(sendable, "commit_sync()")
            outcome.clear()
            self._send(wanted, outcome.append)
            yield from self._until(lambda: bool(outcome), "commit_sync()")
            error = outcome[0]
            if error is None:
                return
            if not error.retriable:
                raise self._failure(error)
            yield self._host.sleep_ms(self._config.retry_backoff_ms)

    def start(self, offsets: object, callback: Callback | None) -> None:
        """Commit without waiting."""
        wanted = self._offsets(offsets)
        membership = self._group("commit_async()")

        def heard(error: type[KafkaError] | None) -> None:
            if callback is None:
                return
            failure: Exception | None = None
            if error is not None:
                failure = RetriableCommitFailedException(error.summary()) if error.retriable else self._failure(error)
            callback(wanted, failure)

        if membership.coordinator is None:
            heard(RetriableCommitFailedException)
        else:
            self._send(wanted, heard)

    def _send(self, offsets: Offsets, heard: Callable[[type[KafkaError] | None], object]) -> None:
        membership = self._group("a commit")
        member = "" if self._book.is_manual else membership.member_id
        generation = -1 if self._book.is_manual else membership.generation

        def answered(response: groups.OffsetCommitResponse | None, error: type[KafkaError] | None) -> None:
            if error is None:
                self._committed.update(offsets)
            elif error in (UnknownMemberIdException, IllegalGenerationException, RebalanceInProgressException):
                membership.rejoin()
            heard(error)
            self._changed()

        request = groups.OffsetCommitRequest(membership.group_id, member, generation, dict(offsets))
        membership.send(request, answered)

    def committed(
        self, partitions: Sequence[TopicPartition], until_us: int
    ) -> Generator[Any, Any, dict[TopicPartition, int | None]]:
        """Ask the coordinator what the group has committed, until a time."""
        membership = self._group("committed()")
        answers: list[groups.OffsetFetchResponse | None] = []

        def sendable() -> bool:
            if membership.coordinator is None:
                membership.find_coordinator()
            return membership.coordinator is not None

        while True:
            yield from self._until(sendable, "committed()", until_us)
            answers.clear()

            def answered(response: groups.OffsetFetchResponse | None, error: type[KafkaError] | None) -> None:
                answers.append(None if error is not None else response)
                self._changed()

            membership.send(groups.OffsetFetchRequest(membership.group_id, tuple(partitions)), answered)
            yield from self._until(lambda: bool(answers), "committed()", until_us)
            answer = answers[0]
            if answer is not None:
                return {tp: answer.offsets.get(tp) for tp in partitions}
            yield self._host.sleep_ms(self._config.retry_backoff_ms)

    def _group(self, call: str) -> Membership:
        if self._membership is None:
            raise ConfigError(
                f"{call} needs a group: give the consumer a group_id.", java_name="InvalidGroupIdException"
            )
        return self._membership

    def _offsets(self, offsets: object) -> dict[TopicPartition, int]:
        if offsets is None:
            return self._book.positions()
        if not isinstance(offsets, Mapping):
            raise ConfigError(f"offsets must map TopicPartitions to whole numbers. Got {offsets!r}.")
        wanted: dict[TopicPartition, int] = {}
        for tp, offset in offsets.items():
            if not isinstance(tp, tuple) or len(tp) != 2:
                raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")
            wanted[TopicPartition(*tp)] = checks.whole_number(offset, f"the offset of {tp[0]}-{tp[1]}", at_least=0)
        return wanted

    @staticmethod
    def _failure(error: type[KafkaError]) -> KafkaError:
        """What the user is told. Kafka: OffsetCommitResponseHandler."""
        if error in (UnknownMemberIdException, IllegalGenerationException):
            return CommitFailedException(cause=error())
        return error()
