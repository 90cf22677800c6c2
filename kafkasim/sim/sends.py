"""One record on its way from send() into a batch, and what its sender is told in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafkasim.errors import ConfigError
from kafkasim.records import Record
from kafkasim.sim.kernel import Future

Each = bytes | str | None | Callable[[int], bytes | str | None]
"""The same for every record of a load, or made from the record's number."""


@dataclass(frozen=True, slots=True)
class RecordMetadata:
    """Where a record went; ``offset`` is -1 with acks=0, ``timestamp`` is in ms of the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    serialized_key_size: int
    serialized_value_size: int


@dataclass(eq=False, slots=True)
class Send:
    """A record on its way into a batch; ``chosen`` is its partition, once that is decided.

    ``came_ms`` is when it came, if that was before it was handed over. ``refusal`` is why its send() was refused.
    """

    number: int
    topic: str
    record: Record
    partition: int | None
    future: Future[RecordMetadata]
    came_ms: int | None = None
    chosen: int | None = None
    waits_for_memory: bool = False
    refusal: Exception | None = None


def serialized(value: Any, name: str, serializer: Callable[[Any], bytes | None] | None) -> bytes | None:
    """A key or value as it travels: texts become UTF-8."""
    if serializer is not None:
        value = serializer(value)
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    raise ConfigError(
        f"{name} must be bytes, a text or None. Got {value!r}. Turn it into bytes or give a {name}_serializer.",
        java_name="SerializationException",
    )


def headers_of(headers: object) -> tuple[tuple[str, bytes], ...]:
    """The headers of a record, checked."""
    if headers == ():
        return ()
    if isinstance(headers, Sequence) and not isinstance(headers, str | bytes):
        pairs = [tuple(pair) for pair in headers if isinstance(pair, Sequence)]
        if len(pairs) == len(headers) and all(
            len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], bytes) for pair in pairs
        ):
            return tuple((pair[0], pair[1]) for pair in pairs)
    raise ConfigError(f"headers must be a list of (text, bytes) pairs. Got {headers!r}.")


def maker(each: Any, name: str, serializer: Callable[[Any], bytes | None] | None) -> Callable[[int], bytes | None]:
    """What gives the keys or values of a load, by number."""
    if callable(each):
        return lambda number: serialized(each(number), name, serializer)
    same = serialized(each, name, serializer)
    return lambda number: same
