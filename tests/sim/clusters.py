"""Small clusters that notice a death soon, and what is known of a partition in them."""

from __future__ import annotations

import kafkasim as ks

TP = ks.TopicPartition("t", 0)


def cluster_of(count: int, **settings: object) -> ks.Cluster:
    """Brokers 1 to n, of which the last is the controller; a dead one is missed after some 6 s."""
    config = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, **settings}
    return ks.Cluster(list(range(1, count + 1)), first_broker=count, zookeepers=1, broker_config=config, seed=11)


def state(cluster: ks.Cluster, tp: ks.TopicPartition = TP) -> tuple[int, tuple[int, ...], int, int]:
    """Leader, ISR in ascending order, leader epoch, partition epoch."""
    known = cluster.trace.now.partition(tp)
    return known.leader, tuple(sorted(known.isr)), known.leader_epoch, known.partition_epoch


def lose(cluster: ks.Cluster, broker: int) -> None:
    """Kill a broker, and let the others notice."""
    cluster.run(for_ms=100)  # followers have fetched by then
    cluster.kill(broker)
    cluster.run(for_ms=9_000)
