"""The categories of vectors about logs: segments, retention, compaction, producers, transactions in a log."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kafkasim.config import TopicConfig
from kafkasim.core.cleaner import Cleanable, clean, cleanable
from kafkasim.core.log import Log
from kafkasim.core.read_committed import readable_batches
from kafkasim.core.retention import delete_old_segments
from kafkasim.core.segment import Segment
from kafkasim.errors import KafkaError
from kafkasim.records import Record, RecordBatch, end_marker

START_MS = 0


def segment_roll(given: Any) -> Any:
    first, size = given["first_batch_max_timestamp"], given["segment_size"]
    segment = Segment(0, given["segment_created_at"], jitter_ms=given["segment.jitter.ms"])
    if first is not None:
        segment.append(_sized(size, first), given["segment_created_at"])
    incoming = _sized(given["batch_size"], given["incoming_batch_max_timestamp"])
    why = segment.roll_before(incoming, given["segment.bytes"], given["segment.ms"], given["now"])
    return {"roll_before_append": why is not None}


def producer_sequence(case: Any) -> Any:
    """Batches and markers of one producer, appended as a leader does."""
    log = Log(TopicConfig(), START_MS)
    producer_id = case["input"]["producer_id"]
    assert case["input"]["empty_producer_state"], "the log says what is known of a producer: it is empty at first"
    return [_answer_to(log, producer_id, case["input"]["origin"], op) for op in case["expected"]]


def _answer_to(log: Log, producer_id: int, origin: str, op: Any) -> Any:
    end = log.end_offset
    try:
        if op["op"] == "marker":
            marker = end_marker(
                producer_id, op["epoch"], committed=op["type"] == "COMMIT", coordinator_epoch=op["coordinator_epoch"],
                timestamp=0,
            )  # fmt: skip
            return {"base_offset": log.append_marker(marker, 0, START_MS).base_offset}
        count = (op["last_seq"] - op["first_seq"]) % 2**31 + 1
        batch = _batch(
            count, producer_id=producer_id, producer_epoch=op["epoch"], base_sequence=op["first_seq"],
            is_transactional=op["transactional"],
        )  # fmt: skip
        if origin != "CLIENT":  # a follower takes what its leader has
            log.append_as_follower(batch.placed(end, 0), START_MS)
            return {"base_offset": end}
        stored = log.append_as_leader(batch, 0, START_MS)
    except KafkaError as error:
        return {"error": error.name}
    return {"base_offset" if stored.base_offset == end else "duplicate_of_offset": stored.base_offset}


def last_stable_offset(case: Any) -> Any:
    log = Log(TopicConfig(), START_MS)
    told = []
    sequences: dict[int, int] = {}
    for step in case["expected"]:
        match step["op"]:
            case ["tx", producer_id, count]:
                sequence = sequences.get(producer_id, 0)
                sequences[producer_id] = sequence + count
                _transactional(log, producer_id, count, sequence)
            case ["plain", count]:
                log.append_as_leader(_batch(count), 0, START_MS)
            case ["commit" | "abort" as how, producer_id]:
                _end(log, producer_id, committed=how == "commit")
            case ["hw", offset]:
                log.move_high_watermark(offset)
            case other:
                raise ValueError(f"no step {other}")
        told.append(
            {
                "log_end_offset": log.end_offset,
                "high_watermark": log.high_watermark,
                "first_unstable_offset": log.producers.first_unstable_offset,
                "last_stable_offset": log.last_stable_offset,
            }
        )
    return told


def _transactional(log: Log, producer_id: int, count: int, sequence: int, value: bytes = b"v") -> None:
    batch = _batch(
        count, value=value, producer_id=producer_id, producer_epoch=0, base_sequence=sequence, is_transactional=True
    )
    log.append_as_leader(batch, 0, START_MS)


def _end(log: Log, producer_id: int, *, committed: bool) -> None:
    log.append_marker(end_marker(producer_id, 0, committed=committed, coordinator_epoch=0, timestamp=0), 0, START_MS)


def _batch(count: int, value: bytes = b"v", **fields: Any) -> RecordBatch:
    return RecordBatch((Record(None, value, 0),) * count, **fields)


def _sized(size: int, timestamp: int) -> RecordBatch:
    return RecordBatch((Record(None, b"v", timestamp),), size_in_bytes=size)


def retention(given: Any) -> Any:
    log = _log_of(
        given["segments"],
        {"retention.ms": given["retention.ms"], "retention.bytes": given["retention.bytes"],
         "cleanup.policy": given["cleanup.policy"]},
    )  # fmt: skip
    log.start_offset, log.end_offset = given["log_start_offset"], given["log_end_offset"]
    log.high_watermark = given["high_watermark"]
    gone = delete_old_segments(log, given["now"])
    bases = [segment.base_offset for segment in log.segments]
    return {**gone, "log_start_offset": log.start_offset, "remaining_base_offsets": bases}


def compaction_eligibility(given: Any) -> Any:
    found = Cleanable(0, 0, given["clean_bytes"], given["cleanable_dirty_bytes"])
    is_eligible = found.is_eligible(given["min.cleanable.dirty.ratio"])
    return {"cleanable_ratio": round(found.ratio, 9), "eligible": is_eligible}


def compaction(given: Any) -> Any:
    """One pass after the other; each tells what is left and which tombstones wait for their horizon."""
    names = ("delete.retention.ms", "min.compaction.lag.ms")
    log = Log(TopicConfig.parse({"cleanup.policy": "compact", **{name: given[name] for name in names}}), START_MS)
    log.segments = [_segment_of(one) for one in given["segments"]]
    log.end_offset = log.active.next_offset
    log.size_in_bytes = sum(segment.size_in_bytes for segment in log.segments)
    stable = given["last_stable_offset"]
    log.move_high_watermark(log.end_offset if stable is None else stable)
    passes = []
    for now in given["cleaning_passes_at"]:
        end = clean(log, cleanable(log, given["each_pass_starts_at_first_dirty_offset"], now), now)
        tombstones = {
            str(offset): batch.delete_horizon_ms
            for batch in log.batches
            for offset, record in batch.items()
            if record.value is None and batch.delete_horizon_ms >= 0
        }
        passes.append(
            {
                "pass_at": now,
                "remaining_offsets": [offset for batch in log.batches for offset, _ in batch.items()],
                "first_dirty_offset_after": end,
                "tombstone_delete_horizons": tombstones,
            }
        )
    return passes


def read_committed_delivery(case: Any) -> Any:
    """What readers of either isolation level get from a log of records such as ``p1:a`` and of markers."""
    given = case["input"]
    log = Log(TopicConfig(), START_MS)
    sequences: dict[int, int] = {}
    for entry in given["log"]:
        words = re.split(r"[:\s]+", entry.strip())
        how = next((word.lower() for word in words if word.lower() in ("commit", "abort")), None)
        if how is not None:
            producer = next(word for word in words if word.lower() != how)
            _end(log, int(producer.lstrip("p")), committed=how == "commit")
        elif words[0] == "plain":
            log.append_as_leader(_batch(1, words[1].encode()), 0, START_MS)
        else:
            producer_id = int(words[0].lstrip("p"))
            sequence = sequences.get(producer_id, 0)
            sequences[producer_id] = sequence + 1
            _transactional(log, producer_id, 1, sequence, words[1].encode())
    log.move_high_watermark(given["high_watermark"])
    committed, position = _delivered(log, log.last_stable_offset, read_committed=True)
    everything, end = _delivered(log, log.high_watermark, read_committed=False)
    answers = {
        "read_committed": committed,
        "read_uncommitted": everything,
        "position_after_read_uncommitted": end,
        "position_after_read_committed": position,
    }
    return {name: answers.get(name) for name in case["expected"]}


def _delivered(log: Log, limit: int, *, read_committed: bool) -> tuple[list[str], int]:
    batches = log.read(0, limit, 2**31)
    end = batches[-1].next_offset if batches else 0
    given = (
        readable_batches(batches, log.aborted_transactions(0, end))
        if read_committed
        else [one for one in batches if not one.is_control]
    )
    return [str(record.value, "utf-8") for batch in given for record in batch.records], end


def _log_of(segments: Any, settings: dict[str, Any]) -> Log:
    settings = {name: ",".join(value) if isinstance(value, list) else value for name, value in settings.items()}
    log = Log(TopicConfig.parse(settings), START_MS)
    log.segments = []
    for one in segments:
        segment = Segment(one["base_offset"], START_MS)
        if one["records"]:
            timestamp = -1 if one["largest_timestamp"] is None else one["largest_timestamp"]
            records = (Record(None, b"v", timestamp),) * one["records"]
            segment.append(RecordBatch(records, one["base_offset"], size_in_bytes=one["size_bytes"]), START_MS)
        log.segments.append(segment)
        log.size_in_bytes += segment.size_in_bytes
    return log


def _segment_of(given: Any) -> Segment:
    segment = Segment(given["base_offset"], START_MS)
    for one in given["records"]:
        key, value = (None if one[part] is None else one[part].encode() for part in ("key", "value"))
        segment.append(RecordBatch((Record(key, value, one["timestamp"]),), one["offset"]), START_MS)
    return segment


STEPWISE = ("producer_sequence", "last_stable_offset")
"""Categories whose steps stand beside what each of them expects."""
WHOLE = (*STEPWISE, "read_committed_delivery")
"""Categories that need more of a case than its input."""
CATEGORIES: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (
        segment_roll, retention, compaction, compaction_eligibility, producer_sequence, last_stable_offset,
        read_committed_delivery,
    )
}  # fmt: skip
EXPECTED: dict[str, Callable[[Any], Any]] = dict.fromkeys(STEPWISE, lambda wanted: [one["expect"] for one in wanted])
