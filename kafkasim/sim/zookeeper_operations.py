"""What a program hands to its ZooKeeper client: paths, data and versions, checked at the call, and collected multis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kafkasim.config import checks
from kafkasim.core.zk_requests import ANY_VERSION, Check, Create, Delete, SetData, path_problem
from kafkasim.errors import ConfigError
from kafkasim.sim.kernel import Future

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper_client import Step, ZooKeeperClient

PARTS = (Create, SetData, Delete, Check)


class Transaction:
    """Parts of a multi, collected one by one; :meth:`commit` sends them. Names are kazoo's."""

    def __init__(self, client: ZooKeeperClient) -> None:
        self.operations: list[Step] = []
        self._client = client

    def create(self, path: str, value: bytes = b"", *, ephemeral: bool = False, sequence: bool = False) -> None:
        """Add the making of a znode."""
        checks.flag(ephemeral, "ephemeral")
        checks.flag(sequence, "sequence")
        self.operations.append(Create(path_of(path, sequence=sequence), value_of(value), ephemeral, sequence))

    def delete(self, path: str, version: int = ANY_VERSION) -> None:
        """Add the removal of a znode."""
        self.operations.append(Delete(path_of(path), version_of(version)))

    def set_data(self, path: str, value: bytes, version: int = ANY_VERSION) -> None:
        """Add the setting of a znode's data."""
        self.operations.append(SetData(path_of(path), value_of(value), version_of(version)))

    def check(self, path: str, version: int) -> None:
        """Add a condition: the version of a znode."""
        self.operations.append(Check(path_of(path), version_of(version)))

    def commit(self) -> Future[list[Any]]:
        """All of it or nothing: one result a part, and after a failure one error a part, as kazoo gives them."""
        return self._client.commit(tuple(self.operations))


def path_of(path: object, *, sequence: bool = False) -> str:
    """A path as given, or ConfigError."""
    if not isinstance(path, str):
        raise ConfigError(f"A path must be a text such as '/brokers/ids'. Got {path!r}.")
    problem = path_problem(path + "0" if sequence else path)
    if problem is not None:
        raise ConfigError(f"The path {path!r} {problem}.")
    return path


def value_of(value: object) -> bytes | None:
    """Data as given, or ConfigError."""
    if value is not None and not isinstance(value, bytes):
        raise ConfigError(f"The data of a znode are bytes, as b'text', or None. Got {value!r}.")
    return value


def version_of(version: object) -> int:
    """An expected version as given, -1 for any, or ConfigError."""
    return checks.whole_number(version, "version", at_least=ANY_VERSION)


def function_of(function: Any, name: str) -> Any:
    """A watcher or listener as given, or ConfigError."""
    if not callable(function):
        raise ConfigError(f"{name} must be a function. Got {function!r}.")
    return function


def parts_of(operations: object) -> tuple[Any, ...]:
    """The parts of a multi as given, or ConfigError."""
    if not isinstance(operations, Sequence) or not all(isinstance(one, PARTS) for one in operations):
        kinds = ", ".join(kind.__name__ for kind in PARTS)
        raise ConfigError(f"operations must be a list of {kinds}. Got {checks.shown(operations)}. See transaction().")
    return tuple(operations)
