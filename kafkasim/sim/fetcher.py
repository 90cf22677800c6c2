"""How a consumer gets its records: a fetch loop to each broker that leads something it owns.

Kafka: Fetcher. A partition is fetched while its position is known and nothing of it is left to hand out.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.config import ConsumerConfig
from kafkasim.core.subscription import Subscription
from kafkasim.errors import KafkaException
from kafkasim.messages.data import CONSUMER, FetchPosition, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.fetch_loop import FetchLoop
from kafkasim.sim.network_client import NetworkClient


class Fetcher:
    """All fetches of one consumer.

    ``on_records`` is called as the last act of an event in which something has come, ``on_change`` when it is time to
    try again. Only inside poll() (``in_poll``) new ones are sent; the last one ends by itself, perhaps with records for
    the next poll(). ``is_heard`` tells whether somebody reads its answer before: a member's heartbeat thread does.
    """

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, book: Subscription, *, on_records: Callable[[], None],
        on_change: Callable[[], None], in_poll: Callable[[], bool], is_heard: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._client = client
        self._config = config
        self._book = book
        self._on_change, self._in_poll, self._is_heard = on_change, in_poll, is_heard
        self._on_records = on_records
        self._has_news = False
        self._loops: dict[int, FetchLoop] = {}
        self._node_of: dict[TopicPartition, int] = {}
        self._asked: dict[TopicPartition, int] = {}

    def send_fetches(self) -> None:
        """Fetch what can be fetched, each partition from its leader."""
        by_leader: dict[int, list[TopicPartition]] = {}
        for tp in self._book.fetchable():
            leader = self._client.leader(tp)
            if leader is None:
                self._client.refresh()
            elif self._node_of.get(tp) != leader:
                self.moved(tp)
                self._node_of[tp] = leader
                by_leader.setdefault(leader, []).append(tp)
        for leader, partitions in by_leader.items():
            self._loop(leader).fetch(*partitions)
        for loop in self._loops.values():
            loop.wake()

    def rest(self) -> None:
        """A poll() is over."""
        for loop in self._loops.values():
            loop.rest()

    def paused(self, tp: TopicPartition) -> None:
        """Leave a partition out of the next fetch; what the one in flight brings is kept for later."""

        def let_go() -> None:
            one = self._book.owned.get(tp)
            if one is not None and one.paused:
                self.moved(tp)

        node = self._node_of.get(tp)
        if node is not None:
            self._client.host.after_ms(self._loops[node].left_ms, let_go)

    def moved(self, tp: TopicPartition) -> None:
        """The position or the leader is another one: what is in flight for the old one does not count."""
        node = self._node_of.pop(tp, None)
        if node is not None:
            self._loops[node].forget(tp)

    def assignment_changed(self) -> None:
        """Stop fetching what is owned no longer."""
        for tp in [tp for tp in self._node_of if tp not in self._book.owned]:
            self.moved(tp)

    def _loop(self, node: int) -> FetchLoop:
        if node not in self._loops:
            # A connection of its own, as long polls may wait for ever where other requests time out.
            channel = Channel(
                self._client.host, self._client.nodes[node], request_timeout_ms=None,
                reconnect_backoff_ms=self._config.reconnect_backoff_ms,
                reconnect_backoff_max_ms=self._config.reconnect_backoff_max_ms,
                silence_timeout_ms=self._config.request_timeout_ms, poll_ms=max(1, self._config.fetch_max_wait_ms),
            )  # fmt: skip
            self._client.more_lines.setdefault(self._client.nodes[node], []).append(channel)
            self._loops[node] = FetchLoop(
                self._client.host, channel, replica_id=CONSUMER, session="consumer",
                max_wait_ms=max(1, self._config.fetch_max_wait_ms), max_bytes=self._config.fetch_max_bytes,
                backoff_ms=self._config.retry_backoff_ms, position=self._position, apply=self._apply,
                on_taken=self._taken, on_trouble=lambda: self._trouble(node),
                read_committed=self._config.isolation_level == "read_committed",
                min_bytes=self._config.fetch_min_bytes, is_wanted=self._in_poll,
                is_heard=self._is_heard,
            )  # fmt: skip
        return self._loops[node]

    def _position(self, tp: TopicPartition) -> FetchPosition:
        position = self._book.owned[tp].position
        assert position is not None
        self._asked[tp] = position
        return FetchPosition(position, self._client.leader_epoch(tp), max_bytes=self._config.max_partition_fetch_bytes)

    def _apply(self, tp: TopicPartition, part: PartitionFetchResponse) -> bool:
        one = self._book.owned.get(tp)
        if one is None or one.position is None:
            return False
        if one.position != self._asked[tp]:  # a seek has made it stale
            return True
        if part.error is None:
            one.high_watermark = part.high_watermark
            if not part.batches:
                return False
            aborted = part.aborted if self._config.isolation_level == "read_committed" else None
            if not self._book.fetched(tp, part.batches, aborted):
                self._has_news = True
                return True
        elif part.error.name == "OFFSET_OUT_OF_RANGE":
            self._book.out_of_range(tp, one.position, self._config.auto_offset_reset)
        elif part.error.name == "CORRUPT_MESSAGE":
            one.failure = KafkaException(f"A fetched batch of {tp} is damaged.", cause=part.error())
        else:
            # The error may name the new leader (KIP-951); else the next picture of the cluster does.
            if part.error.name != "UNKNOWN_LEADER_EPOCH":
                self._client.refresh_in_use()
            self.moved(tp)
            before = self._client.leader(tp)
            if part.new_leader is not None and self._client.learn_leader(tp, *part.new_leader) != before:
                self._has_news = True
            self._client.host.after_ms(self._config.retry_backoff_ms, self._on_change)
            return False
        self.moved(tp)
        self._has_news = True
        return False

    def _taken(self) -> None:
        """An answer was taken in: whoever waits for news goes on within this event."""
        if self._has_news:
            self._has_news = False
            self._on_records()

    def _trouble(self, node: int) -> None:
        """The broker does not answer: perhaps others lead its partitions now."""
        for tp in [tp for tp, its in self._node_of.items() if its == node]:
            self.moved(tp)
        self._client.refresh_in_use()
        self._client.host.after_ms(self._config.retry_backoff_ms, self._on_change)

    def close(self) -> None:
        """Fetch nothing any more."""
        for tp in list(self._node_of):
            self.moved(tp)
