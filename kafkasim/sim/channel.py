"""A program's connections to the servers that it talks to: opened when needed, lost, opened again after a pause.

Kafka: NetworkClient, with reconnect.backoff.ms and request.timeout.ms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import DisconnectException, KafkaError
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer
from kafkasim.sim.lease import Lease
from kafkasim.sim.network import Connection
from kafkasim.trace.facts import Disconnected

Answer = Callable[[Any, type[KafkaError] | None], None]
"""Called with (response, None), or with (None, DisconnectException) when no answer can come any more."""


OVERDUE = "request timed out"


class Channel:
    """One program's line to one server.

    Requests are sent in order, over one connection. When it is lost every request in flight is answered with
    DisconnectException: whether it took effect is not known. A request older than ``request_timeout_ms`` closes the
    connection, as in Kafka. With None requests may wait for ever (long polls, which are only computed to end and begin
    again every ``poll_ms``), and only when the server falls silent a timeout is counted: ``silence_timeout_ms`` from
    the last poll on that could get through.

    Without a longest ``reconnect_backoff_max_ms`` the pause between two tries is constant, as it is between brokers.
    Kafka: NodeToControllerChannelManager, TransactionMarkerChannelManager (50 ms), RequestSendThread (100 ms).
    """

    def __init__(
        self, host: Host, server: str, *, request_timeout_ms: int | None, reconnect_backoff_ms: int = 50,
        reconnect_backoff_max_ms: int | None = None,
        silence_timeout_ms: int | None = None, poll_ms: int = 0, on_failure: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.host = host
        self.server = server
        self.request_timeout_ms = request_timeout_ms
        self.reconnect_backoff_ms = reconnect_backoff_ms
        self.reconnect_backoff_max_ms = reconnect_backoff_max_ms or reconnect_backoff_ms
        self._on_failure = on_failure
        self.connection: Connection | None = None
        self.is_overdue = False
        """Whether the connection was closed last because a request had waited too long for its answer."""
        self._connecting = False
        self._on_ready: Callable[[], None] = lambda: None
        self.last_tried_us = -1
        self._failures = 0
        self._not_before_us = 0
        self._chance = host.kernel.rng(f"reconnect/{host.name}>{server}")
        self._unsent: deque[tuple[Any, Answer]] = deque()
        self._in_flight: deque[Pending] = deque()
        self._overdue = Alarm(host, self._timed_out)
        self._silence_timeout_ms = silence_timeout_ms
        self._poll_us = poll_ms * US_PER_MS
        self._silence: Timer | None = None

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer or for the connection."""
        return len(self._in_flight) + len(self._unsent)

    @property
    def is_ready(self) -> bool:
        """Whether a request would leave at once."""
        return self.connection is not None

    def prepare(self, on_ready: Callable[[], None]) -> None:
        """Connect if need be; ``on_ready`` is called when a request would leave at once."""
        self._on_ready = on_ready
        if self.connection is None:
            self._connect()

    def send(self, request: Any, answer: Answer) -> None:
        """Send a request now, or as soon as there is a connection; ``answer`` is called once."""
        self._unsent.append((request, answer))
        if self.connection is not None:
            self._flush()
        else:
            self._connect()

    def send_without_answer(self, request: Any) -> None:
        """Send a request that the server never answers (acks=0)."""
        self.send(request, _never)

    @property
    def lease(self) -> Lease | None:
        """The lease that the server offers, while nothing else is under way."""
        return None if self.connection is None or self.in_flight else self.connection.lease

    def late(self, answer: Answer, sent_us: int) -> Callable[[Any], None]:
        """A beat was sent then that was computed only; gives who takes its answer."""
        pending = Pending(answer, sent_us)
        self._in_flight.append(pending)
        self._watch_the_oldest()
        return partial(self._answered, pending)

    def abandon(self, answer: Answer) -> None:
        """Wait for this answer no longer, and do not send what still waits to be sent for it."""
        self._in_flight = deque(pending for pending in self._in_flight if pending.answer != answer)
        self._watch_the_oldest()
        self._unsent = deque(unsent for unsent in self._unsent if unsent[1] != answer)

    def rests(self, since_us: int | None) -> None:
        """From then on the polls that are only computed are not repeated; with None they are again."""
        if self.connection is not None:
            self.connection.client_rests_since_us = since_us

    def close(self) -> None:
        """Hang up; nothing in flight is answered."""
        self._unsent.clear()
        self._in_flight.clear()
        self._overdue.off()
        if self.connection is not None:
            self.connection.close(self.host, "closed by its client")
            self.connection = None
        self._silent(False)

    def _connect(self) -> None:
        if self._connecting:
            return
        self._connecting = True
        wait_us = max(0, self._not_before_us - self.host.kernel.now_us)
        self.host.after_ms(wait_us / US_PER_MS, self._dial)

    def _dial(self) -> None:
        self.last_tried_us = self.host.kernel.now_us
        self.host.network.connect(self.host, self.server, self._opened, self._not_opened)

    def _opened(self, connection: Connection) -> None:
        self._connecting = False
        self._failures = 0
        self.connection = connection
        connection.on_lost = self._lost
        connection.on_server_silent = self._silent
        self._flush()
        self._on_ready()

    def _not_opened(self, reason: str) -> None:
        self._connecting = False
        self._fail(reason)

    def _lost(self, reason: str) -> None:
        self.connection = None
        self._fail(reason, told=True)

    def _fail(self, reason: str, *, told: bool = False) -> None:
        self._silent(False)
        self.is_overdue = reason == OVERDUE
        wait_ms = backoff_ms(self._failures, self.reconnect_backoff_ms, self.reconnect_backoff_max_ms, self._chance)
        self._failures += 1
        self._not_before_us = self.host.kernel.now_us + wait_ms * US_PER_MS
        if not told and self._failures == 1:
            self.host.kernel.journal.because(Disconnected(self.host.name, self.server, reason))
        lost = [pending.answer for pending in self._in_flight] + [answer for _, answer in self._unsent]
        self._in_flight.clear()
        self._unsent.clear()
        self._overdue.off()
        for answer in lost:
            answer(None, DisconnectException)
        self._on_failure()

    def _flush(self) -> None:
        assert self.connection is not None
        while self._unsent and self.connection is not None:
            request, answer = self._unsent.popleft()
            if answer is _never:
                self.connection.request(request, lambda response: None)
                continue
            pending = Pending(answer, self.host.kernel.now_us)
            self._in_flight.append(pending)
            if self._overdue.at_us is None:
                self._watch_the_oldest()
            if self.connection.server_silent_since_us is not None and self._silence is None:
                self._silent(True)
            self.connection.request(request, partial(self._answered, pending))

    def _silent(self, silent: bool) -> None:
        """The server cannot be heard from now on, or can again."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if silent and self._silence_timeout_ms is not None and self._in_flight:
            waited_us = self.host.kernel.now_us - self._in_flight[0].sent_us
            if self._poll_us:
                waited_us %= self._poll_us
            wait_ms = max(0.0, self._silence_timeout_ms - waited_us / US_PER_MS)
            self._silence = self.host.after_ms(wait_ms, self._timed_out)

    def _watch_the_oldest(self) -> None:
        if self.request_timeout_ms is None:
            return
        if self._in_flight:
            self._overdue.set(self._in_flight[0].sent_us + self.request_timeout_ms * US_PER_MS)
        else:
            self._overdue.off()

    def _answered(self, pending: Pending, response: Any) -> None:
        if pending in self._in_flight:
            self._in_flight.remove(pending)
            self._watch_the_oldest()
            pending.answer(response, None)

    def _timed_out(self) -> None:
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.close(self.host, OVERDUE)
            self._fail(OVERDUE)


class Pending:
    """A request in flight."""

    __slots__ = ("answer", "sent_us")

    def __init__(self, answer: Answer, sent_us: int) -> None:
        self.answer = answer
        self.sent_us = sent_us


def _never(response: Any, error: type[KafkaError] | None) -> None:
    """The marker of requests that are never answered."""
