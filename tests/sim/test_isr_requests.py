"""Leaders ask the controller for other ISRs: one request of a broker at a time, with everything that was pending."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.trace.facts import IsrChangeProposed, MessageSent, PartitionChanged
from tests.sim.clusters import cluster_of

ASSIGNMENT = {number: [1, 2, 3] for number in range(4)}


def asked(cluster: ks.Cluster) -> list[tuple[int, ...]]:
    """Which partitions each AlterPartition request of broker 1 has named."""
    texts = [
        fact.about for fact in cluster.trace.of(MessageSent, api="AlterPartitionRequest") if fact.source == "broker-1"
    ]
    return [tuple(number for number in ASSIGNMENT if f"t-{number} ISR" in text) for text in texts]


def lagging(**topic: object) -> ks.Cluster:
    """Four partitions that broker 1 leads; broker 2 has lagged in all of them, the next check will find it."""
    cluster = cluster_of(3, **{"zookeeper.session.timeout.ms": 20_000})
    cluster.create_topic("t", assignment=ASSIGNMENT, **topic)
    cluster.pause(2)
    producer = cluster.producer(acks=1)
    for number in ASSIGNMENT:
        producer.send("t", "v", partition=number)
    return cluster


def test_what_comes_up_while_one_request_is_in_flight_goes_into_the_next():
    cluster = lagging()
    cluster.run(for_ms=8_000)
    assert asked(cluster) == [(0,), (1, 2, 3)], "the first leaves at once, alone; the check goes on meanwhile"
    proposed = [fact.at_ms for fact in cluster.trace.of(IsrChangeProposed)]
    assert len(set(proposed)) == 1, "one check has found them all"
    assert all(set(cluster.trace.now.isr(f"t-{number}")) == {1, 3} for number in ASSIGNMENT)


def test_while_a_request_waits_for_its_answer_no_other_one_leaves():
    cluster = lagging()
    cluster.inject(ks.faults.Delay(1, 3, by_ms=1_000, for_ms=10_000))
    cluster.run(for_ms=9_000)
    assert asked(cluster) == [(0,)]
    cluster.run(for_ms=3_000)
    assert asked(cluster) == [(0,), (1, 2, 3)]


def test_a_request_that_no_controller_has_heard_is_sent_again_as_it_was():
    cluster = lagging()
    cluster.inject(ks.faults.Delay(1, 3, by_ms=1_000))
    cluster.run(for_ms=9_000)
    assert asked(cluster) == [(0,)]
    cluster.kill(3)
    cluster.run(for_ms=40_000)
    assert asked(cluster) == [(0,), (0,), (1, 2, 3)], "to whoever is the controller by then, the rest after its answer"
    (first, second) = [
        fact.about
        for fact in cluster.trace.of(MessageSent, api="AlterPartitionResponse")
        if fact.destination == "broker-1"
    ]
    assert first == second == "AlterPartition answer FENCED_LEADER_EPOCH", "it has taken the dead out by itself"
    assert all(set(cluster.trace.now.isr(f"t-{number}")) == {1} for number in ASSIGNMENT)


def test_why_names_the_proposal_of_its_own_partition_in_a_batch():
    cluster = lagging()
    cluster.run(for_ms=8_000)
    for number in ASSIGNMENT:
        answer = cluster.trace.why(f"t-{number}", "isr")
        (proposal,) = [step for step in answer.steps if isinstance(step, IsrChangeProposed)]
        assert str(proposal.tp) == f"t-{number}"
        assert isinstance(answer.steps[-1], PartitionChanged)
        assert answer.setting == "replica.lag.time.max.ms=5000"
