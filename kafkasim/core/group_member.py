"""A member of a group as an assignor sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One member: the topics it wants, and what it owned in which generation (-1: in none that it knows of).

    Kafka: ConsumerPartitionAssignor.Subscription. Left out: its rack.
    """

    member_id: str
    topics: tuple[str, ...]
    group_instance_id: str | None = None
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation: int = -1


Assignments = dict[str, list[TopicPartition]]
"""The partitions of each member, by member id."""


def in_member_order(members: Sequence[GroupMember]) -> list[GroupMember]:
    """Static members first, by instance id, then the others by member id."""
    static = sorted((m for m in members if m.group_instance_id), key=lambda m: m.group_instance_id or "")
    return static + sorted((m for m in members if not m.group_instance_id), key=lambda m: m.member_id)
