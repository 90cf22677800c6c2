"""Administrating groups: describing, listing and deleting them and their offsets, under Kafka's names."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.messages.groups import GroupRequest, GroupResponse, Subscription
from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """One member as its coordinator knows it; ``subscription`` is None and ``partitions`` are empty unless the group
    is Stable."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    host: str
    partitions: tuple[TopicPartition, ...]
    subscription: Subscription | None = None


@dataclass(slots=True)
class DescribeGroupsRequest(GroupRequest):
    pass


@dataclass(slots=True)
class DescribeGroupsResponse(GroupResponse):
    """An unknown group is Dead, without an error. ``protocol`` is the assignor, empty unless the group is Stable.

    ``protocol_type`` is "consumer", or empty for a group that has never had members.
    """

    state: str = "Dead"
    protocol: str = ""
    members: tuple[DescribedMember, ...] = ()
    protocol_type: str = ""


@dataclass(slots=True)
class ListGroupsRequest(GroupRequest):
    """Which groups does this broker coordinate? The group id is empty."""

    group_id: str = ""

    def describe(self) -> str:
        return "ListGroups"


@dataclass(slots=True)
class ListGroupsResponse(GroupResponse):
    """(group id, state, protocol type) of each."""

    groups: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class DeleteGroupsRequest(GroupRequest):
    pass


@dataclass(slots=True)
class DeleteGroupsResponse(GroupResponse):
    pass


@dataclass(slots=True)
class OffsetDeleteRequest(GroupRequest):
    """These committed offsets shall go."""

    partitions: tuple[TopicPartition, ...]


@dataclass(slots=True)
class OffsetDeleteResponse(GroupResponse):
    """What went wrong, by partition; the others are deleted."""

    errors: dict[TopicPartition, Error] = field(default_factory=dict)
