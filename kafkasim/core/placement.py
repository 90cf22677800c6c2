"""Where the replicas of a new topic lie. Kafka: AdminUtils.assignReplicasToBrokers.

The random numbers are arguments: ``start_index`` is where the first partition's leader stands in the list of brokers,
``start_shift`` how far its followers are from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafkasim.errors import InvalidPartitionsException, InvalidReplicationFactorException, UnknownServerException

Assignment = dict[int, tuple[int, ...]]
"""Partition -> brokers, the preferred leader first."""


class AdminOperationException(UnknownServerException):
    """Some brokers have a rack and others have none; the protocol has no code for it (UNKNOWN_SERVER_ERROR)."""


def assign_replicas(
    brokers: Sequence[int], partitions: int, replication_factor: int, *, start_index: int, start_shift: int,
    first_partition: int = 0, racks: Mapping[int, str] | None = None,
) -> Assignment:  # fmt: skip
    """Spread partitions over brokers: leaders one after the other, followers shifted once more with every round.

    ``brokers`` are the live ones in ascending order. With ``racks`` (one for every broker, or an
    AdminOperationException) the replicas of a partition go to as many racks as there are.

    >>> assign_replicas([0, 1, 2, 3, 4], 6, 3, start_index=0, start_shift=0)[5]
    (0, 2, 3)
    """
    if partitions <= 0:
        raise InvalidPartitionsException("Number of partitions must be larger than 0.")
    if replication_factor <= 0:
        raise InvalidReplicationFactorException("Replication factor must be larger than 0.")
    if replication_factor > len(brokers):
        raise InvalidReplicationFactorException(
            f"Replication factor: {replication_factor} larger than available brokers: {len(brokers)}."
        )
    known = {broker: racks[broker] for broker in brokers if broker in racks} if racks else {}
    if known:
        if len(known) < len(brokers):
            raise AdminOperationException("Not all brokers have rack information for replica rack aware assignment.")
        return _rack_aware(known, partitions, replication_factor, start_index, start_shift, first_partition)
    count = len(brokers)
    assignment: Assignment = {}
    shift = start_shift
    for partition in range(first_partition, first_partition + partitions):
        if partition > 0 and partition % count == 0:
            shift += 1
        first = (partition + start_index) % count
        followers = [_replica_index(first, shift, place, count) for place in range(replication_factor - 1)]
        assignment[partition] = tuple(brokers[index] for index in [first, *followers])
    return assignment


def _replica_index(first: int, shift: int, place: int, count: int) -> int:
    return (first + 1 + (shift + place) % (count - 1)) % count


def rack_alternated(racks: Mapping[int, str]) -> list[int]:
    """The brokers with one of each rack in turn: racks by name, ids ascending.

    >>> rack_alternated({0: "rack1", 1: "rack3", 2: "rack3", 3: "rack2", 4: "rack2", 5: "rack1"})
    [0, 3, 1, 5, 4, 2]
    """
    queues = {rack: sorted(b for b in racks if racks[b] == rack) for rack in sorted(set(racks.values()))}
    order: list[int] = []
    while any(queues.values()):
        order.extend(queue.pop(0) for queue in queues.values() if queue)
    return order


def _rack_aware(
    racks: Mapping[int, str], partitions: int, replication_factor: int, start_index: int, start_shift: int,
    first_partition: int,
) -> Assignment:  # fmt: skip
    order = rack_alternated(racks)
    count, rack_count = len(order), len(set(racks.values()))
    assignment: Assignment = {}
    shift = start_shift
    for partition in range(first_partition, first_partition + partitions):
        if partition > 0 and partition % count == 0:
            shift += 1
        first = (partition + start_index) % count
        replicas = [order[first]]
        tried = 0
        while len(replicas) < replication_factor:
            candidate = order[_replica_index(first, shift * rack_count, tried, count)]
            tried += 1
            used = {racks[broker] for broker in replicas}
            rack_is_free = racks[candidate] not in used or len(used) == rack_count
            if rack_is_free and (candidate not in replicas or len(set(replicas)) == count):
                replicas.append(candidate)
        assignment[partition] = tuple(replicas)
    return assignment


def add_partitions(
    brokers: Sequence[int], existing: Mapping[int, Sequence[int]], total: int, racks: Mapping[int, str] | None = None
) -> Assignment:
    """The replicas of the partitions that bring a topic up to ``total``; the existing ones stay where they are.

    Kafka: AdminZkClient.createNewPartitionsAssignment.

    >>> add_partitions([0, 1, 2, 3], {0: (2, 3, 0)}, 3)
    {1: (3, 2, 0), 2: (0, 3, 1)}
    """
    if total < len(existing):
        raise InvalidPartitionsException(
            f"Topic currently has {len(existing)} partitions, which is higher than the requested {total}."
        )
    if total == len(existing):
        raise InvalidPartitionsException(f"Topic already has {total} partitions.")
    start = start_of_added(brokers, existing[0])
    return assign_replicas(
        sorted(brokers), total - len(existing), len(existing[0]), start_index=start, start_shift=start,
        first_partition=len(existing), racks=racks,
    )  # fmt: skip


def start_of_added(brokers: Sequence[int], first_replicas: Sequence[int]) -> int:
    """Where the placement of added partitions starts: at the first broker not below partition 0's first replica.

    >>> start_of_added([1, 2, 4], (3, 4)), start_of_added([1, 2], (3, 4))
    (2, 0)
    """
    return next((place for place, broker in enumerate(sorted(brokers)) if broker >= first_replicas[0]), 0)
