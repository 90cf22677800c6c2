"""What brokers know of the cluster: each learns it by itself, so for a moment they disagree."""

from __future__ import annotations

import kafkasim as ks


def test_a_broker_that_hears_late_of_a_topic_denies_it_meanwhile():
    cluster = ks.Cluster(brokers=3, first_broker=103, seed=7)
    cluster.inject(ks.faults.Delay(103, 101, by_ms=3_000))
    cluster.create_topic("t", assignment={0: [102, 103]})
    late, early = (cluster.admin(bootstrap_servers=f"broker-{broker}:9092") for broker in (101, 102))
    assert (late.list_topics().get(), early.list_topics().get()) == ([], ["t"])
    cluster.run(for_ms=4_000)
    assert late.list_topics().get() == ["t"]


def test_a_broker_that_does_not_answer_the_controller_holds_nobody_else_up():
    """Each broker has a queue of its own on the controller."""
    cluster = ks.Cluster(brokers=4, first_broker=104, seed=7)
    cluster.pause(101)
    cluster.create_topic("a", assignment={0: [102, 103]})
    assert cluster.trace.now.leader("a-0") == 102
    assert cluster.producer(bootstrap_servers="broker-102:9092").send("a", "v").get().offset == 0
    cluster.resume(101)
    cluster.run(for_ms=100)
    assert cluster.admin(bootstrap_servers="broker-101:9092").list_topics().get() == ["a"]


def test_a_producer_with_an_old_picture_is_sent_on_by_the_old_leader():
    cluster = ks.Cluster(brokers=3, first_broker=103, seed=7)
    cluster.create_topic("t", assignment={0: [101, 102]})
    producer, admin = cluster.producer(), cluster.admin()
    producer.send("t", "a").get()
    admin.alter_partition_reassignments({ks.TopicPartition("t", 0): [102, 101]}).get()
    admin.elect_leaders("preferred", [ks.TopicPartition("t", 0)]).get()
    assert producer.send("t", "b").get().offset == 1
    retried = cluster.trace.of("BatchRetried")
    assert [fact.error for fact in retried] == ["NOT_LEADER_OR_FOLLOWER"]
    sent = cluster.trace.of("BatchSent", batch_id=retried[0].batch_id)
    assert [(fact.attempt, fact.leader) for fact in sent] == [(1, 101), (2, 102)]
