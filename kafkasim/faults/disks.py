"""Faults of a broker's disk, and the end of a broker's ZooKeeper session."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.faults.machines import Target, _Outage


@dataclass(frozen=True, slots=True)
class SlowDisk(_Outage):
    """What a broker appends takes ``by_ms`` a request, one after the other: Produce as leader, fetched as follower."""

    by_ms: float = 100.0

    def __post_init__(self) -> None:
        super(SlowDisk, self).__post_init__()
        checks.milliseconds(self.by_ms, "by_ms", positive=True)


@dataclass(frozen=True, slots=True)
class DiskFull(_Outage):
    """No space is left: the next append fails with KAFKA_STORAGE_ERROR.

    An error of the disk takes its log directory offline, and a broker without any other one halts. So does this one,
    right after that answer. Until the disk has space again, after ``for_ms`` or by :class:`Mend`, it can be started and
    halts at its next append. Kafka: UnifiedLog.maybeHandleIOException, ReplicaManager.handleLogDirFailure.
    """


@dataclass(frozen=True, slots=True)
class LogDirFailure(_Outage):
    """The only log directory of a broker fails: the broker halts at once, and cannot be started until it is mended.

    What it holds is there again afterwards. After ``for_ms`` it is mended and the broker started, as by a supervisor;
    else :class:`Mend` and a start do that. Left out: brokers with several log directories, which go on with the rest.
    Kafka: LogManager.handleLogDirFailure ("Shutdown broker because all log dirs ... have failed").
    """


@dataclass(frozen=True, slots=True)
class Mend:
    """All faults of a broker's disk are over."""

    target: Target


@dataclass(frozen=True, slots=True)
class ExpireSession:
    """ZooKeeper ends the session of a broker that is alive and well, as an operator does who closes it from elsewhere.

    The broker learns it when it connects again: it resigns as controller and registers anew, under a new broker epoch.
    It is over as soon as it is done.
    """

    target: Target
