"""What travels among the servers of a ZooKeeper ensemble (ZAB), after an election has named a leader.

*Discovery*: FollowerInfo, LeaderInfo, AckEpoch. *Synchronisation*: Synchronize, NewLeader, NewLeaderAck, UpToDate.
*Broadcast*: ForwardedWrite, Proposal, Acknowledgement, Commit (for observers: Inform); beside it SyncRequest and
SyncAnswer. Sessions move by Revalidate and Revalidated. Followers send requests, the leader pushes; what one
side says arrives in order.

ZooKeeper: Leader (FOLLOWERINFO, LEADERINFO, ACKEPOCH, NEWLEADER, UPTODATE, PROPOSAL, ACK, COMMIT, REVALIDATE, SYNC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Origin = tuple[str, int]
"""The server that a client gave a request to, and that server's own number of it."""


@dataclass(slots=True)
class FollowerInfo:
    """A follower comes, and tells the highest epoch that it has accepted."""

    server: str
    accepted_epoch: int

    def describe(self) -> str:
        return f"follow, accepted epoch {self.accepted_epoch}"


@dataclass(slots=True)
class LeaderInfo:
    """The leader proposes its epoch."""

    epoch: int

    def describe(self) -> str:
        return f"epoch {self.epoch}"


@dataclass(slots=True)
class AckEpoch:
    """The follower accepts the epoch; it tells where its history ends."""

    server: str
    current_epoch: int
    last_zxid: int

    def describe(self) -> str:
        return f"epoch accepted, history ends at {self.last_zxid:#x} of epoch {self.current_epoch}"


@dataclass(slots=True)
class Synchronize:
    """How the follower gets the leader's history (:class:`kafkasim.core.zk_log.SyncPlan`)."""

    plan: Any

    def describe(self) -> str:
        return f"{self.plan.how}, {len(self.plan.transactions)} transactions"


@dataclass(slots=True)
class NewLeader:
    """The history is complete: join the epoch."""

    epoch: int

    def describe(self) -> str:
        return f"new leader, epoch {self.epoch}"


@dataclass(slots=True)
class NewLeaderAck:
    """The follower has joined the epoch."""

    server: str

    def describe(self) -> str:
        return "joined"


@dataclass(slots=True)
class UpToDate:
    """A majority has joined: serve clients."""

    def describe(self) -> str:
        return "serve"


@dataclass(slots=True)
class ForwardedWrite:
    """A write that a client gave to a follower."""

    origin: Origin
    session_id: int
    operation: Any

    def describe(self) -> str:
        return f"forward: {self.operation.describe()}"


@dataclass(slots=True)
class Proposal:
    """A transaction to write into the log; ``origin`` is the write that it answers."""

    transaction: Any
    origin: Origin

    def describe(self) -> str:
        return f"propose {self.transaction.zxid:#x}"


@dataclass(slots=True)
class Acknowledgement:
    """A follower has the transaction in its log."""

    server: str
    zxid: int

    def describe(self) -> str:
        return f"ack {self.zxid:#x}"


@dataclass(slots=True)
class Commit:
    """A majority has the transaction: apply it."""

    zxid: int

    def describe(self) -> str:
        return f"commit {self.zxid:#x}"


@dataclass(slots=True)
class Inform:
    """For an observer: the transaction is committed, write it down and apply it."""

    transaction: Any
    origin: Origin

    def describe(self) -> str:
        return f"inform {self.transaction.zxid:#x}"


@dataclass(slots=True)
class SyncRequest:
    """A client of a follower wants to read nothing older than what the leader has now."""

    origin: Origin

    def describe(self) -> str:
        return "sync"


@dataclass(slots=True)
class SyncAnswer:
    """Everything that the leader had when it was asked has been sent before this."""

    origin: Origin

    def describe(self) -> str:
        return "synced"


@dataclass(slots=True)
class Revalidate:
    """A client of a follower takes up its session again."""

    origin: Origin
    session_id: int
    timeout_ms: int

    def describe(self) -> str:
        return f"revalidate session {self.session_id:#x}"


@dataclass(slots=True)
class Revalidated:
    """Whether the session is open."""

    origin: Origin
    is_open: bool

    def describe(self) -> str:
        return "session valid" if self.is_open else "session expired"
