"""Verbs of consumers, and their sights: a reader is a consumer and whatever the harness keeps of it.

While it runs it is polled all the time by a process; calls from outside happen between two of its polls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import kafkasim as ks
from tests.fidelity.recordings.catalogue import Step, sight, verb
from tests.fidelity.recordings.comparing import only
from tests.fidelity.recordings.stage import Stage, named, text

RUN_POLL_MS, UNTIL_POLL_MS, LOOKUP_MS = 50, 300, 5000
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


class Listener:
    """Notes the rebalance listener's calls; commits before partitions go, where it is told to."""

    def __init__(self, reader: Reader, commits: bool) -> None:
        self._reader = reader
        self._commits = commits

    def on_partitions_assigned(self, partitions: list[ks.TopicPartition]) -> None:
        self._reader.note("assigned", partitions)

    def on_partitions_revoked(self, partitions: list[ks.TopicPartition]) -> Any:
        self._reader.note("revoked", partitions)
        return self._reader.consumer.commit_sync() if self._commits else None

    def on_partitions_lost(self, partitions: list[ks.TopicPartition]) -> None:
        self._reader.note("lost", partitions)


class Reader:
    """A consumer of the harness, with its events and the records that came while it ran."""

    def __init__(self, stage: Stage, consumer: Any, commits: bool = False) -> None:
        self.consumer = consumer
        self.events: list[dict[str, Any]] = []
        self.records: list[Any] = []
        self.listener = Listener(self, commits)
        self._stage = stage
        self._calls: list[Any] = []
        self._poll: Any = None
        self._loop: Any = None
        self._stopping = False

    def note(self, event: str, partitions: list[ks.TopicPartition]) -> None:
        """A call of the listener."""
        owned = sorted(map(str, partitions))
        self.events.append({"event": event, "partitions": owned, "generation": self.generation})

    @property
    def generation(self) -> int:
        """The generation of the last join that was completed."""
        return int(_metadata(self.consumer)[1])

    @property
    def is_running(self) -> bool:
        """Whether a process polls it."""
        return self._loop is not None and not self._loop.is_done()

    def run(self) -> None:
        """Poll all the time, in a process of its own, until an error ends it."""
        self._stopping = False
        self._loop = self._stage.cluster.process(self._running)

    def _running(self) -> Generator[Any, Any, None]:
        while not self._stopping:
            try:
                self._poll = self.consumer.poll(RUN_POLL_MS)
                self.records += list((yield self._poll))
            except ks.KafkaSimError as error:
                self.events.append({"event": "error", "error": error.java_name})
                return
            while self._calls:
                yield self._calls.pop(0)

    def call(self, function: Callable[[], Any], within_ms: float = 200_000) -> Any:
        """Do something with the consumer, between two polls when it runs; the answer."""
        if not self.is_running:
            return self._stage.get(function(), within_ms)
        answer: list[Any] = []

        def turn() -> Generator[Any, Any, None]:
            if self._poll is not None and not self._poll.is_done():
                with suppress(ks.KafkaSimError):  # the loop notes it
                    yield self._poll
            try:
                value = function()
                answer.append((yield value) if isinstance(value, ks.Future) else value)
            except ks.KafkaSimError as error:
                answer.append(error)

        done = self._stage.cluster.process(turn)
        self._calls.append(done)
        self._stage.get(done, within_ms)
        if isinstance(answer[0], ks.KafkaSimError):
            raise answer[0]
        return answer[0]

    def stop(self) -> None:
        """End the polling; wait for the poll under way."""
        self._stopping = True
        if self.is_running:
            self._stage.get(self._loop)


def _metadata(consumer: Any) -> Any:
    return consumer.group_metadata()


def _reader(stage: Stage, step: Step) -> Reader:
    reader: Reader = stage.clients[step["consumer"]]
    return reader


def remember_member_ids(stage: Stage) -> None:
    """The member ids before the polls that may come now."""
    for name, client in stage.clients.items():
        if isinstance(client, Reader):
            stage.memory.member_ids[name] = _metadata(client.consumer)[2]


# --- verbs -----------------------------------------------------------------------------------------------------


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
    reader = _reader(stage, step)
    if step["topics"]:
        reader.call(lambda: reader.consumer.subscribe(step["topics"], reader.listener))
    else:
        reader.call(lambda: reader.consumer.unsubscribe())


@verb
def assign(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.assign([named(tp) for tp in step["partitions"]]))


@verb
def poll(stage: Stage, step: Step) -> list[Any]:
    reader = _reader(stage, step)
    records = list(reader.call(lambda: reader.consumer.poll(step["ms"])))
    return _shown(records, step.get("result"))


@verb
def poll_until(stage: Stage, step: Step) -> list[Any]:
    reader = _reader(stage, step)
    until_ms = stage.now_ms + 1000 * step["timeout"]
    records: list[Any] = []
    while len(records) < step["count"] and stage.now_ms < until_ms:
        records += list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
    return _shown(records, step.get("result"))


@verb
def poll_until_assigned(stage: Stage, step: Step) -> list[Any]:
    reader = _reader(stage, step)
    until_ms = stage.now_ms + 1000 * step.get("timeout", ASSIGNED_SECONDS)
    records: list[Any] = []
    while not reader.consumer.assignment() and stage.now_ms < until_ms:
        records += list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
    return _shown(records, step.get("result"))


@verb
def first_offset_after_seek(stage: Stage, step: Step) -> int | None:
    reader = _reader(stage, step)
    until_ms = stage.now_ms + 1000 * step.get("timeout", ASSIGNED_SECONDS)
    while stage.now_ms < until_ms:
        records = list(stage.get(reader.consumer.poll(UNTIL_POLL_MS)))
        if records:
            return int(records[0].offset)
    return None


@verb
def run(stage: Stage, step: Step) -> None:
    _reader(stage, step).run()


@verb
def stop_running(stage: Stage, step: Step) -> None:
    _reader(stage, step).stop()


@verb
def commit(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.commit_sync(*_offsets(step)))


@verb
def commit_async(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.commit_async(*_offsets(step)))


@verb
def seek(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.seek(named(step["tp"]), step["offset"]))


@verb
def pause_partitions(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.pause(sorted(reader.consumer.assignment())))


@verb
def resume_partitions(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
    reader.call(lambda: reader.consumer.resume(sorted(reader.consumer.assignment())))


@verb
def close_consumer(stage: Stage, step: Step) -> None:
    reader = _reader(stage, step)
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


# --- sights ----------------------------------------------------------------------------------------------------


@sight
def assignment(stage: Stage, step: Step) -> list[str]:
    reader = _reader(stage, step)
    return sorted(map(str, reader.call(lambda: reader.consumer.assignment())))


@sight
def generation(stage: Stage, step: Step) -> int:
    reader = _reader(stage, step)
    return int(reader.call(lambda: _metadata(reader.consumer))[1])


@sight
def position(stage: Stage, step: Step) -> Any:
    reader = _reader(stage, step)
    return reader.call(lambda: reader.consumer.position(named(step["tp"]), timeout_ms=LOOKUP_MS))


@sight
def consumer_committed(stage: Stage, step: Step) -> Any:
    reader = _reader(stage, step)
    tp = named(step["tp"])
    return reader.call(lambda: reader.consumer.committed([tp], timeout_ms=LOOKUP_MS))[tp]


@sight
def events(stage: Stage, step: Step) -> list[dict[str, Any]]:
    return _with_messages(_reader(stage, step).events, step)


@sight
def events_nonempty(stage: Stage, step: Step) -> list[dict[str, Any]]:
    full = [event for event in _reader(stage, step).events if event.get("partitions") != []]
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
    return [[f"{record.topic}-{record.partition}", record.offset] for record in _reader(stage, step).records]


@sight
def received_by_partition(stage: Stage, step: Step) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in _reader(stage, step).records:
        found.setdefault(f"{record.topic}-{record.partition}", []).append(record.offset)
    return found


@sight
def member_id_changed(stage: Stage, step: Step) -> dict[str, bool]:
    now = {name: _metadata(stage.clients[name].consumer)[2] for name in step["is"]}
    return {name: member_id != stage.memory.member_ids[name] for name, member_id in now.items()}
