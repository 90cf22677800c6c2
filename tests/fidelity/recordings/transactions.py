"""Verbs and sights of transactions."""

from __future__ import annotations

import json
from typing import Any

from tests.fidelity.recordings.catalogue import Step, sight, verb
from tests.fidelity.recordings.consumers import Reader
from tests.fidelity.recordings.stage import Stage, named


@verb
def init_transactions(stage: Stage, step: Step) -> None:
    stage.get(stage.clients[step["producer"]].init_transactions())


@verb
def begin_transaction(stage: Stage, step: Step) -> None:
    stage.get(stage.clients[step["producer"]].begin_transaction())


@verb
def commit_transaction(stage: Stage, step: Step) -> None:
    stage.get(stage.clients[step["producer"]].commit_transaction())


@verb
def abort_transaction(stage: Stage, step: Step) -> None:
    stage.get(stage.clients[step["producer"]].abort_transaction())


@verb
def send_offsets_to_transaction(stage: Stage, step: Step) -> None:
    group: Any = step.get("group")
    if "consumer" in step:
        reader: Reader = stage.clients[step["consumer"]]
        group = reader.consumer.group_metadata()
    offsets = {named(tp): offset for tp, offset in step["offsets"].items()}
    stage.get(stage.clients[step["producer"]].send_offsets_to_transaction(offsets, group))


@sight
def transaction_state(stage: Stage, step: Step) -> str | None:
    found = [state for state in _transaction_log(stage, step["broker"]) if state["id"] == step["id"]]
    return found[-1]["state"] if found else None


@sight
def transaction_log(stage: Stage, step: Step) -> list[dict[str, Any]]:
    return [state for state in _transaction_log(stage, step["broker"]) if step.get("id", state["id"]) == state["id"]]


@sight
def transaction_partitions(stage: Stage, step: Step) -> list[str]:
    found = stage.get(stage.admin.describe_transaction(step["id"]))
    return sorted(map(str, found.topic_partitions))


def _transaction_log(stage: Stage, broker: int) -> list[dict[str, Any]]:
    """The states in a broker's replicas of ``__transaction_state``, in the order of each log."""
    disk = stage.cluster.disk(broker)
    records = [
        record
        for tp in disk.partitions
        if tp.topic == "__transaction_state"
        for _, record in disk.replica(tp).records
        if record.value is not None
    ]
    return [_state(json.loads(record.key), json.loads(record.value)) for record in records]


def _state(key: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": key["transactional_id"],
        "pid": value["producer_id"],
        "epoch": value["producer_epoch"],
        "state": value["state"],
        "partitions": sorted(f"{topic}-{partition}" for topic, partition in value["partitions"]),
    }
