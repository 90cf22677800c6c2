"""The clients of one ZooKeeper server: their sessions' connections, their requests in order, their watches.

Requests of one session are answered in their order: a read behind a write waits for it and sees it. Writes are sent on
at once, several may be under way. A read is answered from this server's own tree, which may be behind the leader's. The
events of a change go out before any answer that shows it.

ZooKeeper: NIOServerCnxn, CommitProcessor, FinalRequestProcessor, ZooKeeperServer.processConnectRequest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafkasim.core.watches import Watches, WatchEvent
from kafkasim.core.zk_errors import NoWatcherError, SessionMovedError, ZooKeeperError
from kafkasim.core.zk_requests import AddWatch, CreateSession, Multi, Read, RemoveWatches, SetWatches, Sync, Watching
from kafkasim.core.zk_sessions import SessionIds, negotiated_timeout_ms, password_of
from kafkasim.core.znodes import Change, Outcome, Transaction
from kafkasim.messages import zookeeper as zk
from kafkasim.sim.network import Connection, Reply

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper import ZooKeeperServer


def size_of(operation: Any) -> int:
    """The bytes of a request on the wire, its data and paths all but alone."""
    if isinstance(operation, Multi):
        return sum(map(size_of, operation.operations))
    return 60 + len(getattr(operation, "path", "")) + len(getattr(operation, "data", None) or b"")


@dataclass(eq=False, slots=True)
class _Request:
    """A client's request that waits for its turn or for the leader; ``answer`` is ready when it is not None."""

    body: Any
    reply: Reply
    client: _Client
    answer: Any = None
    is_read: bool = False


@dataclass(eq=False, slots=True)
class _Client:
    """One connection of a client, and its requests in order."""

    connection: Connection
    session_id: int = 0
    requests: deque[_Request] = field(default_factory=deque)


class ClientConnections:
    """All clients of one incarnation of a server."""

    def __init__(self, server: ZooKeeperServer) -> None:
        self._server = server
        self._ids = SessionIds(server.number, server.kernel.now_ms)
        self._clients: dict[Connection, _Client] = {}
        self._of_session: dict[int, _Client] = {}
        self._watches = Watches()
        self._waiting: dict[int, _Request] = {}
        self._count = 0

    # --- connections -----------------------------------------------------------------------------------------

    def connect(self, request: zk.ConnectRequest, connection: Connection, reply: Reply) -> None:
        """Open a session or take one up again.

        A server that serves nobody, or that is behind what the client has seen, hangs up without a word.
        """
        server = self._server
        if not server.is_serving or request.last_zxid > server.tree.last_zxid:
            reply(None)
            connection.close(server, "behind its client" if server.is_serving else "not serving")
            return
        reply.park()
        config = server.config
        timeout_ms = negotiated_timeout_ms(request.timeout_ms, config.min_session_timeout, config.max_session_timeout)
        client = self._clients[connection] = _Client(connection)
        connection.on_server_lost = lambda reason: self._lost(client)
        session = CreateSession(request.owner, timeout_ms, request.setting)
        waiting = self._wait(_Request(session, reply, client))
        assert server.role is not None
        if not request.session_id:
            client.session_id = self._ids.take()
            self._attach(client)
            server.submit(client.session_id, session, waiting)
        elif request.password != password_of(request.session_id):
            self.revalidated(waiting, is_open=False)
        else:
            client.session_id = request.session_id
            server.role.revalidate(request.session_id, timeout_ms, (server.name, waiting))

    def _attach(self, client: _Client) -> None:
        """This connection is the session's from now on."""
        old = self._of_session.get(client.session_id)
        if old is not None:
            self._drop(old, "taken up again")
        self._of_session[client.session_id] = client
        self._server.pings.begin(client.session_id, client.connection)

    def revalidated(self, number: int, *, is_open: bool) -> None:
        """Whether the session that a client came with is open."""
        request = self._waiting.pop(number, None)
        if request is None:
            return
        client, session = request.client, request.body
        client.requests.remove(request)
        if not is_open:
            request.reply(zk.ConnectResponse(0, 0))
            client.session_id = 0
            self._drop(client, "session expired")
            return
        self._attach(client)
        known = self._server.tree.sessions.get(client.session_id, session)
        self._server.note_session(client.session_id, known, "moved")
        request.reply(zk.ConnectResponse(client.session_id, session.timeout_ms, password_of(client.session_id)))

    def ping(self, connection: Connection, reply: Reply) -> None:
        """A client has nothing to say but that it lives."""
        client = self._clients.get(connection)
        if client is None:
            reply(None)
            return
        self._server.pings.heard(client.session_id, connection)
        reply(zk.PingResponse())

    def _lost(self, client: _Client) -> None:
        """A cut connection is nothing but silence: the session lives on until nothing was heard for its timeout."""
        self._drop(client, "lost")

    def _drop(self, client: _Client, reason: str) -> None:
        if self._clients.pop(client.connection, None) is None:
            return
        if self._of_session.get(client.session_id) is client:
            del self._of_session[client.session_id]
            self._watches.forget(client.session_id)
            self._server.pings.gone(client.session_id, self._server.name)
        client.connection.on_server_lost = lambda reason: None
        client.connection.close(self._server, reason)

    def drop_all(self, reason: str) -> None:
        """No leader, no clients."""
        for client in list(self._clients.values()):
            self._drop(client, reason)
        self._waiting.clear()
        self._watches.clear()

    def ended(self, session_id: int) -> None:
        """A session is over: its connection is closed."""
        client = self._of_session.get(session_id)
        if client is not None:
            self._drop(client, "session over")

    # --- requests --------------------------------------------------------------------------------------------

    def operate(self, message: zk.OperationRequest, connection: Connection, reply: Reply) -> None:
        """A request of a session takes its place behind those before it; a write is sent on at once."""
        client = self._clients.get(connection)
        if client is None:
            reply(None)
            return
        server = self._server
        assert server.role is not None
        operation = message.operation
        if size_of(operation) > server.config.jute_maxbuffer:
            self._drop(client, "a request above jute.maxbuffer")
            return
        server.pings.heard(client.session_id, connection)
        request = _Request(message, reply, client, is_read=isinstance(operation, Read | Watching))
        if request.is_read:
            client.requests.append(request)
        else:
            number = self._wait(request)
            if isinstance(operation, Sync):
                server.role.sync((server.name, number))
            else:
                server.submit(client.session_id, operation, number)
        reply.park()
        self._answer_in_order(client)

    def _wait(self, request: _Request) -> int:
        """Wait for the leader's word, under a number of this server's own."""
        request.client.requests.append(request)
        self._count += 1
        self._waiting[self._count] = request
        return self._count

    def answer(self, number: int, transaction: Transaction, outcome: Outcome) -> None:
        """A write of a client of this server has been applied here."""
        request = self._waiting.pop(number, None)
        if request is None or request.client.connection not in self._clients:
            return
        if isinstance(outcome.error, SessionMovedError):
            self._drop(request.client, "the session has moved")
            return
        if isinstance(request.body, CreateSession):
            session_id = transaction.session_id
            request.answer = zk.ConnectResponse(session_id, request.body.timeout_ms, password_of(session_id))
        else:
            request.answer = zk.OperationResponse(outcome.result, outcome.error, transaction.zxid)
        self._answer_in_order(request.client)

    def synced(self, number: int) -> None:
        """This server has applied all that the leader had when it was asked."""
        request = self._waiting.pop(number, None)
        if request is not None:
            request.answer = zk.OperationResponse(request.body.operation.path, None, self._server.tree.last_zxid)
            self._answer_in_order(request.client)

    def _answer_in_order(self, client: _Client) -> None:
        requests = client.requests
        while requests and (requests[0].is_read or requests[0].answer is not None):
            request = requests.popleft()
            request.reply(self._read(request.body, client) if request.is_read else request.answer)

    def _read(self, message: zk.OperationRequest, client: _Client) -> zk.OperationResponse:
        """Answer from this server's tree; a watch is set with what was seen."""
        tree, operation = self._server.tree, message.operation
        if isinstance(operation, Watching):
            return zk.OperationResponse(error=self._watch(operation, client), zxid=tree.last_zxid)
        try:
            result = tree.read(operation)
        except ZooKeeperError as error:
            return zk.OperationResponse(error=error, zxid=tree.last_zxid)
        if message.watch:
            self._watches.add(client.session_id, operation)
        return zk.OperationResponse(result, zxid=tree.last_zxid)

    # --- watches ---------------------------------------------------------------------------------------------

    def _watch(self, operation: Watching, client: _Client) -> ZooKeeperError | None:
        """Set or remove watches of a session; what it has missed it hears before the answer."""
        session_id = client.session_id
        match operation:
            case AddWatch():
                self._watches.add_persistent(session_id, operation.path, recursive=operation.recursive)
            case RemoveWatches():
                if not self._watches.remove(session_id, operation.path, operation.kind):
                    return NoWatcherError()
            case SetWatches():
                missed = self._watches.set_watches(
                    session_id, self._server.tree, operation.last_zxid,
                    data=operation.data, exists=operation.exists, child=operation.child,
                )  # fmt: skip
                for event in missed:
                    self._notify(session_id, event)
        return None

    def fire(self, changes: Iterable[Change]) -> None:
        """Tell the sessions that wait for these changes."""
        for session_id, event in self._watches.triggered(changes):
            self._notify(session_id, event)

    def _notify(self, session_id: int, event: WatchEvent) -> None:
        client = self._of_session.get(session_id)
        if client is not None:
            client.connection.push(zk.WatchNotification(event.type, event.path))
