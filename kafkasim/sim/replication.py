"""How a follower follows: it fetches from each broker that leads something it has a replica of.

Kafka: ReplicaFetcherManager, AbstractFetcherThread. Left out: several fetchers per leader (num.replica.fetchers is 1).
"""

from __future__ import annotations

from collections.abc import Callable

from kafkasim.config import BrokerConfig
from kafkasim.core.partition import Partition, Role
from kafkasim.errors import KafkaError
from kafkasim.messages.data import FetchPosition, ListOffsetsRequest, ListOffsetsResponse, PartitionFetchResponse
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.fetch_loop import FetchLoop
from kafkasim.sim.host import Host

LATEST = -1
Settle = Callable[[Partition], None]


class ReplicaFetcher:
    """One follower to one leader: ask for what lies behind the own log end, append it, ask again."""

    def __init__(self, host: Host, broker: int, leader: str, config: BrokerConfig, settle: Settle) -> None:
        self._host, self._broker, self._settle = host, broker, settle
        self._channel = Channel(
            host, leader, request_timeout_ms=None, silence_timeout_ms=config.replica_socket_timeout_ms,
            poll_ms=config.replica_fetch_wait_max_ms,
        )  # fmt: skip
        self._partitions: dict[TopicPartition, Partition] = {}
        self._asked_in_epoch: dict[TopicPartition, int] = {}
        self._loop = FetchLoop(
            host, self._channel, replica_id=broker, session="replica", max_wait_ms=config.replica_fetch_wait_max_ms,
            max_bytes=config.replica_fetch_response_max_bytes, backoff_ms=config.replica_fetch_backoff_ms,
            position=self._position, apply=self._apply,
        )  # fmt: skip

    def follow(self, partition: Partition) -> None:
        """Fetch this partition, from the follower's log end offset on."""
        partition.start_following()
        self._partitions[partition.tp] = partition
        self._loop.fetch(partition.tp)

    def forget(self, tp: TopicPartition) -> None:
        """Fetch this partition no longer."""
        self._partitions.pop(tp, None)
        self._loop.forget(tp)

    def _position(self, tp: TopicPartition) -> FetchPosition:
        position = self._partitions[tp].position()
        self._asked_in_epoch[tp] = position.leader_epoch
        return position

    def _apply(self, tp: TopicPartition, part: PartitionFetchResponse) -> bool:
        """Take over what the leader sent (3.3)."""
        partition = self._partitions[tp]
        if partition.role is not Role.FOLLOWER:
            return False
        if part.diverging is not None:
            partition.truncate_by_epoch(*part.diverging)
            self._settle(partition)
            return True
        if part.error is None:
            partition.take_over(part, self._host.kernel.now_ms)
            self._settle(partition)
            return bool(part.batches)
        if part.error.name == "OFFSET_OUT_OF_RANGE":
            self._find_end(partition)
        elif part.error.name == "FENCED_LEADER_EPOCH":
            if partition.leader_epoch > self._asked_in_epoch[tp]:
                return True
            self.forget(tp)
        else:
            self._loop.later(tp)
        return False

    def _find_end(self, partition: Partition) -> None:
        """The leader's log does not hold our end: cut ours to where the leader's ends (3.9)."""

        def answered(response: ListOffsetsResponse | None, error: type[KafkaError] | None) -> None:
            part = None if response is None else response.offsets[partition.tp]
            if part is not None and part.error is None:
                partition.truncate_to(part.offset)
            self._loop.later(partition.tp)

        self._channel.send(ListOffsetsRequest({partition.tp: LATEST}, replica_id=self._broker), answered)


class ReplicaFetchers:
    """All fetchers of one broker's incarnation, by leader."""

    def __init__(self, host: Host, broker: int, config: BrokerConfig, settle: Settle) -> None:
        self._host, self._broker, self._config, self._settle = host, broker, config, settle
        self._by_leader: dict[str, ReplicaFetcher] = {}
        self._leader_of: dict[TopicPartition, str] = {}

    def follow(self, partition: Partition, leader: str) -> None:
        """Fetch a partition from its leader, and from nobody else."""
        if self._leader_of.get(partition.tp) not in (None, leader):
            self.forget(partition.tp)
        if leader not in self._by_leader:
            self._by_leader[leader] = ReplicaFetcher(self._host, self._broker, leader, self._config, self._settle)
        self._leader_of[partition.tp] = leader
        self._by_leader[leader].follow(partition)

    def forget(self, tp: TopicPartition) -> None:
        """Fetch a partition no longer."""
        leader = self._leader_of.pop(tp, None)
        if leader is not None:
            self._by_leader[leader].forget(tp)
