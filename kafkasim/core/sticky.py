"""The sticky assignors' algorithm: balance first, then as few moves as can be.

:func:`share` asks first whose claims to partitions hold (:func:`standing_claims`). Then, if all members want the same
topics, quotas decide (:func:`share_by_quota`); else partitions move for as long as that improves the balance
(:mod:`kafkasim.core.sticky_balance`). Now and then the result depends on the order of a Java HashMap: it is kept.

Kafka: AbstractStickyAssignor. Left out: racks; a claim to a partition that does not exist any more is ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kafkasim.core.group_member import Assignments, GroupMember
from kafkasim.core.hashing import in_hash_map_order, java_hash_code
from kafkasim.core.sticky_balance import Balance
from kafkasim.records import TopicPartition


@dataclass(slots=True)
class Claims:
    """Who keeps what it claims, in Java's order of member ids.

    ``contested`` are partitions that several members claimed in the same generation: nobody's.
    """

    owned: Assignments = field(default_factory=dict)
    contested: dict[TopicPartition, None] = field(default_factory=dict)
    same_topics: bool = True


NewOwners = dict[TopicPartition, str]
"""Partitions that somebody else must give up first, and who gets them then."""


def share(partitions: Mapping[str, int], members: Sequence[GroupMember]) -> tuple[Assignments, NewOwners]:
    """The shares, and which partitions in them change their owner.

    ``partitions`` holds the count of each topic; topics that nobody wants are passed over.
    """
    if not members:
        return {}, {}
    wanted = {topic for member in members for topic in member.topics}
    counts = {topic: partitions[topic] for topic in sorted(wanted) if partitions.get(topic)}
    by_id = {member.member_id: member for member in members}
    in_order = [by_id[name] for name in in_hash_map_order(by_id, java_hash_code)]
    claims = standing_claims(counts, in_order)
    if claims.same_topics:
        return share_by_quota(counts, claims)
    shares = Balance(counts, in_order, claims.owned).share()
    return shares, _moved(in_order, shares)


def standing_claims(counts: Mapping[str, int], members: Sequence[GroupMember]) -> Claims:
    """Of several claims to a partition the newest generation's holds; in the same generation none does."""
    claims = Claims()
    topics: set[str] = set()
    claimant: dict[TopicPartition, GroupMember] = {}
    for member in members:
        if not topics:
            topics = set(member.topics)
        elif set(member.topics) != topics:
            claims.same_topics = False
        mine = claims.owned[member.member_id] = []
        for tp in member.owned_partitions:
            if tp.partition >= counts.get(tp.topic, 0):
                continue
            other = claimant.get(tp)
            if other is not None:
                if member.generation < other.generation:
                    continue
                if tp in claims.owned[other.member_id]:
                    claims.owned[other.member_id].remove(tp)
                if member.generation == other.generation:
                    claims.contested[tp] = None
            if other is None or member.generation > other.generation:
                mine.append(tp)
            claimant[tp] = member
    return claims


def share_by_quota(counts: Mapping[str, int], claims: Claims) -> tuple[Assignments, NewOwners]:
    """Everybody gets the same number, some one more. Kafka: ConstrainedAssignmentBuilder.

    Who owns more gives up its last ones; who has too few gets free ones in turn; what is left over goes one by one to
    members that have exactly the lower number.
    """
    low, over = divmod(sum(counts.values()), len(claims.owned))
    high = low + 1 if over else low
    shares: Assignments = {}
    given_up: dict[TopicPartition, str] = {}
    below: list[str] = []
    exact: list[str] = []
    filled = 0
    for member, owned in claims.owned.items():
        owned = sorted((tp for tp in owned if tp not in claims.contested), key=lambda tp: (tp.partition, tp.topic))
        if len(owned) < low:
            keep = len(owned)
            below.append(member)
        elif len(owned) >= high and filled < over:
            keep = high
            filled += 1
            if filled == over:
                exact.clear()
        else:
            keep = low
            if filled < over:
                exact.append(member)
        shares[member] = owned[:keep]
        given_up.update(dict.fromkeys(owned[keep:], member))

    kept = {tp for owned in shares.values() for tp in owned}
    every = (TopicPartition(topic, number) for topic in sorted(counts) for number in range(counts[topic]))
    poor, even = deque(sorted(below)), deque(sorted(exact))
    moved: NewOwners = {}
    for tp in every:
        if tp in kept:
            continue
        is_poor = bool(poor)
        member = poor.popleft() if is_poor else even.popleft()
        shares[member].append(tp)
        if is_poor:
            (even if len(shares[member]) == low else poor).append(member)
        if tp in claims.contested or given_up.get(tp, member) != member:
            moved[tp] = member
    return shares, moved


def _moved(members: Sequence[GroupMember], shares: Assignments) -> NewOwners:
    """What somebody gets that somebody else claimed and does not get again, with the new owner."""
    owned = {member.member_id: set(member.owned_partitions) for member in members}
    gone = {tp for member, had in owned.items() for tp in had.difference(shares[member])}
    return {tp: member for member, has in shares.items() for tp in has if tp not in owned[member] and tp in gone}
