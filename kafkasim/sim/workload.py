"""A load: records at a steady rate, worked out a batch at a time.

Arrivals are arithmetic, so a load wakes once for each batch, not for each record: when the first record that it has not
handed over yet has lingered for ``linger.ms``, or as many have come as fill a batch, and then hands over all that have
come. Records carry the time at which they came, and batches age from there; only the fact that a record was sent is
written down when it is handed over. What does not fit by the way, as with keys that go to several partitions, goes with
the next hand-over.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.sender import Sender

US_PER_SECOND = 1_000_000


class Workload:
    """One load of one producer; ``send`` takes (number, when it came in ms), ``sent`` is called after the last one."""

    def __init__(
        self, host: Host, sender: Sender, *, records: int, per_second: float, linger_ms: int, in_a_batch: int,
        send: Callable[[int, int], None], sent: Callable[[], None],
    ) -> None:  # fmt: skip
        self._host, self._sender = host, sender
        self._records, self._per_second = records, per_second
        self._linger_ms, self._in_a_batch = linger_ms, in_a_batch
        self._send, self._sent = send, sent
        self._next = 0
        self._start_us = 0

    def start(self) -> None:
        """The first record comes now."""
        self._start_us = self._host.kernel.now_us
        self._wait()

    def _comes_us(self, number: int) -> int:
        return self._start_us + round(number * US_PER_SECOND / self._per_second)

    def _wait(self) -> None:
        """Until the first record that is left has lingered, or a batch is full."""
        first_us = self._comes_us(self._next)
        lingered_us = first_us // US_PER_MS * US_PER_MS + self._linger_ms * US_PER_MS
        full_us = self._comes_us(min(self._next + self._in_a_batch, self._records) - 1)
        at_us = max(first_us, min(lingered_us, full_us))
        self._host.after_us(max(0, at_us - self._host.kernel.now_us), self._sender.take_in, self._hand_over)

    def _hand_over(self) -> None:
        kernel = self._host.kernel
        while self._next < self._records and (comes_us := self._comes_us(self._next)) <= kernel.now_us:
            number, self._next = self._next, self._next + 1
            self._send(number, kernel.start_time_ms + comes_us // US_PER_MS)
        if self._next < self._records:
            self._wait()
        else:
            self._sent()
