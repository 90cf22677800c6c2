"""What an admin client asks about groups: the calls of Admin that speak with coordinators.

Kafka: KafkaAdminClient with CoordinatorStrategy; ListGroups goes to every broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.messages import group_admin, groups
from kafkasim.messages.data import Error, MetadataRequest, MetadataResponse
from kafkasim.records import OffsetAndMetadata, TopicPartition
from kafkasim.sim.admin_arguments import partition_of, partitions_of
from kafkasim.sim.admin_calls import AGAIN, AdminCalls, Answered, Call
from kafkasim.sim.kernel import Future

Errors = dict[TopicPartition, Error]


@dataclass(frozen=True, slots=True)
class ConsumerGroupListing:
    """A group and the state that its coordinator sees it in.

    ``is_simple_consumer_group`` holds for one that has never had members, only committed offsets. ``coordinator``, the
    broker that told of it, is an addition of ours.
    """

    group_id: str
    state: str
    is_simple_consumer_group: bool = False
    coordinator: int = -1


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescription:
    """A group as its coordinator knows it.

    ``state`` is Kafka's name, "Dead" for a group that nobody knows; ``assignor`` and the members' partitions are empty
    unless it is Stable. ``is_simple_consumer_group`` holds for one that has never had members.
    """

    group_id: str
    state: str
    assignor: str
    coordinator: int
    members: tuple[group_admin.DescribedMember, ...]
    is_simple_consumer_group: bool = True


class GroupCalls:
    """The group part of one admin client."""

    def __init__(self, calls: AdminCalls) -> None:
        self._calls = calls

    def list(self) -> Future[list[ConsumerGroupListing]]:
        """The groups of all brokers, sorted."""
        call = Call(self._calls, "list_consumer_groups()", lambda error: error.retriable)
        found: dict[int, list[ConsumerGroupListing]] = {}

        def ask_all(metadata: MetadataResponse) -> None:
            waiting = [broker for broker in metadata.brokers if broker not in found]

            def ask(broker: int) -> None:
                def take(response: group_admin.ListGroupsResponse) -> None:
                    found[broker] = [
                        ConsumerGroupListing(group, state, not protocol, broker)
                        for group, state, protocol in response.groups
                    ]
                    if len(found) >= len(metadata.brokers):
                        everything = [one for broker in sorted(found) for one in found[broker]]
                        call.succeed(sorted(everything, key=lambda one: one.group_id))

                call.send(metadata.brokers[broker], group_admin.ListGroupsRequest(), take)

            for broker in waiting:
                ask(broker)

        call.begin(lambda: self._calls.any(call, lambda server: call.send(server, MetadataRequest(()), ask_all)))
        return call.future

    def describe(self, group: str) -> Future[ConsumerGroupDescription]:
        """State, assignor, coordinator and members."""
        name = f"describe_consumer_group({_name(group)!r})"
        call = Call(self._calls, name, lambda error: error.retriable)

        def found(answer: groups.FindCoordinatorResponse) -> None:
            if answer.error is not None:
                raise answer.error

            def take(response: group_admin.DescribeGroupsResponse) -> None:
                _raise(response.error)
                call.succeed(
                    ConsumerGroupDescription(
                        group, response.state, response.protocol, answer.node_id, response.members,
                        not response.protocol_type,
                    )
                )  # fmt: skip

            call.send(answer.host, group_admin.DescribeGroupsRequest(group), take)

        question = groups.FindCoordinatorRequest(group)
        call.begin(lambda: self._calls.any(call, lambda server: call.send(server, question, found)))
        return call.future

    def delete(self, group: str) -> Future[None]:
        """Delete a group without members, with its offsets."""
        request = group_admin.DeleteGroupsRequest(_name(group))
        return self._ask("delete_consumer_group()", request, lambda response: _raise(response.error))

    def offsets(self, group: str, metadata: bool) -> Future[dict[TopicPartition, Any]]:
        """All committed offsets, sorted; those of open transactions do not count yet."""
        request = groups.OffsetFetchRequest(_name(group), None)

        def answered(response: groups.OffsetFetchResponse) -> dict[TopicPartition, Any]:
            _raise(response.error)
            known = sorted(response.offsets)
            return {tp: response.committed(tp) if metadata else response.offsets[tp] for tp in known}

        return self._ask("list_consumer_group_offsets()", request, answered)

    def alter_offsets(
        self, group: str, offsets: Mapping[TopicPartition, Any], raise_errors: bool
    ) -> Future[Errors]:  # fmt: skip
        """Commit for a group that has no members."""
        if not isinstance(offsets, Mapping):
            raise ConfigError(f"offsets must map TopicPartitions to whole numbers. Got {offsets!r}.")
        wanted = {partition_of(tp): checks.argument(_offset(one), f"the offset of {tp}") for tp, one in offsets.items()}
        beside = {tp: one for tp, one in offsets.items() if isinstance(one, OffsetAndMetadata)}
        request = groups.OffsetCommitRequest(
            _name(group), "", -1, wanted, None,
            {tp: -1 if one.leader_epoch is None else one.leader_epoch for tp, one in beside.items()},
            {tp: one.metadata or "" for tp, one in beside.items()},
        )  # fmt: skip

        def answered(response: groups.OffsetCommitResponse) -> Errors:
            if response.error is not None and issubclass(response.error, AGAIN):
                raise response.error
            return _all({tp: response.errors.get(tp, response.error) for tp in wanted}, raise_errors)

        return self._ask("alter_consumer_group_offsets()", request, answered)

    def delete_offsets(
        self, group: str, partitions: Sequence[TopicPartition], raise_errors: bool
    ) -> Future[Errors]:  # fmt: skip
        """Forget committed offsets of topics that no member is subscribed to."""
        request = group_admin.OffsetDeleteRequest(_name(group), partitions_of(partitions))

        def answered(response: group_admin.OffsetDeleteResponse) -> Errors:
            _raise(response.error)
            return _all({tp: response.errors.get(tp) for tp in request.partitions}, raise_errors)

        return self._ask("delete_consumer_group_offsets()", request, answered)

    def remove(self, group: str, member_id: str, instance_id: str | None) -> Future[None]:
        """Have one member leave, by its member id, or by its instance id alone."""
        request = groups.LeaveGroupRequest(_name(group), member_id, instance_id)
        return self._ask("remove_member_from_consumer_group()", request, lambda response: _raise(response.error))

    def _ask(self, name: str, request: groups.GroupRequest, answered: Answered) -> Future[Any]:
        where = self._calls.coordinator(groups.FindCoordinatorRequest(request.group_id))
        return self._calls.call(name, where, request, answered)


def _raise(error: Error) -> None:
    if error is not None:
        raise error


def _all(errors: Errors, raise_errors: bool) -> Errors:
    """The errors of all partitions, or the first of them raised."""
    for error in errors.values() if raise_errors else ():
        _raise(error)
    return errors


def _name(group: object) -> str:
    return checks.text(group, "group")


def _offset(given: object) -> object:
    return given.offset if isinstance(given, OffsetAndMetadata) else given
