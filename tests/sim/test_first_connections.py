"""A bootstrap address only tells of the cluster: the broker behind it gets a connection of its own when it is needed."""

from __future__ import annotations

import pytest

import kafkasim as ks


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_paused_broker_that_a_client_has_had_nothing_to_do_with_is_not_asked(seed):
    cluster = ks.Cluster([1, 2, 3], first_broker=1, broker_config={"zookeeper.session.timeout.ms": 40_000}, seed=seed)
    admin = cluster.admin({"client.id": "harness"})
    admin.create_topic("t", assignment={0: [1, 2, 3]}).get()
    cluster.pause(3)
    before_ms = cluster.now_ms
    # The leader is the controller, which made the topic: the client is connected to this broker alone.
    assert admin.list_offsets({ks.TopicPartition("t", 0): "latest"}).get()[ks.TopicPartition("t", 0)].offset == 0
    assert cluster.now_ms - before_ms < 10
