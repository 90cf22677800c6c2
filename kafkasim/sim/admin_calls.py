"""How an admin client asks: attempt after attempt, until there is an answer or default.api.timeout.ms is over.

A call goes to any broker, to the controller, to one broker, to a coordinator, or to the leaders of its partitions,
which are looked up first. An attempt that is cut off (request.timeout.ms), or answered with an error that may pass,
is followed by another after retry.backoff.ms; the TimeoutException at the end carries the last error as its cause.

Kafka: KafkaAdminClient.Call, AdminApiDriver, PartitionLeaderStrategy, CoordinatorStrategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kafkasim.config import AdminConfig
from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import (
    CoordinatorLoadInProgressException,
    CoordinatorNotAvailableException,
    DisconnectException,
    KafkaError,
    LeaderNotAvailableException,
    NotControllerException,
    NotCoordinatorException,
    TimeoutException,
    UnknownTopicOrPartitionException,
    UnstableOffsetCommitException,
)
from kafkasim.messages.data import MetadataRequest, MetadataResponse
from kafkasim.messages.groups import FindCoordinatorRequest, FindCoordinatorResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.network_client import NetworkClient

Answered = Callable[[Any], Any]
"""Gives the value of a response, or raises its error."""
AGAIN: tuple[type[KafkaError], ...] = (
    DisconnectException, NotControllerException, NotCoordinatorException, CoordinatorNotAvailableException,
    CoordinatorLoadInProgressException, UnstableOffsetCommitException,
)  # fmt: skip
"""The errors that lead to another attempt; of the calls to leaders any retriable one does."""
Where = Callable[["Call", Callable[[str], None]], None]
"""Finds the machine to ask: calls back with its name, or lets the call try again later."""
TOO_LATE_MS = 50
"""A client notices that a request is overdue only when something wakes it, so an answer in the last moment counts."""


class AdminCalls:
    """The lines of one admin client and the calls under way."""

    def __init__(self, host: Host, bootstrap: Sequence[str], config: AdminConfig) -> None:
        self.host = host
        self.config = config
        self.deadlines = Deadlines(host)
        self.chance = host.kernel.rng(f"admin retries/{host.name}")
        self.client = NetworkClient(
            host, bootstrap, config, auto_create=False, on_update=self._updated, late_ms=TOO_LATE_MS
        )
        self._waiting: list[Callable[[], None]] = []
        self._closed = False

    @property
    def timeout_ms(self) -> int:
        """How long a broker may take over one attempt."""
        return min(self.config.request_timeout_ms, self.config.default_api_timeout_ms)

    # --- calls -----------------------------------------------------------------------------------------------

    def call(
        self, name: str, where: Where, request: Any, answered: Answered, *, again: tuple[type[KafkaError], ...] = AGAIN
    ) -> Future[Any]:
        """Ask one broker; ``answered`` makes the future's value of the response, or raises its error.

        Errors of a kind in ``again`` are followed by another attempt, all others by the end of the call.
        """
        call = Call(self, name, lambda error: isinstance(error, again))

        def ask(server: str) -> None:
            call.send(server, request, lambda response: call.succeed(answered(response)))

        call.begin(lambda: where(call, ask))
        return call.future

    def call_leaders(
        self, name: str, partitions: Iterable[TopicPartition],
        request: Callable[[tuple[TopicPartition, ...]], Any], answered: Callable[[Any], Mapping[TopicPartition, Any]],
        *, tolerates_unknown_topics: bool = True,
    ) -> Future[dict[TopicPartition, Any]]:  # fmt: skip
        """Ask the leader of each partition; ``answered`` gives a value or an error (an instance) for each.

        The future has the values by partition, or fails with the first error that will not pass. A topic that the
        broker asked does not know may come yet, or not: ``tolerates_unknown_topics``.
        """
        call = Call(self, name, lambda error: error.retriable)
        values: dict[TopicPartition, Any] = dict.fromkeys(partitions)
        pending = dict.fromkeys(values)

        def look_up() -> None:
            topics = tuple(dict.fromkeys(tp.topic for tp in pending))
            self.any(call, lambda server: call.send(server, MetadataRequest(topics), ask))

        def ask(metadata: MetadataResponse) -> None:
            by_leader: dict[int, list[TopicPartition]] = {}
            missing: KafkaError | None = None
            for tp in pending:
                error, known = metadata.topics[tp.topic]
                if error is UnknownTopicOrPartitionException and not tolerates_unknown_topics:
                    call.fail(error(f"The broker asked does not know {tp.topic!r}."))
                    return
                leader = known[tp.partition].leader if tp.partition < len(known) else -1
                if leader in metadata.brokers:
                    by_leader.setdefault(leader, []).append(tp)
                else:
                    missing = (error or LeaderNotAvailableException)(f"{tp} has no leader that is known.")
            for leader, mine in by_leader.items():
                pin(leader, request(tuple(mine)))
            call.is_searching = missing is not None
            if missing is not None:
                raise missing

        def pin(leader: int, asked: Any) -> None:
            """What has not left yet waits for this broker, whoever leads meanwhile; what was cut off is looked up."""

            def ask_leader(server: str) -> None:
                left = self.client.channel(server).is_ready
                call.send(server, asked, take, unsent=None if left else lambda: pin(leader, asked))

            self.broker(leader)(call, ask_leader)

        def take(response: Any) -> None:
            again: KafkaError | None = None
            for tp, value in answered(response).items():
                if not isinstance(value, KafkaError):
                    values[tp] = value
                    pending.pop(tp, None)
                elif value.retriable:
                    again = value
                else:
                    raise value
            if again is not None:
                raise again
            if not pending:
                call.succeed(values)

        if pending:
            call.begin(look_up)
        else:
            call.succeed({})
        return call.future

    def close(self) -> None:
        """Hang up; what is under way fails. Kafka: KafkaAdminClient.close(Duration.ZERO)."""
        self._closed = True
        self.client.close()

    # --- where ------------------------------------------------------------------------------------------------

    def any(self, call: Call, ask: Callable[[str], None]) -> None:
        """The broker with the least to do."""
        ask(self.client.least_loaded())

    def controller(self, call: Call, ask: Callable[[str], None]) -> None:
        """The controller, once it is known."""
        server = self.client.nodes.get(self.client.controller_id)
        if server is not None:
            ask(server)
        else:
            self._when_known(lambda: call.if_open(lambda: self.controller(call, ask)))

    def broker(self, broker: int) -> Where:
        """One broker, once it is known."""

        def where(call: Call, ask: Callable[[str], None]) -> None:
            server = self.client.nodes.get(broker)
            if server is not None:
                ask(server)
            else:
                self._when_known(lambda: call.if_open(lambda: where(call, ask)))

        return where

    def coordinator(self, question: FindCoordinatorRequest) -> Where:
        """The broker that the answer to a FindCoordinator names."""

        def where(call: Call, ask: Callable[[str], None]) -> None:
            def found(response: FindCoordinatorResponse) -> None:
                if response.error is not None:
                    raise response.error
                ask(response.host)

            self.any(call, lambda server: call.send(server, question, found))

        return where

    def _when_known(self, then: Callable[[], None]) -> None:
        self._waiting.append(then)
        self.client.refresh()

    def _updated(self) -> None:
        ready, self._waiting = self._waiting, []
        for then in ready:
            then()


class Call:
    """One call on its way."""

    def __init__(self, calls: AdminCalls, name: str, passes: Callable[[KafkaError], bool]) -> None:
        calls.host.check_alive()
        kernel = calls.host.kernel
        if not kernel.is_running:
            kernel.journal.cause = None
        self.future: Future[Any] = calls.host.future(name)
        self._calls = calls
        self._passes = passes
        self.is_searching = False
        """Whether the last look-up found no leader. A real client looks up again at once, thousands of times, so that
        its last look-up is cut off; here it pauses between."""
        self._attempt: Callable[[], None] = lambda: None
        self._last: KafkaError | None = None
        self._in_flight = 0
        self._failures = 0
        self._waits = False
        self._deadline = calls.deadlines.add(calls.config.default_api_timeout_ms, self._give_up)

    def begin(self, attempt: Callable[[], None]) -> None:
        """Make the first attempt; ``attempt`` is called again for each further one."""
        self._attempt = attempt
        attempt()

    def send(
        self, server: str, request: Any, answered: Callable[[Any], None], *, unsent: Callable[[], None] | None = None
    ) -> None:
        """Send a request as a part of this attempt; ``answered`` may raise the error that it finds in the response.

        With ``unsent`` that is called instead of a new attempt when there was no connection.
        """
        self._in_flight += 1

        def take(response: Any, error: type[KafkaError] | None) -> None:
            self._in_flight -= 1
            if self.future.is_done():
                return
            if error is DisconnectException and unsent is not None:
                unsent()
                return
            try:
                if error is not None:
                    raise error(f"{server} is not reached.")
                answered(response)
            except KafkaError as problem:
                self._failed(problem)

        self._calls.client.channel(server).send(request, take)

    def if_open(self, then: Callable[[], None]) -> None:
        """Go on unless the call is over."""
        if not self.future.is_done():
            then()

    def succeed(self, value: Any) -> None:
        """There is the answer."""
        self._deadline.cancel()
        self.future.succeed(value)

    def fail(self, error: KafkaError) -> None:
        """There will be no answer."""
        self._deadline.cancel()
        self.future.fail(error)

    def _failed(self, error: KafkaError) -> None:
        self._last = error
        self._failures += 1
        config = self._calls.config
        if not self._passes(error) or self._failures > config.retries:
            self.fail(error)
            return
        if isinstance(error, DisconnectException | NotControllerException | NotCoordinatorException):
            self._calls.client.refresh()
        if not self._waits:
            self._waits = True
            initial_ms, max_ms = config.retry_backoff_ms, config.retry_backoff_max_ms
            pause_ms = backoff_ms(self._failures - 1, initial_ms, max_ms, self._calls.chance)
            self._calls.host.after_ms(pause_ms, self._again)

    def _again(self) -> None:
        self._waits = False
        self.if_open(self._attempt)

    def _give_up(self) -> None:
        if not self.future.is_done():
            cause = DisconnectException() if self._in_flight or self.is_searching else self._last
            limit = f"default.api.timeout.ms={self._calls.config.default_api_timeout_ms}"
            self.future.fail(TimeoutException(f"No answer within {limit}.", cause=cause))
