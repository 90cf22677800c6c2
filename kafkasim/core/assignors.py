"""How the leader of a group shares the partitions out. A learner's own assignor is any object with these members.

Kafka: RangeAssignor, RoundRobinAssignor, StickyAssignor, CooperativeStickyAssignor. Left out: racks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from kafkasim.core.group_member import Assignments, GroupMember, in_member_order
from kafkasim.core.sticky import share
from kafkasim.records import TopicPartition

__all__ = [
    "BUILT_IN",
    "BY_NAME",
    "Assignments",
    "Assignor",
    "CooperativeStickyAssignor",
    "GroupMember",
    "RangeAssignor",
    "RebalanceProtocol",
    "RoundRobinAssignor",
    "StickyAssignor",
]


class RebalanceProtocol(Enum):
    """What members give up before they join again: everything, or afterwards only what goes to somebody else."""

    EAGER = "EAGER"
    COOPERATIVE = "COOPERATIVE"


class Assignor(Protocol):
    """``name`` goes by in the group protocol; ``partitions`` holds the count of each topic that exists."""

    @property
    def name(self) -> str:
        """The assignor's name."""

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """The partitions of each member, by member id."""


class RangeAssignor:
    """Topic by topic, consecutive partitions; the first members get one more when it does not come out even.

    >>> members = [GroupMember("C0", ("t0", "t1")), GroupMember("C1", ("t0", "t1"))]
    >>> shares = RangeAssignor().assign({"t0": 3, "t1": 3}, members)
    >>> {member: [str(tp) for tp in owned] for member, owned in shares.items()}
    {'C0': ['t0-0', 't0-1', 't1-0', 't1-1'], 'C1': ['t0-2', 't1-2']}
    """

    name = "range"
    protocols = (RebalanceProtocol.EAGER,)

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
    protocols = (RebalanceProtocol.EAGER,)

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


class StickyAssignor:
    """Balanced like round robin, but everybody keeps what it owned as far as that goes.

    C1 has left; what it owned is dealt out, and nothing else moves:

    >>> def tps(*names): return tuple(TopicPartition(name[:2], int(name[3:])) for name in names)
    >>> topics = ("t0", "t1", "t2", "t3")
    >>> members = [GroupMember("C0", topics, owned_partitions=tps("t0-0", "t1-1", "t3-0"), generation=1),
    ...            GroupMember("C2", topics, owned_partitions=tps("t1-0", "t2-1"), generation=1)]
    >>> shares = StickyAssignor().assign(dict.fromkeys(topics, 2), members)
    >>> {member: [str(tp) for tp in owned] for member, owned in shares.items()}
    {'C0': ['t0-0', 't3-0', 't1-1', 't0-1'], 'C2': ['t1-0', 't2-1', 't2-0', 't3-1']}
    """

    name = "sticky"
    protocols = (RebalanceProtocol.EAGER,)

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """Kafka: AbstractStickyAssignor.assignPartitions."""
        shares, _ = share(partitions, members)
        return {member.member_id: shares[member.member_id] for member in members}


class CooperativeStickyAssignor:
    """Sticky in two rounds: a partition that changes its owner is nobody's until the old one has given it up.

    C3 has joined; C0 and C1 give up one partition each, which C3 gets in the rebalance after that:

    >>> def tps(*names): return tuple(TopicPartition(name[:2], int(name[3:])) for name in names)
    >>> topics = ("t0", "t1", "t2", "t3")
    >>> members = [GroupMember("C0", topics, owned_partitions=tps("t0-0", "t1-1", "t3-0"), generation=1),
    ...            GroupMember("C1", topics, owned_partitions=tps("t0-1", "t2-0", "t3-1"), generation=1),
    ...            GroupMember("C2", topics, owned_partitions=tps("t1-0", "t2-1"), generation=1),
    ...            GroupMember("C3", topics)]
    >>> shares = CooperativeStickyAssignor().assign(dict.fromkeys(topics, 2), members)
    >>> {member: [str(tp) for tp in owned] for member, owned in shares.items()}
    {'C0': ['t0-0', 't3-0'], 'C1': ['t2-0', 't0-1'], 'C2': ['t1-0', 't2-1'], 'C3': []}
    """

    name = "cooperative-sticky"
    protocols = (RebalanceProtocol.COOPERATIVE, RebalanceProtocol.EAGER)

    def assign(self, partitions: Mapping[str, int], members: Sequence[GroupMember]) -> Assignments:
        """Kafka: CooperativeStickyAssignor.assignPartitions."""
        shares, new_owners = share(partitions, members)
        return {member.member_id: [tp for tp in shares[member.member_id] if tp not in new_owners] for member in members}


BUILT_IN: tuple[Assignor, ...] = (
    RangeAssignor(),
    RoundRobinAssignor(),
    StickyAssignor(),
    CooperativeStickyAssignor(),
)
"""Kafka's four assignors."""

BY_NAME: dict[str, Assignor] = {one.name: one for one in BUILT_IN}
"""The same by the names that settings give."""
