"""Where each leader epoch of a log begins.

Kafka: LeaderEpochFileCache (KIP-101, KIP-279). The entries are kept in the file leader-epoch-checkpoint.
"""

from __future__ import annotations

UNDEFINED = (-1, -1)


class LeaderEpochs:
    """The list of (epoch, start offset), both rising.

    >>> epochs = LeaderEpochs([(2, 6), (3, 8), (4, 11)])
    >>> [epochs.end_offset_for(epoch, log_end_offset=15) for epoch in (3, 4, 1, 5)]
    [(3, 11), (4, 15), (1, 6), (-1, -1)]
    """

    def __init__(self, entries: list[tuple[int, int]] | None = None) -> None:
        self.entries: list[tuple[int, int]] = list(entries or [])

    @property
    def latest(self) -> int:
        """The newest epoch; -1 when there is none."""
        return self.entries[-1][0] if self.entries else -1

    def assign(self, epoch: int, start_offset: int) -> None:
        """Note that ``epoch`` begins at ``start_offset``; what it contradicts goes."""
        if self.entries and self.entries[-1][0] == epoch and self.entries[-1][1] <= start_offset:
            return
        while self.entries and (self.entries[-1][0] >= epoch or self.entries[-1][1] >= start_offset):
            self.entries.pop()
        self.entries.append((epoch, start_offset))

    def end_offset_for(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """The largest epoch not above ``epoch`` and where it ends; (-1, -1) when that is not known.

        Kafka: LeaderEpochFileCache.endOffsetFor.
        """
        if epoch == -1 or not self.entries:
            return UNDEFINED
        if epoch == self.latest:
            return (epoch, log_end_offset)
        higher = next((entry for entry in self.entries if entry[0] > epoch), None)
        if higher is None:
            return UNDEFINED
        floor = max((entry for entry in self.entries if entry[0] <= epoch), default=None)
        return (epoch if floor is None else floor[0], higher[1])

    def truncate_from_end(self, offset: int) -> None:
        """Forget the epochs that begin at or after ``offset``."""
        while self.entries and self.entries[-1][1] >= offset:
            self.entries.pop()

    def truncate_from_start(self, offset: int) -> None:
        """The log begins at ``offset`` now: keep the epoch that holds it."""
        below = [entry for entry in self.entries if entry[1] <= offset]
        if below:
            self.entries = [(below[-1][0], offset), *(entry for entry in self.entries if entry[1] > offset)]
