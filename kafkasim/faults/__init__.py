"""Faults as data: what is broken, where, and for how long.

``cluster.inject(Kill(102))`` breaks now, ``cluster.at(2_000, Pause(102, for_ms=20_000))`` at a time. A fault with
``for_ms`` ends by itself. Each is a fact of the trace when it starts and when it ends.

A machine is named by a broker's id (102), by its name (``"broker-102"``, ``"zookeeper-1"``, ``"consumer-1"``) or by a
client object.
"""

from __future__ import annotations

from kafkasim.faults.disks import DiskFull, ExpireSession, LogDirFailure, Mend, SlowDisk
from kafkasim.faults.machines import CrashLoop, Kill, Pause, PowerLoss, Restart, Resume, Start, Stop
from kafkasim.faults.network import Clog, Delay, Heal, Loss, Partition, Reset
from kafkasim.faults.plan import Plan, plan

MachineFault = Kill | PowerLoss | Stop | Start | Restart | Pause | Resume | CrashLoop
BrokerFault = SlowDisk | DiskFull | LogDirFailure | Mend | ExpireSession
NetworkFault = Partition | Delay | Loss | Clog | Reset | Heal
Fault = MachineFault | BrokerFault | NetworkFault
"""Everything that ``cluster.inject`` and ``cluster.at`` can break or mend."""

__all__ = [
    "BrokerFault",
    "Clog",
    "CrashLoop",
    "Delay",
    "DiskFull",
    "ExpireSession",
    "Fault",
    "Heal",
    "Kill",
    "LogDirFailure",
    "Loss",
    "MachineFault",
    "Mend",
    "NetworkFault",
    "Partition",
    "Pause",
    "Plan",
    "PowerLoss",
    "Reset",
    "Restart",
    "Resume",
    "SlowDisk",
    "Start",
    "Stop",
    "plan",
]
