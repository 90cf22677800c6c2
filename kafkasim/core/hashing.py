"""The two hashes that decide where things lie: murmur2 for keys, Java's String.hashCode for groups.

Kafka: Utils.murmur2, Utils.toPositive, Utils.abs, BuiltInPartitioner.partitionForKey,
GroupMetadataManager.partitionFor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from kafkasim.records import TopicPartition

T = TypeVar("T")

SEED = 0x9747B28C
M = 0x5BD1E995
R = 24
MASK = 0xFFFFFFFF


@lru_cache(maxsize=4096)
def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 of some bytes, as a signed number.

    >>> murmur2(b"21"), murmur2(b"foobar"), murmur2(b"")
    (-973932308, -790332482, 275646681)
    """
    length = len(data)
    h = (SEED ^ length) & MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * M & MASK
        k = (k ^ (k >> R)) * M & MASK
        h = (h * M & MASK) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * M & MASK
    h = (h ^ (h >> 13)) * M & MASK
    h ^= h >> 15
    return h - (1 << 32) if h & 0x80000000 else h


def java_hash_code(text: str) -> int:
    """Java's String.hashCode: 31·h + each UTF-16 unit, with signed 32-bit overflow.

    >>> java_hash_code("test"), java_hash_code("my-group")
    (3556498, -1906497762)
    """
    units = text.encode("utf-16-le", "surrogatepass")
    h = 0
    for start in range(0, len(units), 2):
        h = (31 * h + int.from_bytes(units[start : start + 2], "little")) & MASK
    return h - (1 << 32) if h & 0x80000000 else h


def partition_hash_code(tp: TopicPartition) -> int:
    """Java's hash of a partition. Kafka: TopicPartition.hashCode."""
    return 31 * (31 + tp.partition) + java_hash_code(tp.topic)


def partition_for_key(key: bytes, partitions: int) -> int:
    """The partition of a key: the hash without its sign bit, over all partitions, led or not.

    >>> partition_for_key(b"order-1", 3), partition_for_key(b"order-1", 6)
    (1, 4)
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def partition_for_group(group_id: str, partitions: int = 50) -> int:
    """The partition of ``__consumer_offsets`` (or, for a transactional id, ``__transaction_state``) of a name.

    >>> partition_for_group("my-group"), partition_for_group("test")
    (12, 48)
    """
    code = java_hash_code(group_id)
    return (0 if code == -(1 << 31) else abs(code)) % partitions


def in_hash_map_order(keys: Iterable[T], code: Callable[[T], int], most: int = 0, table: int = 16) -> list[T]:
    """The keys in the order in which a Java HashMap gives them back: by bucket, within one as they came.

    ``code`` is the keys' Java hash code. ``most`` is how many keys the map has held at its fullest: a
    ``table`` doubles when it is more than three quarters full, and never shrinks.

    >>> in_hash_map_order(["consumer1", "consumer2", "consumer3"], java_hash_code)
    ['consumer3', 'consumer2', 'consumer1']
    """
    distinct = list(dict.fromkeys(keys))
    while 4 * max(len(distinct), most) > 3 * table:
        table *= 2

    def bucket(key: T) -> int:
        h = code(key) & MASK
        return (h ^ (h >> 16)) & (table - 1)

    return sorted(distinct, key=bucket)
