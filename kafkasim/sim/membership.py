"""A consumer's membership in its group: find the coordinator, join, share out if one leads, sync, beat.

Kafka: ConsumerCoordinator, AbstractCoordinator (the eager protocol). A member gives up everything before it joins
again. Left out as yet: the cooperative protocol, static membership, max.poll.interval.ms.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from kafkasim.config import ConsumerConfig
from kafkasim.core.assignors import BY_NAME, Assignor, GroupMember
from kafkasim.errors import (
    ConfigError,
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
from kafkasim.sim.kernel import Timer
from kafkasim.sim.network_client import NetworkClient

LOST_COORDINATOR = (NotCoordinatorException, CoordinatorNotAvailableException)


class MemberState(Enum):
    """Kafka's names of what a member does."""

    UNJOINED = "UNJOINED"
    PREPARING_REBALANCE = "PREPARING_REBALANCE"
    COMPLETING_REBALANCE = "COMPLETING_REBALANCE"
    STABLE = "STABLE"


class Membership:
    """One consumer's part in its group. ``on_revoked``, ``on_lost`` and ``on_assigned`` take partitions."""

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, *, topics: Callable[[], tuple[str, ...]],
        owned: Callable[[], tuple[TopicPartition, ...]], on_revoked: Callable[[], None], on_lost: Callable[[], None],
        on_assigned: Callable[[tuple[TopicPartition, ...]], None], on_change: Callable[[], None],
    ) -> None:  # fmt: skip
        assert config.group_id is not None
        self.group_id = config.group_id
        self.state = MemberState.UNJOINED
        self.member_id = ""
        self.generation = -1
        self.coordinator: str | None = None
        self._host = client.host
        self._client = client
        self._config = config
        self._assignors = {one.name: one for one in map(_assignor, config.partition_assignment_strategy) if one}
        if not self._assignors:
            raise ConfigError("None of these assignors is modelled yet; there are range, roundrobin and your own.")
        self._topics, self._owned = topics, owned
        self._on_revoked, self._on_lost = on_revoked, on_lost
        self._on_assigned, self._on_change = on_assigned, on_change
        self._finding = False
        self._needs_rejoin = True
        self._not_before_us = 0
        self._beat: Timer | None = None

    # --- the steps, taken while somebody polls ---------------------------------------------------------------

    def step(self) -> None:
        """Take the next step towards being a member, if one is due."""
        if self._host.kernel.now_us < self._not_before_us:
            return
        if self.coordinator is None:
            self.find_coordinator()
        elif self._needs_rejoin and self.state in (MemberState.UNJOINED, MemberState.STABLE):
            self._join()

    def find_coordinator(self) -> None:
        """Ask any broker who coordinates this group."""
        if self._finding or not self._client.brokers_known:
            return
        self._finding = True

        def answered(response: groups.FindCoordinatorResponse | None, error: object) -> None:
            self._finding = False
            if response is None or response.error is not None:
                self._pause()
                return
            self.coordinator = response.host
            self._on_change()

        request = groups.FindCoordinatorRequest(self.group_id)
        self._client.channel(self._client.least_loaded()).send(request, answered)

    def send(self, request: groups.GroupRequest, answered: Callable[[Any, type[KafkaError] | None], None]) -> None:
        """Send the coordinator a request; a broker that is not it any more is forgotten."""
        assert self.coordinator is not None
        asked = self.coordinator

        def on_answer(response: Any, error: type[KafkaError] | None) -> None:
            problem = error if response is None else response.error
            if (response is None or problem in LOST_COORDINATOR) and self.coordinator == asked:
                self.coordinator = None
            answered(response, problem)

        self._client.channel(asked).send(request, on_answer)

    def _join(self) -> None:
        """Give up everything, then ask to be part of the next generation."""
        if self.state is MemberState.STABLE:
            self._on_revoked()
        self._stop_beating()
        self.state = MemberState.PREPARING_REBALANCE
        self._needs_rejoin = False
        subscription = groups.Subscription(self._topics(), self._owned(), self.generation)
        request = groups.JoinGroupRequest(
            self.group_id, self.member_id, self._host.name, tuple(self._assignors), subscription,
            self._config.session_timeout_ms, self._config.max_poll_interval_ms, client_host=self._host.name,
        )  # fmt: skip
        self.send(request, self._joined)

    def _joined(self, response: groups.JoinGroupResponse | None, error: type[KafkaError] | None) -> None:
        if error is MemberIdRequiredException:
            assert response is not None
            self.member_id = response.member_id
            self._join()
            return
        if response is None or error is not None:
            self._begin_again(error)
            return
        self.generation, self.member_id = response.generation_id, response.member_id
        self.state = MemberState.COMPLETING_REBALANCE
        self._beat_later()
        shares: dict[str, tuple[TopicPartition, ...]] = {}
        if response.leader == self.member_id:
            shares = self._share_out(response)
        self.send(groups.SyncGroupRequest(self.group_id, self.member_id, self.generation, shares), self._synced)

    def _share_out(self, response: groups.JoinGroupResponse) -> dict[str, tuple[TopicPartition, ...]]:
        """The leader of the group computes the assignment; the coordinator never does."""
        members = [
            GroupMember(one, wants.topics, None, wants.owned_partitions, wants.generation_id)
            for one, wants in response.members.items()
        ]
        counts = {topic: len(parts) for topic, (_, parts) in self._client.topics.items() if parts}
        shares = self._assignors[response.protocol].assign(counts, members)
        return {member_id: tuple(partitions) for member_id, partitions in shares.items()}

    def _synced(self, response: groups.SyncGroupResponse | None, error: type[KafkaError] | None) -> None:
        if response is None or error is not None:
            self._begin_again(error)
            return
        self.state = MemberState.STABLE
        self._on_assigned(response.assignment)
        self._on_change()

    def _begin_again(self, error: type[KafkaError] | None) -> None:
        self.state = MemberState.UNJOINED
        self._needs_rejoin = True
        if error in (UnknownMemberIdException, FencedInstanceIdException):
            self.member_id, self.generation = "", -1
        if error is RebalanceInProgressException:
            self._on_change()
        else:
            self._pause()

    def rejoin(self) -> None:
        """Something has changed that the group must share out anew."""
        self._needs_rejoin = True

    def _pause(self) -> None:
        backoff_ms = self._config.retry_backoff_ms
        self._not_before_us = self._host.kernel.now_us + backoff_ms * 1000
        self._host.after_ms(backoff_ms, self._on_change)

    # --- heartbeats --------------------------------------------------------------------------------------------

    def _beat_later(self) -> None:
        self._stop_beating()
        self._beat = self._host.after_ms(self._config.heartbeat_interval_ms, self._heartbeat)

    def _stop_beating(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def _heartbeat(self) -> None:
        self._beat_later()
        if self.coordinator is None:
            self.find_coordinator()
        else:
            request = groups.HeartbeatRequest(self.group_id, self.member_id, self.generation)
            self.send(request, self._heard)

    def _heard(self, response: groups.HeartbeatResponse | None, error: type[KafkaError] | None) -> None:
        if self.state is not MemberState.STABLE:
            return
        if error is RebalanceInProgressException:
            self._needs_rejoin = True
        elif error in (UnknownMemberIdException, IllegalGenerationException, FencedInstanceIdException):
            self._stop_beating()
            self._on_lost()
            self.state = MemberState.UNJOINED
            self._needs_rejoin = True
            if error is not IllegalGenerationException:
                self.member_id = ""
            self.generation = -1
        self._on_change()

    def leave(self) -> None:
        """Tell the coordinator that this member goes; nobody waits for the answer."""
        self._stop_beating()
        if self.member_id and self.coordinator is not None:
            self.send(groups.LeaveGroupRequest(self.group_id, self.member_id), lambda response, error: None)
        self.state, self.member_id, self.generation = MemberState.UNJOINED, "", -1
        self._needs_rejoin = True


def _assignor(given: Any) -> Assignor | None:
    """An assignor of the user's own, or a built-in one by name; None for one that is not modelled yet."""
    return BY_NAME.get(given) if isinstance(given, str) else given
