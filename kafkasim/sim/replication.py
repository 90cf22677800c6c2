"""How a follower follows: one fetch after the other to each broker that leads something it has a replica of.

Kafka: ReplicaFetcherManager, AbstractFetcherThread. Left out: several fetchers per leader (num.replica.fetchers is 1).
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.core.partition import Partition, Role
from kafkasim.errors import KafkaError
from kafkasim.messages.data import (
    FetchRequest,
    FetchResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    PartitionFetchResponse,
)
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import US_PER_MS

LATEST = -1


class ReplicaFetcher:
    """The loop of one follower to one leader: ask for what lies behind the own log end, append it, ask again."""

    def __init__(self, host: Host, broker: int, leader: str, *, max_wait_ms: int, backoff_ms: int) -> None:
        self._host = host
        self._broker = broker
        self._max_wait_ms = max_wait_ms
        self._backoff_ms = backoff_ms
        self._channel = Channel(host, leader, request_timeout_ms=None)
        self._partitions: dict[TopicPartition, Partition] = {}
        self._changed: dict[TopicPartition, None] = {}
        self._forgotten: dict[TopicPartition, None] = {}
        self._is_new = True
        self._waiting = False
        self._sent_at_us = 0
        self._again = False

    def follow(self, partition: Partition) -> None:
        """Fetch this partition too, from the follower's log end offset on."""
        self._partitions[partition.tp] = partition
        self._forgotten.pop(partition.tp, None)
        self._change(partition.tp)

    def forget(self, tp: TopicPartition) -> None:
        """Fetch this partition no longer."""
        if self._partitions.pop(tp, None) is not None:
            self._changed.pop(tp, None)
            self._forgotten[tp] = None
            if not self._partitions:
                self._channel.close()
                self._waiting, self._is_new = False, True

    def _change(self, tp: TopicPartition) -> None:
        if tp not in self._partitions:
            return
        self._changed[tp] = None
        if not self._waiting:
            self._send()
        elif not self._again:
            # The fetch in flight names other positions: the next one goes out when this poll ends.
            self._again = True
            waited_us = (self._host.kernel.now_us - self._sent_at_us) % (self._max_wait_ms * US_PER_MS)
            self._host.after_ms(self._max_wait_ms - waited_us / US_PER_MS, self._send_again, self._sent_at_us)

    def _send_again(self, sent_at_us: int) -> None:
        self._again = False
        if self._waiting and self._changed and self._sent_at_us == sent_at_us:
            self._channel.abandon(self._answered)
            self._send()

    def _send(self) -> None:
        if not self._partitions:
            return
        names = self._partitions if self._is_new else self._changed
        changed = {tp: self._partitions[tp].position() for tp in names}
        request = FetchRequest(
            self._broker, "replica", self._is_new, changed, tuple(self._forgotten), self._max_wait_ms
        )
        self._changed, self._forgotten, self._is_new = {}, {}, False
        self._waiting, self._sent_at_us = True, self._host.kernel.now_us
        self._channel.send(request, self._answered)

    def _answered(self, response: FetchResponse | None, error: type[KafkaError] | None) -> None:
        self._waiting = False
        if response is None or response.error is not None:
            self._is_new = True
            self._host.after_ms(self._backoff_ms, self._retry)
            return
        for tp, part in response.partitions.items():
            partition = self._partitions.get(tp)
            if partition is not None and partition.role is Role.FOLLOWER:
                self._apply(partition, part)
        if not self._waiting:
            self._send()

    def _retry(self) -> None:
        if not self._waiting:
            self._send()

    def _apply(self, partition: Partition, part: PartitionFetchResponse) -> None:
        tp = partition.tp
        if part.diverging is not None:
            partition.truncate_by_epoch(*part.diverging)
            self._changed[tp] = None
        elif part.error is None:
            if part.batches:
                self._changed[tp] = None
            partition.take_over(part, self._host.kernel.now_ms)
        elif part.error.name == "OFFSET_OUT_OF_RANGE":
            self._find_end(partition)
        elif part.error.name == "FENCED_LEADER_EPOCH":
            self.forget(tp)
        else:
            self._host.after_ms(self._backoff_ms, self._change, tp)

    def _find_end(self, partition: Partition) -> None:
        """The leader's log does not hold our end: cut ours, or start again where the leader's starts (3.9)."""

        def answered(response: ListOffsetsResponse | None, error: type[KafkaError] | None) -> None:
            part = None if response is None else response.offsets[partition.tp]
            if part is None or part.error is not None:
                self._host.after_ms(self._backoff_ms, self._change, partition.tp)
                return
            partition.truncate_to(part.offset)
            self._change(partition.tp)

        self._channel.send(ListOffsetsRequest({partition.tp: LATEST}), answered)


class ReplicaFetchers:
    """All fetchers of one broker's incarnation, by leader."""

    def __init__(self, host: Host, broker: int, *, max_wait_ms: int, backoff_ms: int) -> None:
        self._make: Callable[[str], ReplicaFetcher] = lambda leader: ReplicaFetcher(
            host, broker, leader, max_wait_ms=max_wait_ms, backoff_ms=backoff_ms
        )
        self._by_leader: dict[str, ReplicaFetcher] = {}
        self._leader_of: dict[TopicPartition, str] = {}

    def follow(self, partition: Partition, leader: str) -> None:
        """Fetch a partition from its leader, and from nobody else."""
        if self._leader_of.get(partition.tp) not in (None, leader):
            self.forget(partition.tp)
        if leader not in self._by_leader:
            self._by_leader[leader] = self._make(leader)
        self._leader_of[partition.tp] = leader
        self._by_leader[leader].follow(partition)

    def forget(self, tp: TopicPartition) -> None:
        """Fetch a partition no longer."""
        leader = self._leader_of.pop(tp, None)
        if leader is not None:
            self._by_leader[leader].forget(tp)
