"""A session with ZooKeeper in the raw: one connection at a time, every step by hand, as on the wire.

Nothing is repeated, no server is chosen, no watch is set again: :class:`kafkasim.sim.zookeeper_client.ZooKeeperClient`
does that on top of it. Requests are pipelined: several may be under way, and answers come in their order. A session
that has said nothing for a while pings; while nothing is wrong that is computed (sim/lease).

ZooKeeper: ClientCnxnSocket and the protocol below it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kafkasim.config import checks
from kafkasim.core.zk_errors import ConnectionClosed, ConnectionLoss, ConnectionRefused, SessionExpiredError
from kafkasim.core.zk_requests import CloseSession, Read, Sync, Watching, Write
from kafkasim.errors import ConfigError, UsageError, unknown_name
from kafkasim.messages import zookeeper as zk
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.lease import Lease
from kafkasim.sim.network import Connection
from kafkasim.sim.zookeeper_pings import ping_interval_us


class ZooKeeperSession:
    """One session, and its present connection if it has one.

    ``session_id`` and ``password`` make the session, ``timeout_ms`` is what was granted, ``last_zxid`` the highest zxid
    in any answer. ``on_event`` is called with each watch event, ``on_lost`` when the connection is gone, ``on_heard``
    when ``last_heard_us`` or ``is_leased`` has changed.
    """

    def __init__(self, host: Host, timeout_ms: int, setting: str) -> None:
        self.session_id = 0
        self.password = b""
        self.timeout_ms = timeout_ms
        self.last_zxid = 0
        self.last_heard_us = 0
        self.on_event: Callable[[zk.WatchNotification], object] = lambda event: None
        self.on_lost: Callable[[str], object] = lambda reason: None
        self.on_heard: Callable[[], object] = lambda: None
        self._host = host
        self._setting = setting
        self._connection: Connection | None = None
        self._attempt: Future[int] | None = None
        self._in_flight: dict[Future[zk.OperationResponse], None] = {}
        self._lease: Lease | None = None
        self._pings = True
        self._ping = Alarm(host, self._ping_due)
        self._ping_us = 0

    @property
    def is_leased(self) -> bool:
        """Whether the server is known to answer in time, and pings are computed."""
        return self._lease is not None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection over which the session was opened."""
        return self._connection is not None and self._attempt is None

    # --- the connection --------------------------------------------------------------------------------------

    def connect(self, server: str, timeout_ms: int | None = None, *, password: bytes | None = None) -> Future[int]:
        """Open the session at this server, or take it up again there; the granted timeout in ms.

        Fails with ConnectionRefused (the server is down), ConnectionClosed (it serves nobody, or is behind what this
        session has seen) or SessionExpiredError.
        """
        if checks.text(server, "server") not in self._host.network.hosts:
            raise unknown_name("ZooKeeper server", server, self._host.network.hosts)
        asked_ms = self.timeout_ms
        if timeout_ms is not None:
            asked_ms = checks.whole_number(timeout_ms, "timeout_ms", at_least=1)
        self.drop()
        self._host.check_alive()
        future: Future[int] = self._host.future(f"the connection to {server}")
        self._attempt = future
        request = zk.ConnectRequest(
            self._host.name, asked_ms, self._setting, self.session_id,
            self.password if password is None else password, self.last_zxid,
        )  # fmt: skip
        network = self._host.network
        network.connect(self._host, server, partial(self._opened, future, request), partial(self._refused, future))
        return future

    def _opened(self, future: Future[int], request: zk.ConnectRequest, connection: Connection) -> None:
        if self._attempt is not future:
            connection.close(self._host, "not wanted any more")
            return
        self._connection = connection
        connection.on_lost = self._lost
        connection.on_push = self._pushed
        self._ping_us = self._host.kernel.now_us
        connection.request(request, partial(self._answered, future))

    def _refused(self, future: Future[int], reason: str) -> None:
        if self._attempt is future:
            self._attempt = None
            future.fail(ConnectionRefused())

    def _answered(self, future: Future[int], response: zk.ConnectResponse) -> None:
        if self._attempt is not future:
            return
        self._attempt = None
        if not response.session_id:
            self._connection = None
            future.fail(SessionExpiredError())
            return
        self.session_id, self.password = response.session_id, response.password
        self.timeout_ms = response.timeout_ms
        self._ping_at(self._ping_us + ping_interval_us(self.timeout_ms))
        self._heard()
        future.succeed(response.timeout_ms)

    def _lost(self, reason: str) -> None:
        self._connection = None
        self._ping.off()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.fail(ConnectionClosed())
        self._fail_all()
        if attempt is None:
            self.on_lost(reason)

    def drop(self) -> None:
        """Break the connection; the server is told nothing of the session."""
        connection, self._connection = self._connection, None
        attempt, self._attempt = self._attempt, None
        self._stop_pings()
        if connection is not None:
            connection.on_lost = lambda reason: None
            connection.on_push = lambda message: None
            connection.close(self._host, "dropped by its client")
        if attempt is not None:
            attempt.fail(ConnectionLoss())
        self._fail_all()

    def _fail_all(self) -> None:
        in_flight, self._in_flight = self._in_flight, {}
        for future in in_flight:
            future.fail(ConnectionLoss())

    # --- pings -----------------------------------------------------------------------------------------------

    def stop_pings(self) -> None:
        """Stay connected and say nothing any more, requests apart."""
        if self._connection is None:
            raise UsageError("The session has no connection. Connect it first.")
        self._pings = False
        self._stop_pings()

    def _stop_pings(self) -> None:
        self._end_lease()
        self._ping.off()

    def _end_lease(self) -> None:
        if self._lease is not None:
            self._lease.end()

    def _ping_at(self, at_us: int) -> None:
        self._ping_us = at_us
        if self._pings:
            self._ping.set(at_us)

    def _ping_due(self) -> None:
        if self._connection is not None:
            self._ping_at(self._host.kernel.now_us + ping_interval_us(self.timeout_ms))
            self._connection.request(zk.PingRequest(self.session_id), self._ponged)

    def _ponged(self, response: zk.PingResponse) -> None:
        self._heard()

    def _heard(self) -> None:
        """The server has said something: if it offers that, pings need not be sent until something happens."""
        self.last_heard_us = self._host.kernel.now_us
        lease = None if self._connection is None or self._ping.at_us is None else self._connection.lease
        if self._lease is None and lease is not None and lease.begin(
            zk.PingRequest(self.session_id), zk.PingResponse(), first_us=self._ping_us,
            interval_us=ping_interval_us(self.timeout_ms), late=lambda sent_us: self._ponged, on_end=self._lease_ended,
        ):  # fmt: skip
            self._lease = lease
            self._ping.off()
        self.on_heard()

    def _lease_ended(self, next_us: int, heard_us: int | None) -> None:
        self._lease = None
        self.last_heard_us = max(self.last_heard_us, heard_us or 0)
        self._ping_at(next_us)
        self.on_heard()

    def detach(self) -> ZooKeeperSession:
        """Leave the present connection to a handle of its own, so that :meth:`connect` opens a second one beside it."""
        old = ZooKeeperSession(self._host, self.timeout_ms, self._setting)
        old.session_id, old.password, old.last_zxid = self.session_id, self.password, self.last_zxid
        self._end_lease()
        self._ping.off()
        connection, self._connection = self._connection, None
        old._connection, old._in_flight = connection, self._in_flight
        self._in_flight = {}
        old._ping_at(self._ping_us)
        if connection is not None:
            connection.on_lost, connection.on_push = old._lost, old._pushed
        return old

    # --- requests --------------------------------------------------------------------------------------------

    def request(
        self, operation: Read | Write | Sync | Watching, *, watch: bool = False
    ) -> Future[zk.OperationResponse]:
        """Send one request; its answer holds result or error, and the zxid. Fails with ConnectionLoss.

        ``operation`` is one of core/zk_requests, as ``Create("/a", b"")``; with ``watch`` a read arms one.
        """
        if not hasattr(operation, "describe") or isinstance(operation, type):
            raise ConfigError(f"operation must be a request such as GetData('/a'). Got {checks.shown(operation)}.")
        checks.flag(watch, "watch")
        self._host.check_alive()
        future: Future[zk.OperationResponse] = self._host.future(operation.describe())
        if not self.is_connected or self._connection is None:
            return future.fail(ConnectionLoss())
        self._in_flight[future] = None
        self._end_lease()
        self._ping_at(self._host.kernel.now_us + ping_interval_us(self.timeout_ms))
        self._connection.request(zk.OperationRequest(self.session_id, operation, watch), partial(self._replied, future))
        return future

    def _replied(self, future: Future[zk.OperationResponse], response: zk.OperationResponse) -> None:
        if self._in_flight.pop(future, 0) is None:
            self._heard()
            self.last_zxid = max(self.last_zxid, response.zxid)
            future.succeed(response)

    def _pushed(self, event: Any) -> None:
        self._heard()
        # After whoever waits for an answer that came before it: the watch may be armed by that very answer.
        self._host.after_ms(0, self.on_event, event)

    def close(self) -> Future[zk.OperationResponse]:
        """End the session in good order: its ephemeral znodes go at once, under one zxid."""
        return self.request(CloseSession())
