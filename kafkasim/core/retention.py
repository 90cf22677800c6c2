"""Which segments are too old or too many, and when that will be so: whole segments go, from the oldest on.

The active segment takes part. Nothing at or above the high watermark ever goes.

Kafka: UnifiedLog.deleteOldSegments.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.core.log import Log
from kafkasim.core.segment import Roll, Segment

BEFORE_START = Roll("they lie below the log start offset", "DeleteRecords")


def delete_old_segments(log: Log, now_ms: int) -> dict[str, list[int]]:
    """Delete what may go; give the base offsets by reason: ``by_start_offset``, ``by_size``, ``by_time``.

    The last two only when cleanup.policy names delete.
    """
    gone = {"by_start_offset": _delete(log, before_start(log), now_ms, BEFORE_START)}
    if "delete" in log.config.cleanup_policy:
        size, time = log.config.retention_bytes, log.config.retention_ms
        gone["by_size"] = _delete(log, too_large(log), now_ms, Roll("the log is too large", f"retention.bytes={size}"))
        gone["by_time"] = _delete(
            log, too_old(log, now_ms), now_ms, Roll("all their records are too old", f"retention.ms={time}")
        )
    return gone


def before_start(log: Log) -> int:
    """How many of the oldest segments lie below the log start offset as a whole."""
    return _count(log, lambda segment, following: following is not None and following.base_offset <= log.start_offset)


def too_large(log: Log) -> int:
    """How many of the oldest segments can go so that at least retention.bytes stay."""
    limit = log.config.retention_bytes
    if limit < 0:
        return 0
    excess = log.size_in_bytes - limit

    def goes(segment: Segment, _: Segment | None) -> bool:
        nonlocal excess
        if excess - segment.size_in_bytes < 0:
            return False
        excess -= segment.size_in_bytes
        return True

    return _count(log, goes) if excess >= 0 else 0


def too_old(log: Log, now_ms: int) -> int:
    """How many of the oldest segments have no record younger than retention.ms; the first with one ends the walk."""
    limit = log.config.retention_ms
    return 0 if limit < 0 else _count(log, lambda segment, _: now_ms - segment.age_timestamp > limit)


def due_ms(log: Log, now_ms: int) -> int | None:
    """When a check would delete something, as the log is now; None when no passing of time alone will do that."""
    if before_start(log):
        return now_ms
    first = log.segments[0]
    if "delete" not in log.config.cleanup_policy or not _may_go(log, 0):
        return None
    if too_large(log):
        return now_ms
    if log.config.retention_ms < 0:
        return None
    return max(now_ms, first.age_timestamp + log.config.retention_ms + 1)


def _may_go(log: Log, place: int) -> bool:
    """Whether the high watermark has passed the segment; an empty active segment stays."""
    is_last = place + 1 == len(log.segments)
    if is_last:
        return bool(log.segments[place].size_in_bytes) and log.high_watermark >= log.end_offset
    return log.high_watermark >= log.segments[place + 1].base_offset


def _count(log: Log, goes: Callable[[Segment, Segment | None], bool]) -> int:
    count = 0
    for place, segment in enumerate(log.segments):
        following = log.segments[place + 1] if place + 1 < len(log.segments) else None
        if not _may_go(log, place) or not goes(segment, following):
            break
        count += 1
    return count


def _delete(log: Log, count: int, now_ms: int, why: Roll) -> list[int]:
    gone = [segment.base_offset for segment in log.segments[:count]]
    log.delete_first(count, now_ms, why)
    return gone
