"""Facts about the ZooKeeper ensemble: its leader, its sessions, its znodes and watches."""

from __future__ import annotations

from kafkasim.trace.fact import Fact, fact


@fact(host="server", text="{server} leads the ZooKeeper ensemble, epoch {epoch}")
class ZooKeeperLeaderElected(Fact):
    """The ensemble has a leader."""

    server: str
    epoch: int


@fact("session", host="server", text="session {session} of {owner} is {state} ({setting})")
class SessionChanged(Fact):
    """A ZooKeeper session is ``open``, ``expired`` or ``closed``."""

    session: str
    owner: str
    server: str
    state: str
    setting: str


@fact("path", text="znode {path} {change} (version {version}, zxid {zxid})")
class ZnodeChanged(Fact):
    """A znode was ``created``, ``set`` or ``deleted``; ``ephemeral_owner`` is the session it dies with, or none."""

    path: str
    change: str
    data: bytes
    version: int
    zxid: str
    ephemeral_owner: str | None


@fact("owner", "path", host="owner", text="watch of {owner} on {path} fires: {event}")
class WatchFired(Fact):
    """A one-shot watch has told its owner that something changed, not what."""

    owner: str
    path: str
    event: str
