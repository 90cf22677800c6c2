"""Sharing out when members want different topics: keep what stands, deal out the rest, move what improves the balance.

Kafka: AbstractStickyAssignor.GeneralAssignmentBuilder, PartitionMovements. Left out: racks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafkasim.core.group_member import Assignments, GroupMember
from kafkasim.core.hashing import in_hash_map_order, partition_hash_code
from kafkasim.records import TopicPartition

Way = tuple[str, str, str]
"""A topic, the member that a partition of it came from, the member that has it now."""


class Balance:
    """One computation. ``owned`` holds the claims that stand; ``counts`` the partitions of each topic."""

    def __init__(self, counts: Mapping[str, int], members: Sequence[GroupMember], owned: Assignments) -> None:
        self._counts = counts
        self._wants = {one.member_id: [topic for topic in one.topics if topic in counts] for one in members}
        self._wanted_by = {topic: [m for m, topics in self._wants.items() if topic in topics] for topic in counts}
        self._shares = {m: [tp for tp in owned[m] if tp.topic in self._wants[m]] for m in self._wants}
        self._is_fresh = not any(self._shares.values())
        self._must_revoke = any(len(self._shares[m]) < len(owned[m]) for m in self._wants)
        self._owner = {tp: member for member, share in self._shares.items() for tp in share}
        self._earlier = _earlier_owners(members)
        self._movements = Movements()

    def share(self) -> Assignments:
        """The partitions of each member."""
        by_demand = sorted(self._counts, key=lambda topic: (len(self._wanted_by[topic]), topic))
        every = [TopicPartition(topic, number) for topic in by_demand for number in range(self._counts[topic])]
        free = [tp for tp in every if tp not in self._owner]
        for tp in free:
            self._give(tp, self._poorest(tp.topic))

        settled = {m: self._shares.pop(m) for m in list(self._shares) if not self._can_take_part(m)}
        before = {member: list(share) for member, share in self._shares.items()}
        if not self._must_revoke:
            self._improve([tp for tp in free if self._is_movable(tp)])
        has_moved = self._improve([tp for tp in every if self._is_movable(tp)])
        if has_moved and not self._is_fresh and _unevenness(self._shares) >= _unevenness(before):
            self._shares = before
        return {**self._shares, **settled}

    # --- who can take part ---------------------------------------------------------------------------------------

    def _is_movable(self, tp: TopicPartition) -> bool:
        return len(self._wanted_by[tp.topic]) > 1

    def _can_take_part(self, member: str) -> bool:
        """Whether a member could get more, or give something away."""
        could_get = sum(self._counts[topic] for topic in self._wants[member])
        return len(self._shares[member]) < could_get or any(map(self._is_movable, self._shares[member]))

    # --- moving ----------------------------------------------------------------------------------------------------

    def _improve(self, partitions: Sequence[TopicPartition]) -> bool:
        """Move partitions, in rounds, until nothing gets better; whether anything has moved."""
        has_moved = False
        while True:
            moved_now = False
            for tp in partitions:
                if self._is_balanced():
                    break
                to = self._better_owner(tp)
                if to is not None:
                    self._move(self._movements.instead_of(tp, self._owner[tp], to), to)
                    has_moved = moved_now = True
            if not moved_now:
                return has_moved

    def _better_owner(self, tp: TopicPartition) -> str | None:
        """Its owner in an older generation, else the member with the fewest, if that one has at least two less."""
        enough = len(self._shares[self._owner[tp]]) - 1
        earlier = self._earlier.get(tp)
        if earlier in self._wanted_by[tp.topic] and len(self._shares[earlier]) < enough:
            return earlier
        poorest = self._poorest(tp.topic)
        return poorest if len(self._shares[poorest]) < enough else None

    def _is_balanced(self) -> bool:
        """Whether nobody could take a partition from a member that has at least two more."""
        return not any(
            len(share) + 1 < len(self._shares[self._owner[TopicPartition(topic, number)]])
            for member, share in self._shares.items()
            for topic in self._wants[member]
            for number in range(self._counts[topic])
        )

    def _poorest(self, topic: str) -> str:
        """Of the members that want a topic the one with the fewest partitions; ties by member id."""
        return min(
            (m for m in self._wanted_by[topic] if m in self._shares),
            key=lambda member: (len(self._shares[member]), member),
        )

    def _give(self, tp: TopicPartition, member: str) -> None:
        self._shares[member].append(tp)
        self._owner[tp] = member

    def _move(self, tp: TopicPartition, to: str) -> None:
        came_from = self._owner[tp]
        self._movements.moved(tp, came_from, to)
        self._shares[came_from].remove(tp)
        self._give(tp, to)


class Movements:
    """What has moved in this computation, so that a topic's partitions do not cross on their way."""

    def __init__(self) -> None:
        self._way: dict[TopicPartition, tuple[str, str]] = {}
        self._on_way: dict[Way, dict[TopicPartition, None]] = {}
        self._most_on_way: dict[Way, int] = {}

    def moved(self, tp: TopicPartition, came_from: str, to: str) -> None:
        """Note a move; several moves of a partition are one from its first owner, and a way back is none."""
        if tp in self._way:
            source, old = self._way.pop(tp)
            way = (tp.topic, source, old)
            del self._on_way[way][tp]
            if not self._on_way[way]:
                del self._on_way[way], self._most_on_way[way]
            if source == to:
                return
            came_from = source
        self._way[tp] = (came_from, to)
        way = (tp.topic, came_from, to)
        self._on_way.setdefault(way, {})[tp] = None
        self._most_on_way[way] = max(self._most_on_way.get(way, 0), len(self._on_way[way]))

    def instead_of(self, tp: TopicPartition, owner: str, to: str) -> TopicPartition:
        """The partition to move: one of the same topic that went the opposite way goes back, else ``tp`` itself."""
        source = self._way[tp][0] if tp in self._way else owner
        way = (tp.topic, to, source)
        if way not in self._on_way:
            return tp
        return in_hash_map_order(self._on_way[way], partition_hash_code, self._most_on_way[way])[0]


def _earlier_owners(members: Sequence[GroupMember]) -> dict[TopicPartition, str]:
    """For partitions that members of older generations claim: the latest of those members."""
    newest = max(one.generation for one in members)
    older = [one for one in members if one.generation < newest]
    owners: dict[TopicPartition, GroupMember] = {}
    for one in older:
        for tp in one.owned_partitions:
            if tp not in owners or one.generation > owners[tp].generation:
                owners[tp] = one
    return {tp: one.member_id for tp, one in owners.items()}


def _unevenness(shares: Assignments) -> int:
    """The sum of the differences of all pairs of members."""
    sizes = [len(share) for share in shares.values()]
    return sum(abs(one - other) for place, one in enumerate(sizes) for other in sizes[place + 1 :])
