"""Plans: faults at their times, drawn from a seed. The same arguments give the same plan, everywhere and always."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from kafkasim.config import checks
from kafkasim.errors import ConfigError, unknown_name
from kafkasim.faults.disks import DiskFull, ExpireSession, LogDirFailure, Mend, SlowDisk
from kafkasim.faults.machines import CrashLoop, Kill, Pause, PowerLoss, Restart, Resume, Start, Stop, Target
from kafkasim.faults.network import Clog, Delay, Heal, Loss, Partition, Reset

OfMachines = Kill | PowerLoss | Stop | Pause | CrashLoop
OfBrokers = SlowDisk | DiskFull | LogDirFailure | ExpireSession
OfLinks = Partition | Clog | Delay | Loss
Planned = OfMachines | OfBrokers | OfLinks
KINDS = {kind.__name__: kind for kind in get_args(Planned)}
SAFE_KINDS = ("Kill", "Stop", "Pause", "CrashLoop", "Partition", "Clog", "Delay", "Loss")
"""What a plan is drawn from unless it is told otherwise: no acknowledged record is lost by any of it.

Disks and sessions are hit only by plans that ask for it.
"""
PLANNABLE = (*KINDS.values(), Start, Restart, Resume, Mend, Reset, Heal)
"""What a plan may hold that is built by hand: also what mends, and what is over at once."""
GONE_MS = 18_000
"""How long a silent machine is taken for alive: the default of zookeeper.session.timeout.ms."""


@dataclass(frozen=True)
class Plan:
    """Faults with their times, in ms from the moment when the plan is injected.

    Those of a plan that was drawn are all over after ``for_ms``; in one that is built by hand the steps may also mend,
    and come in any order. Raises ConfigError for what is no plan.
    """

    steps: tuple[tuple[float, Any], ...]
    for_ms: float

    def __post_init__(self) -> None:
        until_ms = checks.milliseconds(self.for_ms, "for_ms", positive=True)
        if not isinstance(self.steps, list | tuple):
            raise checks.wrong("steps", "a list of pairs (at_ms, fault)", self.steps)
        for step in self.steps:
            if not isinstance(step, list | tuple) or len(step) != 2 or not isinstance(step[1], PLANNABLE):
                raise checks.wrong("a step of a plan", "a pair (at_ms, fault), the fault one of ks.faults", step)
            if checks.milliseconds(step[0], "at_ms of a step") > until_ms:
                raise checks.wrong("at_ms of a step", f"within for_ms={self.for_ms:g}", step[0])
        object.__setattr__(self, "steps", tuple((at_ms, fault) for at_ms, fault in self.steps))

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        return "\n".join(f"{at_ms:10.0f} ms  {fault}" for at_ms, fault in self.steps)


def plan(
    seed: int, *, brokers: Sequence[Target] = (101, 102, 103), others: Sequence[Target] = (), for_ms: float = 60_000,
    count: int | None = None, kinds: Sequence[str] = SAFE_KINDS,
) -> Plan:  # fmt: skip
    """Draw faults that hit brokers and ``others`` (ZooKeeper servers, clients), and end within ``for_ms``.

    ``count`` faults, from 3 to 12 when it is not given. Each plan uses only some of the ``kinds`` (swarm testing: what
    is left out makes room for rare meetings). Raises ConfigError and UnknownNameError.
    """
    checks.milliseconds(for_ms, "for_ms", positive=True)
    for kind in checks.names(kinds, "kinds"):
        if kind not in KINDS:
            raise unknown_name("kind of fault for a plan", kind, KINDS)
    lists = all(isinstance(one, Sequence) and not isinstance(one, str | bytes) for one in (brokers, others))
    if not lists or not brokers:
        raise ConfigError(f"brokers and others must be lists of machines. Got {brokers!r} and {others!r}.")
    if count is not None:
        checks.whole_number(count, "count", at_least=0, at_most=10_000)
    if not kinds:
        raise ConfigError(f"kinds must name at least one of {', '.join(KINDS)}.")
    draw = _Draw(random.Random(f"{checks.seed(seed)}/plan"), tuple(brokers), tuple(others), float(for_ms))
    some = draw.chance.sample(list(kinds), draw.chance.randint(min(2, len(kinds)), len(kinds)))
    number = draw.chance.randint(3, 12) if count is None else count
    drawn = [draw.fault(draw.chance.choice(some)) for _ in range(number)]
    return Plan(tuple(sorted(drawn, key=lambda step: step[0])), float(for_ms))


class _Draw:
    """The luck of one plan."""

    def __init__(
        self, chance: random.Random, brokers: tuple[Target, ...], others: tuple[Target, ...], for_ms: float
    ) -> None:
        self.chance = chance
        self._brokers, self._all = brokers, brokers + others
        self._for_ms = for_ms

    def fault(self, kind: str) -> tuple[float, Planned]:
        """One fault and its time; short ones are as likely as those that outlive a session."""
        at_ms = round(self.chance.uniform(0, self._for_ms * 0.9))
        longest = min(2 * GONE_MS, self._for_ms - at_ms)
        lasts_ms = max(1, round(longest * self.chance.random() ** 2))
        make: Callable[[str, int], Planned] = self._on_links if hasattr(KINDS[kind], "one_way") else self._on_machine
        return at_ms, make(kind, lasts_ms)

    def _on_machine(self, kind: str, lasts_ms: int) -> Planned:
        if kind == "CrashLoop":
            times = self.chance.randint(2, 3)
            return CrashLoop(self.chance.choice(self._brokers), times, lasts_ms / 2 / times, lasts_ms / 2 / times)
        if kind == "Stop":
            return Stop(self.chance.choice(self._brokers), for_ms=lasts_ms)
        if kind == "ExpireSession":
            return ExpireSession(self.chance.choice(self._brokers))
        disks: dict[str, Callable[..., Planned]] = {
            "SlowDisk": SlowDisk, "DiskFull": DiskFull, "LogDirFailure": LogDirFailure,
        }  # fmt: skip
        if kind in disks:
            return disks[kind](self.chance.choice(self._brokers), for_ms=lasts_ms)
        makers: dict[str, Callable[..., Planned]] = {"Kill": Kill, "PowerLoss": PowerLoss, "Pause": Pause}
        make = makers[kind]
        return make(self.chance.choice(self._all), for_ms=lasts_ms)

    def _on_links(self, kind: str, lasts_ms: int) -> Planned:
        """Between one machine and another, one and all others, or two halves; every third fault goes one way only."""
        machines = list(self._all)
        self.chance.shuffle(machines)
        size = self.chance.choice((1, 1, max(1, len(machines) // 2)))
        a = tuple(machines[:size])
        b = tuple(machines[size:]) if self.chance.random() < 0.6 else (machines[-1],)
        one_way = self.chance.random() < 1 / 3
        if kind == "Delay":
            by_ms, jitter_ms = self.chance.choice((20, 200, 2_000)), self.chance.choice((0, 100))
            return Delay(a, b, one_way, lasts_ms, by_ms, jitter_ms)
        if kind == "Loss":
            return Loss(a, b, one_way, lasts_ms, self.chance.choice((0.05, 0.3)))
        return Partition(a, b, one_way, lasts_ms) if kind == "Partition" else Clog(a, b, one_way, lasts_ms)
