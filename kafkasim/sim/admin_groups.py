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
from kafkasim.records import TopicPartition
from kafkasim.sim.admin_calls import AdminCalls, Answered, Call
from kafkasim.sim.kernel import Future


@dataclass(frozen=True, slots=True)
class ConsumerGroupListing:
    """A group and the state that its coordinator sees it in."""

    group_id: str
    state: str


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescription:
    """A group as its coordinator knows it.

    ``state`` is Kafka's name, "Dead" for a group that nobody knows; ``assignor`` and the members' partitions are empty
    unless it is Stable.
    """

    group_id: str
    state: str
    assignor: str
    coordinator: int
    members: tuple[group_admin.DescribedMember, ...]


class GroupCalls:
    """The group part of one admin client."""

    def __init__(self, calls: AdminCalls) -> None:
        self._calls = calls

    def list(self) -> Future[list[ConsumerGroupListing]]:
        """The groups of all brokers, sorted."""
        call = Call(self._calls, "list_consumer_groups()", lambda error: error.retriable)
        found: dict[str, list[ConsumerGroupListing]] = {}

        def ask_all(metadata: MetadataResponse) -> None:
            waiting = [server for server in metadata.brokers.values() if server not in found]

            def ask(server: str) -> None:
                def take(response: group_admin.ListGroupsResponse) -> None:
                    found[server] = [ConsumerGroupListing(*one) for one in response.groups]
                    if len(found) >= len(metadata.brokers):
                        everything = [one for server in sorted(found) for one in found[server]]
                        call.succeed(sorted(everything, key=lambda one: one.group_id))

                call.send(server, group_admin.ListGroupsRequest(), take)

            for server in waiting:
                ask(server)

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
                    ConsumerGroupDescription(group, response.state, response.protocol, answer.node_id, response.members)
                )

            call.send(answer.host, group_admin.DescribeGroupsRequest(group), take)

        question = groups.FindCoordinatorRequest(group)
        call.begin(lambda: self._calls.any(call, lambda server: call.send(server, question, found)))
        return call.future

    def delete(self, group: str) -> Future[None]:
        """Delete a group without members, with its offsets."""
        request = group_admin.DeleteGroupsRequest(_name(group))
        return self._ask("delete_consumer_group()", request, lambda response: _raise(response.error))

    def offsets(self, group: str) -> Future[dict[TopicPartition, int]]:
        """All committed offsets, sorted; those of open transactions do not count yet."""
        request = groups.OffsetFetchRequest(_name(group), None)

        def answered(response: groups.OffsetFetchResponse) -> dict[TopicPartition, int]:
            _raise(response.error)
            return dict(sorted(response.offsets.items()))

        return self._ask("list_consumer_group_offsets()", request, answered)

    def alter_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> Future[None]:
        """Commit for a group that has no members."""
        if not isinstance(offsets, Mapping):
            raise ConfigError(f"offsets must map TopicPartitions to whole numbers. Got {offsets!r}.")
        wanted = {
            _partition(tp): checks.whole_number(offset, f"the offset of {tp}", at_least=0)
            for tp, offset in offsets.items()
        }
        request = groups.OffsetCommitRequest(_name(group), "", -1, wanted)
        return self._ask("alter_consumer_group_offsets()", request, lambda response: _raise(response.error))

    def delete_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> Future[None]:
        """Forget committed offsets of topics that no member is subscribed to."""
        if not isinstance(partitions, Sequence) or isinstance(partitions, str | TopicPartition):
            raise ConfigError(f"partitions must be a list of TopicPartition. Got {partitions!r}.")
        request = group_admin.OffsetDeleteRequest(_name(group), tuple(map(_partition, partitions)))

        def answered(response: group_admin.OffsetDeleteResponse) -> None:
            _raise(response.error)
            for error in response.errors.values():
                _raise(error)

        return self._ask("delete_consumer_group_offsets()", request, answered)

    def _ask(self, name: str, request: groups.GroupRequest, answered: Answered) -> Future[Any]:
        where = self._calls.coordinator(groups.FindCoordinatorRequest(request.group_id))
        return self._calls.call(name, where, request, answered)


def _raise(error: Error) -> None:
    if error is not None:
        raise error


def _name(group: object) -> str:
    return checks.text(group, "group")


def _partition(tp: object) -> TopicPartition:
    if not isinstance(tp, TopicPartition):
        raise ConfigError(f"A partition is a TopicPartition, as TopicPartition('orders', 0). Got {tp!r}.")
    return tp
