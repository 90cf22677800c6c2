"""Offsets of a consumer's group that are to be committed with a transaction: checked, and made into a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.messages.transactions import TxnOffsetCommitRequest
from kafkasim.records import OffsetAndMetadata, TopicPartition


@dataclass(frozen=True, slots=True)
class OffsetsForTransaction:
    """The next offsets to read, and who in the group has read so far; generation -1: a consumer in no generation."""

    group_id: str
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    member_id: str = ""
    generation_id: int = -1
    group_instance_id: str | None = None
    beside: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)

    def request(self, transactional_id: str, producer_id: int, producer_epoch: int) -> TxnOffsetCommitRequest:
        """What the group's coordinator is told."""
        return TxnOffsetCommitRequest(
            self.group_id, transactional_id, producer_id, producer_epoch, dict(self.offsets), self.member_id,
            self.generation_id, self.group_instance_id,
            leader_epochs={tp: -1 if one.leader_epoch is None else one.leader_epoch for tp, one in self.beside.items()},
            metadata={tp: one.metadata or "" for tp, one in self.beside.items()},
        )  # fmt: skip


def offsets_for_transaction(offsets: Any, group: Any) -> OffsetsForTransaction:
    """Check what the user gave: {TopicPartition: next offset or OffsetAndMetadata}, and a group's name or what
    ``consumer.group_metadata()`` gives."""
    if not isinstance(offsets, Mapping):
        raise ConfigError(f"offsets must be a dict such as {{TopicPartition('t', 0): 5}}. Got {offsets!r}.")
    found: dict[TopicPartition, int] = {}
    for tp, offset in offsets.items():
        number = getattr(offset, "offset", offset)
        if not isinstance(tp, TopicPartition):
            raise ConfigError(f"offsets must be by TopicPartition. Got {tp!r}.")
        found[tp] = checks.argument(number, f"the offset of {tp}")
    beside = {tp: one for tp, one in offsets.items() if isinstance(one, OffsetAndMetadata)}
    if isinstance(group, str) and group:
        return OffsetsForTransaction(group, found, beside=beside)
    if isinstance(group, tuple) and len(group) >= 3 and isinstance(group[0], str) and group[0]:
        return OffsetsForTransaction(
            group[0], found, member_id=group[2], generation_id=group[1],
            group_instance_id=group[3] if len(group) > 3 else None, beside=beside,
        )  # fmt: skip
    raise ConfigError(f"group must be a group's name or the consumer's group_metadata(). Got {group!r}.")
