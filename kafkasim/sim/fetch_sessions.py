"""The fetches that a broker serves: incremental sessions that park at the end of what there is to read.

Kafka: FetchManager (KIP-227) and DelayedFetch. A parked long poll costs nothing: an append or a high watermark wakes
the few sessions that watch that partition. In Kafka an empty poll ends after ``fetch.max.wait.ms`` and is sent again at
once; nothing changes by that, so it is not simulated, but for the one thing it carries: an answer that tells a follower
a new high watermark goes out when the poll would have ended.

Left out: ``fetch.min.bytes`` above 1.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.core.partition import Partition
from kafkasim.errors import (
    FetchSessionIdNotFoundException,
    KafkaError,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.data import CONSUMER, FetchPosition, FetchRequest, FetchResponse, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.sim.network import Connection, Reply


class FetchSession:
    """One fetcher: its positions, and which partitions may have something for it."""

    __slots__ = ("connection", "expiry", "joining", "parked", "parked_at_us", "positions", "ready", "request", "told")

    def __init__(self, connection: Connection, request: FetchRequest) -> None:
        self.connection = connection
        self.request = request
        self.positions: dict[TopicPartition, FetchPosition] = {}
        self.ready: dict[TopicPartition, None] = {}
        self.told: dict[TopicPartition, int] = {}
        self.parked: Reply | None = None
        self.parked_at_us = 0
        self.expiry: Timer | None = None
        self.joining: set[TopicPartition] = set()

    @property
    def is_follower(self) -> bool:
        """Whether a replica fetches here."""
        return self.request.replica_id != CONSUMER


class FetchSessions:
    """All fetch sessions of one broker's incarnation."""

    def __init__(
        self, host: Host, partitions: dict[TopicPartition, Partition], settle: Callable[[Partition], None]
    ) -> None:
        self._host = host
        self._settle = settle
        self._partitions = partitions
        self._sessions: dict[tuple[str, str], FetchSession] = {}
        self._watchers: dict[TopicPartition, dict[FetchSession, None]] = {}

    def fetch(self, request: FetchRequest, connection: Connection, reply: Reply) -> None:
        """Serve a fetch: answer at once when there is data, an error or a divergence, else park it."""
        key = (connection.client.name, request.session)
        session = self._sessions.get(key)
        if request.is_new:
            if session is not None:
                self._drop(session)
            session = self._sessions[key] = FetchSession(connection, request)
        elif session is None or session.connection is not connection:
            reply(FetchResponse(error=FetchSessionIdNotFoundException))
            return
        session.request = request
        for tp in request.forgotten:
            self._unwatch(session, tp)
        for tp, position in request.changed.items():
            session.positions[tp] = position
            session.ready[tp] = None
            self._watchers.setdefault(tp, {})[session] = None
        response = self._collect(session)
        session.parked, session.parked_at_us = reply, self._host.kernel.now_us
        if _has_something(response):
            self._answer(session, response)
        else:
            # A fetcher that sends again has given up the poll before; its answer would be the same silence.
            reply.park()
            if session.is_follower and response.partitions:
                self._answer_in_time(session)
        if session.is_follower:
            # Only now does the fetch count: the answer carries the high watermark from before it.
            for tp in request.changed:
                if _is_well(response.partitions.get(tp)):
                    self._learn(session, tp)

    def appended(self, tp: TopicPartition, base_offset: int) -> None:
        """A leader has appended: its followers' parked fetches have something now."""
        for session in list(self._watchers.get(tp, ())):
            if session.is_follower:
                if session.parked is not None and session.positions[tp].fetch_offset == base_offset:
                    self._partitions[tp].follower_waited(session.request.replica_id, self._polled_until_ms(session))
                self._wake(session, tp)

    def _polled_until_ms(self, session: FetchSession) -> float:
        """A parked poll is as good as one sent just now, but not while nothing of its sender comes through."""
        kernel = self._host.kernel
        silent_us = session.connection.client_silent_since_us
        return kernel.now_ms if silent_us is None else kernel.start_time_ms + silent_us / US_PER_MS

    def high_watermark_moved(self, tp: TopicPartition) -> None:
        """Consumers may read further now; followers hear of it with their next answer."""
        for session in list(self._watchers.get(tp, ())):
            if not session.is_follower:
                self._wake(session, tp)
                continue
            session.ready[tp] = None
            if session.parked is not None:
                self._answer_in_time(session)

    def isr_changed(self, tp: TopicPartition) -> None:
        """Whoever is outside of the ISR asks to join with every poll, also while it polls in vain."""
        for session in self._watchers.get(tp, ()):
            if session.is_follower:
                self._poll_again(session, tp)

    def role_changed(self, tp: TopicPartition) -> None:
        """Whoever waits for this partition must look again: it may have another leader."""
        for session in list(self._watchers.get(tp, ())):
            self._wake(session, tp)

    def forget(self, connection: Connection) -> None:
        """A fetcher's connection is gone."""
        for key, session in list(self._sessions.items()):
            if session.connection is connection:
                del self._sessions[key]
                self._drop(session)

    def _wake(self, session: FetchSession, tp: TopicPartition) -> None:
        session.ready[tp] = None
        if session.parked is not None:
            response = self._collect(session)
            if _has_something(response):
                self._answer(session, response)

    def _answer_in_time(self, session: FetchSession) -> None:
        """Answer when the poll would have ended; the polls before that ended in nothing."""
        if session.expiry is None:
            session.expiry = self._host.after_ms(self._poll_left_ms(session), self._expire, session)

    def _poll_left_ms(self, session: FetchSession) -> float:
        """How long the present one of the polls that a parked one stands for goes on."""
        waited_us = self._host.kernel.now_us - session.parked_at_us
        wait_us = session.request.max_wait_ms * US_PER_MS
        return (wait_us - waited_us % wait_us) / US_PER_MS if wait_us else 0.0

    def _poll_again(self, session: FetchSession, tp: TopicPartition) -> None:
        """A parked poll of a follower outside of the ISR: the next one will count."""
        partition = self._partitions[tp]
        outside = partition.is_leader and session.request.replica_id not in partition.in_sync.committed
        if outside and session.parked is not None and tp not in session.joining:
            session.joining.add(tp)
            self._host.after_ms(self._poll_left_ms(session), self._polled, session, tp)

    def _polled(self, session: FetchSession, tp: TopicPartition) -> None:
        session.joining.discard(tp)
        if session.parked is None or tp not in session.positions or tp not in self._partitions:
            return
        if session.connection.client_silent_since_us is None and self._partitions[tp].is_leader:
            self._learn(session, tp)
        else:
            self._poll_again(session, tp)

    def _expire(self, session: FetchSession) -> None:
        session.expiry = None
        if session.parked is not None:
            self._answer(session, self._collect(session))

    def _answer(self, session: FetchSession, response: FetchResponse) -> None:
        assert session.parked is not None
        reply, session.parked = session.parked, None
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None
        for tp, part in response.partitions.items():
            session.told[tp] = part.high_watermark
            if not part.batches:
                session.ready.pop(tp, None)
        reply(response)

    def _collect(self, session: FetchSession) -> FetchResponse:
        """Read what is ready, within the byte limits; partitions without news are left out."""
        response = FetchResponse()
        room = session.request.max_bytes
        for tp in list(session.ready):
            part = self._read(session, tp)
            size = sum(batch.size_in_bytes for batch in part.batches)
            if size > room and response.partitions:
                continue
            if part.error or part.diverging or part.batches or session.told.get(tp, 0) != part.high_watermark:
                response.partitions[tp] = part
                room -= size
            else:
                del session.ready[tp]
        return response

    def _read(self, session: FetchSession, tp: TopicPartition) -> PartitionFetchResponse:
        position = session.positions[tp]
        partition = self._partitions.get(tp)
        if partition is None:
            return PartitionFetchResponse(error=UnknownTopicOrPartitionException)
        try:
            request = session.request
            return partition.fetch(position, request.replica_id, read_committed=request.read_committed)
        except KafkaError as error:
            return PartitionFetchResponse(error=type(error), new_leader=(partition.leader, partition.leader_epoch))

    def _learn(self, session: FetchSession, tp: TopicPartition) -> None:
        position = session.positions[tp]
        partition = self._partitions[tp]
        partition.follower_fetched(session.request.replica_id, position.fetch_offset, self._host.kernel.now_ms)
        self._settle(partition)
        self._poll_again(session, tp)

    def _unwatch(self, session: FetchSession, tp: TopicPartition) -> None:
        session.positions.pop(tp, None)
        session.ready.pop(tp, None)
        session.told.pop(tp, None)
        self._watchers.get(tp, {}).pop(session, None)

    def _drop(self, session: FetchSession) -> None:
        for tp in list(session.positions):
            self._unwatch(session, tp)
        session.parked = None


def _has_something(response: FetchResponse) -> bool:
    """Whether an answer is worth sending at once: a high watermark alone is not."""
    return any(part.error or part.diverging or part.batches for part in response.partitions.values())


def _is_well(part: PartitionFetchResponse | None) -> bool:
    """Whether a fetch from a partition tells where the follower is: no error, no divergence."""
    return part is None or not (part.error or part.diverging)
