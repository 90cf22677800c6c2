"""Facts about the ZooKeeper ensemble: its servers and leader, its sessions, its znodes and watches."""

from __future__ import annotations

from kafkasim.trace.fact import Fact, fact

BY_ITS_OWNER, FROM_ELSEWHERE = "its owner's goodbye", "a close from elsewhere"
"""What decided that a session is over, where no timeout did."""


@fact("server", host="server", text="{server} is {state} in epoch {epoch} (last zxid {zxid})")
class ZooKeeperServerChanged(Fact):
    """A ZooKeeper server is now ``looking``, ``follower``, ``leader`` or ``standalone``.

    ``epoch`` is the last one that it has joined, ``zxid`` the end of its history. A looking
    server serves nobody.
    """

    server: str
    state: str
    epoch: int
    zxid: str


@fact(host="server", text="{server} leads the ZooKeeper ensemble, epoch {epoch}")
class ZooKeeperLeaderElected(Fact):
    """The ensemble has an active leader: a majority has joined its epoch (0 for a server that runs alone)."""

    server: str
    epoch: int


@fact("server", host="server", text="{server} gets the history of {leader} by {how}: {transactions} transactions")
class FollowerSynchronized(Fact):
    """A follower has become the leader's copy.

    ``how``: by ``DIFF`` (what it missed), ``TRUNC`` (what only it had is gone) or ``SNAP`` (everything anew).
    """

    server: str
    leader: str
    how: str
    transactions: int


@fact("session", host="server", text="session {session} of {owner} is {state} ({setting})")
class SessionChanged(Fact):
    """A ZooKeeper session is ``open``, ``moved`` (taken up again at ``server``), ``expired`` or ``closed``.

    ``setting`` is the session timeout and where it comes from, or what ended the session without one.
    """

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
