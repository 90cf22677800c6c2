"""An admin client: topics, leaders, replicas, settings, records and the cluster. Names are the Java client's.

Each call says whom it asks and what the answer means; sim/admin_calls.py does the asking. Kafka: KafkaAdminClient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafkasim.config import AdminConfig, checks
from kafkasim.config.setting import SHORT_MAX
from kafkasim.core.topic_rules import INTERNAL_TOPICS
from kafkasim.errors import ConfigError, InvalidTopicException, KafkaError, NotControllerException
from kafkasim.messages import admin
from kafkasim.messages.data import Error, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse
from kafkasim.records import OffsetAndMetadata, TopicPartition
from kafkasim.sim.admin_answers import (
    ClusterDescription,
    OffsetInfo,
    TopicDescription,
    TopicMetadataAndConfig,
    topic_description,
)
from kafkasim.sim.admin_arguments import (
    MAX_PARTITIONS,
    assignment_of,
    check_deletions,
    new_replicas_of,
    offset_spec_of,
    partitions_of,
    resource_of,
    settings_of,
    some_brokers_of,
)
from kafkasim.sim.admin_calls import AGAIN, AdminCalls
from kafkasim.sim.admin_groups import ConsumerGroupDescription, ConsumerGroupListing, GroupCalls
from kafkasim.sim.admin_transactions import TransactionCalls, TransactionDescription, TransactionListing
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future

ISOLATION_LEVELS = ("read_uncommitted", "read_committed")


class Admin:
    """An administrating client, on a machine of its own. Made by ``cluster.admin(...)``; all calls return futures.

    A call fails with Kafka's error, or with TimeoutException after default.api.timeout.ms; what may pass is tried again
    until then. Kafka: Admin, KafkaAdminClient.
    """

    def __init__(self, host: Host, bootstrap: Sequence[str], config: AdminConfig) -> None:
        self.host = host
        self.config = config
        self._calls = AdminCalls(host, bootstrap, config)
        self._groups = GroupCalls(self._calls)
        self._transactions = TransactionCalls(self._calls)

    def close(self) -> None:
        """Hang up; what is under way fails."""
        self._calls.close()

    # --- topics ------------------------------------------------------------------------------------------------

    def create_topic(
        self, topic: str, partitions: int = -1, replication_factor: int = -1,
        config: Mapping[str, object] | None = None, *, assignment: Mapping[int, Sequence[int]] | None = None,
        validate_only: bool = False,
    ) -> Future[TopicMetadataAndConfig]:  # fmt: skip
        """Create a topic; -1 means the broker's default. Gives what it has then. Kafka: createTopics.

        ``config`` are topic settings under Kafka's names; ``assignment`` maps each partition, from 0 on without gaps,
        to its brokers, preferred leader first, and excludes the counts. With ``validate_only`` everything is checked
        and nothing is made. Fails with TopicExistsException, InvalidTopicException, InvalidReplicationFactorException,
        InvalidPartitionsException, InvalidReplicaAssignmentException or InvalidConfigurationException.
        """
        checks.flag(validate_only, "validate_only")
        if not isinstance(topic, str):
            raise ConfigError(f"topic must be a text. Got {topic!r}.")
        checks.whole_number(partitions, "partitions", at_most=MAX_PARTITIONS)
        checks.whole_number(replication_factor, "replication_factor", at_most=SHORT_MAX)
        if assignment is not None and (partitions, replication_factor) != (-1, -1):
            raise ConfigError("Give either assignment or partitions and replication_factor, not both.")
        settings = {name: value for name, value in settings_of(config or {}).items() if value is not None}
        replicas = None if assignment is None else assignment_of(assignment)
        request = admin.CreateTopicsRequest(
            topic, partitions, replication_factor, settings, replicas, self._calls.timeout_ms, validate_only
        )
        name = f"create_topic({topic!r})"
        if not topic:
            failed: Future[TopicMetadataAndConfig] = Future(self.host.kernel, name)
            return failed.fail(InvalidTopicException("The name of a topic must not be empty."))

        def answered(response: admin.CreateTopicsResponse) -> TopicMetadataAndConfig:
            _raise(response)
            config = {entry.name: entry for entry in response.entries}
            return TopicMetadataAndConfig(response.num_partitions, response.replication_factor, config)

        return self._calls.call(name, self._calls.controller, request, answered)

    def delete_topic(self, topic: str) -> Future[None]:
        """Delete a topic: it is gone for clients when this is done, for good when every replica is, dead brokers' too.

        Fails with UnknownTopicOrPartitionException. Kafka: deleteTopics.
        """
        checks.name_of_some_topic(topic)
        request = admin.DeleteTopicsRequest(topic, self._calls.timeout_ms)
        return self._calls.call(f"delete_topic({topic!r})", self._calls.controller, request, _nothing)

    def create_partitions(
        self, topic: str, total_count: int, assignments: Sequence[Sequence[int]] | None = None, *,
        validate_only: bool = False,
    ) -> Future[None]:  # fmt: skip
        """Bring a topic up to ``total_count`` partitions. Kafka: createPartitions.

        ``assignments`` lists the brokers of each *new* partition, preferred leader first. Records with keys go
        elsewhere from now on, and old ones stay where they are. With ``validate_only`` nothing is made. Fails with
        InvalidPartitionsException when that is no increase.
        """
        checks.name_of_some_topic(topic)
        checks.flag(validate_only, "validate_only")
        checks.whole_number(total_count, "total_count", at_most=MAX_PARTITIONS)
        new = None if assignments is None else new_replicas_of(assignments)
        request = admin.CreatePartitionsRequest(topic, total_count, new, self._calls.timeout_ms, validate_only)
        return self._calls.call(f"create_partitions({topic!r})", self._calls.controller, request, _nothing)

    def list_topics(self, *, list_internal: bool = False) -> Future[list[str]]:
        """The names of all topics, sorted; the cluster's own (``__consumer_offsets``) only with ``list_internal``."""
        checks.flag(list_internal, "list_internal")

        def answered(response: MetadataResponse) -> list[str]:
            return [topic for topic in sorted(response.topics) if list_internal or topic not in INTERNAL_TOPICS]

        return self._calls.call("list_topics()", self._calls.any, MetadataRequest(None), answered)

    def describe_topic(self, topic: str) -> Future[TopicDescription]:
        """Leader, replicas and ISR of each partition, or UnknownTopicOrPartitionException. Kafka: describeTopics."""
        checks.topic_name(topic)
        return self._calls.call(
            f"describe_topic({topic!r})", self._calls.any, MetadataRequest((topic,)),
            lambda response: topic_description(topic, response),
        )  # fmt: skip

    # --- leaders and replicas ------------------------------------------------------------------------------------

    def elect_leaders(
        self, election_type: str, partitions: Sequence[TopicPartition] | None
    ) -> Future[dict[TopicPartition, KafkaError | None]]:
        """Elect "preferred" or "unclean" leaders; None for each partition that has one now, else its error.

        The preferred leader is the first replica, if it is in sync; an unclean one may be any live replica, and what it
        does not have is lost. ``partitions`` None stands for all; then those that need no election are left out of the
        answer. Kafka: electLeaders.
        """
        checks.one_of(election_type, "election_type", (admin.PREFERRED, admin.UNCLEAN))
        which = None if partitions is None else partitions_of(partitions)
        request = admin.ElectLeadersRequest(election_type, which, self._calls.timeout_ms)

        def answered(response: admin.ElectLeadersResponse) -> dict[TopicPartition, KafkaError | None]:
            _raise(response)
            return {tp: None if error is None else error(message) for tp, (error, message) in response.results.items()}

        # Unlike all other calls to the controller this one fails where there was a controller once.
        again = tuple(error for error in AGAIN if error is not NotControllerException)
        name = f"elect_leaders({election_type!r})"
        return self._calls.call(name, self._calls.controller, request, answered, again=again)

    def alter_partition_reassignments(
        self, reassignments: Mapping[TopicPartition, Sequence[int] | None]
    ) -> Future[None]:
        """Move partitions to other brokers, preferred leader first; None cancels a move that is under way.

        Done when the move has begun; list_partition_reassignments() tells when it is over. Fails with the first
        partition's error (InvalidReplicaAssignmentException, NoReassignmentInProgressException,
        UnknownTopicOrPartitionException); the others go on. Kafka: alterPartitionReassignments.
        """
        if not isinstance(reassignments, Mapping):
            raise ConfigError(f"reassignments must map partitions to lists of brokers. Got {reassignments!r}.")
        target = {
            tp: None if replicas is None else some_brokers_of(replicas, "reassignments")
            for tp, replicas in zip(partitions_of(list(reassignments)), reassignments.values(), strict=True)
        }
        request = admin.AlterPartitionReassignmentsRequest(target, self._calls.timeout_ms)

        def answered(response: admin.AlterPartitionReassignmentsResponse) -> None:
            _raise(response)
            for error, message in response.results.values():
                if error is not None:
                    raise error(message)

        return self._calls.call("alter_partition_reassignments()", self._calls.controller, request, answered)

    def list_partition_reassignments(self) -> Future[dict[TopicPartition, admin.PartitionReassignment]]:
        """The moves under way, by partition: all replicas, those being added and those that will go."""
        return self._calls.call(
            "list_partition_reassignments()", self._calls.controller, admin.ListPartitionReassignmentsRequest(),
            lambda response: _good(response).reassignments,
        )  # fmt: skip

    # --- settings and the cluster ----------------------------------------------------------------------------------

    def describe_configs(
        self, *, topic: str | None = None, broker: int | None = None
    ) -> Future[dict[str, admin.ConfigEntry]]:
        """All settings of a topic or a broker by name: the value in force, where it comes from, its type.

        A broker answers for itself. Fails with UnknownTopicOrPartitionException. Kafka: describeConfigs.
        """
        kind, name = resource_of(topic, broker)
        where = self._calls.any if broker is None else self._calls.broker(broker)
        return self._calls.call(
            f"describe_configs({kind}={name!r})", where, admin.DescribeConfigsRequest(kind, name),
            lambda response: {entry.name: entry for entry in _good(response).entries},
        )  # fmt: skip

    def incremental_alter_configs(
        self, config: Mapping[str, object], *, topic: str | None = None, broker: int | None = None,
        validate_only: bool = False,
    ) -> Future[None]:  # fmt: skip
        """Change settings of a topic or a broker; a value of None takes the setting away.

        The brokers hear of it through ZooKeeper, one after the other, soon after the answer. With ``validate_only``
        nothing is changed. Unknown names and values that cannot be are InvalidConfigurationException for a topic,
        InvalidRequestException for a broker. Kafka: incrementalAlterConfigs; APPEND and SUBTRACT are left out.
        """
        checks.flag(validate_only, "validate_only")
        kind, name = resource_of(topic, broker)
        where = self._calls.any if broker is None else self._calls.broker(broker)
        request = admin.IncrementalAlterConfigsRequest(kind, name, settings_of(config), validate_only)
        return self._calls.call(f"incremental_alter_configs({kind}={name!r})", where, request, _nothing)

    def describe_cluster(self) -> Future[ClusterDescription]:
        """Cluster id, controller id and the live brokers, as one broker knows them. Kafka: describeCluster."""

        def answered(response: admin.DescribeClusterResponse) -> ClusterDescription:
            controller = response.controller_id if response.controller_id >= 0 else None
            return ClusterDescription(response.cluster_id, controller, response.nodes)

        return self._calls.call("describe_cluster()", self._calls.any, admin.DescribeClusterRequest(), answered)

    # --- records and producers -----------------------------------------------------------------------------------

    def delete_records(self, offsets: Mapping[TopicPartition, int]) -> Future[dict[TopicPartition, int]]:
        """Delete what lies below these offsets (-1 is the high watermark); the new low watermark of each partition.

        Done when all live replicas have followed. Fails with OffsetOutOfRangeException above the high watermark,
        PolicyViolationException for a topic that is only compacted. Kafka: deleteRecords.
        """
        check_deletions(offsets)

        def request(partitions: tuple[TopicPartition, ...]) -> admin.DeleteRecordsRequest:
            return admin.DeleteRecordsRequest({tp: offsets[tp] for tp in partitions}, self._calls.timeout_ms)

        def answered(response: admin.DeleteRecordsResponse) -> dict[TopicPartition, int | KafkaError]:
            return {
                tp: part.low_watermark if part.error is None else part.error()
                for tp, part in response.partitions.items()
            }

        return self._calls.call_leaders("delete_records()", offsets, request, answered)

    def list_offsets(
        self, specs: Mapping[TopicPartition, str | int], *, isolation_level: str = "read_uncommitted"
    ) -> Future[dict[TopicPartition, OffsetInfo]]:
        """Look offsets up: "earliest", "latest", "max_timestamp", or the first at or after a time in ms of the epoch.

        The answer has offset, timestamp and leader epoch, all -1 where nothing is found. "latest" is the high
        watermark, with ``isolation_level="read_committed"`` the last stable offset. Kafka: listOffsets.
        """
        checks.one_of(isolation_level, "isolation_level", ISOLATION_LEVELS)
        if not isinstance(specs, Mapping):
            raise ConfigError(f"specs must map partitions to what is looked for. Got {specs!r}.")
        times = {
            tp: offset_spec_of(spec) for tp, spec in zip(partitions_of(list(specs)), specs.values(), strict=True)
        }  # fmt: skip
        committed = isolation_level == "read_committed"

        def answered(response: ListOffsetsResponse) -> dict[TopicPartition, OffsetInfo | KafkaError]:
            return {
                tp: OffsetInfo(part.offset, part.timestamp, part.leader_epoch) if part.error is None else part.error()
                for tp, part in response.offsets.items()
            }

        return self._calls.call_leaders(
            "list_offsets()", times, lambda tps: ListOffsetsRequest({tp: times[tp] for tp in tps}, committed), answered,
            tolerates_unknown_topics=False,
        )  # fmt: skip

    def describe_producers(
        self, partitions: Sequence[TopicPartition]
    ) -> Future[dict[TopicPartition, tuple[admin.ProducerState, ...]]]:
        """The producers that each partition's leader remembers, ids ascending. Kafka: describeProducers."""

        def answered(response: admin.DescribeProducersResponse) -> dict[TopicPartition, Any]:
            return {
                tp: part.active_producers if part.error is None else part.error()
                for tp, part in response.partitions.items()
            }

        return self._calls.call_leaders(
            "describe_producers()", partitions_of(partitions), admin.DescribeProducersRequest, answered
        )

    # --- groups ----------------------------------------------------------------------------------------------------

    def list_consumer_groups(self) -> Future[list[ConsumerGroupListing]]:
        """The groups that the brokers coordinate, sorted, each with its state."""
        return self._groups.list()

    def describe_consumer_group(self, group: str) -> Future[ConsumerGroupDescription]:
        """State, assignor, coordinator and members of a group; one that nobody knows is Dead, without an error."""
        return self._groups.describe(group)

    def delete_consumer_group(self, group: str) -> Future[None]:
        """Delete a group with its offsets; GroupNotEmptyException with members, GroupIdNotFoundException."""
        return self._groups.delete(group)

    def list_consumer_group_offsets(self, group: str, *, metadata: bool = False) -> Future[dict[TopicPartition, Any]]:
        """All committed offsets of a group, sorted by partition; those in open transactions do not count yet.

        With ``metadata`` an OffsetAndMetadata each, as Java's. A group that nobody knows has none.
        """
        checks.flag(metadata, "metadata")
        return self._groups.offsets(group, metadata)

    def alter_consumer_group_offsets(
        self, group: str, offsets: Mapping[TopicPartition, int] | Mapping[TopicPartition, OffsetAndMetadata], *,
        raise_errors: bool = True,
    ) -> Future[dict[TopicPartition, Error]]:  # fmt: skip
        """Commit offsets for a group that has no members; a group that does not exist comes to be by that.

        Fails with the first partition's error (UnknownMemberIdException: there are members;
        UnknownTopicOrPartitionException); with ``raise_errors=False`` it gives the error of each, or None.
        """
        checks.flag(raise_errors, "raise_errors")
        return self._groups.alter_offsets(group, offsets, raise_errors)

    def delete_consumer_group_offsets(
        self, group: str, partitions: Sequence[TopicPartition], *, raise_errors: bool = True
    ) -> Future[dict[TopicPartition, Error]]:
        """Forget committed offsets; not of topics that a member is subscribed to.

        Fails with GroupIdNotFoundException, or with the first partition's error (GroupSubscribedToTopicException,
        UnknownTopicOrPartitionException); with ``raise_errors=False`` it gives the error of each, or None.
        """
        checks.flag(raise_errors, "raise_errors")
        return self._groups.delete_offsets(group, partitions, raise_errors)

    def remove_member_from_consumer_group(
        self, group: str, *, member_id: str | None = None, group_instance_id: str | None = None
    ) -> Future[None]:
        """Have one member leave its group, which rebalances then; a static one goes by its instance id.

        Fails with UnknownMemberIdException. Kafka: removeMembersFromConsumerGroup, which takes several, and static ones
        only; the protocol (LeaveGroup) knows both. A member that lives joins again with its next poll().
        """
        if (member_id is None) == (group_instance_id is None):
            raise ConfigError(
                f"Give either member_id=... or group_instance_id=.... Got {member_id!r} and {group_instance_id!r}."
            )
        name, value = (
            ("member_id", member_id) if group_instance_id is None else ("group_instance_id", group_instance_id)
        )
        checks.text(value, name)
        return self._groups.remove(group, member_id or "", group_instance_id)

    # --- transactions ----------------------------------------------------------------------------------------------

    def list_transactions(self) -> Future[list[TransactionListing]]:
        """The transactional ids that the brokers coordinate, sorted, each with the state of its last transaction."""
        return self._transactions.list()

    def describe_transaction(self, transactional_id: str) -> Future[TransactionDescription]:
        """State, producer id and epoch, coordinator, timeout, start and partitions.

        TransactionalIdNotFoundException for an id that nobody has used. Kafka: describeTransactions.
        """
        return self._transactions.describe(transactional_id)

    def abort_transaction(
        self, partition: TopicPartition, producer_id: int, producer_epoch: int, coordinator_epoch: int = -1
    ) -> Future[None]:
        """Write an abort marker into one partition whose transaction hangs; describe_producers() has the numbers."""
        return self._transactions.abort(partition, producer_id, producer_epoch, coordinator_epoch)


def _raise(response: admin.AdminResponse) -> None:
    if response.error is not None:
        raise response.error(response.message)


_nothing = _raise


def _good(response: Any) -> Any:
    """A response that carries no error."""
    _raise(response)
    return response
