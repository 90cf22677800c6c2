"""Small clusters that notice a death soon, and what is known of a partition in them."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.sim.kernel import Future

TP = ks.TopicPartition("t", 0)


def cluster_of(count: int, **settings: object) -> ks.Cluster:
    """Brokers 1 to n, of which the last is the controller; a dead one is missed after some 6 s."""
    config = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, **settings}
    return ks.Cluster(list(range(1, count + 1)), first_broker=count, zookeepers=1, broker_config=config, seed=11)


def led_by_102(broker_config: dict[str, object] | None = None, partitions: int = 1) -> ks.Cluster:
    """Three brokers, of which 101 is the controller and 102 leads every partition of the topic t."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=101, broker_config=broker_config)
    cluster.create_topic("t", assignment={n: [102, 103, 101] for n in range(partitions)}, min_insync_replicas=2)
    return cluster


def took_ms(cluster: ks.Cluster, future: Future[object]) -> float:
    """How long it takes from now until the future is done."""
    start_ms = cluster.now_ms
    future.get()
    return cluster.now_ms - start_ms


def state(cluster: ks.Cluster, tp: ks.TopicPartition = TP) -> tuple[int, tuple[int, ...], int, int]:
    """Leader, ISR in ascending order, leader epoch, partition epoch."""
    known = cluster.trace.now.partition(tp)
    return known.leader, tuple(sorted(known.isr)), known.leader_epoch, known.partition_epoch


def lose(cluster: ks.Cluster, broker: int) -> None:
    """Kill a broker, and let the others notice."""
    cluster.run(for_ms=100)  # followers have fetched by then
    cluster.kill(broker)
    cluster.run(for_ms=9_000)
