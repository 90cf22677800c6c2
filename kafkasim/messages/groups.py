"""Groups: finding the coordinator, joining, syncing, beating, leaving, committing and fetching offsets.

A member's subscription and assignment travel as what they mean; Kafka packs them into bytes. One answer holds for all
partitions of a fetch of offsets; Kafka has an error for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.records import OffsetAndMetadata, TopicPartition


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member wants, and what it still owns from the generation it was last part of.

    ``group_instance_id`` is filled in by the coordinator, for the leader: assignors put static members first. The
    ``sticky_`` fields are what the eager sticky assignor remembers, its user data: it gives up everything before it
    joins, and still wants the same again.
    """

    topics: tuple[str, ...]
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation_id: int = -1
    group_instance_id: str | None = None
    sticky_partitions: tuple[TopicPartition, ...] = ()
    sticky_generation: int = -1


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
    """Which broker coordinates this group, or, with ``key_type`` "transaction", this transactional id?"""

    key_type: str = "group"

    def describe(self) -> str:
        return f"FindCoordinator {self.group_id} ({self.key_type})"


@dataclass(slots=True)
class FindCoordinatorResponse(GroupResponse):
    node_id: int = -1
    host: str = ""


@dataclass(slots=True)
class JoinGroupRequest(GroupRequest):
    """Take part in the next generation; ``protocols`` are the member's assignors, the favourite first.

    An empty ``member_id`` asks for one. With a ``group_instance_id`` the member is static: it may come back under the
    same instance id within its session timeout, and nobody notices. Kafka takes ``client_host`` from the connection.
    """

    member_id: str
    client_id: str
    protocols: tuple[str, ...]
    subscription: Subscription
    session_timeout_ms: int
    rebalance_timeout_ms: int
    group_instance_id: str | None = None
    client_host: str = ""

    def describe(self) -> str:
        return f"JoinGroup {self.group_id} ({self.client_id}, {' or '.join(self.protocols)})"


@dataclass(slots=True)
class JoinGroupResponse(GroupResponse):
    """Only the leader of the group gets the ``members``, with what they want.

    ``skip_assignment`` tells a static leader that has come back that the present assignment stays (KIP-814).
    """

    member_id: str = ""
    generation_id: int = -1
    protocol: str = ""
    leader: str = ""
    members: dict[str, Subscription] = field(default_factory=dict)
    skip_assignment: bool = False


@dataclass(slots=True)
class SyncGroupRequest(GroupRequest):
    """The leader brings everybody's ``assignments``, the others none."""

    member_id: str
    generation_id: int
    assignments: dict[str, tuple[TopicPartition, ...]] = field(default_factory=dict)
    group_instance_id: str | None = None

    def describe(self) -> str:
        brings = f", assigns to {len(self.assignments)}" if self.assignments else ""
        return f"SyncGroup {self.group_id} (generation {self.generation_id}{brings})"


@dataclass(slots=True)
class SyncGroupResponse(GroupResponse):
    assignment: tuple[TopicPartition, ...] = ()


@dataclass(slots=True)
class HeartbeatRequest(GroupRequest):
    member_id: str
    generation_id: int
    group_instance_id: str | None = None


@dataclass(slots=True)
class HeartbeatResponse(GroupResponse):
    pass


@dataclass(slots=True)
class LeaveGroupRequest(GroupRequest):
    """A member goes. An administrator names a static member by ``group_instance_id``, with an empty ``member_id``."""

    member_id: str
    group_instance_id: str | None = None


@dataclass(slots=True)
class LeaveGroupResponse(GroupResponse):
    pass


@dataclass(slots=True)
class OffsetCommitRequest(GroupRequest):
    """Offsets to read next. Generation -1 and no member id: a consumer that is in no group's generation.

    ``leader_epochs`` (of the last record read) and ``metadata`` (a text of the user's own) may name some partitions.
    """

    member_id: str
    generation_id: int
    offsets: dict[TopicPartition, int]
    group_instance_id: str | None = None
    leader_epochs: dict[TopicPartition, int] = field(default_factory=dict)
    metadata: dict[TopicPartition, str] = field(default_factory=dict)

    def describe(self) -> str:
        parts = ", ".join(f"{tp} at {offset}" for tp, offset in self.offsets.items())
        return f"OffsetCommit {self.group_id} ({parts or 'nothing'})"


@dataclass(slots=True)
class OffsetCommitResponse(GroupResponse):
    """``error`` holds for all partitions but those in ``errors``, which are not committed in any case."""

    errors: dict[TopicPartition, Error] = field(default_factory=dict)


@dataclass(slots=True)
class OffsetFetchRequest(GroupRequest):
    """With ``require_stable``, as consumers ask, offsets inside an open transaction are UNSTABLE_OFFSET_COMMIT.

    ``partitions`` None asks for all.
    """

    partitions: tuple[TopicPartition, ...] | None
    require_stable: bool = False


@dataclass(slots=True)
class OffsetFetchResponse(GroupResponse):
    """The committed offsets of the partitions that have one, with what was committed beside them."""

    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    leader_epochs: dict[TopicPartition, int] = field(default_factory=dict)
    metadata: dict[TopicPartition, str] = field(default_factory=dict)

    def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """All that is committed of a partition, None for nothing."""
        if tp not in self.offsets:
            return None
        return OffsetAndMetadata(self.offsets[tp], self.metadata.get(tp, ""), self.leader_epochs.get(tp, -1))
