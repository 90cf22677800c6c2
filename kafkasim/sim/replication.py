"""How a follower follows: it fetches from each broker that leads something it has a replica of.

Kafka: ReplicaFetcherManager, AbstractFetcherThread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kafkasim.config import BrokerConfig
from kafkasim.core.hashing import java_hash_code
from kafkasim.core.partition import Partition, Role
from kafkasim.errors import KafkaError, KafkaStorageException
from kafkasim.messages.data import FetchPosition, ListOffsetsRequest, ListOffsetsResponse, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.fetch_loop import FetchLoop

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

LATEST, EARLIEST = -1, -2
Settle = Callable[[Partition], None]


class ReplicaFetcher:
    """One follower to one leader: ask for what lies behind the own log end, append it, ask again."""

    def __init__(
        self, host: Broker, broker: int, leader: str, number: int, config: BrokerConfig, settle: Settle
    ) -> None:  # fmt: skip
        self._host, self._broker, self._settle = host, broker, settle
        self._channel = Channel(
            host, leader, request_timeout_ms=None, silence_timeout_ms=config.replica_socket_timeout_ms,
            poll_ms=max(1, config.replica_fetch_wait_max_ms),
        )  # fmt: skip
        self._max_partition_bytes = config.replica_fetch_max_bytes
        self._partitions: dict[TopicPartition, Partition] = {}
        self._asked: dict[TopicPartition, FetchPosition] = {}
        self._loop = FetchLoop(
            host, self._channel, replica_id=broker, session=f"replica-{number}",
            max_wait_ms=max(1, config.replica_fetch_wait_max_ms), min_bytes=config.replica_fetch_min_bytes,
            max_bytes=config.replica_fetch_response_max_bytes, backoff_ms=config.replica_fetch_backoff_ms,
            position=self._position, apply=self._apply, append_ms=host.append_ms,
        )  # fmt: skip

    def follow(self, partitions: Sequence[Partition]) -> None:
        """Fetch these partitions, each from the follower's log end offset on."""
        for partition in partitions:
            partition.start_following()
            self._partitions[partition.tp] = partition
        self._loop.fetch(*(partition.tp for partition in partitions))

    def forget(self, tp: TopicPartition) -> None:
        """Fetch this partition no longer."""
        self._partitions.pop(tp, None)
        self._loop.forget(tp)

    def _position(self, tp: TopicPartition) -> FetchPosition:
        position = self._partitions[tp].position(self._max_partition_bytes)
        self._asked[tp] = position
        return position

    def _apply(self, tp: TopicPartition, part: PartitionFetchResponse) -> bool:
        """Take over what the leader sent (3.3), unless the log was cut since it was asked for.

        Kafka: AbstractFetcherThread.processFetchRequest.
        """
        partition = self._partitions[tp]
        if partition.role is not Role.FOLLOWER:
            return False
        if self._asked[tp].fetch_offset != partition.log.end_offset:
            return True
        if part.diverging is not None:
            partition.truncate_by_epoch(*part.diverging)
            self._settle(partition)
            return True
        if part.error is None:
            start = partition.log.start_offset
            try:
                partition.take_over(part, self._host.kernel.now_ms)
            except KafkaStorageException:
                self.forget(tp)
                return False
            self._settle(partition)
            return bool(part.batches) or partition.log.start_offset != start
        if part.error.name == "OFFSET_OUT_OF_RANGE":
            self._find_end(partition)
        elif part.error.name == "FENCED_LEADER_EPOCH":
            if partition.leader_epoch > self._asked[tp].leader_epoch:
                return True
            self.forget(tp)
        else:
            self._loop.later(tp)
        return False

    def _find_end(self, partition: Partition) -> None:
        """The leader's log does not hold our end: ask where it ends, and if need be where it starts (3.9)."""
        tp = partition.tp
        found: dict[int, int] = {}

        def ask(time: int) -> None:
            self._channel.send(ListOffsetsRequest({tp: time}, replica_id=self._broker), partial(answered, time))

        def answered(time: int, response: ListOffsetsResponse | None, error: type[KafkaError] | None) -> None:
            part = None if response is None else response.offsets[tp]
            if part is None or part.error is not None or partition.is_leader:
                self._loop.later(tp)
                return
            found[time] = part.offset
            if time == LATEST and part.offset >= partition.log.end_offset:
                ask(EARLIEST)
                return
            partition.out_of_range(found.get(EARLIEST, 0), found[LATEST], self._host.kernel.now_ms)
            self._settle(partition)
            if tp in self._partitions:
                self._loop.fetch(tp)

        ask(LATEST)


class ReplicaFetchers:
    """All fetchers of one broker's incarnation, by leader."""

    def __init__(self, host: Broker, broker: int, config: BrokerConfig, settle: Settle) -> None:
        self._host, self._broker, self._config, self._settle = host, broker, config, settle
        self._fetchers: dict[tuple[str, int], ReplicaFetcher] = {}
        self._fetcher_of: dict[TopicPartition, tuple[str, int]] = {}

    def follow(self, leaders: Mapping[Partition, str]) -> None:
        """Fetch partitions from these leaders, each from nobody else."""
        new: dict[tuple[str, int], list[Partition]] = {}
        for partition, leader in leaders.items():
            tp = partition.tp
            chosen = (leader, fetcher_number(tp, self._config.num_replica_fetchers))
            if self._fetcher_of.get(tp) not in (None, chosen):
                self.forget(tp)
            if chosen not in self._fetchers:
                self._fetchers[chosen] = ReplicaFetcher(self._host, self._broker, *chosen, self._config, self._settle)
            self._fetcher_of[tp] = chosen
            new.setdefault(chosen, []).append(partition)
        for chosen, partitions in new.items():
            self._fetchers[chosen].follow(partitions)

    def forget(self, tp: TopicPartition) -> None:
        """Fetch a partition no longer."""
        chosen = self._fetcher_of.pop(tp, None)
        if chosen is not None:
            self._fetchers[chosen].forget(tp)


def fetcher_number(tp: TopicPartition, fetchers: int) -> int:
    """Which of the ``num.replica.fetchers`` to a leader fetches a partition.

    Kafka: AbstractFetcherManager.getFetcherId.

    >>> [fetcher_number(TopicPartition("t", number), 3) for number in range(4)]
    [1, 2, 0, 1]
    """
    number = (31 * java_hash_code(tp.topic) + tp.partition + 2**31) % 2**32 - 2**31
    return 0 if number == -(2**31) else abs(number) % fetchers
