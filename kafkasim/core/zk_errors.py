"""What ZooKeeper answers when it refuses, and what a client meets on the way to it.

::

    ZooKeeperError
    ├── an answer to a request    NoNodeError, NodeExistsError, BadVersionError, NotEmptyError,
    │                             NoChildrenForEphemeralsError, BadArgumentsError, NoWatcherError
    ├── a part of a failed multi  RolledBackError (before the culprit), RuntimeInconsistency (after it)
    └── the session               SessionExpiredError, SessionMovedError, ConnectionLoss
                                  (ConnectionClosed, ConnectionRefused: no session was opened)

Class names are kazoo's; ``code`` and ``name`` are ZooKeeper's, ``java_name`` is the simple name of the exception that
the Java client raises (none for a part that was rolled back). ConnectionClosed and ConnectionRefused are our own names
for why a raw session could not be opened; to a client library both are just "try the next server".

ZooKeeper: KeeperException. Left out: NoAuth and InvalidACL (there are no access control lists).
"""

from __future__ import annotations

from typing import ClassVar

from kafkasim.errors import KafkaSimError


class ZooKeeperError(KafkaSimError):
    """An answer of the simulated ZooKeeper, with ``code`` and ``name`` as ZooKeeper has them."""

    code: ClassVar[int]
    name: ClassVar[str]
    by_code: ClassVar[dict[int, type[ZooKeeperError]]] = {}
    by_name: ClassVar[dict[str, type[ZooKeeperError]]] = {}

    def __init_subclass__(cls, *, code: int | None, name: str, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = name
        if code is None:
            return
        assert code not in ZooKeeperError.by_code, code
        assert name not in ZooKeeperError.by_name, name
        cls.code, cls.java_name = code, f"{name}Exception" if code else None
        ZooKeeperError.by_code[code] = cls
        ZooKeeperError.by_name[name] = cls

    parts: tuple[ZooKeeperError, ...] | None = None
    """Of a multi: one error for each of its parts."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or self.name).splitlines()[0])


# --- the session -------------------------------------------------------------------------------------


class ConnectionLoss(ZooKeeperError, code=-4, name="ConnectionLoss"):
    """The connection was lost before an answer came; whether a write took effect is not known."""


class ConnectionClosed(ConnectionLoss, code=None, name="ConnectionClosed"):
    """The server hung up without opening a session: it has no quorum, or it is behind its client. Try another."""


class ConnectionRefused(ConnectionLoss, code=None, name="ConnectionRefused"):
    """Nobody listens there: the server is down. Try another."""


class SessionExpiredError(ZooKeeperError, code=-112, name="SessionExpired"):
    """The session is over, and its ephemeral znodes are gone."""


class SessionMovedError(ZooKeeperError, code=-118, name="SessionMoved"):
    """The session has moved to another server; this connection is an old one."""


# --- answers to a request ------------------------------------------------------------------------------


class BadArgumentsError(ZooKeeperError, code=-8, name="BadArguments"):
    """The path is malformed, or the znode is one that ZooKeeper keeps for itself."""


class NoNodeError(ZooKeeperError, code=-101, name="NoNode"):
    """There is no such znode."""


class NoWatcherError(ZooKeeperError, code=-121, name="NoWatcher"):
    """The session has no such watch."""


class BadVersionError(ZooKeeperError, code=-103, name="BadVersion"):
    """The znode has another version than the one that was expected."""


class NoChildrenForEphemeralsError(ZooKeeperError, code=-108, name="NoChildrenForEphemerals"):
    """An ephemeral znode cannot have children."""


class NodeExistsError(ZooKeeperError, code=-110, name="NodeExists"):
    """The znode exists already."""


class NotEmptyError(ZooKeeperError, code=-111, name="NotEmpty"):
    """The znode has children."""


# --- parts of a failed multi -----------------------------------------------------------------------------


class RolledBackError(ZooKeeperError, code=0, name="Ok"):
    """This part of a multi was all right, but a later one failed: it was not done."""


class RuntimeInconsistency(ZooKeeperError, code=-2, name="RuntimeInconsistency"):
    """This part of a multi was not tried, because an earlier one failed."""


# --- a client that never got in ----------------------------------------------------------------------------


class ZooKeeperClientTimeoutException(KafkaSimError):
    """No server of the ensemble has let the client in within its connection timeout.

    Kafka: kafka.zookeeper.ZooKeeperClientTimeoutException (zookeeper.connection.timeout.ms).
    """

    java_name = "ZooKeeperClientTimeoutException"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "Timed out waiting for connection while in state: CONNECTING")
