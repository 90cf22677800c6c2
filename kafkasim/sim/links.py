"""What is wrong between two machines, in one direction: troubles in force, and the messages that they keep back.

TCP loses nothing while both ends live: a lost segment is sent again after 200 ms, then after twice that, and so on up
to two minutes. So a partition keeps messages back until the first attempt after its end, a clog until its end, and
loss shows as delay. Left out: the acknowledgements of TCP (a link that fails one way does not harm the other), and
that TCP gives up after some 15 minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafkasim.sim.connection import Connection
    from kafkasim.sim.host import Host
    from kafkasim.trace.facts import MessageSent

US_PER_MS = 1000
FIRST_RETRANSMISSION_US = 200_000
MAX_RETRANSMISSION_US = 120_000_000


@dataclass(eq=False, slots=True)
class Trouble:
    """One fault on one link. ``drops`` and ``holds`` stop everything, the others make it late."""

    drops: bool = False
    holds: bool = False
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0


@dataclass(slots=True)
class Held:
    """A message, or the end of a connection when there is no ``fact``, that waits for the link."""

    connection: Connection
    destination: Host
    sent_us: int
    fact: MessageSent | None
    deliver: Callable[..., None]
    args: tuple[Any, ...]


class Link:
    """One direction between two machines with something wrong."""

    def __init__(self, chance: random.Random) -> None:
        self.troubles: list[Trouble] = []
        self.held: list[Held] = []
        self._chance = chance

    @property
    def is_blocked(self) -> bool:
        """Whether nothing comes through."""
        return any(trouble.drops or trouble.holds for trouble in self.troubles)

    def lateness_us(self) -> int:
        """How much later than usual the next message arrives."""
        late_us = 0
        for trouble in self.troubles:
            late_us += round((trouble.delay_ms + self._chance.random() * trouble.jitter_ms) * US_PER_MS)
            wait_us = FIRST_RETRANSMISSION_US
            while trouble.loss and self._chance.random() < trouble.loss:
                late_us += wait_us
                wait_us = min(2 * wait_us, MAX_RETRANSMISSION_US)
        return late_us

    def end(self, trouble: Trouble, now_us: int) -> list[tuple[Held, int]]:
        """A trouble is over; what comes through by that, each with the time when it leaves for good.

        What was sent over one connection leaves together: only the oldest segment is tried again and again.
        """
        self.troubles.remove(trouble)
        if self.is_blocked:
            return []
        released, self.held = self.held, []
        leaves: dict[Connection, int] = {}
        for held in released:
            if held.connection not in leaves:
                leaves[held.connection] = next_attempt_us(held.sent_us, now_us) if trouble.drops else now_us
        return [(held, leaves[held.connection]) for held in released]


def next_attempt_us(sent_us: int, now_us: int) -> int:
    """When TCP tries again to send what it sent at ``sent_us`` in vain: the first attempt at or after ``now_us``."""
    attempt_us, wait_us = sent_us, FIRST_RETRANSMISSION_US
    while attempt_us < now_us:
        attempt_us += wait_us
        wait_us = min(2 * wait_us, MAX_RETRANSMISSION_US)
    return attempt_us
