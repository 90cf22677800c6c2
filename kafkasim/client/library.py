"""What stands where ``import kafka`` stands on a real cluster.

A function that gets this object as ``kafka`` runs unchanged with the real kafka-python. Blocking calls let simulated time
pass; inside a ``@cluster.process``, where nothing may wait, the native clients are for that.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from kafkasim.client import configs
from kafkasim.client.admin import KafkaAdminClient, NewTopic
from kafkasim.client.consumer import KafkaConsumer, OffsetAndMetadata
from kafkasim.client.errors import Errors
from kafkasim.client.producer import DefaultPartitioner, KafkaProducer, StickyPartitioner
from kafkasim.config import checks
from kafkasim.errors import UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future, Kernel

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster


class ConsumerRebalanceListener:
    """What a program may derive from to hear of rebalances. kafka-python: ConsumerRebalanceListener."""

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """These are about to go to somebody else."""

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """These are owned from now on."""


class ClientLibrary:
    """The names of kafka-python 3.x, bound to one simulated cluster."""

    TopicPartition = TopicPartition
    OffsetAndMetadata = OffsetAndMetadata
    ConsumerRebalanceListener = ConsumerRebalanceListener
    admin = SimpleNamespace(NewTopic=NewTopic)
    structs = SimpleNamespace(TopicPartition=TopicPartition, OffsetAndMetadata=OffsetAndMetadata)
    partitioner = SimpleNamespace(DefaultPartitioner=DefaultPartitioner, StickyPartitioner=StickyPartitioner)

    def __init__(self, cluster: Cluster, kernel: Kernel) -> None:
        self.cluster = cluster
        self.errors = Errors()
        self._kernel = kernel

    def __repr__(self) -> str:
        return f"<the client library of {self.cluster!r}>"

    def KafkaProducer(self, **configs: Any) -> KafkaProducer:  # noqa: N802
        """A producer."""
        self.outside_a_process("KafkaProducer()")
        return KafkaProducer(self, configs)

    def KafkaConsumer(self, *topics: str, **configs: Any) -> KafkaConsumer:  # noqa: N802
        """A consumer, subscribed to ``topics`` if any are named."""
        self.outside_a_process("KafkaConsumer()")
        return KafkaConsumer(self, topics, configs)

    def KafkaAdminClient(self, **configs: Any) -> KafkaAdminClient:  # noqa: N802
        """An admin client."""
        self.outside_a_process("KafkaAdminClient()")
        return KafkaAdminClient(self, configs)

    # --- what the clients share -----------------------------------------------------------------------------

    def bootstrap(self, given: object) -> list[str]:
        """The addresses that a client was given, ``localhost`` being all brokers."""
        return configs.bootstrap_servers(given, [f"broker-{broker}:9092" for broker in self.cluster.brokers])

    def chance(self, name: str) -> random.Random:
        """A stream of random numbers of its own."""
        return self._kernel.rng(name)

    def outside_a_process(self, call: str) -> None:
        """Refuse a call that may wait where nothing may."""
        if self._kernel.is_running:
            raise UsageError(
                f"{call} of kafka-python waits, and a @cluster.process must not. Use cluster.producer() or"
                " cluster.consumer() there, and yield what their calls return."
            )

    def wait(self, future: Future[Any], timeout: float | None) -> None:
        """Let time pass until a future is done, or for ``timeout`` seconds: then KafkaTimeoutError."""
        self.outside_a_process("A blocking call")
        if timeout is None:
            self._kernel.run_until_done(future)
            return
        checks.milliseconds(timeout, "timeout")
        until_us = self._kernel.now_us + round(timeout * 1_000_000)
        while not future.is_done() and self._kernel.now_us < until_us:
            self._kernel.run_until(min(until_us, self._kernel.now_us + STEP_US))
        if not future.is_done():
            raise self.errors.KafkaTimeoutError(f"Timeout after waiting for {timeout:g} secs.")


STEP_US = 1_000
