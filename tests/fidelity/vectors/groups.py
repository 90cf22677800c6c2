"""Vectors of groups: coordinators, assignors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.core import assignors, hashing
from kafkasim.records import TopicPartition


def group_coordinator_partition(given: Any) -> Any:
    group, counts = given["group_id"], given["offsets.topic.num.partitions"]
    return {
        "java_string_hash_code": hashing.java_hash_code(group),
        "partition": {str(count): hashing.partition_for_group(group, count) for count in counts},
    }


def txn_coordinator_partition(given: Any) -> Any:
    name, count = given["transactional_id"], given["transaction.state.log.num.partitions"]
    return {
        "java_string_hash_code": hashing.java_hash_code(name),
        "partition": hashing.partition_for_group(name, count),
    }


def assignor(given: Any) -> Any:
    members = [
        assignors.GroupMember(
            one["member_id"], tuple(one["topics"]), one["group_instance_id"], _tps(one["owned_partitions"]),
            one["generation"],
        )
        for one in given["members"]
    ]  # fmt: skip
    chosen = next(one for one in assignors.BUILT_IN if one.name == given["assignor"])
    return _by_member(chosen.assign(given["partitions_per_topic"], members))


def cooperative_rebalance_sequence(given: Any) -> Any:
    """Rebalance until nobody has to give anything up any more."""
    topics = tuple(given["partitions_per_topic"])
    owned = {member: _tps(given["owned_before"].get(member, ())) for member in given["members"]}
    rounds = []
    for generation in range(1, 10):
        members = [assignors.GroupMember(one, topics, None, owned[one], generation) for one in owned]
        shares = assignors.CooperativeStickyAssignor().assign(given["partitions_per_topic"], members)
        revoked = {one: [tp for tp in owned[one] if tp not in shares[one]] for one in owned}
        revoked = {one: gone for one, gone in revoked.items() if gone}
        rounds.append({"assignment": _by_member(shares), "revoked": _by_member(revoked)})
        owned = {one: tuple(share) for one, share in shares.items()}
        if not revoked:
            break
    return rounds


def _tps(names: Any) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, number) for topic, number in names)


def _by_member(shares: Any) -> Any:
    """Partitions by member, to be compared as sets."""
    return {member: sorted([topic, number] for topic, number in owned) for member, owned in shares.items()}


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (group_coordinator_partition, txn_coordinator_partition, assignor, cooperative_rebalance_sequence)
}


EXPECTED: dict[str, Callable[[Any], Any]] = {
    "assignor": _by_member,
    "cooperative_rebalance_sequence": lambda wanted: [
        {what: _by_member(shares) for what, shares in one.items()} for one in wanted
    ],
}
"""How the expectation of a category is brought into the shape of our answers."""
