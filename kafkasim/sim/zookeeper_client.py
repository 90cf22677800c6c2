"""A program's session with ZooKeeper: operations return futures, watches call back once.

Names are kazoo's where it has them. Kafka: ZooKeeperClient, KafkaZkClient. Left out as yet: moving to another server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kafkasim.core.zk_requests import (
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
    Write,
)
from kafkasim.core.znodes import ZnodeStat
from kafkasim.messages import zookeeper as zk
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.trace.facts import WatchFired

Watcher = Callable[[zk.WatchNotification], object]


class ZooKeeperClient:
    """One session. ``setting`` names what decided its timeout; ``on_expired`` is called when a server says it is
    over."""

    def __init__(
        self, host: Host, servers: Sequence[str], *, timeout_ms: int, setting: str, on_expired: Callable[[], None]
    ) -> None:
        self.session_id = 0
        self._host = host
        self._timeout_ms = timeout_ms
        self._setting = setting
        self._on_expired = on_expired
        server = host.kernel.rng(f"zookeeper/{host.name}").choice(list(servers))
        self._channel = Channel(host, server, request_timeout_ms=None)
        self._watchers: dict[tuple[str, str], list[Watcher]] = {}

    def start(self) -> Future[None]:
        """Open the session."""
        future: Future[None] = Future(self._host.kernel, "the ZooKeeper session")

        def answered(response: zk.ConnectResponse | None, error: object) -> None:
            assert response is not None
            assert self._channel.connection is not None
            self.session_id = response.session_id
            self._channel.connection.on_push = self._notified
            future.succeed()

        self._channel.send(zk.ConnectRequest(self._host.name, self._timeout_ms, self._setting), answered)
        return future

    def close(self) -> Future[None]:
        """End the session: its ephemeral znodes vanish at once."""
        return self._send(CloseSession())

    # --- operations ------------------------------------------------------------------------------------

    def create(self, path: str, data: bytes = b"", *, ephemeral: bool = False) -> Future[None]:
        """Make a znode."""
        return self._send(Create(path, data, ephemeral))

    def ensure(self, path: str) -> Future[None]:
        """Make a persistent znode unless it is there; its parent must be."""
        done: Future[None] = Future(self._host.kernel, f"ensure {path}")
        self.create(path).then(lambda future: done.succeed())
        return done

    def set(self, path: str, data: bytes, version: int = -1) -> Future[None]:
        """Replace the data of a znode."""
        return self._send(SetData(path, data, version))

    def delete(self, path: str, version: int = -1) -> Future[None]:
        """Remove a znode."""
        return self._send(Delete(path, version))

    def multi(self, operations: Sequence[Create | SetData | Delete | Check]) -> Future[None]:
        """All of it or nothing."""
        return self._send(Multi(tuple(operations)))

    def get(self, path: str, watch: Watcher | None = None) -> Future[tuple[bytes, ZnodeStat]]:
        """Data and stat of a znode."""
        return self._send(GetData(path), watch)

    def exists(self, path: str, watch: Watcher | None = None) -> Future[ZnodeStat | None]:
        """The stat of a znode, or None."""
        return self._send(Exists(path), watch)

    def get_children(self, path: str, watch: Watcher | None = None) -> Future[list[str]]:
        """The names of a znode's children."""
        names: Future[list[str]] = Future(self._host.kernel, f"children of {path}")

        def answered(both: Future[Any]) -> None:
            if both.error is None:
                names.succeed(list(both.result()[0]))
            else:
                names.fail(both.error)

        self._send(GetChildren(path), watch).then(answered)
        return names

    def _send(self, operation: Read | Write, watch: Watcher | None = None) -> Future[Any]:
        future: Future[Any] = Future(self._host.kernel, operation.describe())

        def answered(response: zk.OperationResponse | None, error: object) -> None:
            # Without an answer the connection is gone, and with it this incarnation: nobody waits any more.
            if response is None:
                return
            if response.error is None:
                future.succeed(response.result)
            else:
                future.fail(response.error)

        if watch is not None:
            # Noted at once: the event may come before the answer does.
            kind = "child" if isinstance(operation, GetChildren) else "data"
            path = operation.path if isinstance(operation, GetData | Exists | GetChildren) else ""
            self._watchers.setdefault((kind, path), []).append(watch)
        self._channel.send(zk.OperationRequest(self.session_id, operation, watch is not None), answered)
        return future

    # --- watches ---------------------------------------------------------------------------------------

    def _notified(self, notification: zk.WatchNotification) -> None:
        kinds = {"NodeChildrenChanged": ("child",), "NodeDeleted": ("data", "child")}.get(notification.event, ("data",))
        fact = WatchFired(self._host.name, notification.path, notification.event)
        self._host.kernel.journal.because(fact)
        for kind in kinds:
            for watcher in self._watchers.pop((kind, notification.path), []):
                watcher(notification)
