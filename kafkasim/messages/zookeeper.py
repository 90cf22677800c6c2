"""What travels between ZooKeeper's clients and servers, and among the servers.

Clients send operations and get answers, and watch events that they did not ask for. A follower forwards writes to the
leader; the leader proposes, the followers acknowledge, the leader commits (ZAB's broadcast).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class ConnectRequest:
    """Open a session, or take one up again; ``owner`` names the client in traces."""

    owner: str
    timeout_ms: int
    setting: str
    session_id: int = 0

    def describe(self) -> str:
        return f"connect, session timeout {self.timeout_ms} ms"


@dataclass(slots=True)
class ConnectResponse:
    """The session and the timeout that was granted; ``session_id`` 0 means that the session asked for has expired."""

    session_id: int
    timeout_ms: int

    def describe(self) -> str:
        return f"session {self.session_id:#x}" if self.session_id else "session expired"


@dataclass(slots=True)
class OperationRequest:
    """One operation of a session; ``watch`` sets a one-shot watch with a read."""

    session_id: int
    operation: Any
    watch: bool = False

    def describe(self) -> str:
        return str(self.operation.describe())


@dataclass(slots=True)
class OperationResponse:
    """The result, or the error that ZooKeeper answers with."""

    result: Any = None
    error: Exception | None = None

    def describe(self) -> str:
        return "done" if self.error is None else type(self.error).__name__


@dataclass(slots=True)
class WatchNotification:
    """A watch has fired: ``event`` is ZooKeeper's name of what happened to ``path``."""

    event: str
    path: str

    def describe(self) -> str:
        return f"{self.event} {self.path}"


@dataclass(slots=True)
class JoinLeader:
    """A follower takes its place behind the leader."""

    server: str

    def describe(self) -> str:
        return "follow"


@dataclass(slots=True)
class ForwardedWrite:
    """A write that a client gave to a follower; ``number`` is the follower's own, to find the client again."""

    server: str
    number: int
    session_id: int
    operation: Any

    def describe(self) -> str:
        return f"forward: {self.operation.describe()}"


@dataclass(slots=True)
class Proposal:
    """A transaction to write into the log; ``origin`` is (server, number) of the write it answers."""

    transaction: Any
    origin: tuple[str, int]

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
class SessionSilent:
    """A follower reports that a client's connection is gone, and when it last heard of it (microseconds)."""

    session_id: int
    last_heard_us: int

    def describe(self) -> str:
        return f"session {self.session_id:#x} is silent"
