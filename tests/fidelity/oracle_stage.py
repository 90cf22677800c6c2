"""The ensemble and the sessions of one case, and what has come to each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kafkasim as ks

REST_MS = 30
"""How long an ensemble needs to come to rest after a step."""
LONGEST_MS = 60_000


class Client:
    """A named session, and everything that came over its connection, in order: replies and events."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.arrived: list[tuple[str, Any]] = []
        self.listen()

    def listen(self) -> None:
        """Note each watch event."""
        self.session.on_event = lambda event: self.arrived.append(("event", (str(event.event), event.path)))

    def note(self, reply: Any, name: Any = "reply") -> Any:
        """Note when a reply comes."""
        reply.then(lambda future: self.arrived.append(("reply", name)))
        return reply


class Stage:
    """A cluster without brokers, with the servers that a case describes, started in its order."""

    def __init__(self, ensemble: dict[str, Any]) -> None:
        settings = {"tickTime": "tick_ms", "initLimit": "init_limit", "syncLimit": "sync_limit"}
        config = {name: ensemble[key] for name, key in settings.items() if key in ensemble}
        config |= ensemble.get("extra_config") or {}
        self.servers = [int(one) for one in ensemble["servers"]]
        self.cluster = ks.Cluster(
            brokers=0, zookeepers=len(self.servers), zookeeper_config=config, start=False, seed=1,
            zookeeper_observers=[host(one) for one in ensemble.get("observers") or ()],
        )  # fmt: skip
        self.clients: dict[str, Client] = {}
        self.owners: dict[int, str] = {}
        self.pending: dict[int, tuple[Client, Any, Any]] = {}
        self.ended_ms: dict[int, float] = {}
        self.moment_ms = 0.0
        self._before: dict[str, int] = {}
        for group in ensemble["start"]:
            for server in group:
                self.cluster.start(host(server))
            self.await_serving(group)

    # --- steps -----------------------------------------------------------------------------------------------

    def begin(self, step: dict[str, Any]) -> None:
        """From now on what comes belongs to this step."""
        self._before = {name: len(client.arrived) for name, client in self.clients.items()}

    def end(self, step: dict[str, Any]) -> None:
        """The outcome is known; let everything come to rest."""
        self.moment_ms = self.cluster.now_ms
        self.cluster.run(for_ms=REST_MS)
        self.ended_ms[step["i"]] = self.cluster.now_ms

    def events(self) -> dict[str, list[tuple[str, str]]]:
        """The events of this step, for each session that got any."""
        found = {name: [what for kind, what in self._new(name) if kind == "event"] for name in self.clients}
        return {name: events for name, events in found.items() if events}

    def own_events_vs_reply(self, name: str) -> str:
        """Whether a session's events came before the reply to its request."""
        kinds = [kind for kind, _ in self._new(name)]
        return "before" if "event" not in kinds[kinds.index("reply") :] else "after"

    def _new(self, name: str) -> list[tuple[str, Any]]:
        return self.clients[name].arrived[self._before.get(name, 0) :]

    # --- time ------------------------------------------------------------------------------------------------

    def run_until(self, reached: Callable[[], bool], within_ms: float = LONGEST_MS) -> bool:
        """Let time pass until something is so."""
        end_ms = self.cluster.now_ms + within_ms
        while not reached():
            if self.cluster.now_ms >= end_ms:
                return False
            self.cluster.run(for_ms=1)
        return True

    def await_serving(self, servers: list[int]) -> None:
        """Until these servers serve under one leader."""
        status = self.cluster.zookeeper.status
        if not self.run_until(lambda: all(status(host(one)).is_serving for one in servers)):
            raise AssertionError(f"servers {servers} do not serve: {self.roles()}")

    def roles(self) -> dict[str, str]:
        """What each server is."""
        return {str(one): self.cluster.zookeeper.status(host(one)).state for one in self.servers}

    def leader_zxid(self) -> str | None:
        """The last zxid of the leader."""
        leader = self.cluster.zookeeper.leader
        return None if leader is None else hex(self.cluster.zookeeper.status(leader).zxid)


def host(server: int | str) -> str:
    """The name of the machine of a server."""
    return f"zookeeper-{server}"
