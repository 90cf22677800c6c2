"""The partition-log picture: a row of boxes per partition, a box a record, from offset 0 on."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from kafkasim.trace import Trace
from kafkasim.views import colours
from kafkasim.views.frames import partition_log_frame
from kafkasim.views.text import NOTHING, partition_log_text

MAX_BOXES = 16
GAP = 0.22
"""The room for the dots of a gap, in boxes."""
WIDE = 10
"""From more boxes than this in a row on, keys are written smaller."""


def partition_log(trace: Trace, topic: str, at_ms: float | None = None, ax: Any = None) -> Any:
    """Draw the log of each partition of ``topic`` at a time; give the matplotlib axes.

    A box shows a record's offset and, under it, its key. The red line is the high watermark: what lies left of it is
    committed. Dots between two boxes stand for offsets that are no longer there. When a log is longer than the picture
    only its end is shown, and the row says how much is left out.
    """
    frame = partition_log_frame(trace, topic, at_ms)
    rows = frame["partitions"]
    longest = max((min(len(row["records"]), MAX_BOXES) for row in rows), default=0)
    width = max(8, longest + 1 + max((GAP * _gaps(row["records"][-MAX_BOXES:]) for row in rows), default=0))
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 0.55 + 0.72 * max(1, len(rows))), dpi=90, layout="constrained")
    ax.set_axis_off()
    ax.set_xlim(-2.6, width + 0.6)
    ax.set_ylim(-max(1, len(rows)) + 0.25, 0.95)
    ax.set_label(partition_log_text(frame))
    if not rows:
        ax.text(0, 0, NOTHING, fontsize=10)
        return ax
    for place, row in enumerate(rows):
        _row(ax, row, -place, 7.5 if longest <= WIDE else 6)
    ax.text(
        -2.55, 0.72, f"{topic} after {frame['at_ms'] / 1000:.3f} s   (red line: high watermark)", fontsize=9,
        color=colours.MEANING["ink"],
    )  # fmt: skip
    return ax


def _row(ax: Any, row: dict[str, Any], y: float, key_size: float) -> None:
    leader = "no leader" if row["leader"] is None else f"leader {row['leader']}"
    ax.text(-2.55, y + 0.12, f"partition {row['partition']}", fontsize=9, weight="bold", va="center")
    ax.text(-2.55, y - 0.14, leader, fontsize=8, va="center")
    records = row["records"][-MAX_BOXES:]
    hidden = len(row["records"]) - len(records)
    place = 0.0
    mark = 0.0
    for before, record in zip([None, *records], records, strict=False):
        if before is not None and record["offset"] > before["offset"] + 1:
            ax.text(place + 0.11, y, "⋮", fontsize=9, ha="center", va="center", color="#555555")
            place += GAP
        colour = colours.of_key(record["key"])
        ax.add_patch(Rectangle((place, y - 0.28), 0.92, 0.56, facecolor=colour, edgecolor="#555555", linewidth=0.8))
        ax.text(place + 0.46, y + 0.11, str(record["offset"]), fontsize=9, ha="center", va="center", weight="bold")
        label = record["key"] if record["key"] is not None else "no key"
        ax.text(place + 0.46, y - 0.13, _short(label), fontsize=key_size, ha="center", va="center")
        place += 1
        if record["offset"] < row["high_watermark"]:
            mark = place
    end = place
    ax.plot([end + 0.02] * 2, [y - 0.28, y + 0.28], color="#555555", linewidth=0.8, linestyle=":")
    ax.text(end + 0.12, y, f"next: {row['log_end_offset']}", fontsize=8, va="center", color="#555555")
    x = mark - 0.04
    ax.plot([x, x], [y - 0.36, y + 0.36], color=colours.MEANING["high_watermark"], linewidth=2)
    notes = [f"log start {row['log_start_offset']}"] if row["log_start_offset"] else []
    if hidden:
        notes.append(f"{hidden} more before")
    ax.text(-2.55, y - 0.34, ", ".join(notes), fontsize=7, va="center")


def _short(label: str) -> str:
    return label if len(label) <= 8 else f"{label[:3]}…{label[-4:]}"


def _gaps(records: list[dict[str, Any]]) -> int:
    return sum(after["offset"] > before["offset"] + 1 for before, after in itertools.pairwise(records))
