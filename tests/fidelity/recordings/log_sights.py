"""Sights of a broker's files, through the disk inspector; a dead broker's files can be seen, too."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.catalogue import Step, sight
from tests.fidelity.recordings.stage import NoReplicaError, Stage, named, text

UNSET = {"pid": -1, "producer_epoch": -1, "seq": -1, "transactional": False, "control": False}


def _found(stage: Stage, step: Step) -> Any:
    replica = stage.replica(step)
    if replica is None:
        raise NoReplicaError(f"broker {step['broker']} has no replica of {step['tp']}")
    return replica


@sight
def leo(stage: Stage, step: Step) -> dict[str, int | None]:
    found = {broker: stage.replica(step, broker) for broker in step["brokers"]}
    return {str(broker): None if one is None else one.log_end_offset for broker, one in found.items()}


@sight
def log(stage: Stage, step: Step) -> list[dict[str, Any]] | None:
    replica = stage.replica(step)
    if replica is None:
        return None
    batches = _batches(replica)
    if isinstance(step.get("is"), list):
        # What was recorded leaves out what is unset: so does what is seen, batch by batch.
        for wanted, got in zip(step["is"], batches, strict=False):
            for name, unset in UNSET.items():
                if name not in wanted and got[name] == unset:
                    del got[name]
    return batches


@sight
def same_log(stage: Stage, step: Step) -> bool:
    first, *others = (stage.replica(step, broker) for broker in step["brokers"])
    return all(one is not None and _batches(one) == _batches(first) for one in others)


def _batches(replica: Any) -> list[dict[str, Any]]:
    return [
        {
            "base": batch.base_offset,
            "last": batch.last_offset,
            "epoch": batch.leader_epoch,
            "count": batch.count,
            "pid": batch.producer_id,
            "producer_epoch": batch.producer_epoch,
            "seq": batch.base_sequence,
            "transactional": batch.is_transactional,
            "control": batch.is_control,
            "segment": segment.base_offset,
        }
        for segment in replica.segments
        for batch in segment.batches
    ]


def _records(stage: Stage, step: Step) -> list[tuple[int, Any]]:
    """The records of a replica with their offsets, markers of transactions left out."""
    return [item for batch in _found(stage, step).batches if not batch.is_control for item in batch.records]


@sight
def records(stage: Stage, step: Step) -> list[dict[str, Any]]:
    return [{"offset": offset, "key": text(one.key), "value": text(one.value)} for offset, one in _records(stage, step)]


@sight
def values(stage: Stage, step: Step) -> list[str | None]:
    return [text(one.value) for _, one in _records(stage, step)]


@sight
def value_sizes(stage: Stage, step: Step) -> list[int | None]:
    return [None if one.value is None else len(one.value) for _, one in _records(stage, step)]


@sight
def keys_left(stage: Stage, step: Step) -> list[list[Any]]:
    wanted = step.get("is") or [[0, ""]]
    return [
        [offset, text(one.key), None if one.value is None else text(one.value[:3])][: len(wanted[0])]
        for offset, one in _records(stage, step)
    ]


@sight
def batch_counts(stage: Stage, step: Step) -> list[int]:
    return [batch.count for batch in _found(stage, step).batches]


@sight
def segments(stage: Stage, step: Step) -> list[int]:
    return [segment.base_offset for segment in _found(stage, step).segments]


@sight
def sequences(stage: Stage, step: Step) -> list[list[int]]:
    return [
        [batch.base_offset, batch.last_offset, batch.producer_epoch, batch.base_sequence]
        for batch in _found(stage, step).batches
    ]


@sight
def epochs_and_sequences(stage: Stage, step: Step) -> list[list[int]]:
    return [[batch.producer_epoch, batch.base_sequence] for batch in _found(stage, step).batches]


@sight
def first_sequences(stage: Stage, step: Step) -> list[int]:
    return [batch.base_sequence for batch in _found(stage, step).batches]


@sight
def epochs_and_offsets(stage: Stage, step: Step) -> list[list[int]]:
    return [[batch.leader_epoch, batch.base_offset] for batch in _found(stage, step).batches]


@sight
def last_batch_idempotent(stage: Stage, step: Step) -> bool:
    return bool(_found(stage, step).batches[-1].producer_id >= 0)


@sight
def epochs(stage: Stage, step: Step) -> list[list[int]] | None:
    replica = stage.replica(step)
    return None if replica is None else [list(entry) for entry in replica.leader_epochs]


@sight
def checkpoint(stage: Stage, step: Step) -> int | None:
    found: int | None = stage.cluster.disk(step["broker"]).checkpoint(step["file"]).get(named(step["tp"]))
    return found
