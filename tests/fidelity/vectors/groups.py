"""Vectors of groups: coordinators, assignors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kafkasim as ks
from kafkasim.core import assignors, hashing
from kafkasim.core.group import Group, GroupState
from kafkasim.messages.groups import JoinGroupRequest, Subscription
from kafkasim.records import TopicPartition
from kafkasim.trace.facts import MessageSent, OffsetCommitted, PartitionsAssigned


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


def initial_rebalance_delay(given: Any) -> Any:
    """Members join at the given times; how long the group waits for more of them."""
    group = Group("g", given["group.initial.rebalance.delay.ms"])
    group.generation = given["group_generation_before"]
    waiting = list(enumerate(given["join_times_ms"]))
    while True:
        due_ms = group.deadline_ms if group.state is GroupState.PREPARING_REBALANCE else None
        if waiting and (due_ms is None or waiting[0][1] < due_ms):
            number, now_ms = waiting.pop(0)
            request = JoinGroupRequest(
                "g", "", f"c{number}", ("range",), Subscription(("t",)), 1_800_000, given["rebalance_timeout_ms"], f"i{number}"
            )  # fmt: skip
            group.join(request, f"c{number}", number, now_ms)
        else:
            assert due_ms is not None
            group.expire(due_ms)
            if group.state is GroupState.COMPLETING_REBALANCE:
                return {"join_phase_completes_at_ms": due_ms}


def auto_commit(given: Any) -> Any:
    """A consumer polls at the given times after its assignment and is killed; what was committed by then.

    That a poll returns records up to a position is all that counts of them: the consumer is put there after it.
    """
    cluster = ks.Cluster(brokers=1, broker_config={"offsets.topic.replication.factor": 1})
    cluster.create_topic("t")
    consumer = cluster.consumer(
        "t", group_id="g", auto_offset_reset="earliest", client_id="c",
        auto_commit_interval_ms=given["auto.commit.interval.ms"],
    )  # fmt: skip
    while not consumer.assignment():
        consumer.poll(100).get()
    [tp] = consumer.assignment()
    began_ms = cluster.trace.of(PartitionsAssigned)[-1].at_ms - given["assignment_completed_at"]
    for poll in given["polls"]:
        cluster.run(until_ms=max(cluster.now_ms, began_ms + poll["t"]))
        consumer.poll(0).get()
        consumer.seek(tp, poll["returns_upto_position"])
    if "crash_at" in given:
        cluster.run(until_ms=max(cluster.now_ms, began_ms + given["crash_at"]))
        cluster.kill("c")
    cluster.run(for_ms=100)
    sent = [one for one in cluster.trace.of(MessageSent) if one.api == "OffsetCommitRequest"]
    stored = cluster.trace.of(OffsetCommitted)
    return {
        "commits": [
            {"t": round(one.at_ms - began_ms), "position": offset.offset}
            for one, offset in zip(sent, stored, strict=True)
        ],
        "restart_position": stored[-1].offset if stored else None,
    }


def _tps(names: Any) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, number) for topic, number in names)


def _by_member(shares: Any) -> Any:
    """Partitions by member, to be compared as sets."""
    return {member: sorted([topic, number] for topic, number in owned) for member, owned in shares.items()}


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (
        group_coordinator_partition,
        txn_coordinator_partition,
        assignor,
        cooperative_rebalance_sequence,
        initial_rebalance_delay,
        auto_commit,
    )
}


EXPECTED: dict[str, Callable[[Any], Any]] = {
    "assignor": _by_member,
    "auto_commit": lambda wanted: {
        **wanted,
        "restart_position": wanted["restart_position"] if isinstance(wanted["restart_position"], int) else None,
    },
    "cooperative_rebalance_sequence": lambda wanted: [
        {what: _by_member(shares) for what, shares in one.items()} for one in wanted
    ],
}
"""How the expectation of a category is brought into the shape of our answers."""
