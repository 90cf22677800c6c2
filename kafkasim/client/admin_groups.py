"""Groups in kafka-python's words. kafka-python: kafka.admin._groups.

Left out: asking one particular coordinator. Everybody may do everything: ``authorized_operations`` name it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kafkasim.client.admin_base import brokers, listed, no_choice, several
from kafkasim.client.admin_partitions import PartitionAdmin
from kafkasim.client.enums import GroupState, GroupType, OffsetSpec, OffsetTimestamp
from kafkasim.client.errors import BY_CODE, KafkaError, WrongTypeError
from kafkasim.client.structs import OffsetAndMetadata
from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.messages.data import Error
from kafkasim.messages.group_admin import DescribedMember
from kafkasim.records import TopicPartition

NO_ERROR = BY_CODE[0]
GROUP_OPERATIONS = ["DESCRIBE", "READ", "DELETE"]
ErrorTypes = dict[TopicPartition, type[KafkaError]]


class MemberToRemove:
    """A member: ``member_id`` of a dynamic one, or ``group_instance_id`` of a static one; the reason is not kept."""

    __slots__ = ("group_instance_id", "member_id", "reason")

    def __init__(
        self, member_id: str | None = None, group_instance_id: str | None = None, reason: str | None = None
    ) -> None:  # fmt: skip
        self.member_id = member_id
        self.group_instance_id = group_instance_id
        self.reason = reason

    def __repr__(self) -> str:
        return (
            f"<MemberToRemove member_id={self.member_id}, group_instance_id={self.group_instance_id},"
            f" reason={self.reason}>"
        )

    def _key(self) -> tuple[str | None, str | None, str | None]:
        return self.member_id, self.group_instance_id, self.reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemberToRemove) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


class GroupAdmin(PartitionAdmin):
    """What an administrator does with groups."""

    def list_groups(
        self, broker_ids: Iterable[int] | None = None, states_filter: Iterable[str] | None = None,
        types_filter: Iterable[str] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """All groups that these brokers coordinate, by default all, sorted: ``group_id``, ``protocol_type``, ...

        The protocol type of a group that has never had members, only committed offsets, is "". The filters take names
        as "Stable" or "preparing-rebalance"; all groups are of type "classic".
        """
        self._open()
        states = [GroupState.value_for(one) for one in several(states_filter or (), "states_filter", "states")]
        types = [GroupType.value_for(one) for one in several(types_filter or (), "types_filter", "types of groups")]
        asked = brokers(broker_ids)
        found = self._wait(self._native.list_consumer_groups(), "list_groups()")
        return [
            {
                "group_id": one.group_id, "protocol_type": "" if one.is_simple_consumer_group else "consumer",
                "group_state": one.state, "group_type": GroupType.CLASSIC.value,
            }
            for one in found
            if (not states or one.state in states)
            and (not types or GroupType.CLASSIC.value in types)
            and (asked is None or one.coordinator in asked)
        ]  # fmt: skip

    def describe_groups(
        self, group_ids: Iterable[str], group_coordinator_id: int | None = None,
        include_authorized_operations: bool = False,
    ) -> dict[str, dict[str, Any]]:  # fmt: skip
        """State, assignor (``protocol_data``) and members of each group; one that nobody knows is Dead.

        What members want and have is "" unless the group is Stable.
        """
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        return {group: self._group(group) for group in _names(group_ids)}

    def _group(self, group: str) -> dict[str, Any]:
        found = self._wait(self._native.describe_consumer_group(group), "describe_groups()")
        cooperative = found.assignor == "cooperative-sticky"
        return {
            "group_id": group,
            "group_state": found.state,
            "protocol_type": "" if found.is_simple_consumer_group else "consumer",
            "protocol_data": found.assignor,
            "members": [_member(one, cooperative) for one in found.members],
            "authorized_operations": list(GROUP_OPERATIONS),
            "error": None,
        }

    def delete_groups(self, group_ids: Iterable[str], group_coordinator_id: int | None = None) -> dict[str, str]:
        """Delete groups without members, with their offsets: "OK" or the name of the error, for each."""
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        outcomes = {}
        for group in _names(group_ids):
            error = self._error_of(self._native.delete_consumer_group(group), "delete_groups()")
            outcomes[group] = "OK" if error is None else type(error).__name__
        return outcomes

    # --- offsets -----------------------------------------------------------------------------------------------

    def list_group_offsets(self, group_specs: Any) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """The committed offsets of groups, which are a name, names, or a dict of names with partitions (None: all).

        A partition that was asked for and has none is at -1; those of open transactions do not count yet.
        """
        self._open()
        if isinstance(group_specs, str):
            group_specs = [group_specs]
        wanted = group_specs if isinstance(group_specs, Mapping) else dict.fromkeys(_names(group_specs))
        if not wanted:
            raise ConfigError("group_specs must name at least one group. Got none.")
        return {group: self._committed(group, partitions) for group, partitions in wanted.items()}

    def _committed(self, group: str, partitions: Any) -> dict[TopicPartition, OffsetAndMetadata]:
        chosen = None if partitions is None else listed(partitions, f"the partitions of {group}")
        found = self._wait(self._native.list_consumer_group_offsets(group, metadata=True), "list_group_offsets()")
        return found if chosen is None else {tp: found.get(tp, OffsetAndMetadata(-1, "", -1)) for tp in chosen}

    def alter_group_offsets(
        self,
        group_id: str,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group_coordinator_id: int | None = None,
    ) -> ErrorTypes:
        """Commit for a group without members; the error class of each partition, NoError where all went well."""
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        if not isinstance(offsets, Mapping) or not all(isinstance(one, OffsetAndMetadata) for one in offsets.values()):
            raise WrongTypeError(f"offsets must map TopicPartition to OffsetAndMetadata. Got {checks.shown(offsets)}.")
        listed(offsets, "offsets")
        return self._alter(group_id, offsets)

    def _alter(self, group_id: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> ErrorTypes:
        if not offsets:
            return {}
        future = self._native.alter_consumer_group_offsets(group_id, offsets, raise_errors=False)
        return {tp: _type_of(error) for tp, error in self._wait(future, "alter_group_offsets()").items()}

    def reset_group_offsets(
        self, group_id: str, offset_specs: Mapping[TopicPartition, int], group_coordinator_id: int | None = None
    ) -> dict[TopicPartition, dict[str, Any]]:
        """Move a group without members: ``{partition: {"error": its class, "offset": what was committed}}``.

        ``offset_specs`` are OffsetSpec members, OffsetTimestamp(ms), or plain offsets. What comes out is kept within
        the log; a time after the last record leads to its end.
        """
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        if not isinstance(offset_specs, Mapping):
            raise WrongTypeError(f"offset_specs must map TopicPartition to specs. Got {checks.shown(offset_specs)}.")
        checks.text(group_id, "group_id")
        listed(offset_specs, "offset_specs")
        for tp, spec in offset_specs.items():
            if isinstance(spec, bool) or not isinstance(spec, int):
                raise WrongTypeError(
                    f"Unsupported reset target for {tp}: {spec!r} (expected OffsetSpec, OffsetTimestamp, or int offset)"
                )
        if not offset_specs:
            return {}
        current = self.list_group_offsets({group_id: list(offset_specs)})[group_id]
        first = self.list_partition_offsets(dict.fromkeys(offset_specs, OffsetSpec.EARLIEST))
        last = self.list_partition_offsets(dict.fromkeys(offset_specs, OffsetSpec.LATEST))
        asked = {tp: spec for tp, spec in offset_specs.items() if isinstance(spec, OffsetSpec | OffsetTimestamp)}
        found = self.list_partition_offsets(asked)
        reset = {}
        for tp, spec in offset_specs.items():
            offset = found[tp].offset if tp in found else spec
            inside = max(offset, first[tp].offset) if 0 <= offset <= last[tp].offset else last[tp].offset
            reset[tp] = current[tp]._replace(offset=inside)
        errors = self._alter(group_id, reset)
        return {tp: {"error": errors[tp], "offset": reset[tp].offset} for tp in reset}

    def delete_group_offsets(
        self, group_id: str, partitions: Iterable[TopicPartition], group_coordinator_id: int | None = None
    ) -> ErrorTypes:
        """Forget committed offsets; the error class of each partition, as GroupSubscribedToTopicError.

        Raises GroupIdNotFoundError.
        """
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        wanted = listed(partitions, "partitions")
        if not wanted:
            return {}
        future = self._native.delete_consumer_group_offsets(group_id, wanted, raise_errors=False)
        return {tp: _type_of(error) for tp, error in self._wait(future, "delete_group_offsets()").items()}

    # --- members ---------------------------------------------------------------------------------------------------

    def remove_group_members(
        self, group_id: str, members: Iterable[MemberToRemove], group_coordinator_id: int | None = None
    ) -> dict[str | None, type[KafkaError]]:
        """Have members leave: the error class of each, by its member id or else its instance id.

        A member that lives joins again with its next poll().
        """
        self._open()
        no_choice("group_coordinator_id", group_coordinator_id)
        wanted = several(members, "members", "MemberToRemove")
        for one in wanted:
            if not isinstance(one, MemberToRemove) or (not one.member_id and not one.group_instance_id):
                raise WrongTypeError(f"A member is a MemberToRemove with an id of either kind. Got {one!r}.")
        outcomes: dict[str | None, type[KafkaError]] = {}
        for one in wanted:
            future = self._native.remove_member_from_consumer_group(
                group_id, member_id=one.member_id or None,
                group_instance_id=None if one.member_id else one.group_instance_id,
            )  # fmt: skip
            error = self._error_of(future, "remove_group_members()")
            outcomes[one.member_id or one.group_instance_id] = NO_ERROR if error is None else type(error)
        return outcomes


def _names(group_ids: Any) -> tuple[str, ...]:
    return checks.names(list(group_ids) if isinstance(group_ids, set | frozenset) else group_ids, "group_ids")


def _type_of(error: Error) -> type[KafkaError]:
    return NO_ERROR if error is None else BY_CODE[error.code]


def _member(one: DescribedMember, cooperative: bool) -> dict[str, Any]:
    wants: Any = ""
    has: Any = ""
    if one.subscription is not None:
        wants = {"topics": list(one.subscription.topics), "user_data": ""}
        if cooperative:
            wants["owned_partitions"] = _by_topic(one.subscription.owned_partitions)
        has = {"assigned_partitions": _by_topic(one.partitions), "user_data": ""}
    return {
        "member_id": one.member_id,
        "group_instance_id": one.group_instance_id,
        "client_id": one.client_id,
        "client_host": one.host,
        "member_metadata": wants,
        "member_assignment": has,
    }


def _by_topic(partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
    by_topic: dict[str, list[int]] = {}
    for tp in partitions:
        by_topic.setdefault(tp.topic, []).append(tp.partition)
    return [{"topic": topic, "partitions": numbers} for topic, numbers in by_topic.items()]
