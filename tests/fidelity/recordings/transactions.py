"""Verbs and sights of transactions."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings import stored
from tests.fidelity.recordings.catalogue import Step, sight, verb
from tests.fidelity.recordings.reader import Reader
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
    found = stored.records(stage, broker, "__transaction_state")
    return [stored.transaction(record.key, record.value) for _, record in found if record.value is not None]
