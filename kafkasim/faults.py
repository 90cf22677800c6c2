"""Faults as data: what is broken, where. ``cluster.at(2_000, Kill("broker-102"))`` breaks it at that time.

A kill ends a process at once: its memory is gone, its files stay as they are, its ZooKeeper session lives on until it
expires. Left out as yet: loss of power, pauses, partitions of the network, slow and full disks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kill:
    """The process of a broker dies at once (kill -9)."""

    broker: int | str

    def __str__(self) -> str:
        return f"kill {self.broker}"


@dataclass(frozen=True, slots=True)
class Restart:
    """A broker's process is started again, and once more whenever it finds its old session still alive and ends."""

    broker: int | str

    def __str__(self) -> str:
        return f"restart {self.broker}"


Fault = Kill | Restart
"""Everything that ``cluster.at`` can break or mend."""
