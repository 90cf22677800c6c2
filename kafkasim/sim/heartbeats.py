"""The heartbeats of a group's member, which go on while the application works; and its conscience.

A member that has not polled for max.poll.interval.ms is taken for stuck and leaves by itself; one that has heard
nothing of the coordinator for session.timeout.ms looks for it again. Kafka: AbstractCoordinator.HeartbeatThread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkasim.config import ConsumerConfig
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Timer

if TYPE_CHECKING:
    from kafkasim.sim.membership import Membership


class Heartbeats:
    """The timers of one member; they run while it is in a generation."""

    def __init__(
        self, membership: Membership, host: Host, config: ConsumerConfig, in_poll: Callable[[], bool]
    ) -> None:  # fmt: skip
        self._membership = membership
        self._host = host
        self._config = config
        self._in_poll = in_poll
        self._timer: Timer | None = None
        self._next_us = self._session_us = self._poll_us = 0

    @property
    def _now_us(self) -> int:
        return self._host.kernel.now_us

    def begin(self) -> None:
        """A generation begins: every clock starts anew."""
        self.heard()
        self.polled()
        self._next_us = self._now_us + self._config.heartbeat_interval_ms * US_PER_MS
        self._plan()

    def end(self) -> None:
        """Beat no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """The coordinator has answered."""
        self._session_us = self._now_us + self._config.session_timeout_ms * US_PER_MS

    coordinator_found = heard

    def failed(self) -> None:
        """A beat has got no good answer: try again soon."""
        self._next_us = min(self._next_us, self._now_us + self._config.retry_backoff_ms * US_PER_MS)
        if self._timer is not None:
            self._plan()

    def polled(self) -> None:
        """The application has polled."""
        self._poll_us = self._now_us + self._config.max_poll_interval_ms * US_PER_MS

    def _plan(self) -> None:
        self.end()
        due_us = max(self._now_us, min(self._next_us, self._poll_us))
        self._timer = self._host.after_ms((due_us - self._now_us) / US_PER_MS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        member, now_us = self._membership, self._now_us
        if member.state.value in ("UNJOINED", "PREPARING_REBALANCE"):
            return
        if self._in_poll():
            self.polled()
        if member.coordinator is None:
            member.find_coordinator()
            self._next_us = now_us + self._config.retry_backoff_ms * US_PER_MS
        elif now_us >= self._session_us:
            member.coordinator = None
            self._next_us = now_us + self._config.retry_backoff_ms * US_PER_MS
        elif now_us >= self._poll_us:
            member.leave()
            return
        elif now_us >= self._next_us:
            self._next_us = now_us + self._config.heartbeat_interval_ms * US_PER_MS
            member.beat()
        self._plan()
