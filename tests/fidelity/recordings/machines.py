"""Verbs on machines: brokers, ZooKeeper servers, clients as processes, files of a dead broker, time."""

from __future__ import annotations

from typing import Any

from tests.fidelity.recordings.catalogue import Step, verb
from tests.fidelity.recordings.reader import Reader
from tests.fidelity.recordings.stage import Stage, named


@verb
def kill_broker(stage: Stage, step: Step) -> None:
    stage.cluster.kill(step["broker"])
    stage.memory.fell(step["broker"], stage.now_ms)


@verb
def stop_broker(stage: Stage, step: Step) -> None:
    with stage.limit():
        stage.cluster.stop(step["broker"])


@verb
def start_broker(stage: Stage, step: Step) -> None:
    with stage.limit():
        stage.cluster.start(step["broker"])
    stage.memory.rose(step["broker"])


@verb
def pause_broker(stage: Stage, step: Step) -> None:
    stage.cluster.pause(step["broker"])
    stage.memory.fell(step["broker"], stage.now_ms)
    stage.memory.pause_ms = stage.now_ms


@verb
def resume_broker(stage: Stage, step: Step) -> None:
    stage.cluster.resume(step["broker"])
    stage.memory.rose(step["broker"])


@verb
def kill_zookeeper(stage: Stage, step: Step) -> None:
    stage.cluster.kill(f"zookeeper-{step['server']}")
    stage.memory.fell(f"zookeeper-{step['server']}", stage.now_ms)


@verb
def start_zookeeper(stage: Stage, step: Step) -> None:
    with stage.limit():
        stage.cluster.start(f"zookeeper-{step['server']}")


@verb
def cut_log(stage: Stage, step: Step) -> None:
    stage.cluster.disk(step["broker"]).cut_log(named(step["tp"]), step["leo"])


@verb
def cut_bytes(stage: Stage, step: Step) -> None:
    if "of" in step:
        size = stage.replica(step).segments[-1].size_in_bytes
        assert size == step["of"], f"the last segment file should have {step['of']} bytes, it has {size}"
    stage.cluster.disk(step["broker"]).cut_bytes(named(step["tp"]), step["bytes"])


@verb
def add_bytes(stage: Stage, step: Step) -> None:
    stage.cluster.disk(step["broker"]).add_bytes(named(step["tp"]), step["bytes"])


@verb
def kill_client(stage: Stage, step: Step) -> None:
    stage.cluster.kill(_client(stage, step))
    stage.memory.fell(step["name"], stage.now_ms)


@verb
def pause_client(stage: Stage, step: Step) -> None:
    stage.cluster.pause(_client(stage, step))
    stage.memory.fell(step["name"], stage.now_ms)


@verb
def resume_client(stage: Stage, step: Step) -> None:
    stage.cluster.resume(_client(stage, step))
    stage.memory.rose(step["name"])


@verb
def wait(stage: Stage, step: Step) -> None:
    stage.sleep_until(stage.now_ms + 1000 * step["seconds"])


def _client(stage: Stage, step: Step) -> Any:
    client = stage.clients[step["name"]]
    return client.consumer if isinstance(client, Reader) else client
