"""Turning keys and values into bytes and back: functions of one argument, or objects as kafka-python has them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

Headers = Sequence[tuple[str, Any]]


class Serializer(ABC):
    """Makes bytes."""

    @abstractmethod
    def serialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """The bytes of a key or value."""

    def close(self) -> None:  # noqa: B027  # nothing to close by default
        """The producer closes."""


class Deserializer(ABC):
    """Reads bytes."""

    @abstractmethod
    def deserialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """The key or value in these bytes, which are None for None."""

    def close(self) -> None:  # noqa: B027  # nothing to close by default
        """The consumer closes."""


class DefaultSerializer(Serializer, Deserializer):
    """Text and back; bytes are left as they are on the way out."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.encoding = encoding

    def serialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """Texts as bytes."""
        return data if data is None or isinstance(data, bytes | bytearray | memoryview) else data.encode(self.encoding)

    def deserialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """Bytes as a text."""
        return None if data is None else data.decode(self.encoding)


class JsonSerializer(DefaultSerializer):
    """Whatever JSON can say."""

    def serialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """Values as JSON; None stays None."""
        return None if data is None else super().serialize(topic, headers, json.dumps(data))

    def deserialize(self, topic: str, headers: Headers, data: Any) -> Any:
        """JSON as values; None stays None."""
        return None if data is None else json.loads(super().deserialize(topic, headers, data))


def serialized(serializer: Any, topic: str, headers: Headers, data: Any) -> Any:
    """What a serializer, a function or None makes of a key or value."""
    if serializer is None:
        return data
    if isinstance(serializer, Serializer):
        return serializer.serialize(topic, headers, data)
    return serializer(data)


def deserialized(deserializer: Any, topic: str, headers: Headers, data: Any) -> Any:
    """What a deserializer, a function or None makes of bytes; functions get None for None, as in kafka-python."""
    if deserializer is None:
        return data
    if isinstance(deserializer, Deserializer):
        return deserializer.deserialize(topic, headers, data)
    return deserializer(data)
