"""Verbs of the admin client and of a ZooKeeper client."""

from __future__ import annotations

from typing import Any

import kafkasim as ks
from tests.fidelity.recordings.catalogue import Step, verb
from tests.fidelity.recordings.stage import Stage, named


@verb
def create_topic(stage: Stage, step: Step) -> None:
    assignment = step.get("assignment")
    replicas = None if assignment is None else {int(number): brokers for number, brokers in assignment.items()}
    stage.get(
        stage.admin.create_topic(
            step["topic"], step.get("partitions", -1), step.get("rf", -1), step.get("config"), assignment=replicas
        )
    )


@verb
def delete_topic(stage: Stage, step: Step) -> None:
    stage.get(stage.admin.delete_topic(step["topic"]))


@verb
def create_partitions(stage: Stage, step: Step) -> None:
    arguments = (step["assignment"],) if "assignment" in step else ()
    stage.get(stage.admin.create_partitions(step["topic"], step["count"], *arguments))


@verb
def alter_config(stage: Stage, step: Step) -> None:
    resource: dict[str, Any] = {kind: step[kind] for kind in ("topic", "broker") if kind in step}
    stage.get(stage.admin.incremental_alter_configs(step["config"], **resource))


@verb
def elect(stage: Stage, step: Step) -> str:
    """NONE or an exception, whether the call has it or the partition."""
    tp = named(step["tp"])
    try:
        error = stage.get(stage.admin.elect_leaders(step["type"], [tp]))[tp]
    except ks.KafkaError as failure:
        error = failure
    return "NONE" if error is None else str(error.java_name)


@verb
def reassign(stage: Stage, step: Step) -> None:
    stage.get(stage.admin.alter_partition_reassignments({named(step["tp"]): step["replicas"]}))


@verb
def delete_records(stage: Stage, step: Step) -> int:
    tp = named(step["tp"])
    low: int = stage.get(stage.admin.delete_records({tp: step["offset"]}))[tp]
    return low


@verb
def reset_offsets(stage: Stage, step: Step) -> None:
    offsets = {named(tp): offset for tp, offset in step["offsets"].items()}
    stage.get(stage.admin.alter_consumer_group_offsets(step["group"], offsets))


@verb
def delete_group(stage: Stage, step: Step) -> None:
    stage.get(stage.admin.delete_consumer_group(step["group"]))


@verb
def delete_znode(stage: Stage, step: Step) -> None:
    stage.get(stage.zookeeper.delete(step["path"]))
