"""Faults of machines: their processes end, stand still, and come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafkasim.config import checks

Target = Any
"""A broker id, the name of a machine, or a client object."""


def check_duration(for_ms: object) -> None:
    """A duration is a number of ms above 0, or None for "until somebody mends it"."""
    if for_ms is not None:
        checks.milliseconds(for_ms, "for_ms", positive=True)


@dataclass(frozen=True, slots=True)
class _Outage:
    """Something that a process suffers; after ``for_ms`` it is mended, None means that somebody else does that."""

    target: Target
    for_ms: float | None = None

    def __post_init__(self) -> None:
        check_duration(self.for_ms)


@dataclass(frozen=True, slots=True)
class Kill(_Outage):
    """The process dies at once (kill -9): its memory is gone, its files stay as they are.

    The operating system closes its connections, so its peers know at once; its ZooKeeper session lives until it
    expires. After ``for_ms`` it is started again, as by a supervisor.
    """


@dataclass(frozen=True, slots=True)
class PowerLoss(_Outage):
    """The machine loses its power: as a kill, but nobody is told, and the disk loses what was not flushed.

    Peers find their connections dead by their own timeouts, or when the machine is up again and knows nothing of them.
    """


@dataclass(frozen=True, slots=True)
class Stop(_Outage):
    """A broker ends in good order: its leaderships move first, its files are flushed, its session is closed."""


@dataclass(frozen=True, slots=True)
class Pause(_Outage):
    """The process stands still (a long garbage collection, SIGSTOP) and does not know it.

    Its timers and what arrives for it wait, and are worked off when it goes on. Its connections stay open.
    """


@dataclass(frozen=True, slots=True)
class Start:
    """A process is started, once; a broker whose old session is still alive ends again at once."""

    target: Target


@dataclass(frozen=True, slots=True)
class Restart:
    """A process is started, and once more each second until it stays, as by a supervisor."""

    target: Target


@dataclass(frozen=True, slots=True)
class Resume:
    """A paused process goes on."""

    target: Target


@dataclass(frozen=True, slots=True)
class CrashLoop:
    """A process is killed, lies ``down_ms``, is started, has ``up_ms`` to live, and is killed again: ``times`` in all.

    After the last time it is started until it stays, as by a supervisor.
    """

    target: Target
    times: int = 3
    up_ms: float = 2_000
    down_ms: float = 1_000

    def __post_init__(self) -> None:
        checks.whole_number(self.times, "times", at_least=1, at_most=1_000)
        checks.milliseconds(self.up_ms, "up_ms", positive=True)
        checks.milliseconds(self.down_ms, "down_ms", positive=True)
