"""The leases that a coordinator gives to members of its groups: heartbeats are computed until something changes.

While a group is Stable a member's heartbeat is answered without an error and restarts its session, nothing else. So
after one such answer the member may have a lease (sim/lease). Whatever changes in the group ends all of them: the next
heartbeat of each member may have to be told of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kafkasim.core.group import Group
from kafkasim.sim.kernel import US_PER_MS, Kernel
from kafkasim.sim.lease import Lease
from kafkasim.sim.network import Connection


class GroupLeases:
    """All leases of one coordinator; ``on_change`` is told of a group whose deadlines have changed by one."""

    def __init__(self, kernel: Kernel, on_change: Callable[[Group], object]) -> None:
        self._kernel = kernel
        self._on_change = on_change
        self._given: dict[str, dict[str, Lease]] = {}

    def offer(self, group: Group, member_id: str, connection: Connection) -> None:
        """A member has got a good answer."""
        given = self._given.setdefault(group.group_id, {})
        if member_id in given:
            given[member_id].end()
        given[member_id] = Lease(
            connection, partial(self._begun, group, member_id), partial(self._ended, group, member_id)
        )  # fmt: skip

    def end(self, group_id: str) -> None:
        """The group is not what it was, or is served here no longer."""
        for lease in self._given.pop(group_id, {}).values():
            lease.end()

    def _begun(self, group: Group, member_id: str, lease: Lease) -> None:
        group.hold(member_id)
        self._on_change(group)

    def _ended(self, group: Group, member_id: str, lease: Lease) -> None:
        heard_us = lease.heard_by_us(self._kernel.now_us)
        group.release(member_id, None if heard_us is None else self._kernel.start_time_ms + heard_us // US_PER_MS)
        self._on_change(group)
