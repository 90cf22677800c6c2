"""Administrating groups: describing, listing and deleting them and their offsets, under Kafka's names."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.messages.groups import GroupRequest, GroupResponse
from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """One member as its coordinator knows it; ``partitions`` are empty unless the group is Stable."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    host: str
    partitions: tuple[TopicPartition, ...]


@dataclass(slots=True)
class DescribeGroupsRequest(GroupRequest):
    pass


@dataclass(slots=True)
class DescribeGroupsResponse(GroupResponse):
    """An unknown group is Dead, without an error. ``protocol`` is the assignor, empty unless the group is Stable."""

    state: str = "Dead"
    protocol: str = ""
    members: tuple[DescribedMember, ...] = ()


@dataclass(slots=True)
class ListGroupsRequest(GroupRequest):
    """Which groups does this broker coordinate? The group id is empty."""

    group_id: str = ""

    def describe(self) -> str:
        return "ListGroups"


@dataclass(slots=True)
class ListGroupsResponse(GroupResponse):
    """(group id, state) of each."""

    groups: tuple[tuple[str, str], ...] = ()


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
    """The error of each partition."""

    errors: dict[TopicPartition, Error] = field(default_factory=dict)
