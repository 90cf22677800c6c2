"""How each category of ``kafka-vectors.json`` is put to the project's own public names: one function a category."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.core import assignors, election, hashing, placement
from kafkasim.core.leader_epochs import LeaderEpochs
from kafkasim.errors import KafkaError
from kafkasim.records import TopicPartition

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
    first = given["partition_0_replicas"][0]
    start = next((n for n, broker in enumerate(sorted(given["brokers"])) if broker >= first), 0)
    return {"start_index": start, "new_assignment": {str(n): list(replicas) for n, replicas in added.items()}}


def rack_alternated_broker_list(given: Any) -> Any:
    return placement.rack_alternated({int(broker): rack for broker, rack in given["broker_racks"].items()})


def leader_election(given: Any) -> Any:
    replicas, isr, live = given["assignment"], given["isr"], given["live_brokers"]
    match given["strategy"]:
        case "OFFLINE":
            chosen = election.offline_election(replicas, isr, live, unclean=given["unclean_leader_election_enable"])
        case "PREFERRED":
            chosen = election.preferred_election(replicas, isr, live)
        case "REASSIGN" | "REASSIGNMENT":
            chosen = election.reassignment_election(replicas, isr, live)
        case _:
            chosen = election.controlled_shutdown_election(replicas, isr, live, given["shutting_down"])
    if chosen is None:
        return {"elected": False}
    return {
        "leader": chosen.leader,
        "isr": sorted(chosen.isr),
        "leader_epoch": given["leader_epoch_before"] + 1,
        "leader_recovery_state": "RECOVERING" if chosen.is_unclean else "RECOVERED",
    }


def assignor(given: Any) -> Any:
    members = [
        assignors.GroupMember(
            one["member_id"], tuple(one["topics"]), one["group_instance_id"],
            tuple(TopicPartition(*tp) for tp in one["owned_partitions"]), one["generation"],
        )
        for one in given["members"]
    ]  # fmt: skip
    shares = assignors.BY_NAME[given["assignor"]].assign(given["partitions_per_topic"], members)
    return {member: sorted([tp.topic, tp.partition] for tp in owned) for member, owned in shares.items()}


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


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (
        murmur2, key_partition, group_coordinator_partition, txn_coordinator_partition, replica_assignment,
        add_partitions, rack_alternated_broker_list, leader_election, assignor, leader_epoch_cache,
    )
}  # fmt: skip
UNORDERED = ("isr",)
"""Fields that are compared as sets."""


def expected(category: str, case: Case) -> Any:
    """What the case expects, brought into the shape of our answers."""
    wanted = case["expected"]
    if category == "assignor":
        return {member: sorted(map(list, owned)) for member, owned in wanted.items()}
    if category == "leader_election":
        if wanted.get("leader", -1) in (-1, None) or wanted.get("elected") is False:
            return {"elected": False}
        return {**wanted, "isr": sorted(wanted["isr"])}
    return wanted


def answer(category: str, case: Case) -> Any:
    """What we say; an error of the cluster is an answer, too."""
    try:
        return CATEGORIES[category](case["input"])
    except KafkaError as error:
        return {"error": error.java_name}
