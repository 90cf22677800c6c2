"""Errors of consumer groups."""

from __future__ import annotations

from kafkasim.errors.base import KafkaError, RetriableException


class CoordinatorLoadInProgressException(RetriableException, code=14, name="COORDINATOR_LOAD_IN_PROGRESS"):
    """The coordinator is still reading its partition."""


class CoordinatorNotAvailableException(RetriableException, code=15, name="COORDINATOR_NOT_AVAILABLE"):
    """The coordinator's partition has no leader, or the topic is just being created."""


class NotCoordinatorException(RetriableException, code=16, name="NOT_COORDINATOR"):
    """This broker is not the coordinator of that group."""


class IllegalGenerationException(KafkaError, code=22, name="ILLEGAL_GENERATION"):
    """The group has moved on to another generation."""


class InconsistentGroupProtocolException(KafkaError, code=23, name="INCONSISTENT_GROUP_PROTOCOL"):
    """The member supports no assignor that all the others support."""


class InvalidGroupIdException(KafkaError, code=24, name="INVALID_GROUP_ID"):
    """The group id is empty or missing."""


class UnknownMemberIdException(KafkaError, code=25, name="UNKNOWN_MEMBER_ID"):
    """The coordinator does not know this member of the group."""


class InvalidSessionTimeoutException(KafkaError, code=26, name="INVALID_SESSION_TIMEOUT"):
    """session.timeout.ms is outside the broker's limits."""


class RebalanceInProgressException(KafkaError, code=27, name="REBALANCE_IN_PROGRESS"):
    """The group is rebalancing: join again."""


class InvalidCommitOffsetSizeException(KafkaError, code=28, name="INVALID_COMMIT_OFFSET_SIZE"):
    """The committed offsets do not fit into a batch."""


class GroupNotEmptyException(KafkaError, code=68, name="NON_EMPTY_GROUP"):
    """The group has members."""


class GroupIdNotFoundException(KafkaError, code=69, name="GROUP_ID_NOT_FOUND"):
    """There is no such group."""


class MemberIdRequiredException(KafkaError, code=79, name="MEMBER_ID_REQUIRED"):
    """Join again with the member id that this answer carries."""


class GroupMaxSizeReachedException(KafkaError, code=81, name="GROUP_MAX_SIZE_REACHED"):
    """The group is full."""


class FencedInstanceIdException(KafkaError, code=82, name="FENCED_INSTANCE_ID"):
    """Another member has joined with the same group.instance.id."""


class GroupSubscribedToTopicException(KafkaError, code=86, name="GROUP_SUBSCRIBED_TO_TOPIC"):
    """The group is subscribed to the topic whose offsets were to be deleted."""


class UnstableOffsetCommitException(RetriableException, code=88, name="UNSTABLE_OFFSET_COMMIT"):
    """A transaction that carries offsets of this partition is still open."""
