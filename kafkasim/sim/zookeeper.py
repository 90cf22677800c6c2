"""The ZooKeeper ensemble: servers that agree on one order of writes, and sessions that end when their client is silent.

A client talks to one server. Reads are answered from that server's own tree. A write goes to the leader, which gives it
the next zxid and proposes it; when a majority has it in its log it is committed, every server applies it, and the
client's own server answers. Whether a session has expired the leader alone decides.

Left out as yet: the election after a server's failure (the server with the highest id leads from the start), session
moves, ``sync``. Pings are computed: a client that lives pings every third of its timeout, less a second.
ZooKeeper: QuorumPeer, Leader, Follower, SessionTrackerImpl.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from kafkasim.config import ZooKeeperConfig
from kafkasim.core.zk_operations import (
    CloseSession,
    CreateSession,
    Exists,
    GetChildren,
    GetData,
    Read,
    ZooKeeperError,
)
from kafkasim.core.znode_tree import Change, Transaction, ZnodeTree
from kafkasim.messages import zookeeper as zk
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future, Kernel, Timer
from kafkasim.sim.network import Connection, Network, Reply
from kafkasim.trace.facts import SessionChanged, ZnodeChanged, ZooKeeperLeaderElected

FIRST_EPOCH = 1
MAX_PING_MS = 10_000


def ensemble(count: int, kernel: Kernel, network: Network, config: ZooKeeperConfig) -> list[ZooKeeperServer]:
    """Servers ``zookeeper-1`` to ``zookeeper-n``; the last one leads."""
    names = [f"zookeeper-{number}" for number in range(1, count + 1)]
    return [ZooKeeperServer(name, kernel, network, config, names) for name in names]


class ZooKeeperServer(Host):
    """One server of the ensemble."""

    def __init__(self, name: str, kernel: Kernel, network: Network, config: ZooKeeperConfig, names: list[str]) -> None:
        super().__init__(name, kernel, network)
        self.config = config
        self.tree = ZnodeTree()
        self.is_leader = name == names[-1]
        self._number = names.index(name) + 1
        self._majority = len(names) // 2 + 1
        self._leader = Channel(self, names[-1], request_timeout_ms=None)
        self._log: dict[int, tuple[Transaction, tuple[str, int]]] = {}
        self._clients: dict[int, Connection] = {}
        self._last_request_us: dict[int, int] = {}
        self._watches: dict[tuple[str, str], dict[int, None]] = {}
        self._answers: dict[int, tuple[Reply, Connection]] = {}
        self._writes = 0
        self._sessions = 0
        # Only the leader uses these.
        self._newest = ZnodeTree()
        self._zxid = FIRST_EPOCH << 32
        self._followers: dict[str, Connection] = {}
        self.ready: Future[None] = Future(kernel, f"the start of {name}")
        self._proposed: deque[int] = deque()
        self._acks: dict[int, int] = {}
        self._expiries: dict[int, Timer] = {}

    def on_start(self) -> None:
        if self.is_leader:
            self.kernel.journal.because(ZooKeeperLeaderElected(self.name, FIRST_EPOCH))
            self.ready.succeed()
        else:
            self._leader.send(zk.JoinLeader(self.name), self._joined)

    def _joined(self, response: object, error: object) -> None:
        assert error is None, error
        assert self._leader.connection is not None
        self._leader.connection.on_push = self._from_leader
        self.ready.succeed()

    # --- requests ----------------------------------------------------------------------------------------

    def accepted(self, connection: Connection) -> None:
        connection.on_server_lost = lambda reason: self._client_lost(connection)

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        match request:
            case zk.ConnectRequest():
                self._connect(request, connection, reply)
            case zk.OperationRequest():
                self._operate(request, connection, reply)
            case zk.JoinLeader():
                self._followers[request.server] = connection
                reply(zk.OperationResponse())
            case zk.ForwardedWrite():
                self._propose(request.session_id, request.operation, (request.server, request.number))
                reply(None)
            case zk.Acknowledgement():
                self._acknowledge(request.zxid)
                reply(None)
            case zk.SessionSilent():
                self._session_silent(request.session_id, request.last_heard_us, self.config.tick_time // 2)
                reply(None)
            case _:
                raise AssertionError(f"no ZooKeeper server answers {request!r}")

    def _connect(self, request: zk.ConnectRequest, connection: Connection, reply: Reply) -> None:
        """A new session: its id carries the number of the server that made it, the timeout is kept within limits."""
        self._sessions += 1
        session_id = (self._number << 56) | self._sessions
        timeout_ms = min(max(request.timeout_ms, self.config.min_session_timeout), self.config.max_session_timeout)
        self._clients[session_id] = connection
        self._last_request_us[session_id] = self.kernel.now_us
        self._write(session_id, CreateSession(request.owner, timeout_ms, request.setting), reply, connection)

    def _operate(self, request: zk.OperationRequest, connection: Connection, reply: Reply) -> None:
        self._last_request_us[request.session_id] = self.kernel.now_us
        operation = request.operation
        if isinstance(operation, GetData | Exists | GetChildren):
            reply(self._read(operation, request.session_id, request.watch))
        else:
            self._write(request.session_id, operation, reply, connection)

    def _read(self, operation: Read, session_id: int, watch: bool) -> zk.OperationResponse:
        """Answer from this server's tree; a watch is set with what was seen."""
        kind = "child" if isinstance(operation, GetChildren) else "data"
        try:
            result: Any
            match operation:
                case GetData():
                    result = self.tree.get(operation.path)
                case Exists():
                    result = self.tree.exists(operation.path)
                case GetChildren():
                    result = self.tree.get_children(operation.path)
        except ZooKeeperError as error:
            return zk.OperationResponse(error=error)
        if watch:
            self._watches.setdefault((kind, operation.path), {})[session_id] = None
        return zk.OperationResponse(result)

    # --- writes: forward, propose, acknowledge, commit, apply ----------------------------------------------

    def _write(self, session_id: int, operation: Any, reply: Reply, connection: Connection) -> None:
        self._writes += 1
        self._answers[self._writes] = (reply, connection)
        if self.is_leader:
            self._propose(session_id, operation, (self.name, self._writes))
        else:
            forwarded = zk.ForwardedWrite(self.name, self._writes, session_id, operation)
            self._leader.send_without_answer(forwarded)

    def _propose(self, session_id: int, operation: Any, origin: tuple[str, int]) -> None:
        self._zxid += 1
        transaction = self._newest.attempt(self._zxid, session_id, operation)
        self._log[self._zxid] = (transaction, origin)
        self._proposed.append(self._zxid)
        self._acks[self._zxid] = 0
        for connection in self._followers.values():
            connection.push(zk.Proposal(transaction, origin))
        self._acknowledge(self._zxid)

    def _acknowledge(self, zxid: int) -> None:
        """Another log holds a transaction; transactions are committed in order."""
        if zxid in self._acks:
            self._acks[zxid] += 1
        while self._proposed and self._acks[self._proposed[0]] >= self._majority:
            committed = self._proposed.popleft()
            del self._acks[committed]
            for connection in self._followers.values():
                connection.push(zk.Commit(committed))
            self._apply(committed)

    def _from_leader(self, message: Any) -> None:
        match message:
            case zk.Proposal():
                self._log[message.transaction.zxid] = (message.transaction, message.origin)
                self._leader.send_without_answer(zk.Acknowledgement(self.name, message.transaction.zxid))
            case zk.Commit():
                self._apply(message.zxid)

    def _apply(self, zxid: int) -> None:
        """A committed transaction takes effect on this server: tree, watches, then the answer to its client."""
        transaction, (server, number) = self._log.pop(zxid)
        changes = self.tree.apply(transaction)
        operation = transaction.operation
        if self.is_leader:
            self._record(transaction, changes)
        for change in changes:
            self._fire(change)
        if server != self.name or number not in self._answers:
            return
        reply, _ = self._answers.pop(number)
        if isinstance(operation, CreateSession):
            self.kernel.journal.record(
                SessionChanged(
                    f"{transaction.session_id:#x}", operation.owner, self.name, "open",
                    operation.setting,
                )
            )  # fmt: skip
            reply(zk.ConnectResponse(transaction.session_id, operation.timeout_ms))
        else:
            reply(zk.OperationResponse(error=transaction.error))

    def _record(self, transaction: Transaction, changes: list[Change]) -> None:
        for change in changes:
            session = self.tree.sessions.get(change.owner)
            owner = f"session {change.owner:#x}" if session is None else session.owner
            self.kernel.journal.because(
                ZnodeChanged(
                    change.path, change.kind, change.data, change.version, f"{transaction.zxid:#x}",
                    owner if change.owner else None,
                )
            )  # fmt: skip

    # --- watches -------------------------------------------------------------------------------------------

    def _fire(self, change: Change) -> None:
        """One-shot: the node's own watchers, then those of its parent's children."""
        parent = change.path.rpartition("/")[0] or "/"
        names = {"created": "NodeCreated", "set": "NodeDataChanged", "deleted": "NodeDeleted"}
        told = self._watches.pop(("data", change.path), {})
        if change.kind == "deleted":
            told = {**told, **self._watches.pop(("child", change.path), {})}
        for session_id in told:
            self._notify(session_id, names[change.kind], change.path)
        if change.kind != "set":
            for session_id in self._watches.pop(("child", parent), {}):
                self._notify(session_id, "NodeChildrenChanged", parent)

    def _notify(self, session_id: int, event: str, path: str) -> None:
        if session_id in self._clients:
            self._clients[session_id].push(zk.WatchNotification(event, path))

    # --- sessions --------------------------------------------------------------------------------------------

    def _client_lost(self, connection: Connection) -> None:
        """A cut connection is nothing but silence: the session lives on until nothing was heard for its timeout."""
        for session_id, its in list(self._clients.items()):
            if its is not connection:
                continue
            del self._clients[session_id]
            for watchers in self._watches.values():
                watchers.pop(session_id, None)
            session = self.tree.sessions.get(session_id)
            if session is None:
                continue
            last_heard_us = self._last_ping_us(session_id, session.timeout_ms)
            if self.is_leader:
                self._session_silent(session_id, last_heard_us, 0)
            else:
                self._leader.send_without_answer(zk.SessionSilent(session_id, last_heard_us))

    def _last_ping_us(self, session_id: int, timeout_ms: int) -> int:
        """When the last ping must have come: one every third of the timeout, less a second, while nothing else is
        sent."""
        third_ms = timeout_ms / 3
        interval_us = round(min(third_ms - 1000 if third_ms > 2000 else third_ms, MAX_PING_MS) * US_PER_MS)
        last_us = self._last_request_us[session_id]
        return last_us + (self.kernel.now_us - last_us) // interval_us * interval_us

    def _session_silent(self, session_id: int, last_heard_us: int, report_every_ms: int) -> None:
        """Expire the session at the first tick after its timeout; a follower has reported each half tick."""
        session = self.tree.sessions.get(session_id)
        if session is None:
            return
        heard_us = last_heard_us
        if report_every_ms:
            half_us = report_every_ms * US_PER_MS
            heard_us = -(-last_heard_us // half_us) * half_us
        tick_us = self.config.tick_time * US_PER_MS
        due_us = -(-(heard_us + session.timeout_ms * US_PER_MS) // tick_us) * tick_us
        wait_ms = max(0, due_us - self.kernel.now_us) / US_PER_MS
        self._expiries[session_id] = self.after_ms(wait_ms, self._expire, session_id, session)

    def _expire(self, session_id: int, session: CreateSession) -> None:
        self.kernel.journal.because(
            SessionChanged(f"{session_id:#x}", session.owner, self.name, "expired", session.setting)
        )
        self._propose(session_id, CloseSession(session_id), (self.name, 0))
