"""Showing a picture in a notebook together with its text twin, as the image's alternative text."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.pyplot as plt
from PIL import Image

MAX_ALT = 1200
PNG_COLOURS = 64


def png(ax: Any) -> bytes:
    """The picture of some axes as PNG; the figure is closed."""
    drawn, small = io.BytesIO(), io.BytesIO()
    ax.figure.savefig(drawn, format="png", metadata={"Software": None})
    plt.close(ax.figure)
    # A notebook keeps its pictures: with few colours they take a third of the space.
    Image.open(drawn).convert("RGB").quantize(PNG_COLOURS).save(small, format="png", optimize=True)
    return small.getvalue()


def show(ax: Any) -> None:
    """Display the picture with its text twin as alternative text (for screen readers), once."""
    from IPython import display

    text = ax.get_label() or "a picture"
    alt = text if len(text) <= MAX_ALT else f"{text[:MAX_ALT]} …"
    display.display(display.Image(data=png(ax), alt=alt))
