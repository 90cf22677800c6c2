"""What ZooKeeper's clients may ask for, under the names of its API, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.errors import KafkaSimError


class ZooKeeperError(KafkaSimError):
    """An answer of the simulated ZooKeeper; class names are kazoo's, ``java_name`` the Java client's."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.java_name = cls.__name__.removesuffix("Error") + "Exception"


class NoNodeError(ZooKeeperError):
    """There is no such znode."""


class NodeExistsError(ZooKeeperError):
    """The znode exists already."""


class BadVersionError(ZooKeeperError):
    """The znode has another version than the one that was expected."""


class NotEmptyError(ZooKeeperError):
    """The znode has children."""


class NoChildrenForEphemeralsError(ZooKeeperError):
    """An ephemeral znode cannot have children."""


class SessionExpiredError(ZooKeeperError):
    """The session is over."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make a znode; an ``ephemeral`` one dies with its session."""

    path: str
    data: bytes = b""
    ephemeral: bool = False

    def describe(self) -> str:
        return f"create {self.path}"


@dataclass(frozen=True, slots=True)
class SetData:
    """Replace the data if the version is the expected one; -1 expects nothing."""

    path: str
    data: bytes
    version: int = -1

    def describe(self) -> str:
        return f"set {self.path}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a znode without children if the version is the expected one."""

    path: str
    version: int = -1

    def describe(self) -> str:
        return f"delete {self.path}"


@dataclass(frozen=True, slots=True)
class Check:
    """Only in a multi: fail unless the version is the expected one."""

    path: str
    version: int

    def describe(self) -> str:
        return f"check {self.path}"


@dataclass(frozen=True, slots=True)
class Multi:
    """All of it or nothing."""

    operations: tuple[Create | SetData | Delete | Check, ...]

    def describe(self) -> str:
        return "multi " + ", ".join(operation.describe() for operation in self.operations)


@dataclass(frozen=True, slots=True)
class CreateSession:
    """A client comes."""

    owner: str
    timeout_ms: int
    setting: str

    def describe(self) -> str:
        return f"new session of {self.owner}"


@dataclass(frozen=True, slots=True)
class CloseSession:
    """A session ends, and all its ephemeral znodes with it."""

    session_id: int

    def describe(self) -> str:
        return f"close session {self.session_id:#x}"


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


Read = GetData | Exists | GetChildren
Write = Create | SetData | Delete | Multi | CreateSession | CloseSession
