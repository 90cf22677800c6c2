"""Transactional ids that nobody has used for a week are forgotten. Kafka: TransactionStateManager
(removeExpiredTransactionalIds)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkasim.core.transactions import AT_REST
from kafkasim.sim.kernel import Timer

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker
    from kafkasim.sim.transaction_coordinator import TransactionCoordinator

CHECK_INTERVAL_MS = 3_600_000
"""Kafka: transaction.remove.expired.transaction.cleanup.interval.ms."""


class TransactionExpiry:
    """The check, set for the first beat at which there can be something to do."""

    def __init__(self, broker: Broker, coordinator: TransactionCoordinator) -> None:
        self._broker = broker
        self._coordinator = coordinator
        self._timer: Timer | None = None

    def plan(self) -> None:
        """Wake up when the first id can expire."""
        at_rest = [one for one in self._coordinator.transactions.values() if one.state in AT_REST]
        if self._timer is not None or not at_rest:
            return
        kernel, limit_ms = self._broker.kernel, self._broker.config.transactional_id_expiration_ms
        due_ms = min(one.updated_ms for one in at_rest) + limit_ms - kernel.start_time_ms
        beat_ms = -(-due_ms // CHECK_INTERVAL_MS) * CHECK_INTERVAL_MS
        self._timer = self._broker.after_ms(max(0.0, beat_ms - kernel.now_us / 1000), self._look)

    def _look(self) -> None:
        self._timer = None
        now_ms, limit_ms = self._broker.kernel.now_ms, self._broker.config.transactional_id_expiration_ms
        for transaction in list(self._coordinator.transactions.values()):
            if transaction.has_expired(now_ms, limit_ms):
                self._coordinator.forget_unused(transaction)
        self.plan()
