"""What a leader knows of one follower.

Kafka: Replica, ReplicaState. There is no push and no acknowledgement: **the offset that a follower fetches is its log
end offset.**
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNKNOWN = -1
NEVER = -math.inf


@dataclass(slots=True)
class Replica:
    """``log_end_offset`` is -1 until the first fetch; times are milliseconds."""

    broker: int
    log_end_offset: int = UNKNOWN
    last_caught_up_ms: float = NEVER
    last_fetch_ms: float = NEVER
    leader_end_at_last_fetch: int = 0
    log_start_offset: int = UNKNOWN

    def fetched(self, offset: int, leader_end_offset: int, now_ms: int) -> None:
        """A fetch from ``offset`` at ``now_ms``, the leader's log then ending at ``leader_end_offset``.

        Kafka: Replica.updateFetchState.
        """
        if offset >= leader_end_offset:
            self.last_caught_up_ms = max(self.last_caught_up_ms, now_ms)
        elif offset >= self.leader_end_at_last_fetch:
            self.last_caught_up_ms = max(self.last_caught_up_ms, self.last_fetch_ms)
        self.log_end_offset = offset
        self.last_fetch_ms = max(self.last_fetch_ms, now_ms)
        self.leader_end_at_last_fetch = max(self.leader_end_at_last_fetch, leader_end_offset)

    def reset(self, *, in_isr: bool, is_new_leader: bool, now_ms: int) -> None:
        """The leader begins an epoch; one that led before keeps the log end offsets."""
        if is_new_leader:
            self.log_end_offset = self.log_start_offset = UNKNOWN
            self.leader_end_at_last_fetch = 0
        self.last_fetch_ms = NEVER
        self.last_caught_up_ms = now_ms if in_isr else NEVER

    def is_caught_up(self, leader_end_offset: int, now_ms: int, lag_max_ms: int) -> bool:
        """Whether it has everything, or had everything at most ``replica.lag.time.max.ms`` ago."""
        return self.log_end_offset == leader_end_offset or now_ms - self.last_caught_up_ms <= lag_max_ms
