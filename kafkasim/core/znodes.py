"""ZooKeeper's tree of znodes, as every server of an ensemble holds it.

Theory of operation. A write has two halves, and they happen at different places and times:

1. The *leader* checks the request against the newest state there is, proposals under way included, and turns it into
   a :class:`Transaction` with the next zxid (:class:`kafkasim.core.zk_proposals.Proposals`). The transaction holds
   outcomes and no conditions: the sequential name is chosen, the new version counted, a session's ephemerals listed.
   A refused request becomes a transaction, too: one that changes nothing.
2. *Every server* applies each committed transaction to its own tree, in the order of the zxids
   (:meth:`ZnodeTree.apply`). That cannot fail, needs no clock, and leaves the same tree everywhere. The
   :class:`Outcome` says what changed, for this server's watches, and what to answer if the client is its own.

Reads (:meth:`ZnodeTree.read`) look at the connected server's tree, so they may be stale, never torn::

    proposals = Proposals(leader.tree, zxid=epoch << 32)            # when a leader becomes active
    transaction = proposals.prepare(session_id, request, now_ms)    # leader: send PROPOSAL, gather ACKs, send COMMIT
    outcome = server.tree.apply(transaction)                        # each server, on COMMIT
    events = server.watches.triggered(outcome.changes)              # to its clients, before the reply
    reply = outcome.error or outcome.result                         # from the client's own server

A :class:`Znode` is never changed but replaced, so a copy of a tree (a snapshot) costs next to nothing.

ZooKeeper: DataTree, DataNode, org.apache.zookeeper.txn. Left out: access control lists (so ``aversion`` stays 0),
quotas, and what ZooKeeper writes into /zookeeper/config.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from kafkasim.core.zk_errors import NoNodeError, ZooKeeperError
from kafkasim.core.zk_requests import CreateSession, Exists, GetChildren, GetData, Read, parent_of

# --- znodes --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZnodeStat:
    """What ZooKeeper tells of a znode beside its data.

    ``czxid``, ``mzxid`` and ``pzxid`` are the transactions that created it, last set its data and last created or
    deleted a child; ``ctime`` and ``mtime`` (ms) belong to the first two. ``version`` counts the sets, ``cversion`` the
    creations and deletions of children. ``ephemeral_owner`` is the session that it dies with, 0 for a persistent one.
    """

    czxid: int
    mzxid: int
    pzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    children_count: int


@dataclass(frozen=True, slots=True)
class Znode:
    """One znode; ``creations`` is how many children were ever created in it, the number of the next sequential one."""

    data: bytes | None = b""
    czxid: int = 0
    mzxid: int = 0
    pzxid: int = 0
    ctime: int = 0
    mtime: int = 0
    version: int = 0
    ephemeral_owner: int = 0
    creations: int = 0
    children: frozenset[str] = frozenset()

    @property
    def stat(self) -> ZnodeStat:
        """What a client is told. Only creations are counted: creations + deletions = 2 * creations - children."""
        return ZnodeStat(
            self.czxid, self.mzxid, self.pzxid, self.ctime, self.mtime, self.version,
            2 * self.creations - len(self.children), 0, self.ephemeral_owner, len(self.data or b""), len(self.children),
        )  # fmt: skip


def _fresh() -> dict[str, Znode]:
    """What is there before any transaction. These children count as never created: the cversions start below 0."""
    return {
        "/": Znode(children=frozenset({"zookeeper"})),
        "/zookeeper": Znode(children=frozenset({"config", "quota"})),
        "/zookeeper/config": Znode(),
        "/zookeeper/quota": Znode(),
    }


RESERVED = tuple(_fresh())
"""The znodes that no client may delete. ZooKeeper: DataTree.isSpecialPath."""


# --- transactions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateTxn:
    """A znode comes into being; ``creations`` is its parent's count with this one."""

    path: str
    data: bytes | None
    ephemeral_owner: int
    creations: int


@dataclass(frozen=True, slots=True)
class SetDataTxn:
    """A znode gets this data and this version."""

    path: str
    data: bytes | None
    version: int


@dataclass(frozen=True, slots=True)
class DeleteTxn:
    """A znode goes."""

    path: str


@dataclass(frozen=True, slots=True)
class CheckTxn:
    """A part of a multi that was only a condition; it held."""

    path: str


Step = CreateTxn | SetDataTxn | DeleteTxn | CheckTxn


@dataclass(frozen=True, slots=True)
class MultiTxn:
    """Several steps under one zxid."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CloseSessionTxn:
    """A session ends, and these znodes with it."""

    ephemerals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErrorTxn:
    """The request was refused; for a multi, ``parts`` holds one error per part and ``error`` is the culprit."""

    error: ZooKeeperError
    parts: tuple[ZooKeeperError, ...] | None = None


Body = Step | MultiTxn | CreateSession | CloseSessionTxn | ErrorTxn


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry of the replicated log; ``time_ms`` is the leader's clock when it made it. ZooKeeper: TxnHeader."""

    zxid: int
    session_id: int
    time_ms: int
    body: Body


# --- what comes of applying one ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did to one znode: ``created``, ``set`` or ``deleted``; the other fields are the znode's."""

    kind: str
    path: str
    data: bytes | None
    version: int
    ephemeral_owner: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes in order, and what to tell the client.

    ``result`` is the path for a create, the stat for a set, None for the others; for a multi it is the tuple of its
    parts' results, or of their errors when it failed. ``error`` is why it was refused, for a multi the culprit.
    """

    changes: tuple[Change, ...] = ()
    result: Any = None
    error: ZooKeeperError | None = None


@dataclass(slots=True)
class ZnodeTree:
    """What the log of transactions leads to: the znodes by path, the sessions that are open, the last zxid applied."""

    nodes: dict[str, Znode] = field(default_factory=_fresh)
    sessions: dict[int, CreateSession] = field(default_factory=dict)
    last_zxid: int = 0

    def copy(self) -> ZnodeTree:
        """A snapshot, which later transactions do not touch."""
        return ZnodeTree(dict(self.nodes), dict(self.sessions), self.last_zxid)

    # --- reads -------------------------------------------------------------------------------------------

    def read(self, request: Read) -> Any:
        """Answer a read as :meth:`get`, :meth:`exists` and :meth:`get_children` do."""
        match request:
            case GetData():
                return self.get(request.path)
            case Exists():
                return self.exists(request.path)
            case GetChildren():
                return self.get_children(request.path)

    def get(self, path: str) -> tuple[bytes | None, ZnodeStat]:
        """Data and stat; NoNodeError when it is not there."""
        node = self.node(path)
        return node.data, node.stat

    def exists(self, path: str) -> ZnodeStat | None:
        """The stat, or None."""
        return self.nodes[path].stat if path in self.nodes else None

    def get_children(self, path: str) -> tuple[list[str], ZnodeStat]:
        """The names of the children, sorted (in ZooKeeper their order means nothing), and the stat of this znode."""
        node = self.node(path)
        return sorted(node.children), node.stat

    def node(self, path: str) -> Znode:
        """The znode itself; NoNodeError when it is not there."""
        if path not in self.nodes:
            raise NoNodeError(f"There is no znode {path}.")
        return self.nodes[path]

    # --- transactions --------------------------------------------------------------------------------------

    def apply(self, transaction: Transaction) -> Outcome:
        """Do what a transaction says, once and in the order of the zxids."""
        zxid, body = transaction.zxid, transaction.body
        assert zxid > self.last_zxid, f"zxid {zxid:#x} after {self.last_zxid:#x}"
        self.last_zxid = zxid
        match body:
            case ErrorTxn():
                return Outcome(result=body.parts, error=body.error)
            case CreateSession():
                self.sessions[transaction.session_id] = body
                return Outcome()
            case CloseSessionTxn():
                self.sessions.pop(transaction.session_id, None)
                return Outcome(tuple(self._delete(path, zxid) for path in body.ephemerals))
            case MultiTxn():
                outcomes = [self.take(step, zxid, transaction.time_ms) for step in body.steps]
                changes = tuple(change for outcome in outcomes for change in outcome.changes)
                return Outcome(changes, tuple(outcome.result for outcome in outcomes))
            case _:
                return self.take(body, zxid, transaction.time_ms)

    def take(self, step: Step, zxid: int, time_ms: int) -> Outcome:
        """Do one step of a transaction."""
        match step:
            case CreateTxn():
                return Outcome((self._create(step, zxid, time_ms),), step.path)
            case SetDataTxn():
                node = replace(self.nodes[step.path], data=step.data, version=step.version, mzxid=zxid, mtime=time_ms)
                self.nodes[step.path] = node
                return Outcome((Change("set", step.path, node.data, node.version, node.ephemeral_owner),), node.stat)
            case DeleteTxn():
                return Outcome((self._delete(step.path, zxid),))
            case CheckTxn():
                return Outcome()

    def _create(self, step: CreateTxn, zxid: int, time_ms: int) -> Change:
        self.nodes[step.path] = Znode(
            step.data, zxid, zxid, zxid, time_ms, time_ms, ephemeral_owner=step.ephemeral_owner
        )
        above, _, name = step.path.rpartition("/")
        parent = self.nodes[above or "/"]
        self.nodes[above or "/"] = replace(
            parent, children=parent.children | {name}, creations=step.creations, pzxid=zxid
        )
        return Change("created", step.path, step.data, 0, step.ephemeral_owner)

    def _delete(self, path: str, zxid: int) -> Change:
        node = self.nodes.pop(path)
        parent = self.nodes[parent_of(path)]
        name = path.rpartition("/")[2]
        self.nodes[parent_of(path)] = replace(parent, children=parent.children - {name}, pzxid=zxid)
        return Change("deleted", path, node.data, node.version, node.ephemeral_owner)
