"""How the leader of a group shares the partitions out. A learner's own assignor is any object with these members.

Kafka: RangeAssignor, RoundRobinAssignor. Left out as yet: sticky and cooperative-sticky, racks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One member as an assignor sees it: what it wants, and what it owned in which generation."""

    member_id: str
    topics: tuple[str, ...]
    group_instance_id: str | None = None
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation: int = -1


Assignments = dict[str, list[TopicPartition]]


class Assignor(Protocol):
    """``name`` goes by in the group protocol; ``partitions`` holds the count of each topic that exists."""

    @property
    def name(self) -> str:
        """The assignor's name."""

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """The partitions of each member, by member id."""


def in_member_order(members: Sequence[GroupMember]) -> list[GroupMember]:
    """Static members first, by instance id, then the others by member id."""
    static = sorted((m for m in members if m.group_instance_id), key=lambda m: m.group_instance_id or "")
    return static + sorted((m for m in members if not m.group_instance_id), key=lambda m: m.member_id)


class RangeAssignor:
    """Topic by topic, consecutive partitions; the first members get one more when it does not come out even.

    >>> members = [GroupMember("C0", ("t0", "t1")), GroupMember("C1", ("t0", "t1"))]
    >>> shares = RangeAssignor().assign({"t0": 3, "t1": 3}, members)
    >>> {member: [str(tp) for tp in owned] for member, owned in shares.items()}
    {'C0': ['t0-0', 't0-1', 't1-0', 't1-1'], 'C1': ['t0-2', 't1-2']}
    """

    name = "range"

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """Kafka: RangeAssignor.assignPartitions."""
        shares: Assignments = {member.member_id: [] for member in members}
        for topic in sorted({topic for member in members for topic in member.topics}):
            interested = in_member_order([member for member in members if topic in member.topics])
            count = partitions.get(topic, 0)
            each, more = divmod(count, len(interested))
            start = 0
            for place, member in enumerate(interested):
                end = start + each + (1 if place < more else 0)
                shares[member.member_id] += [TopicPartition(topic, number) for number in range(start, end)]
                start = end
        return shares


class RoundRobinAssignor:
    """All partitions in order of topic and number, one to each member in turn.

    >>> members = [GroupMember("C0", ("t0", "t1")), GroupMember("C1", ("t0", "t1"))]
    >>> shares = RoundRobinAssignor().assign({"t0": 3, "t1": 3}, members)
    >>> {member: [str(tp) for tp in owned] for member, owned in shares.items()}
    {'C0': ['t0-0', 't0-2', 't1-1'], 'C1': ['t0-1', 't1-0', 't1-2']}
    """

    name = "roundrobin"

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """Kafka: RoundRobinAssignor.assignPartitions."""
        shares: Assignments = {member.member_id: [] for member in members}
        circle = in_member_order(members)
        turn = 0
        for topic in sorted({topic for member in members for topic in member.topics}):
            for number in range(partitions.get(topic, 0)):
                while topic not in circle[turn % len(circle)].topics:
                    turn += 1
                shares[circle[turn % len(circle)].member_id].append(TopicPartition(topic, number))
                turn += 1
        return shares


BY_NAME: dict[str, Assignor] = {one.name: one for one in (RangeAssignor(), RoundRobinAssignor())}
"""The built-in assignors."""
