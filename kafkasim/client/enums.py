"""kafka-python's enumerations of small numbers and words, member by member as there.

Wherever a call takes one of them it takes its name, too, in any case and with '-' for '_', and its value.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from kafkasim.errors import ConfigError


class EnumHelper:
    """What kafka-python's enumerations can do besides. kafka-python: kafka.util.EnumHelper."""

    @classmethod
    def build_from(cls, val: Any) -> Any:
        """The member that is meant: itself, its value or its name."""
        if isinstance(val, cls):
            return val
        members: list[Any] = list(cls)  # type: ignore[call-overload]
        named = str(val).strip().upper().replace("-", "_")
        for member in members:
            if (val == member.value and not isinstance(val, bool)) or named == member.name:
                return member
        allowed = ", ".join(member.name for member in members)
        raise ConfigError(f"Unrecognized {cls.__name__}: {val!r}. There are {allowed}.")

    @classmethod
    def value_for(cls, val: Any) -> Any:
        """The value of the member that is meant."""
        return cls.build_from(val).value


class IsolationLevel(EnumHelper, IntEnum):
    """Whether records of open and aborted transactions count."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


class OffsetSpec(EnumHelper, IntEnum):
    """What to look for in a partition, beside times. There is no tiered storage: EARLIEST_LOCAL is EARLIEST."""

    LATEST = -1
    EARLIEST = -2
    MAX_TIMESTAMP = -3
    EARLIEST_LOCAL = -4
    LATEST_TIERED = -5


class OffsetTimestamp(int):
    """A time in ms of the epoch, where a plain number would be an offset."""

    def __repr__(self) -> str:
        return f"OffsetTimestamp({int(self)})"


class ConfigResourceType(EnumHelper, IntEnum):
    """What has settings; topics and brokers do here."""

    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigFilterType(EnumHelper, IntEnum):
    """Which settings to tell."""

    ALL = 0
    DYNAMIC = 1
    MODIFIED = 2
    DEFAULT = 3
    STATIC = 4


class AlterConfigOp(EnumHelper, IntEnum):
    """What to do with a setting; SET and DELETE are done here."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class ConfigType(EnumHelper, IntEnum):
    """Kafka's types of settings."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class ConfigSourceType(EnumHelper, IntEnum):
    """Where the value of a setting comes from."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    DYNAMIC_CLIENT_METRICS_CONFIG = 7
    DYNAMIC_GROUP_CONFIG = 8

    def is_modified(self) -> bool:
        """Whether somebody has changed it while the cluster ran."""
        return self.value not in (3, 4, 5)


class GroupState(EnumHelper, str, Enum):  # noqa: UP042  # as there, also in how it prints
    """The states of a group; Assigning and Reconciling belong to KIP-848 and never occur here."""

    UNKNOWN = "Unknown"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"
    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"


class GroupType(EnumHelper, str, Enum):  # noqa: UP042  # as there, also in how it prints
    """The kinds of groups; here there are classic ones."""

    UNKNOWN = "Unknown"
    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"


class TransactionState(EnumHelper, str, Enum):  # noqa: UP042  # as there, also in how it prints
    """The states of a transaction at its coordinator."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    DEAD = "Dead"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"
    UNKNOWN = "Unknown"
