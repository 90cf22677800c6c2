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
from collections.abc import Mapping, Sequence
from typing import Any

from kafkasim.config import ZooKeeperConfig
from kafkasim.core.watches import Watches
from kafkasim.core.zk_errors import ZooKeeperError
from kafkasim.core.zk_proposals import Proposals
from kafkasim.core.zk_requests import CloseSession, CreateSession, Exists, GetChildren, GetData, Read, Write
from kafkasim.core.zk_sessions import SessionIds, SessionTracker, negotiated_timeout_ms
from kafkasim.core.znodes import Change, Transaction, ZnodeTree
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
        self._watches = Watches()
        self._session_ids = SessionIds(self._number, kernel.now_ms)
        self._answers: dict[int, tuple[Reply, Connection]] = {}
        self._writes = 0
        # Only the leader uses these.
        self._proposals = Proposals(self.tree, FIRST_EPOCH << 32)
        self._tracker = SessionTracker(config.tick_time)
        self._expiry: Timer | None = None
        self._followers: dict[str, Connection] = {}
        self.ready: Future[None] = Future(kernel, f"the start of {name}")
        self._proposed: deque[int] = deque()
        self._acks: dict[int, int] = {}

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
        session_id = self._session_ids.take()
        config = self.config
        timeout_ms = negotiated_timeout_ms(request.timeout_ms, config.min_session_timeout, config.max_session_timeout)
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
        try:
            result = self.tree.read(operation)
        except ZooKeeperError as error:
            return zk.OperationResponse(error=error)
        if watch:
            self._watches.add(session_id, operation)
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

    def _propose(self, session_id: int, operation: Write, origin: tuple[str, int]) -> None:
        transaction = self._proposals.prepare(session_id, operation, self.kernel.now_ms)
        zxid = transaction.zxid
        if isinstance(operation, CreateSession):
            # Its pings are known to arrive: nothing is counted until its connection is lost.
            self._tracker.open(session_id, operation.timeout_ms, origin[0], self.kernel.now_ms)
            self._tracker.hold(session_id)
        self._log[zxid] = (transaction, origin)
        self._proposed.append(zxid)
        self._acks[zxid] = 0
        for connection in self._followers.values():
            connection.push(zk.Proposal(transaction, origin))
        self._acknowledge(zxid)

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
        owners = {one: session.owner for one, session in self.tree.sessions.items()}
        outcome = self.tree.apply(transaction)
        if self.is_leader:
            self._record(transaction, outcome.changes, owners)
        for session_id, event in self._watches.triggered(outcome.changes):
            if session_id in self._clients:
                self._clients[session_id].push(zk.WatchNotification(event.type, event.path))
        if server != self.name or number not in self._answers:
            return
        reply, _ = self._answers.pop(number)
        body = transaction.body
        if isinstance(body, CreateSession):
            self.kernel.journal.record(
                SessionChanged(f"{transaction.session_id:#x}", body.owner, self.name, "open", body.setting)
            )
            reply(zk.ConnectResponse(transaction.session_id, body.timeout_ms))
        else:
            reply(zk.OperationResponse(outcome.result, outcome.error))

    def _record(self, transaction: Transaction, changes: Sequence[Change], owners: Mapping[int, str]) -> None:
        for change in changes:
            self.kernel.journal.because(
                ZnodeChanged(
                    change.path, change.kind, change.data or b"", change.version, f"{transaction.zxid:#x}",
                    owners.get(change.ephemeral_owner) if change.ephemeral_owner else None,
                )
            )  # fmt: skip

    # --- sessions --------------------------------------------------------------------------------------------

    def _client_lost(self, connection: Connection) -> None:
        """A cut connection is nothing but silence: the session lives on until nothing was heard for its timeout."""
        for session_id, its in list(self._clients.items()):
            if its is not connection:
                continue
            del self._clients[session_id]
            self._watches.forget(session_id)
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
        """Count the session's timeout from its last sign of life; a follower has reported each half tick."""
        heard_ms = self.kernel.start_time_ms + last_heard_us // US_PER_MS
        if report_every_ms:
            heard_ms = -(-heard_ms // report_every_ms) * report_every_ms
        self._tracker.touch(session_id, heard_ms)
        self._expire_in_time()

    def _expire_in_time(self) -> None:
        """Wake up when the next session expires."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        deadline_ms = self._tracker.deadline_ms
        if deadline_ms is not None:
            wait_ms = max(0.0, deadline_ms - self.kernel.start_time_ms - self.kernel.now_us / US_PER_MS)
            self._expiry = self.after_ms(wait_ms, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        for session_id in self._tracker.due(self.kernel.now_ms):
            session = self.tree.sessions[session_id]
            self.kernel.journal.because(
                SessionChanged(f"{session_id:#x}", session.owner, self.name, "expired", session.setting)
            )
            self._propose(session_id, CloseSession(), (self.name, 0))
        self._expire_in_time()
