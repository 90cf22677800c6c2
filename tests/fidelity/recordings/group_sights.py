"""Sights of consumer groups and of what their coordinators keep."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings import stored
from tests.fidelity.recordings.catalogue import Step, sight
from tests.fidelity.recordings.stage import Stage


def _described(stage: Stage, step: Step) -> Any:
    return stage.get(stage.admin.describe_consumer_group(step["group"]))


@sight
def group(stage: Stage, step: Step) -> dict[str, Any]:
    found = _described(stage, step)
    members = {member.client_id: sorted(map(str, member.partitions)) for member in found.members}
    return {"state": found.state, "assignor": found.assignor, "members": members}


@sight
def coordinator(stage: Stage, step: Step) -> Any:
    return _described(stage, step).coordinator


@sight
def instances(stage: Stage, step: Step) -> dict[str, Any]:
    return {member.client_id: member.group_instance_id for member in _described(stage, step).members}


@sight
def committed(stage: Stage, step: Step) -> dict[str, int]:
    found = stage.get(stage.admin.list_consumer_group_offsets(step["group"]))
    return {str(tp): _offset(offset) for tp, offset in found.items() if offset is not None}


@sight
def lag(stage: Stage, step: Step) -> dict[str, int]:
    found = stage.get(stage.admin.list_consumer_group_offsets(step["group"]))
    ends = stage.get(stage.admin.list_offsets(dict.fromkeys(found, "latest"), isolation_level="read_uncommitted"))
    return {str(tp): ends[tp].offset - _offset(offset) for tp, offset in found.items()}


def _offset(committed: Any) -> int:
    return int(getattr(committed, "offset", committed))


@sight
def commit_partitions(stage: Stage, step: Step) -> dict[str, list[str]]:
    """Partitions of ``__consumer_offsets`` -> the groups whose commits they hold."""
    found: dict[str, set[str]] = {}
    for partition, record in stored.records(stage, step["broker"], "__consumer_offsets"):
        group = stored.group_of_commit(record.key)
        if group is not None:
            found.setdefault(str(partition), set()).add(group)
    return {partition: sorted(groups) for partition, groups in found.items()}
