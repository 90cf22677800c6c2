"""Leases: signs of life that are not simulated while nothing is wrong.

Theory of operation. A client *beats*: every few seconds it tells a server that it lives, and the server says that this
is well. While both machines run, the links between them are sound and the server has nothing new to say, a beat changes
nothing but two clocks: when the server last heard the client, and the client the server. So after a good answer the
server offers a lease (``connection.lease``), and the client may take it up (:meth:`Lease.begin`). From then on no beat
is an event; when each was sent and when it arrived is arithmetic.

A lease ends (:meth:`Lease.end`) as soon as anything happens to the connection (a fault of a link, a pause, an end),
when the server would answer otherwise, or when the client wants to. Then both learn when they last heard each other,
what is still under way comes to light as a message, and the next beat is sent at exactly its time, by the client
itself. After one more good answer there may be a new lease.

With ``ks.Cluster(eager=True)`` no lease is ever taken up. Transitions and their times are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkasim.sim.connection import Connection

Answered = Callable[[Any], None]


class Lease:
    """What a server offers over one connection: it is told of its beginning and its end, and may ask when it heard."""

    def __init__(
        self, connection: Connection, on_begin: Callable[[Lease], object], on_end: Callable[[Lease], object]
    ) -> None:  # fmt: skip
        self.is_over = False
        self._connection = connection
        self._on_begin, self._on_end = on_begin, on_end
        self._first_us = self._interval_us = 0
        self._client: _Client | None = None
        connection.lease = self

    def begin(
        self, request: Any, answer: Any, *, first_us: int, interval_us: int, late: Callable[[int], Answered],
        on_end: Callable[[int, int | None], object],
    ) -> bool:  # fmt: skip
        """The client takes it up: its beats, from ``first_us`` on, each are ``request`` and get ``answer``.

        At the end ``on_end`` is told when the next beat is to be sent, and when the last answer came if any did. Before
        that ``late`` may be asked, with the time when it was sent, who takes the answer to a beat that is under way.
        False when beats must be simulated all the same.
        """
        connection = self._connection
        network = connection.network
        if self.is_over or network.eager or not connection.is_sound or network.longest_round_trip_us >= interval_us:
            return False
        self._first_us, self._interval_us = first_us, interval_us
        self._client = _Client(request, answer, late, on_end)
        self._on_begin(self)
        return True

    @property
    def next_us(self) -> int:
        """When the next beat is sent."""
        return self._first_us + (self._last + 1) * self._interval_us

    @property
    def _last(self) -> int:
        """The number of the last beat that was sent before now; -1: none."""
        now_us = self._connection.network.kernel.now_us
        return max(-1, (now_us - 1 - self._first_us) // self._interval_us)

    def heard_by_us(self, until_us: int) -> int | None:
        """When the last beat came that came until then; None if none has."""
        number = min(self._last, (until_us - self._first_us) // self._interval_us)
        for came_us in (self._times_us(one)[1] for one in (number, number - 1) if one >= 0):
            if came_us <= until_us:
                return came_us
        return None

    def end(self) -> None:
        """From now on beats are messages; the next one is the client's to send."""
        if self.is_over:
            return
        self.is_over = True
        self._connection.lease = None
        if self._client is not None:
            self._tell(self._client)

    def _tell(self, client: _Client) -> None:
        """Tell both ends what was arithmetic until now; what is still under way becomes a message."""
        connection, now_us = self._connection, self._connection.network.kernel.now_us
        last = self._last
        beats = [self._times_us(number) for number in (last, last - 1) if number >= 0]
        if beats:
            sent_us, came_us, answered_us = beats[0]
            if came_us > now_us:
                connection.bring_to_light(client.request, came_us, client.late(sent_us))
            elif answered_us > now_us:
                connection.bring_answer_to_light(client.answer, answered_us, client.late(sent_us))
        self._on_end(self)
        heard_us = max((answered_us for _, _, answered_us in beats if answered_us <= now_us), default=None)
        client.on_end(self._first_us + (last + 1) * self._interval_us, heard_us)

    def _times_us(self, number: int) -> tuple[int, int, int]:
        """When a beat was sent, when it came, and when its answer did."""
        client, server, network = self._connection.client, self._connection.server, self._connection.network
        sent_us = self._first_us + number * self._interval_us
        came_us = sent_us + network.beat_delay_us(client, server, sent_us)
        return sent_us, came_us, came_us + network.beat_delay_us(server, client, came_us)


@dataclass(frozen=True, slots=True)
class _Client:
    """The client's part of a lease that was taken up."""

    request: Any
    answer: Any
    late: Callable[[int], Answered]
    on_end: Callable[[int, int | None], object]
