"""Groups: finding the coordinator, joining, syncing, beating, leaving, committing and fetching offsets.

A member's subscription and assignment travel as what they mean; Kafka packs them into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.records import TopicPartition


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member wants, and what it still owns from the generation it was last part of."""

    topics: tuple[str, ...]
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation_id: int = -1


@dataclass(slots=True)
class GroupRequest:
    """Any request to the coordinator of ``group_id``."""

    group_id: str

    def describe(self) -> str:
        return f"{type(self).__name__.removesuffix('Request')} {self.group_id}"


@dataclass(slots=True)
class GroupResponse:
    """Any answer of a coordinator."""

    error: Error = None

    def describe(self) -> str:
        word = "answer" if self.error is None else f"answer {self.error.name}"
        return f"{type(self).__name__.removesuffix('Response')} {word}"


@dataclass(slots=True)
class FindCoordinatorRequest(GroupRequest):
    """Which broker coordinates this group?"""


@dataclass(slots=True)
class FindCoordinatorResponse(GroupResponse):
    node_id: int = -1
    host: str = ""


@dataclass(slots=True)
class JoinGroupRequest(GroupRequest):
    """Take part in the next generation; ``protocols`` are the member's assignors, the favourite first."""

    member_id: str
    client_id: str
    protocols: tuple[str, ...]
    subscription: Subscription
    session_timeout_ms: int
    rebalance_timeout_ms: int


@dataclass(slots=True)
class JoinGroupResponse(GroupResponse):
    """Only the leader of the group gets the ``members``, with what they want."""

    member_id: str = ""
    generation_id: int = -1
    protocol: str = ""
    leader: str = ""
    members: dict[str, Subscription] = field(default_factory=dict)


@dataclass(slots=True)
class SyncGroupRequest(GroupRequest):
    """The leader brings everybody's ``assignments``, the others none."""

    member_id: str
    generation_id: int
    assignments: dict[str, tuple[TopicPartition, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class SyncGroupResponse(GroupResponse):
    assignment: tuple[TopicPartition, ...] = ()


@dataclass(slots=True)
class HeartbeatRequest(GroupRequest):
    member_id: str
    generation_id: int


@dataclass(slots=True)
class HeartbeatResponse(GroupResponse):
    pass


@dataclass(slots=True)
class LeaveGroupRequest(GroupRequest):
    member_id: str


@dataclass(slots=True)
class LeaveGroupResponse(GroupResponse):
    pass


@dataclass(slots=True)
class OffsetCommitRequest(GroupRequest):
    """Offsets to read next. Generation -1 and no member id: a consumer that is in no group's generation."""

    member_id: str
    generation_id: int
    offsets: dict[TopicPartition, int]


@dataclass(slots=True)
class OffsetCommitResponse(GroupResponse):
    pass


@dataclass(slots=True)
class OffsetFetchRequest(GroupRequest):
    partitions: tuple[TopicPartition, ...]


@dataclass(slots=True)
class OffsetFetchResponse(GroupResponse):
    """The committed offsets of the partitions that have one."""

    offsets: dict[TopicPartition, int] = field(default_factory=dict)
