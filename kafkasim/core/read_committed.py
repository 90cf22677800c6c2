"""What a read_committed reader keeps of what it was sent: no markers, nothing of aborted transactions.

The leader sends whole batches up to the last stable offset, and with them the aborted transactions that overlap them.

Kafka: CompletedFetch.nextFetchedRecord, consumeAbortedTransactionsUpTo.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkasim.records import RecordBatch


def readable_batches(
    batches: Iterable[RecordBatch], aborted: Iterable[tuple[int, int, *tuple[object, ...]]]
) -> list[RecordBatch]:
    """The batches with records for the application, in order.

    ``aborted`` are (producer id, first offset, ...), from the same answer. A transaction ends at its producer's next
    marker.
    """
    coming = sorted(aborted, key=lambda one: one[1])
    found: list[RecordBatch] = []
    aborting: dict[int, None] = {}
    for batch in batches:
        while coming and coming[0][1] <= batch.last_offset:
            aborting[coming.pop(0)[0]] = None
        if batch.is_control:
            if batch.count and not batch.marker[0]:
                aborting.pop(batch.producer_id, None)
        elif not (batch.is_transactional and batch.producer_id in aborting):
            found.append(batch)
    return found
