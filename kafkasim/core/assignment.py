"""Which brokers hold a partition, also while that changes. Kafka: ReplicaAssignment (KIP-455)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplicaAssignment:
    """All replicas, the preferred leader first; while replicas move, those that come and those that will go, too."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @property
    def is_being_reassigned(self) -> bool:
        """Whether replicas come or go."""
        return bool(self.adding or self.removing)

    @property
    def origin(self) -> tuple[int, ...]:
        """The replicas without those that come."""
        return _without(self.replicas, self.adding)

    @property
    def target(self) -> tuple[int, ...]:
        """The replicas without those that will go."""
        return _without(self.replicas, self.removing)

    def reassign_to(self, target: Sequence[int]) -> ReplicaAssignment:
        """The first step of a move to ``target``: everybody who holds the partition or will.

        >>> ReplicaAssignment((1, 2)).reassign_to((3, 2))
        ReplicaAssignment(replicas=(3, 2, 1), adding=(3,), removing=(1,))
        >>> ReplicaAssignment((1, 2)).reassign_to((2, 1))
        ReplicaAssignment(replicas=(2, 1), adding=(), removing=())
        """
        origin = self.origin
        everybody = tuple(dict.fromkeys((*target, *origin)))
        return ReplicaAssignment(everybody, _without(everybody, origin), _without(everybody, target))

    def is_complete(self, isr: Collection[int]) -> bool:
        """Whether the old replicas may go: everybody of the target is in sync."""
        return not self.is_being_reassigned or set(self.target) <= set(isr)


def _without(brokers: Sequence[int], gone: Collection[int]) -> tuple[int, ...]:
    return tuple(broker for broker in brokers if broker not in gone)
