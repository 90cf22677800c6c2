"""What a topic may be called and where its replicas may lie, with Kafka's errors and messages.

Kafka: AdminZkClient.validateTopicCreate, AdminZkClient.validateReplicaAssignment, ZkAdminManager.createPartitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from kafkasim.config import checks
from kafkasim.core.assignment import ReplicaAssignment
from kafkasim.core.placement import Assignment, add_partitions
from kafkasim.errors import (
    InvalidPartitionsException,
    InvalidReplicaAssignmentException,
    InvalidTopicException,
    ReassignmentInProgressException,
    TopicExistsException,
)

INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state")
"""The cluster's own topics. Kafka: Topic.INTERNAL_TOPICS."""


def check_name(topic: str, known: Iterable[str]) -> None:
    """Refuse the name of a new topic: it exists, is illegal, or differs from another only in '.' against '_'."""
    others = list(known)
    if topic in others:
        raise TopicExistsException(f"Topic {topic!r} already exists.")
    trouble = checks.trouble_with_name(topic)
    if trouble:
        raise InvalidTopicException(f"Topic name is invalid: {trouble}.")
    alike = [other for other in others if other.replace(".", "_") == topic.replace(".", "_")]
    if alike:
        raise InvalidTopicException(f"Topic {topic!r} collides with existing topics: {', '.join(sorted(alike))}.")


def checked_assignment(assignment: Mapping[int, tuple[int, ...]]) -> Assignment:
    """The explicit assignment of a new topic: partitions from 0 without gaps, as many distinct brokers for each.

    Brokers that are dead or unknown are allowed, as in Kafka, and none at all: such a topic is there and has no leader.
    """
    if len({len(replicas) for replicas in assignment.values()}) != 1:
        raise InvalidReplicaAssignmentException("All partitions should have the same number of replicas.")
    for replicas in assignment.values():
        _distinct(replicas)
    numbers = sorted(assignment)
    if numbers != list(range(len(numbers))):
        raise InvalidReplicaAssignmentException("Partitions should be a consecutive 0-based integer sequence.")
    return {number: tuple(assignment[number]) for number in numbers}


def added_partitions(
    topic: str, existing: Mapping[int, ReplicaAssignment], total: int, wanted: Sequence[tuple[int, ...]] | None,
    live: Collection[int], racks: Mapping[int, str],
) -> Assignment:  # fmt: skip
    """The replicas of the partitions that bring a topic up to ``total``; ``wanted`` gives them, or None."""
    if any(assignment.is_being_reassigned for assignment in existing.values()):
        raise ReassignmentInProgressException(f"A partition reassignment is in progress for the topic {topic!r}.")
    more = total - len(existing)
    if more < 0:
        raise InvalidPartitionsException(
            f"Topic currently has {len(existing)} partitions, which is higher than the requested {total}."
        )
    if more == 0:
        raise InvalidPartitionsException(f"Topic already has {total} partitions.")
    if wanted is None:
        present = {number: assignment.replicas for number, assignment in existing.items()}
        return add_partitions(sorted(live), present, total, racks or None)
    if len(wanted) != more:
        raise InvalidReplicaAssignmentException(
            f"Increasing the number of partitions by {more} but {len(wanted)} assignments provided."
        )
    unknown = sorted({broker for replicas in wanted for broker in replicas} - set(live))
    if unknown:
        raise InvalidReplicaAssignmentException(f"Unknown broker(s) in replica assignment: {_listed(unknown)}.")
    for replicas in wanted:
        _distinct(replicas)
        if len(replicas) != len(existing[0].replicas):
            raise InvalidReplicaAssignmentException(
                "Inconsistent replication factor between partitions: partition 0 has"
                f" {len(existing[0].replicas)} while a new one has {len(replicas)} replicas."
            )
    return {len(existing) + place: tuple(replicas) for place, replicas in enumerate(wanted)}


def check_target(target: Sequence[int], present: ReplicaAssignment, live: Collection[int]) -> None:
    """Refuse the target of a reassignment. Kafka: KafkaController.populateReassignmentTarget."""
    if not target:
        raise InvalidReplicaAssignmentException("Empty replica list specified in partition reassignment.")
    if len(set(target)) != len(target):
        raise InvalidReplicaAssignmentException(
            f"Duplicate replica ids in partition reassignment replica list: {_listed(target)}."
        )
    if min(target) < 0:
        raise InvalidReplicaAssignmentException(
            f"Invalid broker id in partition reassignment replica list: {_listed(target)}."
        )
    if not set(present.reassign_to(target).adding) <= set(live):
        raise InvalidReplicaAssignmentException(
            "Replica assignment has brokers that are not alive. Replica list:"
            f" {_listed(target)}, live broker list: {_listed(sorted(live))}."
        )


def _distinct(replicas: Sequence[int]) -> None:
    if len(set(replicas)) != len(replicas):
        raise InvalidReplicaAssignmentException(f"Duplicate replica assignment found: {_listed(replicas)}.")


def _listed(brokers: Iterable[int]) -> str:
    return ", ".join(map(str, brokers)) or "none"
