"""Sights of consumers: what they own, where they stand, what they got and what their listeners were told."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.catalogue import Step, sight
from tests.fidelity.recordings.reader import reader_of
from tests.fidelity.recordings.stage import Stage, named

LOOKUP_MS = 5000


@sight
def assignment(stage: Stage, step: Step) -> list[str]:
    reader = reader_of(stage, step)
    return sorted(map(str, reader.call(lambda: reader.consumer.assignment())))


@sight
def generation(stage: Stage, step: Step) -> int:
    reader = reader_of(stage, step)
    return int(reader.call(lambda: reader.consumer.group_metadata())[1])


@sight
def position(stage: Stage, step: Step) -> Any:
    reader = reader_of(stage, step)
    return reader.call(lambda: reader.consumer.position(named(step["tp"]), timeout_ms=LOOKUP_MS))


@sight
def consumer_committed(stage: Stage, step: Step) -> Any:
    reader = reader_of(stage, step)
    tp = named(step["tp"])
    return reader.call(lambda: reader.consumer.committed([tp], timeout_ms=LOOKUP_MS))[tp]


@sight
def events(stage: Stage, step: Step) -> list[dict[str, Any]]:
    return _with_messages(reader_of(stage, step).events, step)


@sight
def events_nonempty(stage: Stage, step: Step) -> list[dict[str, Any]]:
    full = [event for event in reader_of(stage, step).events if event.get("partitions") != []]
    return _with_messages(full, step)


def _with_messages(found: list[dict[str, Any]], step: Step) -> list[dict[str, Any]]:
    """Errors with the message that was recorded: it is not compared."""
    wanted = [*step.get("is", ()), *[{}] * len(found)]
    return [
        {**event, "message": one["message"]} if event["event"] == "error" and "message" in one else event
        for one, event in zip(wanted, found, strict=False)
    ]


@sight
def received(stage: Stage, step: Step) -> list[Any]:
    return [[f"{record.topic}-{record.partition}", record.offset] for record in reader_of(stage, step).records]


@sight
def received_by_partition(stage: Stage, step: Step) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in reader_of(stage, step).records:
        found.setdefault(f"{record.topic}-{record.partition}", []).append(record.offset)
    return found


@sight
def member_id_changed(stage: Stage, step: Step) -> dict[str, bool]:
    now = {name: stage.clients[name].consumer.group_metadata()[2] for name in step["is"]}
    return {name: member_id != stage.memory.member_ids[name] for name, member_id in now.items()}
