"""ZooKeeper's tree of znodes, as every server of the ensemble holds it.

The leader tries a write on its newest state and makes it a transaction with the next zxid (:meth:`ZnodeTree.attempt`);
every server applies the transactions in that order (:meth:`ZnodeTree.apply`) and so has the same tree. A write that
fails takes a zxid, too, and changes nothing.

ZooKeeper: DataTree, PrepRequestProcessor. Left out as yet: sequential znodes, ACLs, quotas.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from kafkasim.core.zk_operations import (
    BadVersionError,
    Check,
    CloseSession,
    Create,
    CreateSession,
    Delete,
    Multi,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    SetData,
    Write,
    ZooKeeperError,
)


@dataclass(frozen=True, slots=True)
class ZnodeStat:
    """What ZooKeeper tells of a znode beside its data; zxids name the transactions that made and changed it."""

    czxid: int
    mzxid: int
    version: int
    ephemeral_owner: int
    children_count: int


@dataclass(slots=True)
class Znode:
    """One znode; ``owner`` is the session that an ephemeral one dies with, else 0."""

    data: bytes
    czxid: int
    mzxid: int
    version: int = 0
    owner: int = 0
    children: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did to one znode: ``created``, ``set`` or ``deleted``."""

    kind: str
    path: str
    data: bytes
    version: int
    owner: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A write with its place in the history; ``error`` when it was refused."""

    zxid: int
    session_id: int
    operation: Write
    error: ZooKeeperError | None = None


class ZnodeTree:
    """The znodes by path."""

    def __init__(self) -> None:
        self.nodes: dict[str, Znode] = {"/": Znode(b"", 0, 0)}
        self.sessions: dict[int, CreateSession] = {}

    # --- reads -----------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[bytes, ZnodeStat]:
        """Data and stat; NoNodeError when it is not there."""
        node = self._node(path)
        return node.data, self._stat(node)

    def exists(self, path: str) -> ZnodeStat | None:
        """The stat, or None."""
        node = self.nodes.get(path)
        return None if node is None else self._stat(node)

    def get_children(self, path: str) -> list[str]:
        """The names of the children, sorted (in ZooKeeper their order means nothing)."""
        return sorted(self._node(path).children)

    def _node(self, path: str) -> Znode:
        if path not in self.nodes:
            raise NoNodeError(f"There is no znode {path}.")
        return self.nodes[path]

    @staticmethod
    def _stat(node: Znode) -> ZnodeStat:
        return ZnodeStat(node.czxid, node.mzxid, node.version, node.owner, len(node.children))

    # --- writes ----------------------------------------------------------------------------------------

    def attempt(self, zxid: int, session_id: int, operation: Write) -> Transaction:
        """What the leader does with a write, on a tree that holds everything proposed before: try it, note how it
        went."""
        try:
            self._do(zxid, session_id, operation)
        except ZooKeeperError as error:
            return Transaction(zxid, session_id, operation, error)
        return Transaction(zxid, session_id, operation)

    def apply(self, transaction: Transaction) -> list[Change]:
        """Do what a transaction says; the changes in order."""
        if transaction.error is not None:
            return []
        return self._do(transaction.zxid, transaction.session_id, transaction.operation)

    def _do(self, zxid: int, session: int, operation: Write | Check) -> list[Change]:
        match operation:
            case Create():
                return [self._create(zxid, session, operation)]
            case SetData():
                return [self._set(zxid, operation)]
            case Delete():
                return [self._delete(operation)]
            case Check():
                self._expect(operation.path, operation.version)
                return []
            case Multi():
                return self._multi(zxid, session, operation)
            case CreateSession():
                self.sessions[session] = operation
                return []
            case CloseSession():
                self.sessions.pop(operation.session_id, None)
                mine = [path for path, node in self.nodes.items() if node.owner == operation.session_id]
                return [self._delete(Delete(path)) for path in mine]

    def _multi(self, zxid: int, session: int, multi: Multi) -> list[Change]:
        touched = [operation.path for operation in multi.operations]
        touched += [path.rpartition("/")[0] or "/" for path in touched]
        before = {path: copy.deepcopy(self.nodes.get(path)) for path in touched}
        try:
            return [change for operation in multi.operations for change in self._do(zxid, session, operation)]
        except ZooKeeperError:
            for path, node in before.items():
                if node is None:
                    self.nodes.pop(path, None)
                else:
                    self.nodes[path] = node
            raise

    def _create(self, zxid: int, session: int, operation: Create) -> Change:
        parent_path, _, name = operation.path.rpartition("/")
        parent = self._node(parent_path or "/")
        if operation.path in self.nodes:
            raise NodeExistsError(f"The znode {operation.path} exists already.")
        if parent.owner:
            raise NoChildrenForEphemeralsError(f"The znode {parent_path} is ephemeral.")
        owner = session if operation.ephemeral else 0
        self.nodes[operation.path] = Znode(operation.data, zxid, zxid, 0, owner)
        parent.children[name] = None
        return Change("created", operation.path, operation.data, 0, owner)

    def _set(self, zxid: int, operation: SetData) -> Change:
        node = self._expect(operation.path, operation.version)
        node.data, node.mzxid, node.version = operation.data, zxid, node.version + 1
        return Change("set", operation.path, operation.data, node.version, node.owner)

    def _delete(self, operation: Delete) -> Change:
        node = self._expect(operation.path, operation.version)
        if node.children:
            raise NotEmptyError(f"The znode {operation.path} has children.")
        parent_path, _, name = operation.path.rpartition("/")
        del self.nodes[operation.path]
        del self.nodes[parent_path or "/"].children[name]
        return Change("deleted", operation.path, node.data, node.version, node.owner)

    def _expect(self, path: str, version: int) -> Znode:
        node = self._node(path)
        if version not in (-1, node.version):
            raise BadVersionError(f"The znode {path} has version {node.version}, not {version}.")
        return node
