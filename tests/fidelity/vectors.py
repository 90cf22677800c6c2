"""How each category of ``kafka-vectors.json`` is put to the project's own public names: one function a category."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.core import assignors, election, hashing, partitioners, placement
from kafkasim.core.accumulator import RecordAccumulator
from kafkasim.core.leader_epochs import LeaderEpochs
from kafkasim.records import Record, TopicPartition
from tests.fidelity import vectors_storage as storage

Case = dict[str, Any]


def murmur2(given: Any) -> Any:
    return hashing.murmur2(bytes.fromhex(given["key_hex"]))


def key_partition(given: Any) -> Any:
    key = bytes.fromhex(given["key_hex"])
    return {str(count): hashing.partition_for_key(key, count) for count in given["partition_counts"]}


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


def replica_assignment(given: Any) -> Any:
    brokers = [one["id"] if isinstance(one, dict) else one for one in given["brokers"]]
    racks = {one["id"]: one["rack"] for one in given["brokers"] if isinstance(one, dict) and one.get("rack")}
    assignment = placement.assign_replicas(
        brokers, given["num_partitions"], given["replication_factor"], start_index=given["start_index"],
        start_shift=given["next_replica_shift"], first_partition=max(0, given["start_partition_id"]),
        racks=racks or None,
    )  # fmt: skip
    return {"assignment": {str(number): list(replicas) for number, replicas in assignment.items()}}


def add_partitions(given: Any) -> Any:
    existing = dict.fromkeys(range(given["existing_partition_count"]), given["partition_0_replicas"])
    added = placement.add_partitions(given["brokers"], existing, given["new_total"])
    start = placement.start_of_added(given["brokers"], given["partition_0_replicas"])
    return {"start_index": start, "new_assignment": {str(n): list(replicas) for n, replicas in added.items()}}


def rack_alternated_broker_list(given: Any) -> Any:
    return placement.rack_alternated({int(broker): rack for broker, rack in given["broker_racks"].items()})


def leader_election(given: Any) -> Any:
    replicas, isr, live = given["assignment"], given["isr"], given["live_brokers"]
    match given["strategy"]:
        case "OFFLINE":
            unclean = given["unclean_leader_election_enable"]
            chosen = election.offline_election(replicas, isr, live, unclean=unclean)
        case "PREFERRED":
            chosen = election.preferred_election(replicas, isr, live)
        case "REASSIGN":
            chosen = election.reassignment_election(given["target_replicas"], isr, live)
        case "CONTROLLED_SHUTDOWN":
            chosen = election.controlled_shutdown_election(replicas, isr, live, given["shutting_down"])
        case strategy:
            raise ValueError(f"no election strategy {strategy}")
    if chosen is None:
        return {"leader": None}
    return {
        "leader": chosen.leader,
        "isr": sorted(chosen.isr),
        "leader_epoch": given["leader_epoch_before"] + 1,
        "leader_recovery_state": "RECOVERING" if chosen.is_unclean else "RECOVERED",
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


def adaptive_partitioning(given: Any) -> Any:
    queues, numbers = given["queue_sizes"], given["partition_ids"]
    table = partitioners.cumulative_weights(queues)
    if table is None:
        return {"adaptive": False}

    def choice(value: int) -> int:
        sticky = partitioners.StickyPartitioner(1, Throw(value))
        return sticky.partition("t", numbers, len(numbers), queues)

    choices = {str(value): choice(value) for value in given["random_values"]}
    return {"adaptive": True, "cumulative_table": table, "choice_for_random": choices}


class Throw:
    """Chance that has come up with a number, which Kafka brings into range by modulo."""

    def __init__(self, value: int) -> None:
        self.value = value

    def randrange(self, stop: int, /) -> int:
        return self.value % stop


def round_robin_partitioner(given: Any) -> Any:
    partitioner = partitioners.RoundRobinPartitioner()
    asked = given["counter_starts_at"] + given["calls"]
    available, partitions = given["available_partitions"], given["total_partitions"]
    return [partitioner.partition("t", None, None, available, partitions) for _ in range(asked)][-given["calls"] :]


def batch_fill(given: Any) -> Any:
    """Append equal records until one opens a second batch."""
    key = None if given["key_bytes"] is None else bytes(given["key_bytes"])
    record = Record(key, bytes(given["value_bytes"]), 0, tuple(("", b"") for _ in range(given["headers"])))
    accumulator, tp = RecordAccumulator(given["batch.size"], 0), TopicPartition("t", 0)
    while len(accumulator.queues.get(tp, ())) < 2:
        accumulator.append(tp, record, lambda offset, error: None, 0, lambda: "")
    full = accumulator.take(tp)
    return {"records_in_full_batch": len(full.records), "batch_bytes": full.size}


def leader_epoch_cache(given: Any) -> Any:
    epochs = LeaderEpochs()
    queries = []
    for name, *numbers in given["ops"]:
        if name == "end_offset_for":
            epoch, end = epochs.end_offset_for(*numbers)
            queries.append(
                {
                    "requested_epoch": numbers[0],
                    "log_end_offset": numbers[1],
                    "result": {"epoch": epoch, "end_offset": end},
                }
            )
        else:
            getattr(epochs, name)(*numbers)
    return {"queries": queries, "entries": [list(entry) for entry in epochs.entries]}


def _tps(names: Any) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, number) for topic, number in names)


def _by_member(shares: Any) -> Any:
    """Partitions by member, to be compared as sets."""
    return {member: sorted([topic, number] for topic, number in owned) for member, owned in shares.items()}


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (
        murmur2, key_partition, group_coordinator_partition, txn_coordinator_partition, replica_assignment,
        add_partitions, rack_alternated_broker_list, leader_election, assignor, cooperative_rebalance_sequence,
        adaptive_partitioning, round_robin_partitioner, batch_fill, leader_epoch_cache,
        storage.segment_roll, storage.retention, storage.compaction, storage.compaction_eligibility,
        storage.producer_sequence, storage.last_stable_offset, storage.read_committed_delivery,
    )
}  # fmt: skip

STEPWISE = ("producer_sequence", "last_stable_offset")
"""Categories whose steps stand beside what each of them expects."""
WHOLE = (*STEPWISE, "read_committed_delivery")
"""Categories that need more of a case than its input."""


def question(category: str, case: Case) -> Callable[[], Any]:
    """What to call for our answer to a case."""
    if category in WHOLE:
        return lambda: CATEGORIES[category](case)
    return lambda: CATEGORIES[category](case["input"])


def expected(category: str, case: Case) -> Any:
    """What the case expects, brought into the shape of our answers."""
    wanted = case["expected"]
    if category in STEPWISE:
        return [step["expect"] for step in wanted]
    match category:
        case "assignor":
            return _by_member(wanted)
        case "cooperative_rebalance_sequence":
            return [{what: _by_member(shares) for what, shares in one.items()} for one in wanted]
        case "leader_election":
            wanted = {field: value for field, value in wanted.items() if field != "note"}
            return {**wanted, "isr": sorted(wanted["isr"])} if "isr" in wanted else wanted
    return wanted
