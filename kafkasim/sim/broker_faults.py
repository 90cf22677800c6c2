"""What the faults of kafkasim/faults/disks.py do to a broker."""

from __future__ import annotations

from typing import Any

from kafkasim import faults
from kafkasim.sim.broker import Broker
from kafkasim.sim.network import Network
from kafkasim.sim.zookeeper import ZooKeeperServer
from kafkasim.sim.zookeeper_leader import Leader

OF_DISKS = (faults.SlowDisk, faults.DiskFull, faults.LogDirFailure)


def refusal(fault: faults.BrokerFault, broker: Broker, network: Network) -> str | None:
    """Why a fault makes no sense for a broker in its present state."""
    disk, state = broker.disk, broker.state.value
    match fault:
        case faults.SlowDisk():
            return f"The disk of {broker.name} is slow already." if disk.append_ms else None
        case faults.DiskFull():
            return f"The disk of {broker.name} is full already." if disk.is_full else None
        case faults.LogDirFailure():
            if disk.has_failed:
                return f"The log directory of {broker.name} has failed already."
            return None if broker.is_alive else f"{broker.name} is {state} already."
        case faults.Mend():
            is_well = not (disk.append_ms or disk.is_full or disk.has_failed)
            return f"Nothing is wrong with the disk of {broker.name}." if is_well else None
        case _:
            if not broker.is_alive or not broker.zookeeper.session_id:
                return f"{broker.name} is {state} and has no session."
            return None if _leader(network) else "ZooKeeper has no leader that could end a session."


def hindrance(broker: Broker) -> str | None:
    """Why a broker cannot stay, however often it is started."""
    if not broker.disk.has_failed:
        return None
    return f"The log directory of {broker.name} has failed. Mend it first: ks.faults.Mend({broker.broker_id})."


def begin(fault: Any, broker: Broker) -> None:
    """The disk suffers it from now on."""
    match fault:
        case faults.SlowDisk():
            broker.disk.append_ms = fault.by_ms
        case faults.DiskFull():
            broker.disk.is_full = True
        case _:
            broker.disk.has_failed = True
            broker.kill()


def mend(fault: Any, broker: Broker) -> None:
    """The disk suffers this kind of fault no longer."""
    disk = broker.disk
    if fault is faults.SlowDisk:
        disk.append_ms = 0.0
    elif fault is faults.DiskFull:
        disk.is_full = False
    else:
        disk.has_failed = False


def expire_session(broker: Broker, network: Network) -> None:
    """The leader of the ensemble ends the broker's session."""
    leader = _leader(network)
    assert leader is not None
    leader.end_session(broker.zookeeper.session_id)


def _leader(network: Network) -> Leader | None:
    for host in network.hosts.values():
        if isinstance(host, ZooKeeperServer) and host.is_running and isinstance(host.role, Leader) and host.is_serving:
            return host.role
    return None
