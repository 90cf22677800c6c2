"""When a step begins, how early an observation may hold, and how late: the recordings' rules of time."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.stage import Stage

BEGIN_AT_THE_END = ("start_broker", "new_producer", "new_consumer")
"""Actions whose gap is the start of a JVM: they happen at its end."""
WAITING_SIGHTS = ("position", "consumer_committed")
"""Sights that are calls which may wait: they begin with their gap and are looked at again at its end."""
WAITED_IN_VAIN = {"error": "TimeoutException"}
"""What is seen by a call that waits until its time is over: it begins with its gap, too."""
FOREVER_MS = 900_000
PERIODIC = {
    "log.retention.check.interval.ms": 1,
    "log.cleaner.backoff.ms": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1,
    "leader.imbalance.check.interval.seconds": 1000,
    "replica.lag.time.max.ms": 0.5,
}
"""Settings of periodic checks -> milliseconds between two checks for one of their unit."""


def poll_ms(since_ms: float) -> float:
    """How long to wait before an observation is looked at again."""
    return 20 if since_ms < 5000 else 50


def late_ms(stage: Stage, step: dict[str, Any], began_ms: float) -> float:
    """The simulated time by which an observation that began at ``began_ms`` must hold."""
    if step.get("timed") is False:
        return began_ms + FOREVER_MS
    recorded_ms = 1000 * float(step.get("seconds", 0))
    moments = [began_ms + 1.5 * recorded_ms, began_ms + recorded_ms + 1000]
    memory, settings = stage.memory, stage.broker_config
    sessions_ms = [float(settings.get("zookeeper.session.timeout.ms", 18_000)), *memory.group_timeouts_ms]
    if memory.kill_ms:
        moments.append(memory.kill_ms + max(sessions_ms) + 2000 + 1000)
    if memory.pause_ms:
        moments.append(memory.pause_ms + 1.5 * float(settings.get("replica.lag.time.max.ms", 30_000)) + 1000)
    intervals_ms = [factor * float(settings[name]) for name, factor in PERIODIC.items() if name in settings]
    moments += [began_ms + interval_ms + 1000 for interval_ms in (*intervals_ms, *memory.refreshes_ms)]
    return max(moments)


def early_ms(stage: Stage, step: dict[str, Any]) -> float:
    """The simulated time before which an observation must not hold: a lost broker's session lives on for a while."""
    if step["until"] != "live_brokers":
        return 0
    lost = [at for broker, at in stage.memory.kills.items() if isinstance(broker, int) and broker not in step["is"]]
    session_ms = float(stage.broker_config.get("zookeeper.session.timeout.ms", 18_000))
    return max((at + session_ms * 2 / 3 for at in lost), default=0)
