"""How a follower gets rid of records that its leader does not have: two variants, side by side.

Kafka 3.9 truncates by leader epoch (KIP-101, KIP-279): the leader finds where two histories part, inside the
conversation of fetches. Before 0.11 a follower cut its log to its own high watermark whenever it began to follow. That
could throw away records which were committed, because a follower's high watermark is old: the next leader may be the
one that has just cut them.
"""

from __future__ import annotations

from typing import Protocol, cast

from kafkasim.core.log import Log
from kafkasim.errors import ConfigError, unknown_name


class Truncation(Protocol):
    """What a follower does about its log's end."""

    def start_of_following(self, log: Log) -> int:
        """Where the log is to end when this replica begins to follow a leader."""
        ...

    def last_epoch(self, log: Log) -> int:
        """The epoch of the log's last record that a fetch tells the leader; -1 tells nothing and so asks nothing."""
        ...


class TruncateByEpoch:
    """Keep everything; where histories part, the leader answers with a diverging epoch. Kafka 2.7 and later.

    Kafka: AbstractFetcherThread.truncateOnFetchResponse. From 0.11 to 2.6 the same was asked before the first fetch.
    """

    def start_of_following(self, log: Log) -> int:
        """The log's end: nothing is cut. A log without any epoch starts again at its high watermark."""
        return log.end_offset if log.epochs.entries else log.high_watermark

    def last_epoch(self, log: Log) -> int:
        """The newest epoch in the log."""
        return log.epochs.latest


class TruncateToHighWatermark:
    """Cut to the own high watermark, then fetch without a word about epochs. Kafka before 0.11."""

    def start_of_following(self, log: Log) -> int:
        """The replica's own high watermark, which may be older than the leader's."""
        return log.high_watermark

    def last_epoch(self, log: Log) -> int:
        """Nothing: such a follower knows no epochs."""
        return -1


VARIANTS: dict[str, type[Truncation]] = {
    "leader-epoch": TruncateByEpoch,
    "high-watermark": TruncateToHighWatermark,
}
"""The variants by name."""


def truncation_variant(given: object) -> Truncation:
    """The variant of a name, or the object itself; raises UnknownNameError or ConfigError for anything else."""
    if isinstance(given, str):
        if given not in VARIANTS:
            raise unknown_name("variant of truncation", given, VARIANTS)
        return VARIANTS[given]()
    if callable(getattr(given, "start_of_following", None)) and callable(getattr(given, "last_epoch", None)):
        return cast("Truncation", given)
    raise ConfigError(
        f"truncation must be one of {', '.join(VARIANTS)}, or an object with the methods start_of_following and"
        f" last_epoch. Got {given!r}."
    )


def end_of_agreement(log: Log, epoch: int, end_offset: int) -> int:
    """Where a follower's log must end when the leader's ends ``epoch`` at ``end_offset``, as far as is known here.

    Kafka: AbstractFetcherThread.getOffsetTruncationState (KIP-279).
    """
    own_epoch, own_end = log.epochs.end_offset_for(epoch, log.end_offset)
    if (own_epoch, own_end) == (-1, -1):
        return min(end_offset, log.end_offset)
    if own_epoch == epoch:
        return min(own_end, end_offset, log.end_offset)
    return min(own_end, log.end_offset)
