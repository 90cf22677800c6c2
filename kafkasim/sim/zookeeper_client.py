"""A program's session with ZooKeeper that looks after itself: it finds a server, moves on, and sets its watches again.

The names are kazoo's, what happens is the Java library's, which Kafka uses:

- The servers are tried in an order drawn once. Before another attempt there is a pause of up to a second, after each
  full round a second more; an attempt has failed after the session timeout divided by the number of servers.
- A server that was silent for two thirds of the session timeout is given up.
- What is under way when a connection is lost fails with ConnectionLoss, whether it took effect or not; so does what was
  asked meanwhile, when the next attempt fails. A client with ``retries`` (Kafka's) asks again for ever instead, and
  recognises what it did itself before the connection was lost.
- Back within the timeout it sets its watches again and hears at once of what it missed. Too late, a server says that
  the session has expired: only then the client knows. What it still waits for never comes.

ZooKeeper: ClientCnxn, StaticHostProvider; Kafka: ZooKeeperClient, KafkaZkClient.retryRequestsUntilConnected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, cast

from kafkasim.config import checks
from kafkasim.core.zk_errors import (
    ConnectionLoss,
    SessionExpiredError,
    ZooKeeperClientTimeoutException,
    ZooKeeperError,
)
from kafkasim.core.zk_requests import (
    ANY_VERSION,
    Check,
    CloseSession,
    Create,
    Delete,
    Exists,
    GetChildren,
    GetData,
    Multi,
    Read,
    SetData,
    SetWatches,
    Sync,
    Write,
)
from kafkasim.core.znodes import ZnodeStat
from kafkasim.errors import UsageError
from kafkasim.messages import zookeeper as zk
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS, Future, Timer
from kafkasim.sim.zookeeper_operations import Transaction, function_of, parts_of, path_of, value_of, version_of
from kafkasim.sim.zookeeper_retries import was_done
from kafkasim.sim.zookeeper_session import ZooKeeperSession
from kafkasim.trace.facts import WatchFired

Watcher = Callable[[zk.WatchNotification], object]
Step = Create | SetData | Delete | Check
ROUND_PAUSE_MS = 1_000
RETRY_PAUSE_MS = 1_000


class _Call:
    """An operation until it is answered; ``tries`` counts how often it was sent."""

    __slots__ = ("future", "operation", "tries", "watch")

    def __init__(self, operation: Any, watch: Watcher | None, future: Future[Any]) -> None:
        self.operation = operation
        self.watch = watch
        self.future = future
        self.tries = 0


class ZooKeeperClient:
    """One session, kept up over all servers.

    ``setting`` names what decided its timeout; ``on_expired`` is called when a server says that it is over. ``state``
    is ``CONNECTING``, ``CONNECTED`` or ``CLOSED``. Operations return futures of their results, or of ZooKeeper's
    errors.
    """

    def __init__(
        self, host: Host, servers: Sequence[str], *, timeout_ms: int, setting: str,
        on_expired: Callable[[], object] = lambda: None, retries: bool = False,
    ) -> None:  # fmt: skip
        self.state = "CLOSED"
        self._host = host
        self._asked_ms = timeout_ms
        self._setting = setting
        self._on_expired = on_expired
        self._retries = retries
        self._chance = host.kernel.rng(f"zookeeper/{host.name}")
        self._servers = self._chance.sample(list(servers), len(servers))
        self._place = self._last_place = -1
        self._first_attempt = True
        self._listeners: list[Callable[[str], object]] = []
        self._silence = Alarm(host, self._given_up)
        self._new_session()

    def _new_session(self) -> None:
        self._session = ZooKeeperSession(self._host, self._asked_ms, self._setting)
        self._session.on_event = self._notified
        self._session.on_lost = self._lost
        self._session.on_heard = self._watch
        self._watchers: dict[tuple[str, str], list[Watcher]] = {}
        self._calls: deque[_Call] = deque()
        self._started: Future[None] | None = None
        self._patience: Timer | None = None

    @property
    def session_id(self) -> int:
        """The id of the session; 0 before the first one is open."""
        return self._session.session_id

    @property
    def session_timeout_ms(self) -> int:
        """The timeout that was granted."""
        return self._session.timeout_ms

    # --- life --------------------------------------------------------------------------------------------

    def start(self, timeout_ms: int | None = None) -> Future[None]:
        """Open a session, a new one after the old one has expired.

        Fails with ZooKeeperClientTimeoutException when there is no connection after ``timeout_ms``; None waits.
        """
        limit_ms = None if timeout_ms is None else checks.milliseconds(timeout_ms, "timeout_ms")
        self._host.check_alive()
        if self.state != "CLOSED":
            raise UsageError(f"The client of {self._host.name} is started already.")
        self._session.drop()
        self._new_session()
        # As with a new client, nothing has been tried yet. Kafka: ZooKeeperClient.reinitialize.
        self._place, self._last_place, self._first_attempt = -1, -1, True
        self._started = self._host.future("the ZooKeeper session")
        if limit_ms is not None:
            self._host.after_ms(limit_ms, self._not_started, self._started)
        self.state = "CONNECTING"
        self._attempt(self._session)
        return self._started

    def _not_started(self, started: Future[None]) -> None:
        if not started.is_done():
            self.state = "CLOSED"
            self._session.drop()
            started.fail(ZooKeeperClientTimeoutException())

    def close(self) -> Future[None]:
        """End the session: its ephemeral znodes vanish at once."""
        done: Future[None] = self._host.future("close")
        if not self._host.is_alive:
            return done.succeed()
        closed = self._session.request(CloseSession())
        self.state = "CLOSED"
        self._give_up_waiting()

        def answered(_: object) -> None:
            self._session.drop()
            done.succeed()

        closed.then(answered)
        return done

    def add_listener(self, listener: Callable[[str], object]) -> None:
        """Call ``listener`` with kazoo's names of what happens to the session: CONNECTED, SUSPENDED, LOST."""
        self._listeners.append(function_of(listener, "listener"))

    def _tell(self, state: str) -> None:
        for listener in list(self._listeners):
            listener(state)

    # --- the connection ----------------------------------------------------------------------------------

    def _attempt(self, session: ZooKeeperSession) -> None:
        """Try the next server; after a failure not without a pause."""
        pause_ms = 0.0 if self._first_attempt else self._chance.random() * RETRY_PAUSE_MS
        self._first_attempt = False
        self._place = (self._place + 1) % len(self._servers)
        if self._place == self._last_place:
            pause_ms += ROUND_PAUSE_MS
        elif self._last_place == -1:
            self._last_place = 0
        self._host.after_ms(pause_ms, self._dial, session)

    def _dial(self, session: ZooKeeperSession) -> None:
        if session is not self._session or self.state != "CONNECTING":
            return
        connected = session.connect(self._servers[self._place], self._asked_ms)
        self._patience = self._host.after_ms(self._asked_ms / len(self._servers), session.drop)
        connected.then(partial(self._tried, session))

    def _tried(self, session: ZooKeeperSession, connected: Future[int]) -> None:
        if session is not self._session or self.state != "CONNECTING":
            return
        self._give_up_waiting()
        match connected.error:
            case None if session.is_connected:  # else it was lost again in the same moment, as at the end of a pause
                self._connected()
            case SessionExpiredError():
                self._expired()
            case _:
                self._fail_waiting()
                self._attempt(session)

    def _connected(self) -> None:
        self._last_place = self._place
        self.state = "CONNECTED"
        self._watch()
        paths = {
            kind: tuple(path for its, path in self._watchers if its == kind) for kind in ("data", "exists", "child")
        }
        if any(paths.values()):
            self._session.request(SetWatches(self._session.last_zxid, **paths))
        waiting, self._calls = self._calls, deque()
        for call in waiting:
            self._send(call)
        if self._started is not None and not self._started.is_done():
            self._started.succeed()
        self._tell("CONNECTED")

    def _lost(self, reason: str) -> None:
        """The connection is gone; look for another server."""
        if self.state == "CONNECTED":
            self._give_up_waiting()
            self.state = "CONNECTING"
            self._tell("SUSPENDED")
            self._attempt(self._session)

    def _watch(self) -> None:
        """The server is given up when it was silent for two thirds of the timeout."""
        session = self._session
        if self.state != "CONNECTED" or session.is_leased:
            self._silence.off()
        else:
            self._silence.set(session.last_heard_us + session.timeout_ms * US_PER_MS * 2 // 3)

    def _given_up(self) -> None:
        self._session.drop()
        self._lost("silent")

    def _give_up_waiting(self) -> None:
        self._silence.off()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _expired(self) -> None:
        self.state = "CLOSED"
        if not self._retries:
            for call in self._calls:
                call.future.fail(SessionExpiredError())
        self._calls.clear()
        self._tell("LOST")
        self._on_expired()

    # --- operations --------------------------------------------------------------------------------------

    def create(
        self, path: str, value: bytes | None = b"", *, ephemeral: bool = False, sequence: bool = False
    ) -> Future[str]:
        """Make a znode; its path, which for a sequential one ends in ten digits."""
        checks.flag(ephemeral, "ephemeral")
        checks.flag(sequence, "sequence")
        return self._ask(Create(path_of(path, sequence=sequence), value_of(value), ephemeral, sequence))

    def ensure(self, path: str) -> Future[None]:
        """Make a persistent znode unless it is there; its parent must be."""
        done: Future[None] = self._host.future(f"ensure {path}")
        self.create(path).then(lambda future: done.succeed())
        return done

    def set(self, path: str, value: bytes | None, version: int = ANY_VERSION) -> Future[ZnodeStat]:
        """Replace the data of a znode if its version is the expected one; its new stat."""
        return self._ask(SetData(path_of(path), value_of(value), version_of(version)))

    def delete(self, path: str, version: int = ANY_VERSION) -> Future[None]:
        """Remove a znode without children if the version of its data is the expected one."""
        return self._ask(Delete(path_of(path), version_of(version)))

    def multi(self, operations: Sequence[Step]) -> Future[tuple[Any, ...]]:
        """All of it or nothing; one result a part. Fails with the error of the part that is at fault."""
        return self._ask(Multi(parts_of(operations)))

    def commit(self, operations: Sequence[Step]) -> Future[list[Any]]:
        """As :meth:`multi`, but a failure is no error of the future: it gives one error a part."""
        done: Future[list[Any]] = self._host.future("commit")

        def answered(both: Future[Any]) -> None:
            parts = getattr(both.error, "parts", None)
            if both.error is not None and parts is None:
                done.fail(both.error)
            else:
                done.succeed(list(parts or both.result()))

        self._ask(Multi(parts_of(operations))).then(answered)
        return done

    def look(self, steps: Generator[Any, Any, Any]) -> Future[Any]:
        """Run several operations of this client one after the other."""
        return self._host.process(steps, "a look at ZooKeeper")

    def transaction(self) -> Transaction:
        """Collect the parts of a :meth:`multi`, as kazoo does."""
        return Transaction(self)

    def get(self, path: str, watch: Watcher | None = None) -> Future[tuple[bytes, ZnodeStat]]:
        """Data and stat of a znode; ``watch`` is called once, when its data change or it goes."""
        return self._ask(GetData(path_of(path)), watch)

    def exists(self, path: str, watch: Watcher | None = None) -> Future[ZnodeStat | None]:
        """The stat of a znode, or None; ``watch`` is called once, when it comes, changes or goes."""
        return self._ask(Exists(path_of(path)), watch)

    def get_children(self, path: str, watch: Watcher | None = None) -> Future[list[str]]:
        """The names of a znode's children; ``watch`` is called once, when one comes or goes."""
        names: Future[list[str]] = self._host.future(f"children of {path}")

        def answered(both: Future[Any]) -> None:
            if both.error is None:
                names.succeed(list(both.result()[0]))
            else:
                names.fail(both.error)

        self._ask(GetChildren(path_of(path)), watch).then(answered)
        return names

    def sync(self, path: str) -> Future[str]:
        """Wait until the server of this client has all that the leader has now: what is read next is not older."""
        return self._ask(Sync(path_of(path)))

    def _ask(self, operation: Read | Write | Sync, watch: Watcher | None = None) -> Future[Any]:
        if watch is not None:
            function_of(watch, "watch")
        self._host.check_alive()
        future: Future[Any] = self._host.future(operation.describe())
        if self.state == "CLOSED" and not self._retries:
            if not self.session_id:
                raise UsageError("The client is not started. Call start() first.")
            return future.fail(SessionExpiredError())
        call = _Call(operation, watch, future)
        if self.state == "CONNECTED":
            self._send(call)
        else:
            self._calls.append(call)
        return future

    def _send(self, call: _Call) -> None:
        call.tries += 1
        reply = self._session.request(call.operation, watch=call.watch is not None)
        reply.then(partial(self._answered, self._session, call))

    def _answered(self, session: ZooKeeperSession, call: _Call, reply: Future[zk.OperationResponse]) -> None:
        if isinstance(reply.error, ConnectionLoss):
            if not self._retries:
                call.future.fail(reply.error)
            elif session is self._session and self.state != "CLOSED":
                self._calls.append(call)
            return
        response = reply.result()
        if response.error is None:
            self._arm(call, response.result)
            call.future.succeed(response.result)
            return
        if response.result is not None:
            cast("ZooKeeperError", response.error).parts = response.result
        if call.tries > 1 and not isinstance(call.operation, Read | Sync):
            was_done(self, call.operation, response.error).then(partial(self._judged, call, response.error))
        else:
            call.future.fail(response.error)

    @staticmethod
    def _judged(call: _Call, error: Exception, done: Future[Any]) -> None:
        """An operation that was sent again was refused: it may be this client's own work that stands in its way."""
        if done.error is None and done.result() is not None:
            call.future.succeed(done.result())
        else:
            call.future.fail(error)

    def _fail_waiting(self) -> None:
        if not self._retries:
            waiting, self._calls = self._calls, deque()
            for call in waiting:
                call.future.fail(ConnectionLoss())

    # --- watches -----------------------------------------------------------------------------------------

    def _arm(self, call: _Call, result: Any) -> None:
        if call.watch is None:
            return
        kind = "child" if isinstance(call.operation, GetChildren) else "exists" if result is None else "data"
        self._watchers.setdefault((kind, call.operation.path), []).append(call.watch)

    def _notified(self, notification: zk.WatchNotification) -> None:
        kinds = {"NodeChildrenChanged": ("child",), "NodeDeleted": ("data", "exists", "child")}
        self._host.kernel.journal.because(WatchFired(self._host.name, notification.path, notification.event))
        for kind in kinds.get(notification.event, ("data", "exists")):
            for watcher in self._watchers.pop((kind, notification.path), []):
                watcher(notification)
