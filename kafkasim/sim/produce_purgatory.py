"""Produce requests with acks=all that wait until the high watermark has passed their records.

Kafka: DelayedProduce in ReplicaManager's purgatory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kafkasim.core.partition import Partition
from kafkasim.errors import (
    NotEnoughReplicasAfterAppendException,
    NotLeaderOrFollowerException,
    TimeoutException,
)
from kafkasim.messages.data import PartitionProduceResponse, ProduceResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.deadlines import Deadline, Deadlines


@dataclass(eq=False, slots=True)
class DelayedProduce:
    """One request: which offsets its partitions must commit, and the answer so far."""

    required: dict[TopicPartition, int]
    response: ProduceResponse
    answer: Callable[[ProduceResponse], None]
    deadline: Deadline | None = field(default=None)


class ProducePurgatory:
    """All waiting produce requests of one broker's incarnation."""

    def __init__(self, partitions: dict[TopicPartition, Partition], deadlines: Deadlines) -> None:
        self._partitions = partitions
        self._deadlines = deadlines
        self._waiting: dict[TopicPartition, dict[DelayedProduce, None]] = {}

    def park(self, delayed: DelayedProduce, timeout_ms: int) -> None:
        """Wait, unless everything is committed already."""
        for tp in list(delayed.required):
            self._try(delayed, tp)
        if not delayed.required:
            delayed.answer(delayed.response)
            return
        for tp in delayed.required:
            self._waiting.setdefault(tp, {})[delayed] = None
        delayed.deadline = self._deadlines.add(timeout_ms, lambda: self._time_out(delayed))

    def check(self, tp: TopicPartition) -> None:
        """The partition's high watermark, ISR or role has changed: see who may be answered."""
        waiting = self._waiting.get(tp, {})
        for delayed in list(waiting):
            if delayed not in waiting:  # an answer lets the next request of its connection in, which may end here, too
                continue
            self._try(delayed, tp)
            if tp not in delayed.required:
                del waiting[delayed]
            if not delayed.required:
                assert delayed.deadline is not None
                delayed.deadline.cancel()
                delayed.answer(delayed.response)

    def _try(self, delayed: DelayedProduce, tp: TopicPartition) -> None:
        partition = self._partitions[tp]
        if not partition.is_leader:
            self._fail(
                delayed,
                tp,
                PartitionProduceResponse(
                    NotLeaderOrFollowerException, new_leader=(partition.leader, partition.leader_epoch)
                ),
            )
        elif partition.log.high_watermark >= delayed.required[tp]:
            if len(partition.in_sync.maximal) < partition.min_isr:
                self._fail(delayed, tp, PartitionProduceResponse(NotEnoughReplicasAfterAppendException))
            else:
                del delayed.required[tp]

    def _fail(self, delayed: DelayedProduce, tp: TopicPartition, part: PartitionProduceResponse) -> None:
        delayed.response.partitions[tp] = part
        del delayed.required[tp]

    def _time_out(self, delayed: DelayedProduce) -> None:
        for tp in list(delayed.required):
            del self._waiting[tp][delayed]
            self._fail(delayed, tp, PartitionProduceResponse(TimeoutException))
        delayed.answer(delayed.response)
