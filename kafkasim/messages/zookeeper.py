"""What travels between ZooKeeper's clients and its servers.

Clients send operations and get answers, and watch events that they did not ask for. What the servers say among
themselves is in :mod:`kafkasim.messages.zookeeper_quorum`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class ConnectRequest:
    """Open a session, or take one up again; ``owner`` names the client in traces, ``setting`` what it asks by.

    ``last_zxid`` is the highest that the client has seen: a server that is behind it hangs up.
    """

    owner: str
    timeout_ms: int
    setting: str
    session_id: int = 0
    password: bytes = b""
    last_zxid: int = 0

    def describe(self) -> str:
        session = f" to session {self.session_id:#x}" if self.session_id else ""
        return f"connect{session}, session timeout {self.timeout_ms} ms"


@dataclass(slots=True)
class ConnectResponse:
    """The session and the timeout that was granted; ``session_id`` 0 means that the session asked for has expired."""

    session_id: int
    timeout_ms: int
    password: bytes = b""

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
    """The result, or the error that ZooKeeper answers with.

    ``zxid`` is that of the write, a refused one included, or the last one that the server has applied.
    """

    result: Any = None
    error: Exception | None = None
    zxid: int = 0

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
class PingRequest:
    """A client that has had nothing to say for a while lives. ZooKeeper: a request of type ping, with xid -2."""

    session_id: int

    def describe(self) -> str:
        return f"ping of session {self.session_id:#x}"


@dataclass(slots=True)
class PingResponse:
    """So does its server."""

    def describe(self) -> str:
        return "ping answer"
