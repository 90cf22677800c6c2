"""The ensemble as a program sees it: its servers, and sessions with it. ``cluster.zookeeper`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafkasim.config import checks
from kafkasim.errors import unknown_name
from kafkasim.sim.host import Host, HostState
from kafkasim.sim.zookeeper import ZooKeeperServer
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.sim.zookeeper_session import ZooKeeperSession

SESSION_TIMEOUT_MS = 10_000
"""kazoo's default."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What a ZooKeeper server tells of itself (its command ``srvr``).

    ``state`` is ``leader``, ``follower``, ``observer``, ``standalone``, ``looking``, ``paused`` or ``down``; ``epoch``
    the last that it has joined, ``zxid`` the last that it has applied, ``is_serving`` whether it answers clients.
    """

    state: str
    epoch: int
    zxid: int
    is_serving: bool


class ZooKeeperEnsemble:
    """The ZooKeeper servers of a cluster, by name, and the way to them.

    A server is killed, started, paused like any machine: ``cluster.kill("zookeeper-1")``.
    """

    def __init__(self, servers: Sequence[ZooKeeperServer], new_host: Callable[[], Host]) -> None:
        self.servers = tuple(server.name for server in servers)
        self._servers = {server.name: server for server in servers}
        self._new_host = new_host

    @property
    def leader(self) -> str | None:
        """The name of the active leader, or of the server that stands alone; None while there is none."""
        found = [name for name in self.servers if self.status(name).state in ("leader", "standalone")]
        serving = [name for name in found if self.status(name).is_serving]
        return max(serving, key=lambda name: self.status(name).epoch, default=None)

    def status(self, server: str) -> ServerStatus:
        """What one server does now, its command ``srvr``: a ServerStatus. UnknownNameError for a name that is not."""
        if checks.text(server, "server") not in self._servers:
            raise unknown_name("ZooKeeper server", server, self.servers)
        one = self._servers[server]
        if one.is_running:
            state, serves = one.server_state.value, one.is_serving
        else:
            state, serves = "paused" if one.state is HostState.PAUSED else "down", False
        return ServerStatus(state, one.disk.current_epoch, one.tree.last_zxid, serves)

    def client(self, timeout_ms: int = SESSION_TIMEOUT_MS, *, retries: bool = False) -> ZooKeeperClient:
        """A client on a machine of its own; ``start()`` opens its session, and its operations return futures.

        ``timeout_ms`` is the session timeout that it asks for; the server grants between 2 and 20 of its ticks.
        With ``retries`` it asks again for ever after a ConnectionLoss, as Kafka's does; else the caller gets it.
        """
        checks.whole_number(timeout_ms, "timeout_ms", at_least=1)
        checks.flag(retries, "retries")
        return ZooKeeperClient(
            self._new_host(), self.servers, timeout_ms=timeout_ms, setting=f"timeout_ms={timeout_ms}",
            retries=retries,
        )  # fmt: skip

    def session(self, timeout_ms: int = SESSION_TIMEOUT_MS) -> ZooKeeperSession:
        """A raw session on a machine of its own: ``connect("zookeeper-1")`` opens it, and every step is by hand.

        ``timeout_ms`` is what it asks for; the server grants between 2 and 20 of its ticks.
        """
        checks.whole_number(timeout_ms, "timeout_ms", at_least=1)
        return ZooKeeperSession(self._new_host(), timeout_ms, f"timeout_ms={timeout_ms}")
