"""The records of ``__consumer_offsets`` in Kafka's own bytes, and what they say.

A key tells what the record is about: a group's committed offset of one partition (OffsetCommitKey, version 1) or the
group itself (GroupMetadataKey, version 2). The value of the first is an OffsetCommitValue (version 3), of the second a
GroupMetadataValue (version 3), in which each member's subscription and assignment are ConsumerProtocol's (version 3).
A value of None is a tombstone.

Kafka: GroupMetadataManager.readMessageKey and its relatives; kafka-dump-log.sh --offsets-decoder prints the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kafkasim.records import Record, TopicPartition

T = TypeVar("T")
OFFSET_KEY, GROUP_KEY = 1, 2
"""The version of a key says what it is the key of."""
OFFSET_VALUE, GROUP_VALUE, CONSUMER_PROTOCOL = 3, 3, 3


def offset_record(
    group: str, tp: TopicPartition, offset: int, now_ms: int, leader_epoch: int = -1, metadata: str = ""
) -> Record:  # fmt: skip
    """The committed offset of a group for one partition."""
    value = struct.pack(">hqi", OFFSET_VALUE, offset, leader_epoch) + _string(metadata) + struct.pack(">q", now_ms)
    return Record(_offset_key(group, tp), value, now_ms)


def offset_tombstone(group: str, tp: TopicPartition, now_ms: int) -> Record:
    """The group has no committed offset of this partition any more."""
    return Record(_offset_key(group, tp), None, now_ms)


def group_record(group: str, value: Mapping[str, Any], now_ms: int) -> Record:
    """A group's generation, with its members and what they were assigned: ``GroupMetadata.as_stored()``."""
    parts = [
        struct.pack(">h", GROUP_VALUE), _string("consumer"), struct.pack(">i", value["generation"]),
        _string(value["protocol"] or None), _string(value["leader"] or None),
        struct.pack(">q", value["currentStateTimestamp"]), _array(value["members"], _member),
    ]  # fmt: skip
    return Record(_group_key(group), b"".join(parts), now_ms)


def group_tombstone(group: str, now_ms: int) -> Record:
    """The group is gone."""
    return Record(_group_key(group), None, now_ms)


def decoded(record: Record) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
    """What the key and the value of a record say, under Kafka's names; None for a record that is no such thing.

    >>> decoded(offset_record("g", TopicPartition("t", 0), 8, 1234))[0]
    {'group': 'g', 'topic': 't', 'partition': 0}
    >>> decoded(offset_record("g", TopicPartition("t", 0), 8, 1234))[1]
    {'offset': 8, 'leaderEpoch': -1, 'metadata': '', 'commitTimestamp': 1234}
    """
    if record.key is None or len(record.key) < 4:
        return None
    key = _Reader(record.key)
    version = key.number("h")
    value = None if record.value is None else _Reader(record.value)
    if version == OFFSET_KEY:
        about = {"group": key.string(), "topic": key.string(), "partition": key.number("i")}
        return about, None if value is None else _offset_value(value)
    if version == GROUP_KEY:
        return {"group": key.string()}, None if value is None else _group_value(value)
    return None


def in_words(record: Record) -> str:
    """A record as a sentence, as the disk inspector shows it.

    >>> in_words(offset_record("g", TopicPartition("t", 0), 8, 1234))
    'group g has committed offset 8 of t-0'
    >>> in_words(group_tombstone("g", 1234))
    'group g is gone'
    """
    found = decoded(record)
    if found is None:
        return "something else"
    key, value = found
    group = key["group"]
    if "topic" in key:
        tp = f"{key['topic']}-{key['partition']}"
        if value is None:
            return f"group {group} has no committed offset of {tp} any more"
        return f"group {group} has committed offset {value['offset']} of {tp}"
    if value is None:
        return f"group {group} is gone"
    members = ", ".join(
        f"{one['memberId']} owns {' '.join(f'{topic}-{number}' for topic, number in one['assignment']) or 'nothing'}"
        for one in value["members"]
    )
    return f"group {group} is in generation {value['generation']}: {members or 'no members'}"


# --- writing ---------------------------------------------------------------------------------------------------


def _offset_key(group: str, tp: TopicPartition) -> bytes:
    return struct.pack(">h", OFFSET_KEY) + _string(group) + _string(tp.topic) + struct.pack(">i", tp.partition)


def _group_key(group: str) -> bytes:
    return struct.pack(">h", GROUP_KEY) + _string(group)


def _string(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">h", -1)
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _bytes(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def _array(items: Iterable[T], write: Callable[[T], bytes]) -> bytes:
    written = [write(item) for item in items]
    return struct.pack(">i", len(written)) + b"".join(written)


def _partitions(listed: Iterable[Iterable[Any]]) -> bytes:
    """Topics in the order in which they come, each with its partitions."""
    by_topic: dict[str, list[int]] = {}
    for topic, number in listed:
        by_topic.setdefault(topic, []).append(number)

    def write(item: tuple[str, list[int]]) -> bytes:
        return _string(item[0]) + _array(item[1], lambda number: struct.pack(">i", number))

    return _array(by_topic.items(), write)


def _member(one: Mapping[str, Any]) -> bytes:
    wants = one["subscription"]
    no_user_data, no_rack = struct.pack(">i", -1), _string(None)
    remembered = no_user_data if wants["userData"] is None else _bytes(_sticky_user_data(wants["userData"]))
    subscription = b"".join(
        [
            struct.pack(">h", CONSUMER_PROTOCOL), _array(wants["topics"], _string), remembered,
            _partitions(wants["ownedPartitions"]), struct.pack(">i", wants["generationId"]), no_rack,
        ]
    )  # fmt: skip
    assignment = struct.pack(">h", CONSUMER_PROTOCOL) + _partitions(one["assignment"]) + no_user_data
    names = (one["memberId"], one["groupInstanceId"], one["clientId"], one["clientHost"])
    times = struct.pack(">ii", one["rebalanceTimeout"], one["sessionTimeout"])
    return b"".join(map(_string, names)) + times + _bytes(subscription) + _bytes(assignment)


def _sticky_user_data(remembered: Mapping[str, Any]) -> bytes:
    """Kafka: StickyAssignor.serializeTopicPartitionAssignment."""
    return _partitions(remembered["previousAssignment"]) + struct.pack(">i", remembered["generation"])


# --- reading ---------------------------------------------------------------------------------------------------


class _Reader:
    """Takes one value after the other off some bytes."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self, kind: str) -> int:
        (found,) = struct.unpack_from(f">{kind}", self._content, self._at)
        self._at += struct.calcsize(kind)
        assert isinstance(found, int)
        return found

    def string(self) -> str | None:
        size = self.number("h")
        return None if size < 0 else self._take(size).decode()

    def block(self) -> bytes | None:
        size = self.number("i")
        return None if size < 0 else self._take(size)

    def array(self, read: Callable[[], T]) -> list[T]:
        return [read() for _ in range(self.number("i"))]

    def partitions(self) -> list[list[Any]]:
        topics = self.array(lambda: (self.string(), self.array(lambda: self.number("i"))))
        return [[topic, number] for topic, numbers in topics for number in numbers]

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._content[self._at - size : self._at]


def _offset_value(value: _Reader) -> dict[str, Any]:
    value.number("h")
    offset, epoch, metadata = value.number("q"), value.number("i"), value.string()
    return {"offset": offset, "leaderEpoch": epoch, "metadata": metadata, "commitTimestamp": value.number("q")}


def _group_value(value: _Reader) -> dict[str, Any]:
    value.number("h")
    return {
        "protocolType": value.string(), "generation": value.number("i"), "protocol": value.string() or "",
        "leader": value.string() or "", "currentStateTimestamp": value.number("q"),
        "members": value.array(lambda: _member_value(value)),
    }  # fmt: skip


def _member_value(value: _Reader) -> dict[str, Any]:
    names = {name: value.string() for name in ("memberId", "groupInstanceId", "clientId", "clientHost")}
    rebalance, session = value.number("i"), value.number("i")
    wants, owns = _Reader(value.block() or b""), _Reader(value.block() or b"")
    wants.number("h")
    topics = wants.array(wants.string)
    user_data = wants.block()
    owned, generation = wants.partitions(), wants.number("i")
    owns.number("h")
    return {
        **names, "rebalanceTimeout": rebalance, "sessionTimeout": session,
        "subscription": {
            "topics": topics, "userData": None if user_data is None else _sticky_memory(_Reader(user_data)),
            "ownedPartitions": owned, "generationId": generation,
        },
        "assignment": owns.partitions(),
    }  # fmt: skip


def _sticky_memory(value: _Reader) -> dict[str, Any]:
    return {"previousAssignment": value.partitions(), "generation": value.number("i")}
