"""Fetching again and again from one broker: what a follower and a consumer do in the same way.

One fetch is in flight at a time. It names only what has changed since the one before (KIP-227), waits at the broker
while there is nothing new, and is followed by the next one. Kafka: FetchSessionHandler.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.errors import KafkaError
from kafkasim.messages.data import FetchPosition, FetchRequest, FetchResponse, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS


class FetchLoop:
    """The loop to one broker.

    ``position`` tells from where to fetch a partition; ``apply`` takes what has come for it and says whether to go on
    fetching it at once; with records in it that takes ``append_ms()``. ``on_taken`` is called as the last act
    when an answer was taken in, ``on_trouble`` when the broker cannot be reached. A fetch that ends in vain is followed
    by the next one only while ``is_wanted()``, and while there is something to fetch: else the loop rests, until
    :meth:`wake`. ``is_heard()`` tells whether answers are read while it rests.
    """

    def __init__(
        self, host: Host, channel: Channel, *, replica_id: int, session: str, max_wait_ms: int, max_bytes: int,
        backoff_ms: float, position: Callable[[TopicPartition], FetchPosition],
        apply: Callable[[TopicPartition, PartitionFetchResponse], bool], on_trouble: Callable[[], None] = lambda: None,
        on_taken: Callable[[], None] = lambda: None, read_committed: bool = False, min_bytes: int = 1,
        append_ms: Callable[[], float] = lambda: 0.0, is_wanted: Callable[[], bool] = lambda: True,
        is_heard: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._host = host
        self._channel = channel
        self._replica_id, self._session = replica_id, session
        self._max_wait_ms, self._max_bytes, self._backoff_ms = max_wait_ms, max_bytes, backoff_ms
        self._position, self._apply, self._on_trouble, self._on_taken = position, apply, on_trouble, on_taken
        self._read_committed, self._min_bytes = read_committed, min_bytes
        self._fetched: dict[TopicPartition, None] = {}
        self._changed: dict[TopicPartition, None] = {}
        self._forgotten: dict[TopicPartition, None] = {}
        self._is_new = True
        self._waiting = False
        self._pausing = False
        self._sent_at_us = 0
        self._again = False
        self._append_ms = append_ms
        self._is_appending = False
        self._is_wanted, self._is_heard = is_wanted, is_heard
        self._rests_since_us: int | None = None
        self._ended_in_vain = False

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """What is fetched here."""
        return tuple(self._fetched)

    def fetch(self, *partitions: TopicPartition) -> None:
        """Fetch partitions from their present positions on, all of them with the next fetch."""
        for tp in partitions:
            self._fetched[tp] = None
            self._forgotten.pop(tp, None)
            self._changed[tp] = None
        self.wake()
        self._go_on()

    def forget(self, tp: TopicPartition) -> None:
        """Fetch a partition no longer."""
        if tp in self._fetched:
            del self._fetched[tp]
            self._changed.pop(tp, None)
            self._forgotten[tp] = None
            if not self._fetched:
                self.rest()

    def rest(self) -> None:
        """Nobody asks for records any more: the poll under way is the last one."""
        if self._rests_since_us is None:
            self._rests_since_us = self._host.kernel.now_us
            self._channel.rests(self._rests_since_us)

    def wake(self) -> None:
        """Somebody asks for records: go on, with a new fetch when the last one has ended meanwhile."""
        since_us = self._rests_since_us
        if since_us is None or not (self._fetched and self._is_wanted()):
            return
        self._rests_since_us = None
        self._channel.rests(None)
        if self._waiting and not self._is_appending:
            ended, self._ended_in_vain = self._ended_in_vain, False
            wait_us = self._max_wait_ms * US_PER_MS
            last_us = since_us - (since_us - self._sent_at_us) % wait_us
            if self._host.kernel.now_us < last_us + wait_us and not ended:
                return
            self._channel.abandon(self._answered)
            self._waiting = False
            if not self._is_heard():
                self._host.after_ms(0, self._go_on)  # first the answer is read; a poll(0) does no more
                return
        self._go_on()

    @property
    def left_ms(self) -> float:
        """How long the fetch in flight still waits at most; 0 when there is none."""
        wait_us = self._max_wait_ms * US_PER_MS
        waited_us = (self._host.kernel.now_us - self._sent_at_us) % wait_us
        return (wait_us - waited_us) / US_PER_MS if self._waiting else 0

    def later(self, tp: TopicPartition) -> None:
        """Fetch a partition again after the back-off, if it is still wanted then."""
        self._host.after_ms(self._backoff_ms, lambda: self.fetch(tp) if tp in self._fetched else None)

    def _go_on(self) -> None:
        if self._pausing or self._rests_since_us is not None:
            return
        if not self._waiting:
            self._send()
        elif not self._again:
            # The fetch in flight names other positions: the next one goes out when this poll ends.
            self._again = True
            self._host.after_ms(self.left_ms, self._send_again, self._sent_at_us)

    def _send_again(self, sent_at_us: int) -> None:
        self._again = False
        if not (self._waiting and self._changed) or self._rests_since_us is not None:
            return
        if self._sent_at_us == sent_at_us and not self._is_appending:
            self._channel.abandon(self._answered)
            self._send()
        else:
            self._go_on()

    def _send(self) -> None:
        if not self._fetched or self._rests_since_us is not None:
            return
        names = self._fetched if self._is_new else self._changed
        request = FetchRequest(
            self._replica_id, self._session, self._is_new, {tp: self._position(tp) for tp in names},
            tuple(self._forgotten), self._max_wait_ms, self._max_bytes, self._read_committed,
            self._min_bytes,
        )  # fmt: skip
        self._changed, self._forgotten, self._is_new = {}, {}, False
        self._waiting, self._sent_at_us = True, self._host.kernel.now_us
        self._channel.send(request, self._answered)

    def _answered(self, response: FetchResponse | None, error: type[KafkaError] | None) -> None:
        if response is None or response.error is not None:
            self._waiting = False
            self._is_new = True
            self._pausing = True
            self._host.after_ms(self._backoff_ms, self._resume)
            self._on_trouble()
            return
        if not response.partitions and self._rests_since_us is not None and not self._is_heard():
            self._ended_in_vain = True  # and the answer lies there until somebody looks
            return
        has_records = any(part.batches for part in response.partitions.values())
        wait_ms = self._append_ms() if has_records else 0.0
        if wait_ms:
            self._is_appending = True
            self._host.after_ms(wait_ms, self._take, response)
        else:
            self._take(response)

    def _take(self, response: FetchResponse) -> None:
        self._waiting = self._is_appending = False
        for tp, part in response.partitions.items():
            if tp in self._fetched and self._apply(tp, part):
                self._changed[tp] = None
        if not self._waiting:
            self._send()
        self._on_taken()

    def _resume(self) -> None:
        self._pausing = False
        if not self._waiting:
            self._send()
