"""What outlives a broker's process: its logs and checkpoint files. Left out in this model: loss of power, full
disks."""

from __future__ import annotations

from kafkasim.core.log import Log
from kafkasim.records import TopicPartition


class Disk:
    """The log directory of one broker.

    ``high_watermarks`` is the file replication-offset-checkpoint, written every
    ``replica.high.watermark.checkpoint.interval.ms`` and at a clean stop: after a kill a replica starts from the value
    that was written last.
    """

    def __init__(self) -> None:
        self.logs: dict[TopicPartition, Log] = {}
        self.high_watermarks: dict[TopicPartition, int] = {}

    def recover(self) -> None:
        """A process starts on this disk: it knows of each high watermark only what the checkpoint says."""
        for tp, log in self.logs.items():
            log.high_watermark = 0
            log.move_high_watermark(self.high_watermarks.get(tp, 0))

    def delete(self, tp: TopicPartition) -> None:
        """A replica and all of its files go."""
        self.logs.pop(tp, None)
        self.high_watermarks.pop(tp, None)

    def power_loss(self) -> None:
        """The machine has lost its power: what was not flushed is gone. Left out as yet."""
