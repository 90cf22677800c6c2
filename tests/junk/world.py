"""A cluster with one of everything that can be called, junk, and what is wrong with how a call takes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import kafkasim as ks
from kafkasim.errors import ConfigError, KafkaError, KafkaSimError, UsageError

TP = ks.TopicPartition("t", 0)
JUNK: tuple[Any, ...] = (
    None, object(), math.nan, math.inf, True, -1, 2.5, 10**30, "", "no such", "\x00", b"\xff", [7], ["x"], [None],
    {7: 7}, {"x": object()}, {TP: None}, {TP: math.nan}, {TP: "x"}, (), [TP, 7], lambda: 7, ks.TopicPartition("x", -1),
    ks.TopicPartition("no such", math.nan), ks.TopicPartition("t", 99),
)  # fmt: skip


class World:
    """A cluster with a topic, and one of everything that can be called."""

    def __init__(self) -> None:
        self.is_dead = False
        self.cluster = cluster = ks.Cluster(brokers=1, zookeepers=1, seed=3, broker_config={
            "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
        })  # fmt: skip
        cluster.create_topic("t", partitions=2, replication_factor=1)
        self.kafka = cluster.client_library()
        short = {"request_timeout_ms": 2_000, "default_api_timeout_ms": 3_000}
        self.admin = cluster.admin(short)
        self.consumer = cluster.consumer(group_id="g", **short)
        self.consumer.assign([TP])
        self.free = cluster.consumer(group_id="h", **short)
        self.producer = cluster.producer(max_block_ms=2_000)
        self.loader = cluster.producer()
        self.transactional = cluster.producer(transactional_id="x", max_block_ms=2_000)
        self.transactional.init_transactions().get()
        self.kafka_admin = self.kafka.KafkaAdminClient(request_timeout_ms=3_000)
        self.kafka_consumer = self.kafka.KafkaConsumer(group_id="i", request_timeout_ms=3_000)
        self.kafka_consumer.assign([TP])
        self.kafka_free = self.kafka.KafkaConsumer(request_timeout_ms=3_000)
        self.kafka_producer = self.kafka.KafkaProducer(
            request_timeout_ms=1_000, delivery_timeout_ms=2_000, max_block_ms=1_000
        )
        self.kafka_producer.send("t", b"v", partition=0).get()
        self.kafka_transactional = self.kafka.KafkaProducer(transactional_id="y", max_block_ms=2_000)
        self.kafka_transactional.init_transactions()
        self.reader = cluster.consumer()
        self.reader.assign([TP])
        self.reader.seek(TP, 0)
        [self.record] = self.reader.poll(1_000).get()
        self.client = cluster.zookeeper.client()
        self.client.start().get()
        self.session = cluster.zookeeper.session()
        self.session.connect("zookeeper-1").get()


class Args:
    """Arguments that make sense, as a call takes them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def spoiled(self) -> Iterator[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
        """The same with junk in the place of each argument in turn."""
        for junk in JUNK:
            for place in range(len(self.args)):
                yield str(place), junk, (*self.args[:place], junk, *self.args[place + 1 :]), self.kwargs
            for name in self.kwargs:
                yield name, junk, self.args, {**self.kwargs, name: junk}


Call = tuple[Callable[[World], Any], Callable[[World], Args]]
"""How to find what is called, and with what."""
NONE = Args()


def check(world: World, label: str, call: Callable[[], Any]) -> str | None:
    """What is wrong with how a call takes its arguments; None when nothing is."""
    facts, now_ms = len(world.cluster.trace), world.cluster.now_ms
    try:
        outcome = call()
    except (ConfigError, UsageError) as error:
        if isinstance(error, KafkaError) or getattr(error, "errno", None) is not None:
            return None
        if len(str(error)) < 20:
            return f"{label} says only {error!s}"
        changed = (len(world.cluster.trace), world.cluster.now_ms) != (facts, now_ms)
        return f"{label} is refused and has changed something" if changed else None
    except KafkaSimError:
        return None
    except Exception as error:
        if "<lambda>() takes 0" in str(error):
            return None  # the caller's own function, called as it is to be called
        return f"{label} raises {type(error).__name__}: {error}"
    if isinstance(outcome, ks.Future):
        return check_future(label, outcome)
    return None


def check_future(label: str, future: ks.Future[Any]) -> str | None:
    """Wait for a native call: its error, too, must be one of ours."""
    try:
        future.get()
    except (KafkaSimError, RuntimeError):
        return None
    except Exception as error:
        return f"{label} fails with {type(error).__name__}: {error}"
    return None
