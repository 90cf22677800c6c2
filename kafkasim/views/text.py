"""The text twin of every picture: the same facts in words, for those who cannot see it, and for tests."""

from __future__ import annotations

from kafkasim.trace import Trace
from kafkasim.views.frames import Frame, partition_log_frame, spacetime_frame

NOTHING = "Nothing has happened yet."


def describe_partition_log(trace: Trace, topic: str, at_ms: float | None = None) -> str:
    """The partition-log picture in words, a line a partition."""
    return partition_log_text(partition_log_frame(trace, topic, at_ms))


def partition_log_text(frame: Frame) -> str:
    """A frame of the partition-log picture in words."""
    if not frame["partitions"]:
        return NOTHING
    lines = []
    for part in frame["partitions"]:
        leader = "no leader" if part["leader"] is None else f"leader broker-{part['leader']}"
        isr = " ".join(map(str, part["isr"]))
        start = f" log start {part['log_start_offset']}," if part["log_start_offset"] else ""
        records = ", ".join(f"{one['offset']} {_label(one)}" for one in part["records"]) or "empty"
        lines.append(
            f"partition {part['partition']}: {leader}, ISR {isr},{start} log end {part['log_end_offset']},"
            f" high watermark {part['high_watermark']}: {records}"
        )
    return "\n".join(lines)


def _label(record: Frame) -> str:
    return str(record["key"]) if record["key"] is not None else f"(no key) {record['value']}"


def describe_spacetime(
    trace: Trace, from_ms: float | None = None, to_ms: float | None = None, hosts: object = None, apis: object = None
) -> str:
    """The space-time picture in words, a line a message or mark, in the order of time."""
    return spacetime_text(spacetime_frame(trace, from_ms, to_ms, hosts, apis))


def spacetime_text(frame: Frame) -> str:
    """A frame of the space-time picture in words."""
    lines = []
    for message in frame["messages"]:
        text = f"{message['source']} -> {message['destination']}: {message['about']} ({_fate(message)})"
        lines.append((message["sent_ms"], 0, text))
    for stretch in frame["down"]:
        if stretch["from_ms"] < frame["from_ms"]:  # else its beginning has a mark of its own
            lines.append((frame["from_ms"], -1, f"{stretch['host']} is {stretch['state']}"))
    lines += [(mark["at_ms"], 1, mark["text"]) for mark in frame["marks"]]
    if not lines:
        return NOTHING
    text = "\n".join(f"{at_ms:12.3f} ms  {text}" for at_ms, _, text in sorted(lines, key=lambda line: line[:2]))
    if frame["left_out"]:
        text += f"\n({frame['left_out']} other messages are not shown)"
    return text


def _fate(message: Frame) -> str:
    if message["lost"]:
        return "is lost"
    if message["arrives_ms"] is None:
        return "is kept back by the network"
    kept = "is kept back by the network, " if message["kept_back"] else ""
    return f"{kept}arrives {message['arrives_ms']:.3f} ms"
