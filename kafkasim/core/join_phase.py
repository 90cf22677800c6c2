"""How long a group waits for its members to join. Kafka: DelayedJoin, InitialDelayedJoin."""

from __future__ import annotations


class JoinPhase:
    """The wait of one group; ``deadline_ms`` is when it has lasted long enough, None while the group waits for nobody.

    An ordinary wait ends as soon as everyone is here, at the latest after the rebalance timeout. The wait of an Empty
    group, ``group.initial.rebalance.delay.ms``, never ends early: it gathers the first members. A newcomer prolongs it
    while the group has no generation yet, up to the rebalance timeout in all.

    >>> phase = JoinPhase()
    >>> phase.gather(now_ms=0, delay_ms=3000, limit_ms=300_000)
    >>> phase.note_newcomer()
    >>> phase.is_prolonged(now_ms=3000), phase.deadline_ms
    (True, 6000)
    >>> phase.is_prolonged(now_ms=6000), phase.deadline_ms
    (False, None)
    """

    def __init__(self) -> None:
        self.deadline_ms: int | None = None
        self._delay_ms = 0
        self._limit_ms: int | None = None
        self._has_newcomer = False

    @property
    def may_end_early(self) -> bool:
        """Whether the wait is over once everyone is here."""
        return self._limit_ms is None

    def wait(self, now_ms: int, limit_ms: int) -> None:
        """Wait for the known members."""
        self.deadline_ms, self._limit_ms = now_ms + limit_ms, None

    def gather(self, now_ms: int, delay_ms: int, limit_ms: int) -> None:
        """Wait for the first members of an Empty group."""
        self.deadline_ms, self._limit_ms = now_ms + delay_ms, now_ms + max(limit_ms, delay_ms)
        self._delay_ms, self._has_newcomer = delay_ms, False

    def note_newcomer(self) -> None:
        """Somebody new has joined a group that has no generation yet."""
        self._has_newcomer = True

    def is_prolonged(self, now_ms: int) -> bool:
        """The deadline has come: True when the wait goes on until a new one, else it is over."""
        if self._limit_ms is not None and self._has_newcomer and self._delay_ms and now_ms < self._limit_ms:
            self.deadline_ms = min(now_ms + self._delay_ms, self._limit_ms)
            self._has_newcomer = False
            return True
        self.end()
        return False

    def end(self) -> None:
        """Nobody is waited for any more."""
        self.deadline_ms = self._limit_ms = None
