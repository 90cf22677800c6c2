"""What a broker makes of a log that it finds on its disk when it starts.

Kafka: LogLoader. After a clean shutdown all is as it was. After anything else the segments from the recovery point on
are read through and the log is cut at the first batch that is not whole.
"""

from __future__ import annotations

from kafkasim.core.log import Log
from kafkasim.trace.facts import LogRecovered, LogStartMoved

CHECKPOINT = "log.flush.start.offset.checkpoint.interval.ms"


def recover(
    log: Log, now_ms: int, *, high_watermark: int, recovery_point: int, start_offset: int, was_clean: bool
) -> None:  # fmt: skip
    """Bring a log into service; the offsets are those of the checkpoint files, 0 where there is none.

    Leader epochs and producer state follow from what is left. A log that ends below its start is emptied.
    """
    torn = log.active.torn_bytes
    log.active.torn_bytes = 0
    started_at, log.start_offset = log.start_offset, max(start_offset, log.segments[0].base_offset)
    log.end_offset = log.active.next_offset
    if log.end_offset < log.start_offset:
        log.truncate_fully(log.start_offset, now_ms)
    log.epochs.truncate_from_end(log.end_offset)
    log.epochs.truncate_from_start(log.start_offset)
    log.recovery_point = log.end_offset if was_clean else min(recovery_point, log.end_offset)
    log.flushed_ms = now_ms
    log.high_watermark = 0
    log.producers.opened_ms = now_ms
    log.move_high_watermark(high_watermark)
    log.rebuild_producers()
    log.producers.expire(now_ms)
    if log.start_offset < started_at:
        log.tell(LogStartMoved, log.start_offset, "a later start was not written down yet", CHECKPOINT)
    if not was_clean and log.size_in_bytes + torn:
        reason = f"{torn} bytes of a batch at the end were not whole" if torn else "after an unclean end"
        log.tell(LogRecovered, log.end_offset, log.high_watermark, reason)
