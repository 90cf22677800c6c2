"""Verbs of consumers."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.catalogue import Step, verb
from tests.fidelity.recordings.comparing import only
from tests.fidelity.recordings.reader import Reader, reader_of
from tests.fidelity.recordings.stage import Stage, named, text

UNTIL_POLL_MS = 300
PYTHON_DEFAULTS = {
    "partition.assignment.strategy": "range,roundrobin",
    "session.timeout.ms": 45_000,
    "heartbeat.interval.ms": 3000,
    "max.poll.interval.ms": 300_000,
    "auto.offset.reset": "latest",
    "enable.auto.commit": "true",
}
"""What kafka-python and librdkafka do when they are told nothing; in this they agree."""
ASSIGNED_SECONDS = 30


@verb
def new_consumer(stage: Stage, step: Step) -> None:
    config: dict[str, Any] = {"client.id": step["name"], **step.get("config", {}), **stage.addresses(step)}
    if "client" in step:
        config = {**PYTHON_DEFAULTS, **config, "group.id": step["group"]}
        if step.get("assignor", "client default") != "client default":
            config["partition.assignment.strategy"] = step["assignor"]
    reader = stage.clients[step["name"]] = Reader(
        stage, stage.cluster.consumer(config=config), bool(step.get("commit_on_revoke"))
    )
    if "group.id" in config:
        stage.memory.group_timeouts_ms.append(int(config.get("session.timeout.ms", 45_000)))
    if "metadata.max.age.ms" in config:
        stage.memory.refreshes_ms.append(int(config["metadata.max.age.ms"]))
    if "client" in step:
        reader.consumer.subscribe(step["subscribe"], reader.listener)
        reader.run()


@verb
def subscribe(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    if step["topics"]:
        reader.call(lambda: reader.consumer.subscribe(step["topics"], reader.listener))
    else:
        reader.call(lambda: reader.consumer.unsubscribe())


@verb
def assign(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.call(lambda: reader.consumer.assign([named(tp) for tp in step["partitions"]]))


@verb
def poll(stage: Stage, step: Step) -> list[Any]:
    reader = reader_of(stage, step)
    records = list(reader.call(lambda: reader.consumer.poll(step["ms"])))
    return _shown(records, step.get("result"))


@verb
def poll_until(stage: Stage, step: Step) -> list[Any]:
    reader = reader_of(stage, step)
    until_ms = stage.now_ms + 1000 * step["timeout"]
    records: list[Any] = []
    while len(records) < step["count"] and stage.now_ms < until_ms:
        records += list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
    return _shown(records, step.get("result"))


@verb
def poll_until_assigned(stage: Stage, step: Step) -> list[Any]:
    reader = reader_of(stage, step)
    until_ms = stage.now_ms + 1000 * step.get("timeout", ASSIGNED_SECONDS)
    records: list[Any] = []
    while not reader.consumer.assignment() and stage.now_ms < until_ms:
        records += list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
    return _shown(records, step.get("result"))


@verb
def first_offset_after_seek(stage: Stage, step: Step) -> int | None:
    reader = reader_of(stage, step)
    until_ms = stage.now_ms + 1000 * step.get("timeout", ASSIGNED_SECONDS)
    while stage.now_ms < until_ms:
        records = list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
        if records:
            return int(records[0].offset)
    return None


@verb
def run(stage: Stage, step: Step) -> None:
    reader_of(stage, step).run()


@verb
def stop_running(stage: Stage, step: Step) -> None:
    reader_of(stage, step).stop()


@verb
def commit(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.call(lambda: reader.consumer.commit_sync(*_offsets(step)))


@verb
def commit_async(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)

    def begin() -> None:
        """Nobody waits for the outcome: only a callback would hear of it."""
        reader.consumer.commit_async(*_offsets(step))

    reader.call(begin)


@verb
def seek(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.call(lambda: reader.consumer.seek(named(step["tp"]), step["offset"]))


@verb
def pause_partitions(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.call(lambda: reader.consumer.pause(sorted(reader.consumer.assignment())))


@verb
def resume_partitions(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.call(lambda: reader.consumer.resume(sorted(reader.consumer.assignment())))


@verb
def close_consumer(stage: Stage, step: Step) -> None:
    reader = reader_of(stage, step)
    reader.stop()
    stage.get(reader.consumer.close())


def _offsets(step: Step) -> list[Any]:
    return [{named(tp): offset for tp, offset in step["offsets"].items()}] if "offsets" in step else []


def _shown(records: list[Any], wanted: list[Any] | None) -> list[Any]:
    """Records in the shape in which they were recorded."""
    if wanted and isinstance(wanted[0], list):
        return [[record.offset, text(record.key), text(record.value)][: len(wanted[0])] for record in records]
    full = [
        {
            "tp": f"{record.topic}-{record.partition}",
            "offset": record.offset,
            "key": text(record.key),
            "value": text(record.value),
            "epoch": record.leader_epoch,
            "timestamp": record.timestamp,
        }
        for record in records
    ]
    fields = wanted[0] if wanted else {"tp": "", "offset": 0, "value": ""}
    return [only(fields, record) for record in full]
