"""The fetches that a broker serves: incremental sessions that park at the end of what there is to read.

Kafka: FetchManager (KIP-227) and DelayedFetch. A parked long poll costs nothing: an append or a high watermark wakes
the few sessions that watch that partition. In Kafka an empty poll ends after ``fetch.max.wait.ms`` and is sent again at
once; nothing changes by that, so it is not simulated but computed: when the fetcher last asked, and, once nothing comes
through any more, that its last poll has ended. What a poll may carry besides records, a new high watermark or log start
for a follower, or less than ``fetch.min.bytes``, goes out when it would have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kafkasim.core.partition import Partition
from kafkasim.errors import (
    FetchSessionIdNotFoundException,
    KafkaError,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages.data import CONSUMER, FetchPosition, FetchRequest, FetchResponse, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.network import Connection, Reply


class FetchSession:
    """One fetcher: its positions, and which partitions may have something for it."""

    __slots__ = (
        "connection", "expiry", "fetched_at_us", "joining", "min_bytes", "parked", "positions", "ready", "request",
        "told",
    )  # fmt: skip

    def __init__(
        self, host: Host, connection: Connection, request: FetchRequest, expire: Callable[[FetchSession], None]
    ) -> None:
        self.connection = connection
        self.request = request
        self.min_bytes = request.min_bytes
        self.positions: dict[TopicPartition, FetchPosition] = {}
        self.ready: dict[TopicPartition, None] = {}
        self.told: dict[TopicPartition, tuple[int, int]] = {}
        self.parked: Reply | None = None
        self.fetched_at_us = 0
        self.expiry = Alarm(host, partial(expire, self))
        self.joining: dict[TopicPartition, None] = {}

    @property
    def is_follower(self) -> bool:
        """Whether a replica fetches here."""
        return self.request.replica_id != CONSUMER

    @property
    def wait_us(self) -> int:
        """How long a poll waits at most."""
        return self.request.max_wait_ms * US_PER_MS

    def last_poll_us(self, now_us: int) -> int:
        """When the fetcher last asked: as long as it is heard and hears, a poll follows the other."""
        if self.parked is None:
            return self.fetched_at_us
        line = self.connection
        ends = (line.client_silent_since_us, line.server_silent_since_us, line.client_rests_since_us)
        until_us = min((us for us in ends if us is not None), default=now_us)
        polled_us = max(0, until_us - self.fetched_at_us)
        return self.fetched_at_us + (polled_us - polled_us % self.wait_us if self.wait_us else 0)

    def poll_is_over(self, now_us: int) -> bool:
        """Whether the last poll has ended with nothing, and nobody could send the next one."""
        return self.parked is not None and now_us >= self.last_poll_us(now_us) + self.wait_us


class FetchSessions:
    """All fetch sessions of one broker's incarnation; no answer carries more than ``max_bytes``, but for one batch."""

    def __init__(
        self, host: Host, partitions: dict[TopicPartition, Partition], settle: Callable[[Partition], None],
        max_bytes: int,
    ) -> None:  # fmt: skip
        self._host = host
        self._settle = settle
        self._max_bytes = max_bytes
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
            session = self._sessions[key] = FetchSession(self._host, connection, request, self._expire)
        elif session is None or session.connection is not connection:
            reply(FetchResponse(error=FetchSessionIdNotFoundException))
            return
        session.request = request
        session.min_bytes = min(request.min_bytes, self._max_bytes)
        for tp in request.forgotten:
            self._unwatch(session, tp)
        for tp, position in request.changed.items():
            session.positions[tp] = position
            session.ready[tp] = None
            self._watchers.setdefault(tp, {})[session] = None
        joining, session.joining = session.joining, {}
        learned = {**request.changed, **session.ready, **joining} if session.is_follower else {}
        response = self._collect(session)
        session.parked, session.fetched_at_us = reply, self._host.kernel.now_us
        if self._is_worth_sending(session, response):
            self._answer(session, response)
        else:
            # A fetcher that sends again has given up the poll before; its answer would be the same silence.
            reply.park()
            if _has_news(session, response):
                self._answer_in_time(session)
        # Only now does a follower's fetch count: the answer carries the high watermark from before it.
        for tp in learned:
            if _is_well(response.partitions.get(tp)):
                self._learn(session, tp)

    def appended(self, base_offsets: Mapping[TopicPartition, int]) -> None:
        """A leader has appended from these offsets on: its followers' parked fetches have something now.

        A fetch that ends takes along what there is in all of its partitions. Kafka: DelayedFetch.onComplete.
        """
        kernel = self._host.kernel
        woken: dict[FetchSession, None] = {}
        for tp, base_offset in base_offsets.items():
            for session in self._watchers.get(tp, ()):
                if session.is_follower:
                    if session.positions[tp].fetch_offset == base_offset:
                        polled_ms = kernel.start_time_ms + session.last_poll_us(kernel.now_us) // US_PER_MS
                        self._partitions[tp].follower_polled(session.request.replica_id, polled_ms)
                    session.ready[tp] = None
                    woken[session] = None
        for session in woken:
            self._look_again(session)

    def moved(self, tp: TopicPartition) -> None:
        """The high watermark or the log's start has moved: consumers may read on; followers hear of it with their next
        answer."""
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
        self._look_again(session)

    def _look_again(self, session: FetchSession) -> None:
        if session.parked is None:
            return
        if session.poll_is_over(self._host.kernel.now_us):
            self._answer(session, FetchResponse())
            return
        response = self._collect(session)
        if self._is_worth_sending(session, response):
            self._answer(session, response)
        elif _has_news(session, response):
            self._answer_in_time(session)

    def _answer_in_time(self, session: FetchSession) -> None:
        """Answer when the poll ends that is under way now."""
        if session.expiry.at_us is None:
            session.expiry.set(self._host.kernel.now_us + round(self._poll_left_ms(session) * US_PER_MS))

    def _poll_left_ms(self, session: FetchSession) -> float:
        """How long the poll still waits that is under way now."""
        now_us = self._host.kernel.now_us
        return max(0, session.last_poll_us(now_us) + session.wait_us - now_us) / US_PER_MS

    def _poll_again(self, session: FetchSession, tp: TopicPartition) -> None:
        """The next poll of a follower outside of the ISR will count, though its position is the same."""
        partition = self._partitions[tp]
        outside = partition.is_leader and session.request.replica_id not in partition.in_sync.committed
        if outside and tp not in session.joining:
            session.joining[tp] = None
            if session.parked is not None:
                self._host.after_ms(self._poll_left_ms(session), self._polled, session, tp)

    def _polled(self, session: FetchSession, tp: TopicPartition) -> None:
        if session.parked is None or tp not in session.joining:
            return  # its next fetch counts, or has counted already
        del session.joining[tp]
        if tp not in session.positions or tp not in self._partitions:
            return
        if session.poll_is_over(self._host.kernel.now_us):
            self._answer(session, FetchResponse())
        else:
            self._learn(session, tp)

    def _expire(self, session: FetchSession) -> None:
        if session.parked is not None:
            self._answer(session, self._collect(session))

    def _answer(self, session: FetchSession, response: FetchResponse) -> None:
        assert session.parked is not None
        reply, session.parked = session.parked, None
        session.expiry.off()
        for tp, part in response.partitions.items():
            session.told[tp] = (part.high_watermark, part.log_start_offset)
            session.ready.pop(tp, None)
            if part.batches:
                session.ready[tp] = None  # perhaps there is more: after all others
        reply(response)

    def _collect(self, session: FetchSession) -> FetchResponse:
        """Read what is ready, within the byte limits; partitions without news are left out.

        The first batch that is found comes whatever its size. Kafka: ReplicaManager.readFromLog.
        """
        response = FetchResponse()
        room, min_one = min(session.request.max_bytes, self._max_bytes), True
        for tp in list(session.ready):
            if room <= 0 and not min_one:
                break
            part = self._read(session, tp, room, min_one=min_one)
            if part.batches:
                room -= sum(batch.size_in_bytes for batch in part.batches)
                min_one = False
            news = session.told.get(tp, (0, 0)) != (part.high_watermark, part.log_start_offset)
            if part.error or part.diverging or part.batches or news:
                response.partitions[tp] = part
            elif min_one:
                del session.ready[tp]
        return response

    def _read(self, session: FetchSession, tp: TopicPartition, room: int, *, min_one: bool) -> PartitionFetchResponse:
        position = session.positions[tp]
        partition = self._partitions.get(tp)
        if partition is None:
            return PartitionFetchResponse(error=UnknownTopicOrPartitionException)
        try:
            request = session.request
            return partition.fetch(
                position, request.replica_id, read_committed=request.read_committed, room=room, min_one=min_one
            )
        except KafkaError as error:
            return PartitionFetchResponse(error=type(error), new_leader=(partition.leader, partition.leader_epoch))

    def _learn(self, session: FetchSession, tp: TopicPartition) -> None:
        """A follower's fetch counts, unless this broker would refuse it: it may lead no longer, or in another epoch."""
        partition, position = self._partitions.get(tp), session.positions[tp]
        replica = session.request.replica_id
        if partition is None or not partition.can_be_fetched_by(replica, position.leader_epoch):
            return
        now_ms = self._host.kernel.now_ms
        partition.follower_fetched(replica, position.fetch_offset, now_ms, position.log_start_offset)
        self._settle(partition)
        self._poll_again(session, tp)

    def _is_worth_sending(self, session: FetchSession, response: FetchResponse) -> bool:
        """Whether an answer goes out at once: for an error, a divergence, enough bytes, or the end of a segment that is
        not the last. Kafka: DelayedFetch.tryComplete."""
        size = 0
        for tp, part in response.partitions.items():
            size += sum(batch.size_in_bytes for batch in part.batches)
            if part.error is not None or part.diverging is not None:
                return True
            if part.batches and session.min_bytes > 1:
                end = part.last_stable_offset if session.request.read_committed else part.high_watermark
                log = self._partitions[tp].log
                if log.is_in_older_segment(part.batches[0].last_offset, log.end_offset if session.is_follower else end):
                    return True
        return size >= max(1, session.min_bytes)

    def _unwatch(self, session: FetchSession, tp: TopicPartition) -> None:
        session.positions.pop(tp, None)
        session.ready.pop(tp, None)
        session.told.pop(tp, None)
        session.joining.pop(tp, None)
        self._watchers.get(tp, {}).pop(session, None)

    def _drop(self, session: FetchSession) -> None:
        for tp in list(session.positions):
            self._unwatch(session, tp)
        session.parked = None


def _has_news(session: FetchSession, response: FetchResponse) -> bool:
    """Whether an answer goes out when the poll ends: records, or for a follower a new high watermark or log start."""
    return any(part.batches or session.is_follower for part in response.partitions.values())


def _is_well(part: PartitionFetchResponse | None) -> bool:
    """Whether a fetch from a partition tells where the follower is: no error, no divergence."""
    return part is None or not (part.error or part.diverging)
