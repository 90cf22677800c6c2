"""A reader: a consumer and whatever the harness keeps of it.

While it runs it is polled all the time by a process; calls from outside happen between two of its polls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import kafkasim as ks
from tests.fidelity.recordings.stage import Stage

RUN_POLL_MS = 50


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
        return int(self.consumer.group_metadata()[1])

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


def reader_of(stage: Stage, step: dict[str, Any]) -> Reader:
    """The reader that a step names."""
    reader: Reader = stage.clients[step["consumer"]]
    return reader


def remember_member_ids(stage: Stage) -> None:
    """The member ids before the polls that may come now."""
    for name, client in stage.clients.items():
        if isinstance(client, Reader):
            with suppress(ks.KafkaSimError):  # it has no group, or is closed
                stage.memory.member_ids[name] = client.consumer.group_metadata()[2]
