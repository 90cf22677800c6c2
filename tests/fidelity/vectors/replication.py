"""Vectors of replication: leader epochs, truncation, the ISR and the high watermark, who may produce and fetch what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkasim.config import BrokerConfig
from kafkasim.core.leader_epochs import LeaderEpochs
from kafkasim.core.log import Log
from kafkasim.core.partition import Partition
from kafkasim.errors import KafkaError
from kafkasim.messages.control import AlteredPartition, PartitionState
from kafkasim.messages.data import CONSUMER, FetchPosition
from kafkasim.records import Record, RecordBatch, TopicPartition

TP = TopicPartition("t", 0)


def leader_epoch_cache(given: Any) -> Any:
    epochs = LeaderEpochs()
    queries = []
    for name, *numbers in given["ops"]:
        if name == "clear_and_flush":
            epochs = LeaderEpochs()
        elif name == "end_offset_for":
            epoch, end = epochs.end_offset_for(*numbers)
            queries.append(
                {
                    "requested_epoch": numbers[0],
                    "log_end_offset": numbers[1],
                    "result": {"epoch": epoch, "end_offset": end},
                }
            )
        else:
            getattr(epochs, name)(*numbers)
    return {"queries": queries, "entries": [list(entry) for entry in epochs.entries]}


def isr_hw_steps(given: Any) -> Any:
    """A leader, step by step; ``steps`` says what happens."""
    start = given["leader_epoch_start_offset"]
    alive = set(given.get("alive", given["replicas"]))
    partition = _replica(given["leader"], alive, given)
    _fill(partition.log, range(start), epoch=0)
    state = PartitionState(given["leader"], 1, tuple(given["isr"]), 0, tuple(given["replicas"]))
    partition.become(state, 0)
    _fill(partition.log, range(start, given["leo"]), epoch=1)
    partition.log.move_high_watermark(given["hw"])
    return [_isr_step(partition, step) for step in given["steps"]]


def _isr_step(partition: Partition, step: Any) -> Any:
    done, now_ms = dict(step), step["t"]
    match step["op"]:
        case "append":
            try:
                base_offset, _ = partition.append(_batch(step["records"]), step["acks"], now_ms)
                done["result"] = {"base_offset": base_offset}
            except KafkaError as error:
                done["result"] = error.name
        case "fetch":
            offset = step["fetch_offset"]
            part = partition.fetch(FetchPosition(offset, partition.leader_epoch), step["replica"])
            partition.follower_fetched(step["replica"], offset, now_ms)
            done["result"] = {
                "high_watermark_in_response": part.high_watermark,
                "bytes_available": bool(part.batches),
            }
        case "isr_expiration_tick":
            partition.shrink(now_ms)
        case "alter_partition_ok":
            asked = partition.in_sync.proposed
            answer = AlteredPartition(None, asked, partition.in_sync.partition_epoch + 1)
            partition.isr_answered(asked, answer, now_ms)
        case other if other != "after_become_leader":
            raise ValueError(f"no step {other}")
    in_sync = partition.in_sync
    pending = None
    if in_sync.proposed is not None:
        joins = sorted(set(in_sync.proposed) - set(in_sync.committed))
        leaves = sorted(set(in_sync.committed) - set(in_sync.proposed))
        pending = {"type": "expand" if joins else "shrink", "brokers": joins or leaves}
    done["expect"] = {
        "leo": partition.log.end_offset,
        "hw": partition.log.high_watermark,
        "isr": sorted(in_sync.committed),
        "maximal_isr": sorted(in_sync.maximal),
        "pending": pending,
        "follower_leo": {str(broker): one.log_end_offset for broker, one in in_sync.followers.items()},
    }
    return done


def isr_shrink_timing(given: Any) -> Any:
    """When the leader asks: at which beat of its task a follower has lagged too long."""
    caught_up_ms, lag_max_ms = given["last_caught_up_time_ms"], given["replica.lag.time.max.ms"]
    partition = _replica(1, {1, 2}, given)
    partition.become(PartitionState(1, 0, (1, 2), 0, (1, 2)), 0)
    partition.append(_batch(), 1, 0)
    partition.follower_fetched(2, 1, caught_up_ms)
    if given["leader_keeps_appending"]:
        partition.append(_batch(), 1, caught_up_ms)
    beat_ms = lag_max_ms // 2
    for now_ms in range(-(-caught_up_ms // beat_ms) * beat_ms, caught_up_ms + 10 * lag_max_ms, beat_ms):
        partition.shrink(now_ms)
        if partition.in_sync.proposed is not None:
            return {"alter_partition_shrink_sent_at_ms": now_ms}
    return {"alter_partition_shrink_sent_at_ms": None}


def produce_admission(given: Any) -> Any:
    """What becomes of one produce request, and whether it waits for the high watermark."""
    replicas = tuple(range(1, given["replication_factor"] + 1))
    isr, acks = replicas[: given["isr_size"]], given["acks"]
    partition = _replica(1, set(replicas), given)
    leader = 1 if given["this_broker_is_leader"] else 2
    partition.become(PartitionState(leader, 0, isr, 0, replicas), 0)
    try:
        partition.append(_batch(), acks, 1)
    except KafkaError as error:
        return error.name
    return {-1: "APPENDED_WAIT_FOR_HW", 0: "APPENDED_NO_RESPONSE", 1: "APPENDED_RESPOND_NOW"}[acks]


def fetch_offset_validation(given: Any) -> Any:
    """What a fetch from one offset sees; a transaction that is open holds the last stable offset back."""
    start, end = given["log_start_offset"], given["log_end_offset"]
    stable = given["last_stable_offset"]
    partition = _replica(1, {1, 2}, given)
    partition.log.truncate_fully(start, 0)
    _fill(partition.log, range(start, stable), epoch=0)
    if stable < end:
        partition.log.append_as_follower(
            _batch(producer_id=1, producer_epoch=0, base_sequence=0, is_transactional=True).placed(stable, 0), 0
        )
    _fill(partition.log, range(stable + 1, end), epoch=0)
    partition.log.move_high_watermark(given["high_watermark"])
    partition.become(PartitionState(1, 0, (1, 2), 0, (1, 2)), 0)
    replica = 2 if given["fetch_from"] == "follower" else CONSUMER
    position = FetchPosition(given["fetch_offset"], 0, max_bytes=10**9)
    try:
        part = partition.fetch(position, replica, read_committed="read_committed" in given["fetch_from"])
    except KafkaError as error:
        return {"error": error.name}
    return {"last_visible_offset": part.batches[-1].last_offset} if part.batches else {"empty": True}


def truncation(given: Any) -> Any:
    """The conversation of a follower with its leader until the follower has what the leader has."""
    start, epoch = given["leader_log_start_offset"], given["current_leader_epoch"]
    leader, follower = _replica(1, {1, 2}, given), _replica(2, {1, 2}, given)
    leader.log.truncate_fully(start, 0)
    for replica, first in ((leader, start), (follower, 0)):
        log_epochs = given["leader_log_epochs" if replica is leader else "follower_log_epochs"]
        for offset, one in enumerate(log_epochs, first):
            _fill(replica.log, [offset], epoch=one)
    for replica in (leader, follower):
        replica.become(PartitionState(1, epoch, (1, 2), 0, (1, 2)), 0)
    follower.start_following()
    exchange: list[dict[str, Any]] = []
    while not exchange or "append_offsets" not in exchange[-1]:
        exchange.append(_one_fetch(leader, follower))
    return {
        "exchange": exchange,
        "follower_log_epochs_after": [batch.leader_epoch for batch in follower.log.batches],
        "follower_log_start_offset": follower.log.start_offset,
    }


def _one_fetch(leader: Partition, follower: Partition) -> dict[str, Any]:
    position = follower.position()
    last_epoch = None if position.last_epoch < 0 else position.last_epoch
    said: dict[str, Any] = {"request": {"fetch_offset": position.fetch_offset, "last_fetched_epoch": last_epoch}}
    before = follower.log.end_offset
    try:
        part = leader.fetch(position, follower.broker)
    except KafkaError as error:
        follower.out_of_range(leader.log.start_offset, leader.log.end_offset, 0)
        end = follower.log.end_offset
        if end < before:
            return {**said, "error": error.name, "truncate_to": end}
        return {**said, "error": error.name, "truncate_fully_and_start_at": end} if end > before else said
    if part.diverging is not None:
        follower.truncate_by_epoch(*part.diverging)
        diverging = dict(zip(("epoch", "end_offset"), part.diverging, strict=True))
        return {**said, "diverging_epoch": diverging, "truncate_to": follower.log.end_offset}
    follower.take_over(part, 0)
    offsets = [part.batches[0].base_offset, part.batches[-1].last_offset] if part.batches else None
    return {**said, "append_offsets": offsets}


def _replica(broker: int, alive: set[int], given: Any) -> Partition:
    least = given.get("min.insync.replicas", given.get("min_insync_replicas", 1))
    config = BrokerConfig().topic_defaults().overridden({"min.insync.replicas": least})
    return Partition(
        broker, TP, Log(config, 0), lag_max_ms=given.get("replica.lag.time.max.ms", 30_000), emit=lambda fact: fact,
        is_alive=alive.__contains__,
    )  # fmt: skip


def _batch(count: int = 1, **fields: Any) -> RecordBatch:
    return RecordBatch(tuple(Record(None, b"v", 1) for _ in range(count)), **fields)


def _fill(log: Log, offsets: Any, *, epoch: int) -> None:
    for offset in offsets:
        log.append_as_follower(_batch().placed(offset, epoch), 0)


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (
        leader_epoch_cache,
        isr_hw_steps,
        isr_shrink_timing,
        produce_admission,
        fetch_offset_validation,
        truncation,
    )
}


EXPECTED: dict[str, Callable[[Any], Any]] = {}
