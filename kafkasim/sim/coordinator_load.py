"""How long a new coordinator reads its partition; until then it answers COORDINATOR_LOAD_IN_PROGRESS.

Kafka reads the log from end to end in the background, a buffer of offsets.load.buffer.size (for transactions
transaction.state.log.load.buffer.size) at a time: GroupMetadataManager.doLoadGroupsAndOffsets. Here each buffer takes
BUFFER_MS, whatever lies in it; that is a guess for an ordinary disk and the work on the records. Left out: the two
settings, which only size the buffer.
"""

from __future__ import annotations

from kafkasim.core.log import Log

BUFFER_BYTES = 5 * 1024 * 1024
BUFFER_MS = 10


def load_ms(log: Log) -> int:
    """The time that it takes to read this log; 0 when there is nothing in it."""
    if log.end_offset == log.start_offset:
        return 0
    return BUFFER_MS * max(1, -(-log.size_in_bytes // BUFFER_BYTES))
