"""How a member goes through a rebalance: what it gives up and when, what it is told, and what its leader works out.

*Eager*: everything is given up before the member joins, nothing is read until it has its share. *Cooperative*:
everything is kept; after the generation has begun the member gives up what goes to somebody else and joins once more.
A member whose generation is gone has *lost* its partitions: somebody else may own them already.

Kafka: ConsumerCoordinator (poll, onJoinPrepare, onJoinComplete, onLeaderElected, rejoinNeededOrPending).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from kafkasim.config import ConsumerConfig
from kafkasim.core.assignors import BY_NAME, Assignor, GroupMember, RebalanceProtocol
from kafkasim.core.subscription import Subscription
from kafkasim.errors import ConfigError, KafkaException
from kafkasim.messages import groups
from kafkasim.records import TopicPartition
from kafkasim.sim.commits import Commits
from kafkasim.sim.fetcher import Fetcher
from kafkasim.sim.kernel import Future
from kafkasim.sim.membership import Membership, MemberState
from kafkasim.sim.network_client import NetworkClient
from kafkasim.trace.facts import PartitionsAssigned, PartitionsRevoked

Steps = Generator[Any, Any, None]


class RebalanceListener(Protocol):
    """What a user may pass to subscribe(): called inside poll(), in Kafka's order.

    A method may wait: it returns a future or is a generator that yields futures (``yield consumer.commit_sync()``).
    Without ``on_partitions_lost`` a loss is told as a revocation, as in Kafka.
    """

    def on_partitions_revoked(self, partitions: list[TopicPartition]) -> object:
        """These are about to go to somebody else: the last moment to commit."""

    def on_partitions_assigned(self, partitions: list[TopicPartition]) -> object:
        """These are new."""


class Rebalancing:
    """One consumer's way through the rebalances of its group.

    ``generation`` and ``member_id`` are those of the last completed join, also after the group has gone on.
    """

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, book: Subscription, membership: Membership,
        commits: Commits, fetcher: Fetcher,
    ) -> None:  # fmt: skip
        self.listener: RebalanceListener | None = None
        self.generation, self.member_id = -1, ""
        self._client, self._config, self._book = client, config, book
        self._membership, self._commits, self._fetcher = membership, commits, fetcher
        self._assignors: dict[str, Assignor] = {
            one.name: one for one in map(_assignor, config.partition_assignment_strategy)
        }
        self._protocol = _protocol(self._assignors.values())
        self._chosen = ""
        self._sticky_memory: tuple[tuple[TopicPartition, ...], int] | None = None
        self._is_prepared = False
        self._is_leader = False
        self._joined_topics: frozenset[str] | None = None
        self._assigned_with: dict[str, int] | None = None
        self._group_topics: tuple[str, ...] = ()
        self._failure: Exception | None = None

    # --- the steps, taken while the application polls -----------------------------------------------------------

    def step(self) -> Generator[Any, Any, bool]:
        """Do what can be done now towards being a member; True when there is nothing left to do."""
        membership = self._membership
        membership.polled()
        while True:
            if membership.coordinator is None and not membership.is_joining:
                membership.find_coordinator()
                return False
            if not self._must_rejoin():
                return True
            if not membership.is_joining:
                if membership.failure is not None:
                    error, membership.failure = membership.failure, None
                    raise error
                if membership.is_pausing:
                    return False
                if not self._is_prepared:
                    self._hold()
                    if not self._commits.done_before_rebalance():
                        return False
                    self._is_prepared = True
                    yield from self._prepare()
                self._join()
            if membership.arrived is not None and not self._go_on():
                return False
            if membership.state is not MemberState.STABLE or membership.assignment is None:
                if membership.is_joining or membership.is_pausing:
                    return False
                continue
            assignment, membership.assignment = membership.assignment, None
            membership.is_joining, self._is_prepared = False, False
            yield from self._complete(assignment)

    def _must_rejoin(self) -> bool:
        """Kafka: rejoinNeededOrPending. Only who has worked out the shares watches the topics."""
        membership = self._membership
        if self._assigned_with is not None and self._assigned_with != self._counts():
            membership.request_rejoin()
        if self._joined_topics is not None and self._joined_topics != frozenset(self._book.topics):
            membership.request_rejoin()
        return membership.needs_rejoin or membership.is_joining

    def _join(self) -> None:
        book = self._book
        self._joined_topics = frozenset(book.topics)
        memory, remembered = self._sticky_memory or ((), -1)
        wants = groups.Subscription(
            book.topics, tuple(book.owned), self._membership.generation, None, memory, remembered
        )  # fmt: skip
        self._membership.join(tuple(self._assignors), wants)

    def _go_on(self) -> bool:
        """The join phase is over: bring everybody's shares, or ask for one's own."""
        response = self._membership.arrived
        assert response is not None
        is_leader = response.leader == response.member_id
        topics = tuple(dict.fromkeys(topic for wants in response.members.values() for topic in wants.topics))
        if is_leader and not response.skip_assignment:
            self._client.want(*topics)
            if not all(topic in self._client.topics for topic in topics):
                return False
        self._membership.joined()
        self._is_leader, self._chosen = is_leader, response.protocol
        shares: dict[str, tuple[TopicPartition, ...]] = {}
        if is_leader:
            self._group_topics = topics
            self._assigned_with = self._counts()
            if not response.skip_assignment:
                shares = self._share_out(response)
        self._membership.sync(shares)
        return True

    def _share_out(self, response: groups.JoinGroupResponse) -> dict[str, tuple[TopicPartition, ...]]:
        """The leader of the group computes the assignment; the coordinator never does."""
        assignor = self._assignors[response.protocol]
        members = [_as_seen_by(assignor, one, wants) for one, wants in response.members.items()]
        shares = assignor.assign(self._counts(), members)
        return {member_id: tuple(partitions) for member_id, partitions in shares.items()}

    def _counts(self) -> dict[str, int]:
        """How many partitions each topic of the group has, as far as this client knows."""
        known = {topic: self._client.topics.get(topic, (None, ()))[1] for topic in sorted(self._group_topics)}
        return {topic: len(partitions) for topic, partitions in known.items() if partitions}

    # --- what is given up and what comes ------------------------------------------------------------------------

    def _hold(self) -> None:
        """Hand out nothing more of what is about to be committed and given up. Kafka: markPendingRevocation."""
        if self._protocol is RebalanceProtocol.EAGER:
            for one in self._book.owned.values():
                one.going = True

    def _prepare(self) -> Steps:
        """Kafka: onJoinPrepare."""
        book, membership = self._book, self._membership
        owned = tuple(book.owned)
        if membership.generation < 0 or not membership.member_id:
            yield from self._lose()
        elif self._protocol is RebalanceProtocol.EAGER:
            yield from self._give_up(owned, ())
        else:
            unwanted = [tp for tp in owned if tp.topic not in book.topics]
            if unwanted:
                yield from self._give_up(unwanted, [tp for tp in owned if tp not in unwanted])
        self._is_leader, self._assigned_with = False, None
        self._raise_failure()

    def _complete(self, assignment: tuple[TopicPartition, ...]) -> Steps:
        """Kafka: onJoinComplete."""
        book, membership = self._book, self._membership
        if not self._is_leader:
            self._assigned_with = None
        self.generation, self.member_id = membership.generation, membership.member_id
        if not all(book.may_own(tp.topic) for tp in assignment):
            membership.request_rejoin()
            return
        owned = tuple(book.owned)
        if self._protocol is RebalanceProtocol.COOPERATIVE:
            going = [tp for tp in owned if tp not in assignment]
            if going:
                yield from self._give_up(going, [tp for tp in owned if tp in assignment])
                membership.request_rejoin()
        if self._chosen == "sticky":
            self._sticky_memory = (assignment, membership.generation)
        self._commits.restart_timer()
        self._own(assignment)
        journal = self._client.host.kernel.journal
        journal.record(PartitionsAssigned(self._client.host.name, membership.group_id, self.generation, assignment))
        yield from self._tell("assigned", [tp for tp in assignment if tp not in owned])
        self._raise_failure()

    def leave(self) -> Steps:
        """The application reads no longer as a member. Kafka: onLeavePrepare, maybeLeaveGroup."""
        owned = tuple(self._book.owned)
        if owned and self._membership.generation < 0:
            yield from self._lose()
        elif owned:
            yield from self._give_up(owned, ())
        self._membership.leave()
        self._is_prepared, self._joined_topics, self._assigned_with = False, None, None
        self._raise_failure()

    def _lose(self) -> Steps:
        owned = tuple(self._book.owned)
        if owned:
            yield from self._tell("lost", owned)
            self._gone(owned, (), "lost")

    def _give_up(self, going: Iterable[TopicPartition], left: Iterable[TopicPartition]) -> Steps:
        partitions = tuple(going)
        yield from self._tell("revoked", partitions)
        self._gone(partitions, left, "revoked")

    def _gone(self, going: tuple[TopicPartition, ...], left: Iterable[TopicPartition], reason: str) -> None:
        if going:
            fact = PartitionsRevoked(self._client.host.name, going, reason)
            self._client.host.kernel.journal.record(fact)
        self._own(left)

    def _own(self, partitions: Iterable[TopicPartition]) -> None:
        self._book.assign(partitions)
        self._fetcher.assignment_changed()

    # --- what the user is told ----------------------------------------------------------------------------------

    def _tell(self, what: str, partitions: Iterable[TopicPartition]) -> Steps:
        """Call the listener, and wait if it waits; its error is raised when the step is done."""
        function = getattr(self.listener, f"on_partitions_{what}", None)
        if function is None and what == "lost":
            function = getattr(self.listener, "on_partitions_revoked", None)
        if function is None:
            return
        try:
            result = function(list(partitions))
            if isinstance(result, Generator):
                yield from result
            elif isinstance(result, Future):
                yield result
        except Exception as error:
            self._failure = self._failure or error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            error, self._failure = self._failure, None
            raise KafkaException("User rebalance callback throws an error", cause=error) from error


def _assignor(given: Any) -> Assignor:
    """An assignor of the user's own, or a built-in one by name."""
    return BY_NAME[given] if isinstance(given, str) else given


def _protocol(assignors: Iterable[Any]) -> RebalanceProtocol:
    """The highest protocol that all assignors support; one of the user's own is eager unless it says more."""
    sets = [tuple(getattr(one, "protocols", (RebalanceProtocol.EAGER,))) for one in assignors]
    for protocol in (RebalanceProtocol.COOPERATIVE, RebalanceProtocol.EAGER):
        if all(protocol in supported for supported in sets):
            return protocol
    raise ConfigError(
        "Specified assignors do not have commonly supported rebalance protocol: take some that are all eager or all "
        "cooperative.",
        java_name="IllegalArgumentException",
    )


def _as_seen_by(assignor: Assignor, member_id: str, wants: groups.Subscription) -> GroupMember:
    """A member as its leader's assignor sees it: the eager sticky one goes by what it had remembered."""
    owned, generation = wants.owned_partitions, wants.generation_id
    if assignor.name == "sticky":
        owned, generation = wants.sticky_partitions, wants.sticky_generation
    return GroupMember(member_id, wants.topics, wants.group_instance_id, owned, generation)
