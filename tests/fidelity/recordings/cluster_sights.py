"""Sights of the cluster: ZooKeeper's znodes, the brokers alive, placements, measured times."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from tests.fidelity.recordings.catalogue import Step, sight
from tests.fidelity.recordings.comparing import only
from tests.fidelity.recordings.stage import Stage


@sight
def clock(stage: Stage, step: Step) -> Any:
    """The first sets the wall clock, the others are timestamps: no two clusters have the same."""
    return step["is"]


@sight
def controller(stage: Stage, step: Step) -> int | None:
    found = stage.znode("/controller")
    return None if found is None else found[0]["brokerid"]


@sight
def controller_epoch(stage: Stage, step: Step) -> Any:
    found = stage.znode("/controller_epoch")
    return None if found is None else found[0]


@sight
def live_brokers(stage: Stage, step: Step) -> list[int]:
    return sorted(map(int, stage.get(stage.zookeeper.get_children("/brokers/ids"))))


@sight
def znode(stage: Stage, step: Step) -> dict[str, Any] | None:
    found = stage.znode(step["path"])
    if found is None:
        return None
    data, stat = found
    return only(step.get("is"), {"data": data, "version": stat.version, "ephemeral": _is_ephemeral(stat)})


@sight
def znode_exists(stage: Stage, step: Step) -> bool:
    return stage.get(stage.zookeeper.exists(step["path"])) is not None


@sight
def no_znode(stage: Stage, step: Step) -> bool:
    return not znode_exists(stage, step)


@sight
def znode_keys(stage: Stage, step: Step) -> list[str] | None:
    found = stage.znode(step["path"])
    return None if found is None else sorted(found[0])


@sight
def znode_shape(stage: Stage, step: Step) -> dict[str, Any] | None:
    found = stage.znode(step["path"])
    if found is None:
        return None
    data, stat = found
    shape = {**data, "keys": sorted(data), "znode_version": stat.version, "ephemeral": _is_ephemeral(stat)}
    return only(step.get("is"), shape)


@sight
def children(stage: Stage, step: Step) -> list[str]:
    return sorted(stage.get(stage.zookeeper.get_children(step["path"])))


def _is_ephemeral(stat: Any) -> bool:
    for name in ("ephemeral_owner", "ephemeralOwner"):
        if hasattr(stat, name):
            return bool(getattr(stat, name))
    raise AttributeError("the stat has no ephemeral owner")


@sight
def broker_epoch_grew(stage: Stage, step: Step) -> bool:
    """A broker's epoch is the zxid that created its znode; it is compared with the one seen before."""
    before = stage.memory.broker_epochs.get(step["broker"], 0)
    remember_broker_epochs(stage)
    return stage.memory.broker_epochs[step["broker"]] > before


def remember_broker_epochs(stage: Stage) -> None:
    """Note the epoch of every broker that is registered."""
    for broker in stage.cluster.brokers:
        found = stage.znode(f"/brokers/ids/{broker}")
        if found is not None:
            stage.memory.broker_epochs[broker] = found[1].czxid


# --- placements ------------------------------------------------------------------------------------------------


def _partitions(stage: Stage, step: Step) -> list[Any]:
    return list(stage.get(stage.admin.describe_topic(step["topic"])).partitions)


@sight
def assignment_shape(stage: Stage, step: Step) -> dict[str, Any]:
    parts = _partitions(stage, step)
    brokers = sorted(stage.cluster.brokers)
    leaders = [part.leader for part in parts]
    leads, holds = Counter(leaders), Counter(broker for part in parts for broker in part.replicas)
    following = {broker: brokers[(place + 1) % len(brokers)] for place, broker in enumerate(brokers)}
    shape = {
        "partitions": len(parts),
        "rf": sorted({len(part.replicas) for part in parts}),
        "distinct": all(len(set(part.replicas)) == len(part.replicas) for part in parts),
        "leader_is_first": all(part.leader == part.replicas[0] for part in parts),
        "isr_is_all": all(sorted(part.isr) == sorted(part.replicas) for part in parts),
        "leaders_per_broker": sorted(leads[broker] for broker in brokers),
        "replicas_per_broker": sorted(holds[broker] for broker in brokers),
        "next_leader_is_next_broker": all(following.get(one) == other for one, other in pairwise(leaders)),
    }
    return only(step.get("is"), shape)


@sight
def racks_per_partition(stage: Stage, step: Step) -> list[int]:
    return sorted({len({stage.racks[broker] for broker in part.replicas}) for part in _partitions(stage, step)})


@sight
def replica_sets(stage: Stage, step: Step) -> list[str]:
    return sorted({str(sorted(part.replicas)) for part in _partitions(stage, step)})


@sight
def distinct(stage: Stage, step: Step) -> bool:
    return all(len(set(part.replicas)) == len(part.replicas) for part in _partitions(stage, step))


@sight
def broker_in_every_partition(stage: Stage, step: Step) -> dict[str, bool]:
    parts = _partitions(stage, step)
    return {broker: all(int(broker) in part.replicas for part in parts) for broker in step["is"]}


# --- measured times ----------------------------------------------------------------------------------------------


@sight
def removed_at_next_check(stage: Stage, step: Step) -> bool:
    """From the latest send to the moment at which the removal was seen."""
    return stage.memory.found_ms - stage.memory.send_ms <= 1000 * step["limit"]


@sight
def shrink_in_band(stage: Stage, step: Step) -> bool:
    """From the latest pause to the moment at which the removal was seen."""
    return 1000 * step["low"] <= stage.memory.found_ms - stage.memory.pause_ms <= 1000 * step["high"]
