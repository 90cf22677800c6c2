"""What Kafka's own topics hold, read from the bytes of their keys and values as its schemas lay them out.

Kafka: OffsetCommitKey (versions 0 and 1), TransactionLogKey and TransactionLogValue (version 0), TransactionState.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tests.fidelity.recordings.stage import Stage

STATES = (
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
)


class Bytes:
    """Reads one field after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def number(self, kind: str) -> int:
        """A number: ``b``, ``h``, ``i`` or ``q`` for 8, 16, 32 or 64 bits."""
        found: int = struct.unpack_from(f">{kind}", self._content, self._place)[0]
        self._place += struct.calcsize(f">{kind}")
        return found

    def text(self) -> str:
        """A text after its length."""
        length = self.number("h")
        self._place += length
        return self._content[self._place - length : self._place].decode()


def records(stage: Stage, broker: int, topic: str) -> Iterator[tuple[int, Any]]:
    """The records of a topic on a broker's disk, each with its partition, partition by partition."""
    disk = stage.cluster.disk(broker)
    for tp in disk.partitions:
        if tp.topic == topic:
            for batch in disk.replica(tp).batches:
                if not batch.is_control:
                    yield from ((tp.partition, record) for _, record in batch.records)


def group_of_commit(key: bytes) -> str | None:
    """The group of a committed offset's key; None for the key of anything else."""
    read = Bytes(key)
    return read.text() if read.number("h") in (0, 1) else None


def transaction(key: bytes, value: bytes) -> dict[str, Any]:
    """A state of a transaction as recordings show it."""
    read, name = Bytes(value), Bytes(key)
    assert (name.number("h"), read.number("h")) == (0, 0)
    state: dict[str, Any] = {"id": name.text(), "pid": read.number("q"), "epoch": read.number("h")}
    read.number("i")
    state["state"] = STATES[read.number("b")]
    topics = [
        (read.text(), [read.number("i") for _ in range(read.number("i"))]) for _ in range(max(0, read.number("i")))
    ]
    state["partitions"] = sorted(f"{topic}-{number}" for topic, numbers in topics for number in numbers)
    return state
