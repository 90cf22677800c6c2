"""Verbs and sights of producers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import kafkasim as ks
from tests.fidelity.recordings.catalogue import Step, sight, verb
from tests.fidelity.recordings.comparing import only
from tests.fidelity.recordings.stage import Stage

CREATED_LATER = re.compile(r"topic (\S+) \((\d+) partitions?\) is created ([\d.]+) s after the send began")
"""The one thing that a note tells and no step does: what happens while the next send waits."""


@verb
def new_producer(stage: Stage, step: Step) -> None:
    config = {"client.id": step["name"], **step.get("config", {}), **stage.addresses(step)}
    stage.clients[step["name"]] = stage.cluster.producer(config)
    if "metadata.max.age.ms" in config:
        stage.memory.refreshes_ms.append(int(config["metadata.max.age.ms"]))


@verb
def close_producer(stage: Stage, step: Step) -> None:
    stage.get(stage.clients[step["producer"]].close())


@verb
def send(stage: Stage, step: Step) -> dict[str, Any]:
    sent = _send(stage, step, step)
    if "ref" in step:
        _remember(stage, step, sent)
    metadata = _metadata(stage.get(sent))
    stage.memory.send_ms = stage.now_ms
    _sent_to(stage, step, step, [metadata])
    return only(step.get("result"), metadata)


@verb
def send_async(stage: Stage, step: Step) -> None:
    _remember(stage, step, _send(stage, step, step))
    stage.memory.send_ms = stage.now_ms


@verb
def await_send(stage: Stage, step: Step) -> dict[str, Any]:
    record, sent = stage.sends[step["producer"], step["ref"]]
    metadata = _metadata(stage.get(sent))
    _sent_to(stage, step, record, [metadata])
    return only(step.get("result"), metadata)


@verb
def send_many(stage: Stage, step: Step) -> list[Any]:
    sent = [_try_send(stage, step, record) for record in step["records"]]
    stage.get(stage.clients[step["producer"]].flush())
    answers = []
    for one in sent:
        try:
            answers.append(_metadata(stage.get(one)))
        except ks.KafkaSimError as error:
            answers.append({"error": error.java_name})
    stage.memory.send_ms = stage.now_ms
    for record, answer in zip(step["records"], answers, strict=True):
        _sent_to(stage, step, record, [answer])
    wanted = step.get("result") or [None] * len(answers)
    return [
        answer["error"] if "error" in answer and not isinstance(one, dict) else only(one, answer)
        for one, answer in zip(wanted, answers, strict=False)
    ]


@verb
def send_one_by_one(stage: Stage, step: Step) -> list[Any]:
    record = {"topic": step["topic"], "key": step.get("key"), "value": "x" * step["value_bytes"]}
    answers = [_metadata(stage.get(_send(stage, step, record))) for _ in range(step["count"])]
    stage.memory.send_ms = stage.now_ms
    _sent_to(stage, step, record, answers)
    return answers


def read_note(stage: Stage, note: str) -> None:
    """A topic that the note says was created during the next send is created then."""
    told = CREATED_LATER.search(note)
    if told is not None:
        topic, partitions, seconds = told.groups()

        def create() -> None:
            stage.admin.create_topic(topic, int(partitions), 1)

        stage.cluster.at(stage.now_ms + 1000 * float(seconds), create)


def _send(stage: Stage, step: Step, record: Mapping[str, Any]) -> Any:
    return stage.clients[step["producer"]].send(
        record["topic"], record.get("value"), key=record.get("key"), partition=record.get("partition"),
        timestamp=record.get("timestamp"),
    )  # fmt: skip


def _try_send(stage: Stage, step: Step, record: Mapping[str, Any]) -> Any:
    """A send whose refusal at the call is an answer like any other."""
    try:
        return _send(stage, step, record)
    except ks.KafkaSimError as error:
        refusal = error

        def refused() -> Any:
            raise refusal
            yield

        return stage.cluster.process(refused)


def _remember(stage: Stage, step: Step, sent: Any) -> None:
    name, ref = step["producer"], step["ref"]
    stage.sends[name, ref] = (step, sent)

    def fired(future: Any) -> None:
        error = "" if future.error is None else f":{future.error.java_name}"
        stage.callbacks.append((name, f"{ref}{error}"))

    sent.then(fired)


def _metadata(metadata: Any) -> dict[str, Any]:
    return {"partition": metadata.partition, "offset": metadata.offset, "timestamp": metadata.timestamp}


def _sent_to(stage: Stage, step: Step, record: Mapping[str, Any], answers: list[dict[str, Any]]) -> None:
    """Note where records went; entries of one producer to one topic that follow each other are summed up."""
    whose = (step["producer"], record["topic"])
    if stage.memory.sends_of != whose:
        stage.memory.sends_of, stage.memory.sent = whose, []
    stage.memory.sent += [(record.get("key"), one["partition"]) for one in answers if "partition" in one]


# --- what was seen of them -------------------------------------------------------------------------------------


@sight
def send_done(stage: Stage, step: Step) -> bool:
    return bool(stage.sends[step["producer"], step["ref"]][1].is_done())


@sight
def callbacks(stage: Stage, step: Step) -> list[str]:
    return [fired for producer, fired in stage.callbacks if producer == step.get("producer", producer)]


@sight
def producer_metric(stage: Stage, step: Step) -> Any:
    return stage.get(stage.clients[step["producer"]].metrics())[step["metric"]]


@sight
def null_key_runs(stage: Stage, step: Step) -> dict[str, Any]:
    went = _keyless(stage)
    went = went[max(0, len(went) - step["is"].get("records", len(went))) :]
    changes = [place for place in range(1, len(went)) if went[place] != went[place - 1]]
    multiple = step["is"].get("changes_only_at_multiples_of", 1)
    kept = all(place % multiple == 0 for place in changes)
    return {
        "records": len(went),
        "changes_only_at_multiples_of": multiple if kept else f"not so: changes at {changes}",
        "more_than_one_partition": len(set(went)) > 1,
    }


@sight
def null_key_partitions_used(stage: Stage, step: Step) -> int:
    return len(set(_keyless(stage)))


@sight
def ignore_keys(stage: Stage, step: Step) -> dict[str, bool]:
    went: dict[str, set[int]] = {}
    for key, partition in stage.memory.sent:
        if key is not None:
            went.setdefault(key, set()).add(partition)
    return {"one_key_on_several_partitions": any(len(partitions) > 1 for partitions in went.values())}


def _keyless(stage: Stage) -> list[int]:
    """Where the latest records without a key went."""
    return [partition for key, partition in stage.memory.sent if key is None]
