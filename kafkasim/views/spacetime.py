"""The space-time picture: time runs to the right, a lane a machine, a slanted arrow a message."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

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

    ``hosts`` and ``apis`` limit the picture to these machines and messages. A message that was lost ends in a cross
    short of its destination; one that the network keeps back is dashed, and ends at a bar if it does not get through. A
    machine's lane is grey while it is down and striped while it is paused. Faults of the network are vertical lines.
    Numbered marks are explained in the list under the picture.
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
        _down(ax, stretch, rows[stretch["host"]], max(stretch["from_ms"], frame["from_ms"]), span)
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


def _down(ax: Any, stretch: dict[str, Any], y: float, start: float, span: float) -> None:
    """A machine that does not run: a grey bar, striped while it may go on where it stands, with the word for it."""
    hatch = "////" if stretch["state"] == "paused" else None
    bar = Rectangle(
        (start, y - 0.09), stretch["to_ms"] - start, 0.18, facecolor=colours.MEANING["down"],
        edgecolor=colours.MEANING["faint"], hatch=hatch, linewidth=0, zorder=0.5,
    )  # fmt: skip
    ax.add_patch(bar)
    ax.text(start + 0.006 * span, y - 0.2, stretch["state"], fontsize=7.5, va="center", color=colours.MEANING["ink"])


def _arrows(ax: Any, messages: list[dict[str, Any]], rows: dict[str, int], span: float) -> None:
    labels = len(messages) <= MAX_LABELS
    for message in messages:
        start = (message["sent_ms"], float(rows[message["source"]]))
        arrives = message["arrives_ms"] if message["arrives_ms"] is not None else message["sent_ms"] + 0.02 * span
        end = (arrives, float(rows[message["destination"]]))
        ends_early = message["lost"] or message["arrives_ms"] is None
        if ends_early:  # short of the destination's lane, and on no other lane
            part = 1 - 0.35 / max(1.0, abs(end[1] - start[1]))
            end = (start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1]))
        colour = colours.MEANING["lost"] if message["lost"] else colours.of_api(message["api"])
        style = "dashed" if message["kept_back"] else "solid"
        arrow = {"arrowstyle": "-" if ends_early else "-|>", "color": colour, "linewidth": 1.3, "linestyle": style}
        ax.annotate("", xy=end, xytext=start, arrowprops=arrow | {"shrinkA": 0, "shrinkB": 0}, annotation_clip=False)
        if ends_early:
            mark = "x" if message["lost"] else "_"
            ax.plot(*end, marker=mark, color=colour, markersize=7, markeredgewidth=2)
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
    """Numbered marks; those of one moment on one lane stand side by side, those of no lane below all."""
    taken: dict[str | None, float] = {}
    for number, mark in enumerate(marks, 1):
        lane = mark["host"] if mark["host"] in rows else None
        if lane is None:
            ax.axvline(mark["at_ms"], color=colours.MEANING["lost"], linewidth=1, linestyle=":", zorder=0.4)
        x = max(mark["at_ms"], taken.get(lane, -1e18) + 0.026 * span)
        taken[lane] = x
        y = min(rows.values()) - 0.5 if lane is None else rows[lane]
        ax.annotate(
            str(number), (x, y), xytext=(0, 9), textcoords="offset points", fontsize=7.5, ha="center",
            va="center", zorder=5,
            bbox={"boxstyle": "circle,pad=0.18", "facecolor": "#fff7cc", "edgecolor": "#555555", "linewidth": 0.7},
        )  # fmt: skip
