"""The ensemble as a program sees it: its servers, and sessions with it. ``cluster.zookeeper`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kafkasim.config import checks
from kafkasim.sim.host import Host
from kafkasim.sim.zookeeper_client import ZooKeeperClient

SESSION_TIMEOUT_MS = 10_000
"""kazoo's default."""


class ZooKeeperEnsemble:
    """The ZooKeeper servers of a cluster, by name."""

    def __init__(self, servers: Sequence[str], new_host: Callable[[], Host]) -> None:
        self.servers = tuple(servers)
        self._new_host = new_host

    def client(self, timeout_ms: int = SESSION_TIMEOUT_MS) -> ZooKeeperClient:
        """A client on a machine of its own; ``start()`` opens its session, and its operations return futures."""
        checks.whole_number(timeout_ms, "timeout_ms", at_least=1)
        return ZooKeeperClient(
            self._new_host(), self.servers, timeout_ms=timeout_ms, setting="timeout_ms", on_expired=lambda: None
        )
