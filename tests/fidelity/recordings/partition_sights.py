"""Sights of partitions as ZooKeeper, the leaders and the coordinators know them."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.catalogue import Step, sight
from tests.fidelity.recordings.stage import Stage, named


def _state(stage: Stage, step: Step, *fields: str) -> dict[str, Any] | None:
    """Some fields of the state znode, ISR sorted."""
    found = stage.state(step["tp"])
    if found is None:
        return None
    data, stat = found
    state = {**data, "isr": sorted(data["isr"]), "zk_version": stat.version}
    return {field: state[field] for field in fields}


@sight
def partition(stage: Stage, step: Step) -> Any:
    return _state(stage, step, "leader", "isr", "leader_epoch")


@sight
def leader(stage: Stage, step: Step) -> Any:
    found = _state(stage, step, "leader")
    return None if found is None else found["leader"]


@sight
def isr(stage: Stage, step: Step) -> Any:
    found = _state(stage, step, "isr")
    return None if found is None else found["isr"]


@sight
def leader_isr(stage: Stage, step: Step) -> Any:
    return _state(stage, step, "leader", "isr")


@sight
def partition_znode(stage: Stage, step: Step) -> Any:
    return _state(stage, step, "leader", "isr", "leader_epoch", "controller_epoch", "zk_version")


@sight
def recovery_state(stage: Stage, step: Step) -> Any:
    found = stage.state(step["tp"])
    return None if found is None else found[0].get("leader_recovery_state")


@sight
def metadata(stage: Stage, step: Step) -> dict[str, Any]:
    described = stage.get(stage.admin.describe_topic(step["topic"]))
    return {
        str(one.partition): {
            "leader": -1 if one.leader is None else one.leader,
            "replicas": list(one.replicas),
            "isr": sorted(one.isr),
        }
        for one in described.partitions
    }


@sight
def hw(stage: Stage, step: Step) -> int:
    return _offset(stage, step, "latest", "read_uncommitted")


@sight
def lso(stage: Stage, step: Step) -> int:
    return _offset(stage, step, "latest", "read_committed")


@sight
def log_start(stage: Stage, step: Step) -> int:
    return _offset(stage, step, "earliest", "read_uncommitted")


@sight
def offset_for_time(stage: Stage, step: Step) -> int:
    return _offset(stage, step, step["timestamp"], "read_uncommitted")


@sight
def offset_of_max_timestamp(stage: Stage, step: Step) -> int:
    return _offset(stage, step, "max_timestamp", "read_uncommitted")


def _offset(stage: Stage, step: Step, spec: object, isolation: str) -> int:
    tp = named(step["tp"])
    return int(stage.get(stage.admin.list_offsets({tp: spec}, isolation_level=isolation))[tp].offset)


@sight
def producers(stage: Stage, step: Step) -> list[dict[str, int]]:
    tp = named(step["tp"])
    found = []
    for one in stage.get(stage.admin.describe_producers([tp]))[tp]:
        state = {"pid": one.producer_id, "epoch": one.producer_epoch, "lastSeq": one.last_sequence}
        start = one.current_transaction_start_offset
        found.append(state if start is None or start < 0 else {**state, "txnStart": start})
    return sorted(found, key=lambda state: state["pid"])
