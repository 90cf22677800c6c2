"""What a producer counts of itself, under Kafka's names. Kafka: SenderMetricsRegistry, BufferPool."""

from __future__ import annotations

from kafkasim.core.accumulator import RecordAccumulator


class ProducerMetrics:
    """Totals since the producer was made, and the state of its buffer; Kafka's rates and averages are left out."""

    def __init__(self, accumulator: RecordAccumulator, buffer_memory: int) -> None:
        self._accumulator = accumulator
        self._buffer_memory = buffer_memory
        self._totals = dict.fromkeys(
            ("record-send-total", "record-retry-total", "record-error-total", "batch-split-total",
             "buffer-exhausted-total"), 0
        )  # fmt: skip

    def sent(self, records: int) -> None:
        """Records have left in a request; a retried one counts again."""
        self._totals["record-send-total"] += records

    def retried(self, records: int) -> None:
        """Records will be sent again."""
        self._totals["record-retry-total"] += records

    def failed(self, records: int) -> None:
        """Records have failed for good."""
        self._totals["record-error-total"] += records

    def split(self) -> None:
        """A batch was too large for a broker."""
        self._totals["batch-split-total"] += 1

    def buffer_exhausted(self) -> None:
        """A record got no memory within max.block.ms."""
        self._totals["buffer-exhausted-total"] += 1
        self._totals["record-error-total"] += 1

    def values(self, requests_in_flight: int) -> dict[str, float]:
        """All of them."""
        totals = {name: float(total) for name, total in self._totals.items()}
        return {
            **totals,
            "requests-in-flight": float(requests_in_flight),
            "waiting-threads": float(self._accumulator.waiting_for_memory),
            "buffer-total-bytes": float(self._buffer_memory),
            "buffer-available-bytes": float(self._accumulator.free_memory),
        }
