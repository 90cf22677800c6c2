"""The heartbeats of a group's member, which go on while the application works; and its conscience.

A member that has not polled for max.poll.interval.ms is taken for stuck and leaves by itself; one that has heard
nothing of the coordinator for session.timeout.ms looks for it again. While nothing is wrong and the member has nothing
else to say, beats are not sent but computed (sim/lease). Kafka: AbstractCoordinator.HeartbeatThread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kafkasim.config import ConsumerConfig
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS
from kafkasim.sim.lease import Answered, Lease

if TYPE_CHECKING:
    from kafkasim.sim.membership import Membership


class Heartbeats:
    """The clocks of one member; they run while it is in a generation."""

    def __init__(
        self, membership: Membership, host: Host, config: ConsumerConfig, in_poll: Callable[[], bool]
    ) -> None:  # fmt: skip
        self._membership = membership
        self._kernel = host.kernel
        self._interval_us = config.heartbeat_interval_ms * US_PER_MS
        self._backoff_us = config.retry_backoff_ms * US_PER_MS
        self._session_timeout_us = config.session_timeout_ms * US_PER_MS
        self._max_poll_interval_us = config.max_poll_interval_ms * US_PER_MS
        self._in_poll = in_poll
        self._lease: Lease | None = None
        self._beat = Alarm(host, self._beat_due)
        self._stuck = Alarm(host, self._poll_overdue)
        self._next_us = self._session_us = self._poll_us = 0

    # --- what happens to the member --------------------------------------------------------------------------

    def begin(self) -> None:
        """A generation begins: every clock starts anew."""
        self.end_lease()
        self.heard()
        self.polled()
        self._beat_at(self._kernel.now_us + self._interval_us)

    def end(self) -> None:
        """Beat no longer."""
        self.end_lease()
        self._beat.off()
        self._stuck.off()

    def heard(self) -> None:
        """The coordinator has answered."""
        self._session_us = self._kernel.now_us + self._session_timeout_us

    coordinator_found = heard

    def failed(self) -> None:
        """A beat has got no good answer: try again soon."""
        if self._beat.at_us is not None:
            self._beat_at(min(self._next_us, self._kernel.now_us + self._backoff_us))

    def polled(self) -> None:
        """The application has polled."""
        self._poll_us = self._kernel.now_us + self._max_poll_interval_us
        if self._is_member:
            self._stuck.set(self._poll_us)

    # --- computed beats ----------------------------------------------------------------------------------------

    def begin_lease(self, request: Any, answer: Any, late: Callable[[int], Answered]) -> None:
        """A beat has got a good answer: those that follow need not be sent, if the coordinator offers that."""
        lease = self._membership.lease
        if self._beat.at_us is not None and lease is not None and lease.begin(
            request, answer, first_us=self._next_us, interval_us=self._interval_us, late=late, on_end=self._lease_ended
        ):  # fmt: skip
            self._lease = lease
            self._beat.off()

    def line_used(self) -> None:
        """The member says something else: if that is not answered before the next beat, this one must queue behind."""
        if self._lease is not None and self._beat.at_us is None:
            self._beat_at(self._lease.next_us)

    def end_lease(self) -> None:
        """From now on beats are sent."""
        if self._lease is not None:
            self._lease.end()

    def _lease_ended(self, next_us: int, heard_us: int | None) -> None:
        self._lease = None
        if heard_us is not None:
            self._session_us = max(self._session_us, heard_us + self._session_timeout_us)
        self._beat_at(next_us)

    # --- time --------------------------------------------------------------------------------------------------

    def _beat_at(self, at_us: int) -> None:
        self._next_us = at_us
        self._beat.set(at_us)

    @property
    def _is_member(self) -> bool:
        return self._membership.state.value not in ("UNJOINED", "PREPARING_REBALANCE")

    def _beat_due(self) -> None:
        member, now_us = self._membership, self._kernel.now_us
        if self._lease is not None and self._lease is member.lease:
            return
        self.end_lease()
        if not self._is_member:
            self._beat.off()
            return
        if self._in_poll():
            self.polled()
        if member.coordinator is None:
            member.find_coordinator()
            self._beat_at(now_us + self._backoff_us)
        elif now_us >= self._session_us:
            member.coordinator = None
            self._beat_at(now_us + self._backoff_us)
        elif now_us >= self._poll_us:
            member.leave()
        else:
            self._beat_at(now_us + self._interval_us)
            member.beat()

    def _poll_overdue(self) -> None:
        """The application is stuck, unless it waits in poll(); without a coordinator the next beat looks again."""
        if not self._is_member:
            return
        if self._in_poll():
            self.polled()
        elif self._membership.coordinator is not None and (
            self._lease is not None or self._kernel.now_us < self._session_us
        ):
            self._membership.leave()
