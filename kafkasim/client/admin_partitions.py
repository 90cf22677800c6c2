"""Partitions, leaders, replicas and records in kafka-python's words. kafka-python: kafka.admin._partitions.

Left out: asking one particular broker; offsets of tiered storage. Where several partitions fail, the first error is
raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kafkasim.client.admin_base import AdminBase, listed, no_choice, outcome, raise_first, several
from kafkasim.client.enums import IsolationLevel, OffsetSpec
from kafkasim.client.errors import KafkaError, WrongTypeError, translated
from kafkasim.client.structs import NewPartitions, OffsetAndTimestamp
from kafkasim.config import checks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.records import TopicPartition

ELECTION_TYPES = ("preferred", "unclean")
SPECS = {
    OffsetSpec.EARLIEST: "earliest",
    OffsetSpec.LATEST: "latest",
    OffsetSpec.MAX_TIMESTAMP: "max_timestamp",
    OffsetSpec.EARLIEST_LOCAL: "earliest",
}
"""All that lies in a partition lies with its leader, so the first offset there is the first of all."""
Partitions = Mapping[str, Sequence[int]] | Sequence[str] | None


class Response:
    """An answer of the protocol, its fields under Kafka's names."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts and lists."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass
class CreatePartitionsTopicResult(Response):
    """What became of one topic; ``error_code`` 0 where all went well."""

    name: str
    error_code: int
    error_message: str | None


@dataclass
class CreatePartitionsResponse(Response):
    """What became of each topic."""

    throttle_time_ms: int
    results: list[CreatePartitionsTopicResult]


@dataclass
class PartitionResult(Response):
    """What became of the election of one partition; 84 means that none was needed."""

    partition_id: int
    error_code: int
    error_message: str | None


@dataclass
class ReplicaElectionResult(Response):
    """The elections of one topic."""

    topic: str
    partition_result: list[PartitionResult]


@dataclass
class ElectLeadersResponse(Response):
    """What became of each partition, by topic."""

    throttle_time_ms: int
    error_code: int
    replica_election_results: list[ReplicaElectionResult]


class PartitionAdmin(AdminBase):
    """What an administrator does with partitions."""

    def create_partitions(
        self, topic_partitions: Mapping[str, Any], timeout_ms: float | None = None, validate_only: bool = False,
        raise_errors: bool = True,
    ) -> CreatePartitionsResponse:  # fmt: skip
        """Give topics more partitions; an answer whose ``results`` have ``name``, ``error_code``, ``error_message``.

        ``topic_partitions`` maps each topic to its new *total*, or to a dict with ``count`` and ``assignments`` (the
        brokers of each new partition), or to NewPartitions. Raises InvalidPartitionsError when that is no increase.
        """
        self._open(timeout_ms)
        checks.flag(validate_only, "validate_only")
        if not isinstance(topic_partitions, Mapping):
            raise WrongTypeError(
                f"topic_partitions must map topics to a number of partitions. Got {checks.shown(topic_partitions)}."
            )
        wanted = {topic: _new_partitions(topic, given) for topic, given in topic_partitions.items()}
        results, errors = [], []
        for topic, new in wanted.items():
            future = self._native.create_partitions(
                topic, new.total_count, new.new_assignments, validate_only=validate_only
            )
            error = self._error_of(future, "create_partitions()", timeout_ms)
            results.append(CreatePartitionsTopicResult(topic, *outcome(error)))
            errors.append(error)
        raise_first(errors, raise_errors)
        return CreatePartitionsResponse(0, results)

    def delete_records(
        self, records_to_delete: Mapping[TopicPartition, int], timeout_ms: float | None = None,
        partition_leader_id: int | None = None,
    ) -> dict[TopicPartition, dict[str, int]]:  # fmt: skip
        """Delete what lies below these offsets; the new ``low_watermark`` of each partition.

        An offset of -1 stands for the high watermark. Raises OffsetOutOfRangeError beyond that,
        UnknownTopicOrPartitionError, or PolicyViolationError for a topic that is only compacted.
        """
        self._open(timeout_ms)
        no_choice("partition_leader_id", partition_leader_id)
        wanted = _mapping(records_to_delete, "records_to_delete", "offsets")
        for tp, offset in wanted.items():
            checks.whole_number(offset, f"the offset of {tp}", at_least=-1)
        self._check_known(wanted, "delete_records()")
        marks = self._wait(self._native.delete_records(wanted), "delete_records()", timeout_ms)
        return {
            tp: {"partition_index": tp.partition, "low_watermark": mark, "error_code": 0}
            for tp, mark in marks.items()
        }  # fmt: skip

    def elect_leaders(
        self, election_type: int, topic_partitions: Partitions = None, timeout_ms: float | None = None,
        raise_errors: bool = True,
    ) -> ElectLeadersResponse:  # fmt: skip
        """Elect leaders: ``election_type`` 0 gives the lead to preferred replicas, 1 also to those out of sync.

        ``topic_partitions`` maps topics to partition numbers, or lists topics, or is None for everything. The answer
        has ``replica_election_results``; that no election was needed (84) is no error that is raised.
        """
        self._open(timeout_ms)
        kind = checks.whole_number(election_type, "election_type", at_least=0, at_most=1)
        wanted = self._partitions(topic_partitions)
        answers = self._wait(self._native.elect_leaders(ELECTION_TYPES[kind], wanted), "elect_leaders()", timeout_ms)
        topics: dict[str, list[PartitionResult]] = {}
        errors = []
        for tp, native in answers.items():
            error = None if native is None else translated(native)
            assert error is None or isinstance(error, KafkaError)
            topics.setdefault(tp.topic, []).append(PartitionResult(tp.partition, *outcome(error)))
            if native is not None and native.name != "ELECTION_NOT_NEEDED":
                errors.append(error)
        raise_first(errors, raise_errors)
        return ElectLeadersResponse(0, 0, [ReplicaElectionResult(topic, parts) for topic, parts in topics.items()])

    def alter_partition_reassignments(
        self, reassignments: Mapping[TopicPartition, Sequence[int] | None], timeout_ms: float | None = None
    ) -> dict[TopicPartition, type[KafkaError] | None]:
        """Move partitions to these brokers, preferred leader first; the error class of each, or None.

        None cancels a move that is under way. The call is over when the moves have begun:
        ``list_partition_reassignments()`` tells when they are done.
        """
        self._open(timeout_ms)
        wanted = _mapping(reassignments, "reassignments", "lists of broker ids")
        for tp, replicas in wanted.items():
            if replicas is not None and not replicas:
                raise ConfigError(f"Replica list for {tp} must be non-empty; use None to cancel a reassignment.")
        outcomes: dict[TopicPartition, type[KafkaError] | None] = {}
        for tp, replicas in wanted.items():
            future = self._native.alter_partition_reassignments({tp: replicas})
            error = self._error_of(future, "alter_partition_reassignments()", timeout_ms)
            outcomes[tp] = None if error is None else type(error)
        return outcomes

    def list_partition_reassignments(
        self, topic_partitions: Mapping[str, Sequence[int]] | Sequence[TopicPartition] | None = None,
        timeout_ms: float | None = None,
    ) -> dict[TopicPartition, dict[str, list[int]]]:  # fmt: skip
        """The moves under way, of these partitions or of all: ``replicas``, ``adding_`` and ``removing_replicas``."""
        self._open(timeout_ms)
        wanted: list[TopicPartition] | None = None
        if isinstance(topic_partitions, Mapping):
            wanted = self._partitions(topic_partitions)
        elif topic_partitions is not None:
            wanted = listed(topic_partitions, "topic_partitions")
        moves = self._wait(
            self._native.list_partition_reassignments(), "list_partition_reassignments()", timeout_ms
        )  # fmt: skip
        return {
            tp: {
                "replicas": list(move.replicas),
                "adding_replicas": list(move.adding_replicas),
                "removing_replicas": list(move.removing_replicas),
            }
            for tp, move in moves.items()
            if wanted is None or tp in wanted
        }

    def list_partition_offsets(
        self, topic_partition_specs: Mapping[TopicPartition, int],
        isolation_level: int | str = IsolationLevel.READ_UNCOMMITTED, timeout_ms: float | None = None,
    ) -> dict[TopicPartition, OffsetAndTimestamp]:  # fmt: skip
        """Look offsets up by OffsetSpec.EARLIEST, LATEST or MAX_TIMESTAMP, or by a time in ms of the epoch.

        A time gives the first record at or after it; where nothing is found all is -1 and the epoch None.
        ``isolation_level`` READ_COMMITTED ends at the last stable offset. Raises UnknownTopicOrPartitionError.
        """
        self._open(timeout_ms)
        wanted = _mapping(topic_partition_specs, "topic_partition_specs", "specs")
        specs = {tp: _spec(spec, tp) for tp, spec in wanted.items()}
        level = IsolationLevel.build_from(isolation_level).name.lower()
        self._check_known(specs, "list_partition_offsets()")
        future = self._native.list_offsets(specs, isolation_level=level)
        found = self._wait(future, "list_partition_offsets()", timeout_ms)
        return {
            tp: OffsetAndTimestamp(one.offset, one.timestamp, one.leader_epoch if one.leader_epoch >= 0 else None)
            for tp, one in found.items()
        }

    def _partitions(self, given: Partitions) -> list[TopicPartition]:
        """Partitions in one of three spellings; None stands for all, as kafka-python spells them out."""
        if given is None:
            given = self._wait(self._native.list_topics(list_internal=True), "list_topics()")
        if isinstance(given, Mapping):
            pairs = [
                (topic, number)
                for topic, numbers in given.items()
                for number in several(numbers, f"the partitions of {topic}", "partition numbers")
            ]
            return listed([TopicPartition(*pair) for pair in pairs], "topic_partitions")
        found = []
        for topic in checks.names(given, "topic_partitions"):
            described = self._wait(self._native.describe_topic(topic), "describe_topics()")
            found += [TopicPartition(topic, part.partition) for part in described.partitions]
        return found


def _mapping(given: object, name: str, values: str) -> dict[TopicPartition, Any]:
    if not isinstance(given, Mapping):
        raise WrongTypeError(f"{name} must map TopicPartition to {values}. Got {checks.shown(given)}.")
    listed(given, name)
    return dict(given)


def _new_partitions(topic: object, given: object) -> NewPartitions:
    checks.topic_name(topic)
    if isinstance(given, Mapping):
        if set(given) != {"count", "assignments"}:
            raise ConfigError(f"A dict for {topic} must have count and assignments. Got {checks.shown(given)}.")
        given = NewPartitions(given["count"], given["assignments"])
    elif not isinstance(given, NewPartitions):
        given = NewPartitions(checks.whole_number(given, f"the number of partitions of {topic}"))
    return given


def _spec(spec: object, tp: TopicPartition) -> int | str:
    if isinstance(spec, bool) or not isinstance(spec, int):
        raise WrongTypeError(f"What to look for in {tp} must be an OffsetSpec or a time in ms. Got {spec!r}.")
    if spec >= 0:
        return int(spec)
    meant = OffsetSpec.build_from(spec)
    if meant not in SPECS:
        raise UsageError(f"OffsetSpec.{meant.name} speaks of tiered storage, which is not modelled.")
    return SPECS[meant]
