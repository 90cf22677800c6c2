"""A consumer's membership in its group: find the coordinator, join, sync, beat, leave.

What must be told to the application, and the shares that a leader works out, are sim/rebalancing's. The answer to a
JoinGroup is looked at when the application polls; heartbeats go on by themselves, as Kafka's heartbeat thread does.

Kafka: AbstractCoordinator.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from kafkasim.config import ConsumerConfig
from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import (
    CoordinatorNotAvailableException,
    FencedInstanceIdException,
    IllegalGenerationException,
    KafkaError,
    MemberIdRequiredException,
    NotCoordinatorException,
    RebalanceInProgressException,
    UnknownMemberIdException,
)
from kafkasim.messages import groups
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Answer, Channel
from kafkasim.sim.heartbeats import Heartbeats
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.lease import Lease
from kafkasim.sim.network_client import NetworkClient
from kafkasim.trace.facts import MemberChanged

LOST_COORDINATOR = (NotCoordinatorException, CoordinatorNotAvailableException)
AT_ONCE = (
    UnknownMemberIdException, IllegalGenerationException, RebalanceInProgressException, MemberIdRequiredException,
)  # fmt: skip
"""The errors after which a member joins again without a pause."""
JOIN_EXTRA_MS = 5_000
"""How much longer than the rebalance timeout a JoinGroup is waited for."""


class MemberState(Enum):
    """Kafka's names of what a member does."""

    UNJOINED = "UNJOINED"
    PREPARING_REBALANCE = "PREPARING_REBALANCE"
    COMPLETING_REBALANCE = "COMPLETING_REBALANCE"
    STABLE = "STABLE"


class Membership:
    """One consumer's part in its group. ``generation`` is -1 and ``member_id`` empty while it has none.

    ``arrived`` holds the answer to a JoinGroup until the application polls, ``assignment`` what the answer to the
    SyncGroup has brought, ``failure`` why the present join has failed. ``in_poll`` tells whether the application is
    inside poll() now.
    """

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, *, on_change: Callable[[], None],
        in_poll: Callable[[], bool],
    ) -> None:  # fmt: skip
        assert config.group_id is not None
        self.group_id = config.group_id
        self.instance_id = config.group_instance_id
        self.state = MemberState.UNJOINED
        self.member_id, self.generation = "", -1
        self.coordinator: str | None = None
        self.needs_rejoin = True
        self.is_joining = False
        self.arrived: groups.JoinGroupResponse | None = None
        self.assignment: tuple[TopicPartition, ...] | None = None
        self.failure: type[KafkaError] | None = None
        self.fatal: type[KafkaError] | None = None
        self._host, self._client, self._config = client.host, client, config
        self._on_change = on_change
        self._heartbeats = Heartbeats(self, client.host, config, in_poll)
        self._lines: dict[str, Channel] = {}
        self._is_closing = False
        self._finding = False
        self._failures = 0
        self._not_before_us = 0
        self._chance = client.host.kernel.rng(f"group retries/{client.host.name}")

    # --- the coordinator -------------------------------------------------------------------------------------

    def find_coordinator(self) -> None:
        """Ask any broker who coordinates this group."""
        if self._finding or self.is_pausing:
            return
        if not self._client.brokers_known:
            self._client.want()
            return
        self._finding = True

        def answered(response: groups.FindCoordinatorResponse | None, error: type[KafkaError] | None) -> None:
            self._finding = False
            problem = error if response is None else response.error
            if response is None or problem is not None:
                if problem is not None and not problem.retriable:
                    self.fatal = problem
                self.pause()
                return
            self.coordinator, self._failures = response.host, 0
            self._heartbeats.coordinator_found()
            self._on_change()

        request = groups.FindCoordinatorRequest(self.group_id)
        self._client.channel(self._client.least_loaded()).send(request, answered)

    def send(
        self, request: groups.GroupRequest, answered: Callable[[Any, type[KafkaError] | None], None]
    ) -> None:  # fmt: skip
        """Send the coordinator a request; a broker that is not it any more is forgotten."""
        assert self.coordinator is not None
        self._heartbeats.line_used()
        self._line(self.coordinator).send(request, self._judged(self.coordinator, answered))

    def _judged(self, asked: str, answered: Callable[[Any, type[KafkaError] | None], None]) -> Answer:
        """Takes an answer of a coordinator; one that is none any more is forgotten."""

        def on_answer(response: Any, error: type[KafkaError] | None) -> None:
            problem = error if response is None else response.error
            if (response is None or problem in LOST_COORDINATOR) and self.coordinator == asked:
                self.coordinator = None
            answered(response, problem)
            if self._is_closing:
                self._on_change()

        return on_answer

    def _line(self, server: str) -> Channel:
        """A line of its own: a parked JoinGroup must hold up nobody else. Kafka: the coordinator's node id."""
        if server not in self._lines:
            patience_ms = max(self._config.request_timeout_ms, self._config.max_poll_interval_ms + JOIN_EXTRA_MS)
            self._lines[server] = Channel(
                self._host, server, request_timeout_ms=patience_ms,
                reconnect_backoff_ms=self._config.reconnect_backoff_ms,
                reconnect_backoff_max_ms=self._config.reconnect_backoff_max_ms,
            )  # fmt: skip
        return self._lines[server]

    @property
    def is_pausing(self) -> bool:
        """Whether the back-off after a failure is not over yet."""
        return self._host.kernel.now_us < self._not_before_us

    def pause(self) -> None:
        """Try again after a back-off."""
        config = self._config
        wait_ms = backoff_ms(self._failures, config.retry_backoff_ms, config.retry_backoff_max_ms, self._chance)
        self._failures += 1
        self._not_before_us = self._host.kernel.now_us + wait_ms * US_PER_MS
        self._host.after_ms(wait_ms, self._on_change)

    # --- joining ---------------------------------------------------------------------------------------------

    def request_rejoin(self) -> None:
        """Something has changed that the group must share out anew."""
        self.needs_rejoin = True

    def join(self, protocols: tuple[str, ...], subscription: groups.Subscription) -> None:
        """Ask to be part of the next generation."""
        self._become(MemberState.PREPARING_REBALANCE)
        self.is_joining, self.arrived, self.assignment, self.failure = True, None, None, None
        config = self._config
        request = groups.JoinGroupRequest(
            self.group_id, self.member_id, self._host.name, protocols, subscription, config.session_timeout_ms,
            config.max_poll_interval_ms, self.instance_id, self._host.name,
        )  # fmt: skip

        def answered(response: groups.JoinGroupResponse | None, error: type[KafkaError] | None) -> None:
            if not self.is_joining:
                return
            if response is None or error is not None:
                if error is MemberIdRequiredException:
                    assert response is not None
                    self.member_id = response.member_id
                elif error is UnknownMemberIdException:
                    self.reset(forget_member=True)
                self._join_failed(error)
                return
            if self.state is not MemberState.PREPARING_REBALANCE:
                self._join_failed(None)
                return
            self.arrived = response
            self._on_change()

        self.send(request, answered)

    def joined(self) -> groups.JoinGroupResponse:
        """The application polls and finds that the join phase is over: from now on the member must beat."""
        assert self.arrived is not None
        response, self.arrived = self.arrived, None
        self.member_id, self.generation = response.member_id, response.generation_id
        self._become(MemberState.COMPLETING_REBALANCE)
        self._heartbeats.begin()
        return response

    def sync(self, shares: dict[str, tuple[TopicPartition, ...]]) -> None:
        """Ask for this member's share; the leader brings everybody's."""
        generation = self.generation

        def answered(response: groups.SyncGroupResponse | None, error: type[KafkaError] | None) -> None:
            if not self.is_joining:
                return
            if response is not None and error is None:
                if self.state is MemberState.COMPLETING_REBALANCE and self.generation == generation:
                    self.needs_rejoin = False
                    self.assignment = response.assignment
                    self._become(MemberState.STABLE)
                    self._failures = 0
                else:
                    self._join_failed(RebalanceInProgressException)
            else:
                if error in (UnknownMemberIdException, IllegalGenerationException, FencedInstanceIdException):
                    self.reset(forget_member=error is UnknownMemberIdException)
                self._join_failed(error)
            self._on_change()

        request = groups.SyncGroupRequest(self.group_id, self.member_id, self.generation, shares, self.instance_id)
        if self.coordinator is None:
            self._join_failed(CoordinatorNotAvailableException)
        else:
            self.send(request, answered)

    def _join_failed(self, error: type[KafkaError] | None) -> None:
        self.needs_rejoin = True
        self.is_joining = False
        if self.state is not MemberState.UNJOINED:
            self._become(MemberState.UNJOINED)
        if error is None or error.retriable:
            self.pause()
        elif error not in AT_ONCE:
            self.failure = error
        self._on_change()

    def reset(self, *, forget_member: bool) -> None:
        """The group has gone on without this member.

        A JoinGroup or SyncGroup under way stays so: another is sent only when its answer has come, and counts for
        nothing. Two at a time would let a static member fence itself. Kafka: AbstractCoordinator.initiateJoinGroup,
        UnjoinedGroupException.
        """
        self.generation = -1
        if forget_member:
            self.member_id = ""
        self.needs_rejoin = True
        is_under_way = self.arrived is None and self.state is not MemberState.STABLE
        self.is_joining = self.is_joining and is_under_way
        self.arrived = None
        self._become(MemberState.UNJOINED)

    def _become(self, state: MemberState) -> None:
        self.state = state
        if state is not MemberState.STABLE:
            self._heartbeats.end_lease()
        fact = MemberChanged(self._host.name, self.group_id, state.value, self.generation, self.member_id)
        self._host.kernel.journal.record(fact)

    # --- beating and leaving ---------------------------------------------------------------------------------

    def polled(self) -> None:
        """The application polls; a failure of the heartbeats is raised, once."""
        self._heartbeats.polled()
        if self.fatal is not None:
            error, self.fatal = self.fatal, None
            raise error

    @property
    def lease(self) -> Lease | None:
        """What the coordinator offers, while this member has nothing else to say to it."""
        if self.coordinator is None or self.state is not MemberState.STABLE:
            return None
        return self._line(self.coordinator).lease

    def beat(self) -> None:
        """Tell the coordinator that this member is alive."""
        assert self.coordinator is not None
        line = self._line(self.coordinator)
        generation, member_id = self.generation, self.member_id
        request = groups.HeartbeatRequest(self.group_id, member_id, generation, self.instance_id)

        def heard(response: groups.HeartbeatResponse | None, error: type[KafkaError] | None) -> None:
            if error is None or error is RebalanceInProgressException:
                self._heartbeats.heard()
            if error is None:
                self._heartbeats.begin_lease(request, groups.HeartbeatResponse(), late)
            elif error is RebalanceInProgressException:
                if self.state is MemberState.STABLE:
                    self.request_rejoin()
            elif error in (UnknownMemberIdException, IllegalGenerationException, FencedInstanceIdException):
                if (self.generation, self.member_id) == (generation, member_id):
                    self.reset(forget_member=error is not IllegalGenerationException)
                    self.fatal = error if error is FencedInstanceIdException else None
            else:
                self._heartbeats.failed()
            if error is not None:
                self._on_change()

        answered = self._judged(self.coordinator, heard)

        def late(sent_us: int) -> Callable[[Any], None]:
            return line.late(answered, sent_us)

        line.send(request, answered)

    def leave(self) -> None:
        """Go: a dynamic member tells the coordinator, a static one is only silent. Nobody waits for the answer."""
        may_say = self.instance_id is None and self.coordinator is not None and self.state is not MemberState.UNJOINED
        if may_say and self.member_id:
            self.send(groups.LeaveGroupRequest(self.group_id, self.member_id), lambda response, error: None)
        self.reset(forget_member=True)
        self.is_joining = False

    def last_answers(self) -> bool:
        """Whether every request has its answer; a closing client waits for that. Kafka: awaitPendingRequests."""
        self._is_closing = True
        return not any(line.in_flight for line in self._lines.values())

    def close(self) -> None:
        """Hang up."""
        self._heartbeats.end()
        for line in self._lines.values():
            line.close()
