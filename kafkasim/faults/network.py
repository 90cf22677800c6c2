"""Faults of the network, between any two machines, in both directions or (``one_way``) from ``a`` to ``b`` only.

``a`` and ``b`` name one machine each or a list of them: then every link between the two sides is hit.
"""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.faults.machines import Target, check_duration


@dataclass(frozen=True, slots=True)
class _LinkFault:
    a: Target
    b: Target
    one_way: bool = False
    for_ms: float | None = None

    def __post_init__(self) -> None:
        checks.flag(self.one_way, "one_way")
        check_duration(self.for_ms)


@dataclass(frozen=True, slots=True)
class Partition(_LinkFault):
    """Packets are dropped without a word: connections look alive until somebody's timeout ends them.

    TCP sends lost segments again, 0.2 s later, then 0.4 s, 0.8 s and so on up to 2 minutes: what is still wanted when
    the partition ends arrives with the next such attempt.
    """


@dataclass(frozen=True, slots=True)
class Clog(_LinkFault):
    """Packets are held back, and let through in their order when the fault ends."""


@dataclass(frozen=True, slots=True)
class Delay(_LinkFault):
    """Every message takes ``by_ms`` longer, and a uniform share, 0 to all, of ``jitter_ms``."""

    by_ms: float = 100.0
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        super(Delay, self).__post_init__()
        checks.milliseconds(self.by_ms, "by_ms", positive=True)
        checks.milliseconds(self.jitter_ms, "jitter_ms")


@dataclass(frozen=True, slots=True)
class Loss(_LinkFault):
    """Each message is lost with a ``probability``, and again each time that TCP sends it again.

    TCP hides a loss: the message arrives 0.2 s later, 0.6 s after a second loss, and what was sent after it over the
    same connection waits for it.
    """

    probability: float = 0.1

    def __post_init__(self) -> None:
        super(Loss, self).__post_init__()
        checks.number(self.probability, "probability", at_least=0.0, at_most=0.9)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connections between two machines break now, and what the network keeps back of them is lost.

    Both ends are told at once (RST). It is over as soon as it is done: new connections can be made.
    """

    a: Target
    b: Target
    one_way = False


@dataclass(frozen=True, slots=True)
class Heal:
    """All faults of the network end, or with ``a`` and ``b`` those on the links between the two."""

    a: Target | None = None
    b: Target | None = None
    one_way = False

    def __post_init__(self) -> None:
        if (self.a is None) is not (self.b is None):
            raise ConfigError("Heal() takes both sides of a link, a and b, or none to end all faults of the network.")
