"""The space-time picture: time runs to the right, a lane a machine, a slanted arrow a message."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

from kafkasim.trace import Trace
from kafkasim.views import colours
from kafkasim.views.frames import spacetime_frame
from kafkasim.views.text import NOTHING, spacetime_text

MAX_LABELS = 14
MAX_MARKS = 10


def spacetime(
    trace: Trace, from_ms: float | None = None, to_ms: float | None = None, hosts: object = None, apis: object = None,
    ax: Any = None,
) -> Any:  # fmt: skip
    """Draw who told whom what, and when; give the matplotlib axes.

    ``hosts`` and ``apis`` limit the picture to these machines and messages. A message that was lost ends in a cross; a
    machine is grey while it is down; numbered marks are explained in the list under the picture.
    """
    frame = spacetime_frame(trace, from_ms, to_ms, hosts, apis)
    lanes = frame["lanes"]
    marks = frame["marks"][:MAX_MARKS]
    if ax is None:
        height = 0.9 + 0.62 * max(2, len(lanes)) + 0.19 * len(marks)
        _, ax = plt.subplots(figsize=(7.4, height), dpi=90, layout="constrained")
    ax.set_label(spacetime_text(frame))
    if not lanes:
        ax.set_axis_off()
        ax.text(0, 0.5, NOTHING, fontsize=10)
        return ax
    rows = {lane: -place for place, lane in enumerate(lanes)}
    span = max(frame["to_ms"] - frame["from_ms"], 0.001)
    ax.set_xlim(frame["from_ms"] - 0.02 * span, frame["to_ms"] + 0.05 * span)
    ax.set_ylim(-len(lanes) + 0.4, 0.6)
    ax.set_yticks([rows[lane] for lane in lanes], lanes, fontsize=9)
    ax.tick_params(axis="x", labelsize=8)
    ax.ticklabel_format(axis="x", useOffset=False)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for y in rows.values():
        ax.axhline(y, color=colours.MEANING["faint"], linewidth=1, zorder=0)
    for stretch in frame["down"]:
        ends = [stretch["from_ms"], stretch["to_ms"]]
        ax.plot(ends, [rows[stretch["host"]]] * 2, color=colours.MEANING["down"], linewidth=9, zorder=0.5)
    _arrows(ax, frame["messages"], rows, span)
    _marks(ax, marks, rows, span)
    legend = [f"{number} {mark['text']}" for number, mark in enumerate(marks, 1)]
    more = len(frame["marks"]) - len(marks)
    notes = [f"… {more} more marks"] if more else []
    if frame["left_out"]:
        notes.append(f"({frame['left_out']} other messages not shown)")
    ax.set_xlabel("\n".join(["ms of simulated time", *map(_cut, legend), *notes]), fontsize=8, loc="left")
    return ax


def _cut(line: str) -> str:
    return line if len(line) <= 110 else f"{line[:109]}…"


def _arrows(ax: Any, messages: list[dict[str, Any]], rows: dict[str, int], span: float) -> None:
    labels = len(messages) <= MAX_LABELS
    for message in messages:
        start = (message["sent_ms"], float(rows[message["source"]]))
        arrives = message["arrives_ms"] if message["arrives_ms"] is not None else message["sent_ms"] + 0.02 * span
        end = (arrives, float(rows[message["destination"]]))
        if message["lost"]:
            end = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        colour = colours.MEANING["lost"] if message["lost"] else colours.of_api(message["api"])
        arrow = {"arrowstyle": "-" if message["lost"] else "-|>", "color": colour, "linewidth": 1.3, "shrinkA": 0}
        ax.annotate("", xy=end, xytext=start, arrowprops=arrow | {"shrinkB": 0})
        if message["lost"]:
            ax.plot(*end, marker="x", color=colour, markersize=7, markeredgewidth=2)
        if labels:
            away = 0.3 if abs(end[1] - start[1]) <= 1 else 0.22
            x = start[0] + (end[0] - start[0]) * away
            y = start[1] + (end[1] - start[1]) * away
            name = message["api"].removesuffix("Request").replace("Response", " answer")
            ax.annotate(
                name, (x, y), xytext=(5, 0), textcoords="offset points", fontsize=7.5, color=colour, va="center",
                bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            )  # fmt: skip


def _marks(ax: Any, marks: list[dict[str, Any]], rows: dict[str, int], span: float) -> None:
    """Numbered marks; those of one moment on one lane stand beside each other."""
    taken: dict[str, float] = {}
    for number, mark in enumerate(marks, 1):
        x = max(mark["at_ms"], taken.get(mark["host"], -1e18) + 0.026 * span)
        taken[mark["host"]] = x
        ax.annotate(
            str(number), (x, rows[mark["host"]]), xytext=(0, 9), textcoords="offset points", fontsize=7.5, ha="center",
            va="center", zorder=5,
            bbox={"boxstyle": "circle,pad=0.18", "facecolor": "#fff7cc", "edgecolor": "#555555", "linewidth": 0.7},
        )  # fmt: skip
