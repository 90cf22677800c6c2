"""A consumer's commits: by itself at Kafka's moments, or when it is told to.

Auto-commit happens inside poll() when ``auto.commit.interval.ms`` has passed, before a rebalance and at close, and
nowhere else; while it would only repeat what the same member has committed in the same generation, poll() leaves it
out. It commits the positions: what earlier polls returned, processed or not. Callbacks of asynchronous commits
are called inside the next poll() or commit. Kafka: ConsumerCoordinator (sendOffsetCommitRequest and its callers).
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Protocol

from kafkasim.config import ConsumerConfig, checks
from kafkasim.core.subscription import Subscription
from kafkasim.errors import (
    CommitFailedException,
    ConfigError,
    FencedInstanceIdException,
    IllegalGenerationException,
    KafkaError,
    RebalanceInProgressException,
    RetriableCommitFailedException,
    UnknownMemberIdException,
)
from kafkasim.messages import groups
from kafkasim.records import OffsetAndMetadata, TopicPartition
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future
from kafkasim.sim.membership import Membership, MemberState
from kafkasim.sim.waiting import Waiting

Offsets = Mapping[TopicPartition, int]
Callback = Callable[[Offsets, Exception | None], object]
Steps = Generator[Any, Any, None]
REBALANCING = (MemberState.PREPARING_REBALANCE, MemberState.COMPLETING_REBALANCE)


class CommitPolicy(Protocol):
    """When to commit what: a learner's own rule, asked where Kafka's auto-commit would look at its timer.

    ``moment`` is "poll" (inside each poll(), before records are handed out), "rebalance" (before partitions are given
    up) or "close". ``positions`` are those of all partitions that are owned: what earlier polls returned.
    """

    def offsets_to_commit(
        self, positions: Mapping[TopicPartition, int], moment: str, now_ms: int
    ) -> Mapping[TopicPartition, int] | None:  # fmt: skip
        """The offsets to commit now (of the *next* records to read), None or nothing for none."""


class Commits:
    """One consumer's commits."""

    def __init__(
        self, host: Host, config: ConsumerConfig, book: Subscription, membership: Membership | None, waiting: Waiting
    ) -> None:
        self._host = host
        self._config = config
        self._book = book
        self._membership = membership
        self._waiting = waiting
        self._due_us = host.kernel.now_us + config.auto_commit_interval_ms * US_PER_MS
        self._under_way = 0
        self._finished: deque[Callable[[], object]] = deque()
        self._before: Future[None] | None = None
        self._before_until_us = 0
        self._known: dict[TopicPartition, int] = {}
        self._known_in: tuple[str, int] | None = None
        self._sent = 0

    # --- by itself -----------------------------------------------------------------------------------------

    @property
    def next_due_us(self) -> int | None:
        """When poll() has to commit next; None while that would only repeat what the group is known to have."""
        if self._config.enable_auto_commit and self._membership is not None and not self._is_repetition():
            return self._due_us
        return None

    def waited(self) -> None:
        """poll() has waited until now: the interval has begun anew whenever it was over, with nothing to commit."""
        late_us = self._host.kernel.now_us - self._due_us
        if late_us > 0 and not self._host.network.eager:
            interval_us = max(1, self._config.auto_commit_interval_ms * US_PER_MS)
            self._due_us += -(-late_us // interval_us) * interval_us

    def _is_repetition(self) -> bool:
        """Whether this member, in this generation, has committed just these positions, and nobody else could since.

        In an eager cluster that is no reason to leave a commit out.
        """
        member = self._membership
        if self._host.network.eager or member is None or member.coordinator is None:
            return False
        if member.state is not MemberState.STABLE:
            return False
        return self._known_in == (member.member_id, member.generation) and self._known == self._book.positions()

    def restart_timer(self, after_ms: float | None = None) -> None:
        """A rebalance is over, or a commit begins: the interval begins anew."""
        wait_ms = self._config.auto_commit_interval_ms if after_ms is None else after_ms
        self._due_us = self._host.kernel.now_us + round(wait_ms * US_PER_MS)

    def when_due(self) -> None:
        """Inside poll(): commit the positions if the interval has passed."""
        if self._config.commit_policy is not None:
            self._auto_commit("poll")
        elif self._config.enable_auto_commit and self._host.kernel.now_us >= self._due_us:
            self.restart_timer()
            if not self._is_repetition():
                self._auto_commit("poll")

    @property
    def _by_itself(self) -> bool:
        return self._config.enable_auto_commit or self._config.commit_policy is not None

    def _wanted(self, moment: str) -> dict[TopicPartition, int]:
        """The positions of everything that is owned, or what the user's policy says of them."""
        positions, policy = self._book.positions(), self._config.commit_policy
        if policy is None:
            return positions
        return self.offsets(policy.offsets_to_commit(positions, moment, self._host.kernel.now_ms) or {})

    def _auto_commit(self, moment: str) -> Future[None]:
        """Commit without waiting; a failure that may pass is tried again soon."""
        positions = self._wanted(moment)
        outcome = self.start(positions, None)

        def look(future: Future[None]) -> None:
            if isinstance(future.error, RetriableCommitFailedException):
                self.restart_timer(self._config.retry_backoff_ms)

        outcome.then(look)
        return outcome

    def done_before_rebalance(self) -> bool:
        """Commit before giving partitions up; True when that is done, or has no more time. Kafka: onJoinPrepare."""
        membership = self._membership
        if not self._by_itself or membership is None:
            return True
        now_us = self._host.kernel.now_us
        if self._before is None:
            self._before_until_us = now_us + self._config.max_poll_interval_ms * US_PER_MS
            self._before = self._auto_commit("rebalance")
            self._before.then(lambda future: self._waiting.changed())
        if now_us < self._before_until_us:
            if not self._before.is_done():
                return False
            if isinstance(self._before.error, RetriableCommitFailedException):
                if not membership.is_pausing:
                    self._before = None
                    membership.pause()
                return False
        self._before = None
        return True

    def at_close(self, by_itself: bool) -> Steps:
        """The last commit, waited for, if that is automatic; then those that are under way."""
        if by_itself and self._by_itself and self._book.positions() and self._can_send():
            with contextlib.suppress(KafkaError):  # Kafka: a close goes on without its commit, with a warning
                yield from self.sync(self._wanted("close"))
        if self._under_way and self._can_send():
            yield from self._waiting.until(lambda: not self._under_way, "close()")
        self.run_callbacks()

    def _can_send(self) -> bool:
        return self._membership is not None and self._membership.coordinator is not None

    # --- when told ---------------------------------------------------------------------------------------------

    def sync(self, offsets: object) -> Steps:
        """Commit and wait; errors that may pass are retried."""
        wanted = self.offsets(offsets)
        membership = self.group("commit_sync()")
        self.run_callbacks()
        outcome: list[Exception | None] = []
        until_us = self._waiting.deadline_us()
        while wanted:
            yield from self._waiting.until(self.has_coordinator, "commit_sync()", until_us)
            outcome.clear()
            self._send(membership, wanted, outcome.append, offsets)
            yield from self._waiting.until(lambda: bool(outcome), "commit_sync()", until_us)
            self.run_callbacks()
            error = outcome[0]
            if error is None:
                return
            if not (isinstance(error, KafkaError) and error.retriable):
                raise error
            left_ms = max(0, until_us - self._host.kernel.now_us) / US_PER_MS
            yield self._host.sleep_ms(min(self._config.retry_backoff_ms, left_ms))

    def start(self, offsets: object, callback: Callback | None) -> Future[None]:
        """Commit without waiting and without repeating; the future of the outcome."""
        self._host.check_alive()
        wanted = self.offsets(offsets)
        membership = self.group("commit_async()")
        future: Future[None] = self._host.future(f"commit_async() of {self._host.name}")
        self._under_way += 1

        def heard(error: Exception | None) -> None:
            self._under_way -= 1
            if isinstance(error, KafkaError) and error.retriable:
                error = RetriableCommitFailedException(
                    "Offset commit failed with a retriable exception. You should retry committing the latest consumed "
                    "offsets.", cause=error,
                )  # fmt: skip
            if callback is not None:
                self._finished.append(lambda: callback(wanted, error))
            future.succeed() if error is None else future.fail(error)

        def send() -> Steps:
            try:
                yield from self._waiting.until(self.has_coordinator, "commit_async()")
            except KafkaError as error:
                heard(RetriableCommitFailedException(cause=error))
            else:
                self._send(membership, wanted, heard, offsets)

        if not wanted:
            heard(None)
        else:
            self._waiting.run(send(), "commit_async()")
        return future

    def run_callbacks(self) -> None:
        """Tell the user how asynchronous commits went. Kafka: invokeCompletedOffsetCommitCallbacks."""
        while self._finished:
            self._finished.popleft()()

    def _send(
        self, membership: Membership, offsets: Offsets, heard: Callable[[Exception | None], object], given: object
    ) -> None:  # fmt: skip
        """One attempt; a member in no generation need not ask. ``given`` may hold texts and epochs of the user's."""
        if self._book.is_subscribed and membership.state is not MemberState.STABLE:
            rebalancing = membership.state in REBALANCING
            heard(RebalanceInProgressException() if rebalancing else CommitFailedException())
            return
        member, generation, instance = membership.member_id, membership.generation, membership.instance_id
        if not self._book.is_subscribed:
            member, generation, instance = "", -1, None

        self._known_in = None
        number = self._sent = self._sent + 1

        def answered(response: groups.OffsetCommitResponse | None, error: type[KafkaError] | None) -> None:
            is_same = (membership.generation, membership.member_id) == (
                generation,
                member,
            ) or not self._book.is_subscribed
            if error is None and response is not None:
                error = next(iter(response.errors.values()), None)
            if error is None and number == self._sent and not texts:
                self._known_in, self._known = (member, generation), dict(offsets)
            heard(None if error is None else self._failure(membership, error, is_same))
            self._waiting.changed()

        epochs = {tp: epoch for tp, epoch in self._book.last_epochs().items() if tp in offsets}
        texts: dict[TopicPartition, str] = {}
        for tp, one in given.items() if isinstance(given, Mapping) else ():
            if isinstance(one, OffsetAndMetadata):
                epochs[tp], texts[tp] = -1 if one.leader_epoch is None else one.leader_epoch, one.metadata or ""
        request = groups.OffsetCommitRequest(
            membership.group_id, member, generation, dict(offsets), instance, epochs, texts
        )  # fmt: skip
        membership.send(request, answered)

    def _failure(self, membership: Membership, error: type[KafkaError], is_same: bool) -> KafkaError:
        """What the user is told, and what the member does. Kafka: OffsetCommitResponseHandler."""
        if error is RebalanceInProgressException:
            if is_same:
                membership.request_rejoin()
            return error()
        if error is FencedInstanceIdException and is_same:
            return error()
        if error in (UnknownMemberIdException, IllegalGenerationException, FencedInstanceIdException):
            if not is_same and membership.state is MemberState.PREPARING_REBALANCE:
                return RebalanceInProgressException(cause=error())
            if error is not FencedInstanceIdException and self._book.is_subscribed:
                membership.reset(forget_member=error is UnknownMemberIdException)
            return CommitFailedException(cause=error())
        return error()

    # --- what is committed -------------------------------------------------------------------------------------

    def committed(
        self, partitions: Sequence[TopicPartition], until_us: int, metadata: bool
    ) -> Generator[Any, Any, dict[TopicPartition, Any]]:
        """Ask the coordinator what the group has committed; offsets in open transactions are waited for."""
        membership = self.group("committed()")
        answers: list[groups.OffsetFetchResponse | None] = []

        def answered(response: groups.OffsetFetchResponse | None, error: type[KafkaError] | None) -> None:
            answers.append(None if error is not None else response)
            self._waiting.changed()

        while True:
            yield from self._waiting.until(self.has_coordinator, "committed()", until_us)
            answers.clear()
            membership.send(groups.OffsetFetchRequest(membership.group_id, tuple(partitions), True), answered)
            yield from self._waiting.until(lambda: bool(answers), "committed()", until_us)
            answer = answers[0]
            if answer is not None:
                return {tp: answer.committed(tp) if metadata else answer.offsets.get(tp) for tp in partitions}
            left_ms = max(0, until_us - self._host.kernel.now_us) / US_PER_MS
            yield self._host.sleep_ms(min(self._config.retry_backoff_ms, left_ms))

    def has_coordinator(self) -> bool:
        """Whether the coordinator is known; if not it is looked for."""
        membership = self._membership
        assert membership is not None
        if membership.coordinator is None:
            membership.find_coordinator()
        return membership.coordinator is not None

    def group(self, call: str) -> Membership:
        """The membership, or the error of a consumer that has no group."""
        if self._membership is None:
            raise ConfigError(
                f"{call} needs a group: give the consumer a group_id.", java_name="InvalidGroupIdException"
            )
        return self._membership

    def offsets(self, offsets: object) -> dict[TopicPartition, int]:
        """The positions, or what was given, checked."""
        if offsets is None:
            return self._book.positions()
        if not isinstance(offsets, Mapping):
            raise ConfigError(f"offsets must map TopicPartitions to whole numbers. Got {offsets!r}.")
        wanted: dict[TopicPartition, int] = {}
        for tp, offset in offsets.items():
            if not isinstance(tp, tuple) or len(tp) != 2:
                raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")
            number = offset.offset if isinstance(offset, OffsetAndMetadata) else offset
            wanted[TopicPartition(*tp)] = checks.argument(number, f"the offset of {tp[0]}-{tp[1]}")
        return wanted
