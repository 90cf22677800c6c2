"""From a trace to plain dicts: everything that a picture shows, without a picture. They can be turned into JSON."""

from __future__ import annotations

from typing import Any

from kafkasim.errors import ConfigError, unknown_name
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact, State, Trace, facts

Frame = dict[str, Any]
QUIET_APIS = ("HeartbeatRequest", "HeartbeatResponse", "PingRequest", "PingResponse")
"""Messages that a space-time picture leaves out unless it is asked for them."""


def partition_log_frame(trace: Trace, topic: str, at_ms: float | None = None) -> Frame:
    """The log of each partition of a topic as its leader holds it at a time (the end of the trace by default)."""
    moment = trace.end_ms if at_ms is None else at_ms
    state = trace.at(moment)
    known = state.topics
    if not len(trace):
        return {"topic": topic, "at_ms": 0.0, "partitions": []}
    if topic not in known:
        raise unknown_name("topic", topic, [one for one in known if not one.startswith("__")])
    created = state.last(facts.TopicCreated, topic)
    assert created is not None
    partitions = [_partition(trace, state, TopicPartition(topic, n), moment) for n in range(created.partitions)]
    return {"topic": topic, "at_ms": moment, "partitions": partitions}


def _partition(trace: Trace, state: State, tp: TopicPartition, moment: float) -> Frame:
    known = state.partition(tp)
    leader = state.leader(tp)
    holder = leader if leader is not None else (known.isr[0] if known is not None and known.isr else None)
    return {
        "partition": tp.partition,
        "leader": leader,
        "isr": sorted(state.isr(tp)),
        "log_start_offset": state.log_start_offset(tp, holder) or 0,
        "log_end_offset": state.log_end_offset(tp, holder) or 0,
        "high_watermark": state.high_watermark(tp, holder) or 0,
        "records": [] if holder is None else _records(trace, tp, holder, moment),
    }


def _records(trace: Trace, tp: TopicPartition, broker: int, moment: float) -> list[Frame]:
    """What one replica's log holds, from the facts of its appends, its cuts at either end and its compactions."""
    sent = {(fact.producer, fact.number): fact for fact in trace.of(facts.RecordSent)}
    batches = {fact.batch_id: fact for fact in trace.of(facts.BatchSent)}
    records: list[Frame] = []
    created = trace.of(facts.TopicCreated, topic=tp.topic)
    first = max((fact.index for fact in created if fact.at_ms <= moment), default=0)
    for fact in trace.of(facts.RecordsAppended, *CUTS, broker=broker, tp=tp):
        if fact.at_ms > moment:
            break
        if fact.index < first:  # an older topic of the same name
            continue
        if not isinstance(fact, facts.RecordsAppended):
            records = [one for one in records if _stays(one["offset"], fact)]
            continue
        batch = batches.get(fact.batch_id)
        for place in range(fact.last_offset - fact.base_offset + 1):
            record = None if batch is None else sent.get((batch.producer, batch.records[place]))
            records.append(
                {
                    "offset": fact.base_offset + place,
                    "key": None if record is None else _text(record.key),
                    "value": None if record is None else _text(record.value),
                    "leader_epoch": fact.leader_epoch,
                }
            )
    return records


CUTS = (
    facts.LogTruncated, facts.UnflushedLost, facts.LogRecovered, facts.LogStartMoved, facts.LogCleaned,
    facts.ReplicaDeleted,
)  # fmt: skip
"""Facts that take records out of a replica's log."""


def _stays(offset: int, fact: Fact) -> bool:
    if isinstance(fact, facts.LogStartMoved):
        return offset >= fact.log_start_offset
    if isinstance(fact, facts.LogCleaned):
        return offset not in fact.removed
    if isinstance(fact, facts.ReplicaDeleted):
        return False
    assert isinstance(fact, facts.LogTruncated | facts.UnflushedLost | facts.LogRecovered)
    return offset < fact.log_end_offset


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "backslashreplace")


def spacetime_frame(
    trace: Trace, from_ms: float | None = None, to_ms: float | None = None, hosts: object = None, apis: object = None
) -> Frame:
    """The messages between machines in a stretch of time, a lane a machine, and the facts that mark them.

    ``hosts`` limits the picture to these machines, ``apis`` to messages whose names begin so. Without ``apis``
    heartbeats are left out; ``left_out`` counts the messages of the stretch that are not shown.
    """
    start = trace.start_ms if from_ms is None else from_ms
    end = trace.end_ms if to_ms is None else to_ms
    part = trace.between(start, end + 0.001)
    chosen = _names(hosts, "hosts")
    wanted = _names(apis, "apis")
    if chosen is not None:
        known = {fact.host for fact in trace.of(facts.HostChanged)}
        for host in chosen:
            if host not in known:
                raise unknown_name("machine or client", host, known)
    lost = {fact.number for fact in trace.of(facts.MessageLost)}
    released = {fact.number: fact.arrives_us for fact in trace.of(facts.MessageReleased) if fact.at_ms <= end}
    messages: list[Frame] = []
    left_out = 0
    for fact in part.of(facts.MessageSent):
        shown = fact.api.startswith(wanted) if wanted is not None else fact.api not in QUIET_APIS
        shown = shown and (chosen is None or (fact.source in chosen and fact.destination in chosen))
        if not shown:
            left_out += 1
            continue
        arrives_us = released.get(fact.number) if fact.arrives_us is None else fact.arrives_us
        messages.append(
            {
                "source": fact.source,
                "destination": fact.destination,
                "api": fact.api,
                "about": fact.about,
                "sent_ms": fact.at_ms,
                "arrives_ms": None if arrives_us is None else arrives_us / 1000,
                "lost": fact.number in lost,
                "kept_back": fact.arrives_us is None,
            }
        )
    lanes = _lanes(messages) if chosen is None else list(chosen)
    return {
        "from_ms": start,
        "to_ms": end,
        "lanes": lanes,
        "messages": messages,
        "marks": _marks(part, lanes),
        "down": _down(trace, lanes, start, end),
        "left_out": left_out,
    }


def _names(given: object, name: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, list | tuple) or not all(isinstance(g, str) for g in given):
        raise ConfigError(f"{name} must be a list of names, as ['broker-101']. Got {given!r}.")
    return tuple(given)


def _lanes(messages: list[Frame]) -> list[str]:
    """Clients above, brokers below them, ZooKeeper at the bottom."""
    names = {message[end] for message in messages for end in ("source", "destination")}

    def place(name: str) -> tuple[int, str]:
        rank = 2 if name.startswith("zookeeper-") else 1 if name.startswith("broker-") else 0
        return (rank, name)

    return sorted(names, key=place)


MARKED = (
    facts.RecordSent,
    facts.RecordsAppended,
    facts.HighWatermarkMoved,
    facts.BatchAcknowledged,
    facts.BatchFailed,
    facts.ProduceRefused,
    facts.DuplicateRecognised,
    facts.LogTruncated,
    facts.ControllerElected,
    facts.PartitionChanged,
    facts.SessionChanged,
    facts.HostChanged,
    facts.FaultStarted,
    facts.FaultEnded,
    facts.UnflushedLost,
    facts.LogRecovered,
    facts.LogStartMoved,
    facts.LogCleaned,
    facts.ReplicaDeleted,
    facts.RecordsPolled,
    facts.PartitionsAssigned,
)
"""Facts that get a mark on the lane of the machine where they happened; faults of the network have no machine."""
OF_NETWORK = ("partition", "clog", "delay", "loss", "reset")
"""Faults that no machine's own mark tells of."""


def _marks(part: Trace, lanes: list[str]) -> list[Frame]:
    return [
        {"host": fact.where, "at_ms": fact.at_ms, "kind": fact.kind, "text": fact.sentence}
        for fact in part
        if isinstance(fact, MARKED) and (fact.where in lanes or _is_of_network(fact))
    ]


def _is_of_network(fact: Fact) -> bool:
    return isinstance(fact, facts.FaultStarted | facts.FaultEnded) and fact.fault in OF_NETWORK


def _down(trace: Trace, lanes: list[str], start: float, end: float) -> list[Frame]:
    """Stretches of time in which a machine was not running, and what it was instead."""
    since: dict[str, facts.HostChanged] = {}
    stretches: list[Frame] = []
    for fact in trace.of(facts.HostChanged):
        if fact.host not in lanes:
            continue
        if fact.host in since:
            stretches.append(_stretch(since.pop(fact.host), fact.at_ms))
        if fact.state != "running":
            since[fact.host] = fact
    stretches += [_stretch(fact, end) for fact in since.values()]
    return [one for one in stretches if one["from_ms"] < end and one["to_ms"] > start]


def _stretch(fact: facts.HostChanged, to_ms: float) -> Frame:
    return {"host": fact.host, "state": fact.state, "from_ms": fact.at_ms, "to_ms": to_ms}
