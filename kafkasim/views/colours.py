"""One colour for each meaning, told apart by the colour-blind too (after Okabe and Ito), and never the only mark."""

from __future__ import annotations

import zlib

MEANING = {
    "produce": "#0072b2",
    "fetch": "#009e73",
    "group": "#cc79a7",
    "zookeeper": "#8a8a8a",
    "control": "#d55e00",
    "metadata": "#b8860b",
    "lost": "#c1121f",
    "down": "#e5e5e5",
    "high_watermark": "#c1121f",
    "ink": "#222222",
    "faint": "#bbbbbb",
}

KEYS = ("#a6cee3", "#fdbf6f", "#b2df8a", "#cab2d6", "#fb9a99", "#ffff99", "#d9c3a5", "#9ee0d4")
NO_KEY = "#f2f2f2"


def of_key(key: str | None) -> str:
    """The colour of a key: the same key has the same colour in every picture."""
    return NO_KEY if key is None else KEYS[zlib.crc32(key.encode()) % len(KEYS)]


def of_api(api: str) -> str:
    """The colour of a message by what it is for."""
    for start, meaning in (
        ("Produce", "produce"), ("InitProducer", "produce"), ("Fetch", "fetch"), ("ListOffsets", "fetch"),
        ("Metadata", "metadata"), ("CreateTopics", "metadata"), ("LeaderAndIsr", "control"),
        ("UpdateMetadata", "control"), ("AlterPartition", "control"), ("FindCoordinator", "group"), ("Join", "group"),
        ("Sync", "group"), ("Heartbeat", "group"), ("Leave", "group"), ("Offset", "group"),
    ):  # fmt: skip
        if api.startswith(start) and api != "JoinLeader":
            return MEANING[meaning]
    return MEANING["zookeeper"]
