"""A stage for stories of one group: members ask, time passes, the log answers; what is said comes back."""

from __future__ import annotations

from typing import Any

from kafkasim.core.group import Group, GroupState
from kafkasim.errors import KafkaError
from kafkasim.messages.groups import JoinGroupRequest, Subscription, SyncGroupRequest

NO_DELAY, SESSION_MS, REBALANCE_MS = 0, 45_000, 300_000


class Play:
    """A group, the clock, and what was said to whom: who asks is the token of the request."""

    def __init__(self, delay_ms: int = NO_DELAY, **settings: int) -> None:
        self.group = Group("g", delay_ms, **settings)
        self.now_ms = 0

    def request(self, member_id: str, **what: Any) -> JoinGroupRequest:
        client_id = what.pop("client_id", member_id.partition("-")[0] or "new")
        given = {
            "protocols": ("range",), "subscription": Subscription(("t",)), "session_timeout_ms": SESSION_MS,
            "rebalance_timeout_ms": REBALANCE_MS, **what,
        }  # fmt: skip
        return JoinGroupRequest("g", member_id, client_id, **given)

    def ask(self, who: str, **what: Any) -> dict[str, Any]:
        """A first-time JoinGroup, without a member id."""
        self.group.join(self.request("", client_id=who, **what), f"{who}-1", who, self.now_ms)
        return self.said()

    def join(self, *members: str, **what: Any) -> dict[str, Any]:
        """JoinGroup with the id that each has; a newcomer first asks for one."""
        told: dict[str, Any] = {}
        for member_id in members:
            if member_id not in self.group.members:
                self.ask(member_id.partition("-")[0], **what)
            self.group.join(self.request(member_id, **what), "", member_id, self.now_ms)
            told |= self.said()
        return told

    def sync(self, *members: str, generation: int | None = None, **shares: Any) -> dict[str, Any]:
        """SyncGroup of each; the leader among them assigns ``shares`` (member id with _ for - -> partitions)."""
        assignments = {one.replace("_", "-"): tuple(parts) for one, parts in shares.items()}
        for member_id in members:
            mine = assignments if member_id == self.group.leader else {}
            number = self.group.generation if generation is None else generation
            self.group.sync(SyncGroupRequest("g", member_id, number, mine), member_id, self.now_ms)
        return self.said()

    def store(self, error: type[KafkaError] | None = None) -> dict[str, Any]:
        """The snapshot that waits is written, or it is not."""
        snapshot = self.group.take_snapshot()
        assert snapshot is not None
        self.group.stored(snapshot["generation"], error, self.now_ms)
        return self.said()

    def beat(self, member_id: str, generation: int | None = None, instance: str | None = None) -> str | None:
        number = self.group.generation if generation is None else generation
        self.group.heartbeat(member_id, number, "beat", self.now_ms, instance)
        return name(self.said()["beat"])

    def leave(self, member_id: str, instance: str | None = None) -> dict[str, Any]:
        self.group.leave(member_id, "leave", self.now_ms, instance)
        return self.said()

    def at(self, now_ms: int) -> dict[str, Any]:
        """Let time pass, waking the group whenever it wants to be."""
        while (wake_ms := self.group.deadline_ms) is not None and wake_ms <= now_ms:
            self.now_ms = max(self.now_ms, wake_ms)
            self.group.expire(self.now_ms)
        self.now_ms = now_ms
        return self.said()

    def said(self) -> dict[str, Any]:
        return dict(self.group.take_replies())

    def stable(self, *members: str, **what: Any) -> None:
        """Bring the group to Stable with these members in one generation; the first leads."""
        for one in members:
            self.ask(one.partition("-")[0], **what)
        self.join(*members, **what)
        self.at(self.now_ms)
        for one in members:
            if self.group.state is GroupState.PREPARING_REBALANCE:
                self.join(one, **what)
        self.sync(*members)
        self.store()
        assert (self.group.state, list(self.group.members)) == (GroupState.STABLE, list(members))


def name(response: Any) -> str | None:
    return None if response.error is None else response.error.name
