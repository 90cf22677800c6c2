"""What ZooKeeper's clients may ask for, under the names of its API.

Reads are answered by the server that the client is connected to (:meth:`kafkasim.core.znodes.ZnodeTree.read`). Writes
go to the leader, which makes transactions of them (:class:`kafkasim.core.zk_proposals.Proposals`).

ZooKeeper: org.apache.zookeeper.proto, Op, PathUtils. Left out: access control lists, container and TTL nodes,
reconfiguration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ANY_VERSION = -1
"""As an expected version: whatever it is."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\U0010ffff]")


def path_problem(path: str) -> str | None:
    """What is wrong with a path, as the end of a sentence that begins with it; None when it is well formed.

    ZooKeeper: PathUtils.validatePath.
    """
    if not path.startswith("/"):
        return "must start with /"
    if path == "/":
        return None
    if path.endswith("/"):
        return "must not end with /"
    names = path[1:].split("/")
    if "" in names:
        return "must not contain //"
    if "." in names or ".." in names:
        return "must not contain the names . and .."
    if _FORBIDDEN.search(path):
        return "must not contain control, surrogate or private characters"
    return None


def parent_of(path: str) -> str:
    """The path of the znode above; that of ``/`` is ``/``."""
    return path.rpartition("/")[0] or "/"


# --- writes --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Create:
    """Make a znode: an ``ephemeral`` one dies with its session, a ``sequential`` one gets ten digits after its name."""

    path: str
    data: bytes | None = b""
    ephemeral: bool = False
    sequential: bool = False

    def describe(self) -> str:
        return f"create {self.path}"


@dataclass(frozen=True, slots=True)
class SetData:
    """Replace the data if the version is the expected one."""

    path: str
    data: bytes | None
    version: int = ANY_VERSION

    def describe(self) -> str:
        return f"set {self.path}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a znode without children if the version of its data is the expected one."""

    path: str
    version: int = ANY_VERSION

    def describe(self) -> str:
        return f"delete {self.path}"


@dataclass(frozen=True, slots=True)
class Check:
    """Only in a multi: fail unless the znode is there and its version is the expected one."""

    path: str
    version: int

    def describe(self) -> str:
        return f"check {self.path}"


@dataclass(frozen=True, slots=True)
class Multi:
    """All of it or nothing; later parts see what earlier ones did."""

    operations: tuple[Create | SetData | Delete | Check, ...]

    def describe(self) -> str:
        return "multi " + ", ".join(operation.describe() for operation in self.operations)


@dataclass(frozen=True, slots=True)
class CreateSession:
    """A client comes; ``timeout_ms`` is the one it was granted.

    ``owner`` (the client) and ``setting`` (what decided the timeout it asked for) serve traces only.
    """

    owner: str
    timeout_ms: int
    setting: str

    def describe(self) -> str:
        return f"new session of {self.owner}"


@dataclass(frozen=True, slots=True)
class CloseSession:
    """The session that this comes from ends, and all its ephemeral znodes with it."""

    def describe(self) -> str:
        return "close session"


# --- reads -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GetData:
    """Read a znode."""

    path: str

    def describe(self) -> str:
        return f"get {self.path}"


@dataclass(frozen=True, slots=True)
class Exists:
    """Ask whether a znode is there."""

    path: str

    def describe(self) -> str:
        return f"exists {self.path}"


@dataclass(frozen=True, slots=True)
class GetChildren:
    """List the names below a znode."""

    path: str

    def describe(self) -> str:
        return f"children of {self.path}"


@dataclass(frozen=True, slots=True)
class Sync:
    """Wait until the connected server has applied all that the leader had when it was asked; ``path`` is irrelevant."""

    path: str

    def describe(self) -> str:
        return f"sync {self.path}"


@dataclass(frozen=True, slots=True)
class SetWatches:
    """What a client sends after a reconnect: the watches that it had, and the highest zxid that it has seen.

    ``data`` and ``child`` watches were set on znodes that were there, ``exists`` on missing ones.
    """

    last_zxid: int
    data: tuple[str, ...] = ()
    exists: tuple[str, ...] = ()
    child: tuple[str, ...] = ()

    def describe(self) -> str:
        return f"set {len(self.data) + len(self.exists) + len(self.child)} watches, seen {self.last_zxid:#x}"


@dataclass(frozen=True, slots=True)
class AddWatch:
    """Set a persistent watch; a ``recursive`` one tells of all that is below, too."""

    path: str
    recursive: bool = False

    def describe(self) -> str:
        return f"watch {self.path}" + (" and all below" if self.recursive else "")


@dataclass(frozen=True, slots=True)
class RemoveWatches:
    """Take this session's watches of a path away: ``data``, ``children``, or ``any`` kind."""

    path: str
    kind: str = "any"

    def describe(self) -> str:
        return f"remove {self.kind} watches of {self.path}"


Watching = SetWatches | AddWatch | RemoveWatches
"""What a server does by itself, beside reads."""
Read = GetData | Exists | GetChildren
Write = Create | SetData | Delete | Multi | CreateSession | CloseSession
