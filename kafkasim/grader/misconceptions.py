"""What learners often believe, under an id that wrong choices refer to, and what refutes it."""

from __future__ import annotations

MISCONCEPTIONS: dict[str, str] = {
    "order-across-partitions": "A topic has no order of its own: only the records of one partition have one.",
    "offset-is-global": "An offset is a place in one partition; every partition counts from 0 for itself.",
    "offset-is-unique-in-topic": "The same offset exists in every partition, with another record at each.",
    "key-owns-a-partition": "A key does not get a partition of its own: many keys share one, by their hash.",
    "keys-are-dealt-in-turn": "Keys are not dealt out in the order of their coming: the hash of their bytes decides.",
    "keyless-round-robin": "Since Kafka 2.4 keyless records are not dealt in turn: a batch sticks to one partition.",
    "keyless-goes-nowhere": "A record needs no key: without one its producer chooses a partition.",
    "keyless-one-partition": "The sticky partition changes when a batch is complete: no partition is for ever.",
    "update-overwrites": "Nothing in a log is changed: a second record with the same key is appended behind.",
    "consuming-deletes": "Reading takes nothing away: records go by retention, compaction or deletion alone.",
    "topic-is-created-twice": "A name stands for one topic: creating it again is refused, whoever tries.",
    "ack-means-one-copy": "With acks=all the answer waits until every in-sync replica has the record.",
    "followers-are-pushed-to": "The leader pushes nothing: followers fetch, and that tells how far they are.",
}
"""Misconception id -> what is true instead."""
