"""The group part of KafkaAdminClient, with kafka-python's arguments and shapes. kafka-python: kafka.admin.

Left out: removing members, resetting offsets by a rule, and from descriptions what the model does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from kafkasim.client.errors import BY_CODE, BrokerResponseError
from kafkasim.client.futures import result
from kafkasim.client.structs import OffsetAndMetadata
from kafkasim.config import checks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.admin import Admin
from kafkasim.sim.kernel import Kernel

NO_ERROR = BY_CODE[0]


class GroupAdmin:
    """Groups listed, described and deleted; their offsets listed, altered and deleted."""

    kernel: ClassVar[Kernel]
    _native: Admin

    def list_groups(
        self, broker_ids: Iterable[int] | None = None, states_filter: Iterable[str] | None = None,
        types_filter: Iterable[str] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """All groups, sorted, each with its protocol type and state."""
        self._open()
        if broker_ids is not None or types_filter is not None:
            raise UsageError("broker_ids and types_filter are not modelled: leave them out.")
        found = result(self.kernel, self._native.list_consumer_groups(), "list_groups()")
        states = None if states_filter is None else checks.names(states_filter, "states_filter")
        return [
            {"group_id": one.group_id, "protocol_type": "consumer", "group_state": one.state, "group_type": "classic"}
            for one in found
            if states is None or one.state in states
        ]

    def describe_groups(
        self, group_ids: Iterable[str], group_coordinator_id: int | None = None,
        include_authorized_operations: bool = False,
    ) -> dict[str, dict[str, Any]]:  # fmt: skip
        """State, assignor and members of each group; one that nobody knows is Dead."""
        self._open()
        _no_wishes(group_coordinator_id)
        if include_authorized_operations:
            raise UsageError("include_authorized_operations=True is not modelled: leave it out.")
        return {group: self._group(group) for group in checks.names(group_ids, "group_ids")}

    def _group(self, group: str) -> dict[str, Any]:
        found = result(self.kernel, self._native.describe_consumer_group(group), "describe_groups()")
        return {
            "group_id": group,
            "group_state": found.state,
            "protocol_type": "consumer" if found.members else "",
            "protocol_data": found.assignor,
            "members": [
                {
                    "member_id": one.member_id,
                    "group_instance_id": one.group_instance_id,
                    "client_id": one.client_id,
                    "client_host": one.host,
                    "member_assignment": {"assigned_partitions": _by_topic(one.partitions), "user_data": None},
                }
                for one in found.members
            ],
            "error": None,
        }

    def delete_groups(
        self, group_ids: Iterable[str], group_coordinator_id: int | None = None
    ) -> list[tuple[str, str]]:  # fmt: skip
        """What became of each group: 'OK' or the name of the error."""
        self._open()
        _no_wishes(group_coordinator_id)
        outcomes = []
        for group in checks.names(group_ids, "group_ids"):
            try:
                result(self.kernel, self._native.delete_consumer_group(group), "delete_groups()")
                outcomes.append((group, "OK"))
            except BrokerResponseError as error:
                outcomes.append((group, type(error).__name__))
        return outcomes

    def list_group_offsets(self, group_specs: Any) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """The committed offsets of groups: a name, names, or a dict of names with partitions (None: all)."""
        self._open()
        if isinstance(group_specs, str):
            group_specs = [group_specs]
        wanted = group_specs if isinstance(group_specs, Mapping) else dict.fromkeys(group_specs)
        found: dict[str, dict[TopicPartition, OffsetAndMetadata]] = {}
        for group, partitions in wanted.items():
            offsets = result(self.kernel, self._native.list_consumer_group_offsets(group), "list_group_offsets()")
            chosen = offsets if partitions is None else {tp: offsets.get(tp, -1) for tp in partitions}
            found[group] = {tp: OffsetAndMetadata(offset) for tp, offset in chosen.items()}
        return found

    def alter_group_offsets(
        self,
        group_id: str,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group_coordinator_id: int | None = None,
    ) -> dict[TopicPartition, type[BrokerResponseError]]:
        """Commit for a group without members; the error class of each partition, NoError where all went well."""
        self._open()
        _no_wishes(group_coordinator_id)
        if not isinstance(offsets, Mapping) or not all(isinstance(one, OffsetAndMetadata) for one in offsets.values()):
            raise ConfigError(f"offsets must map TopicPartition to OffsetAndMetadata. Got {checks.shown(offsets)}.")
        plain: dict[TopicPartition, Any] = {tp: one.offset for tp, one in offsets.items()}
        return self._outcome(self._native.alter_consumer_group_offsets(group_id, plain), offsets)

    def delete_group_offsets(
        self, group_id: str, partitions: Iterable[TopicPartition], group_coordinator_id: int | None = None
    ) -> dict[TopicPartition, type[BrokerResponseError]]:
        """Forget committed offsets; the error class of each partition."""
        self._open()
        _no_wishes(group_coordinator_id)
        outcome: dict[TopicPartition, type[BrokerResponseError]] = {}
        for tp in partitions:
            outcome |= self._outcome(self._native.delete_consumer_group_offsets(group_id, [tp]), [tp])
        return outcome

    def _outcome(self, future: Any, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Any]:
        kind = NO_ERROR
        try:
            result(self.kernel, future, "the change of offsets")
        except BrokerResponseError as error:
            kind = type(error)
        return dict.fromkeys(partitions, kind)

    def _open(self) -> None:
        raise NotImplementedError


def _by_topic(partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
    by_topic: dict[str, list[int]] = {}
    for tp in partitions:
        by_topic.setdefault(tp.topic, []).append(tp.partition)
    return [{"topic": topic, "partitions": numbers} for topic, numbers in by_topic.items()]


def _no_wishes(group_coordinator_id: int | None) -> None:
    if group_coordinator_id is not None:
        raise UsageError("group_coordinator_id is not modelled: leave it out, the coordinator is looked up.")
