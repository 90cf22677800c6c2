"""A broker dies: its session expires, others lead, clients recover, nothing acknowledged is lost."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.trace.facts import (
    ControllerElected,
    HostChanged,
    PartitionChanged,
    RecordsPolled,
    SessionChanged,
)


def cluster_with_topic(seed: int = 7, **config: object) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=seed)
    cluster.create_topic("t", partitions=3, replication_factor=3, min_insync_replicas=2, **config)
    return cluster


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_brokers_session_expires_in_time(seed):
    cluster = cluster_with_topic(seed)
    cluster.run(for_ms=seed * 777)
    killed_ms = cluster.now_ms
    cluster.kill(102)
    cluster.run(for_ms=25_000)

    expired = cluster.trace.of(SessionChanged, owner="broker-102", state="expired")

    assert len(expired) == 1
    assert 13_000 <= expired[0].at_ms - killed_ms <= 22_000
    assert expired[0].at_ms % 2_000 == 0, "the leader looks once a tick"


def test_the_first_live_in_sync_replica_leads_and_the_epoch_rises():
    cluster = cluster_with_topic()
    before = {tp: cluster.trace.now.partition(tp) for tp in ("t-0", "t-1", "t-2")}
    victim = before["t-2"].leader
    assert victim != cluster.trace.now.controller
    cluster.kill(victim)
    cluster.run(for_ms=25_000)

    now = cluster.trace.now
    created = cluster.trace.of("TopicCreated", topic="t")[0]
    survivors = [broker for broker in created.assignment[2] if broker != victim]
    assert now.leader("t-2") == survivors[0]
    for tp in before:
        assert set(now.isr(tp)) == set(survivors)
        assert now.partition(tp).leader_epoch == 1, "also where only a follower was lost"
    assert now.live_brokers == tuple(sorted(survivors))


def test_when_the_controller_dies_another_broker_takes_over_with_the_next_epoch():
    cluster = cluster_with_topic()
    first = cluster.trace.now.controller
    led = [tp for tp in ("t-0", "t-1", "t-2") if cluster.trace.now.leader(tp) == first]
    cluster.kill(first)
    cluster.run(for_ms=25_000)

    elected = cluster.trace.of(ControllerElected)
    assert [fact.controller_epoch for fact in elected] == [1, 2]
    assert elected[1].broker != first
    assert all(cluster.trace.now.partition(tp).leader_epoch == 2 for tp in led), (
        "offline first, then elected: two steps"
    )
    assert all(cluster.trace.now.leader(tp) not in (None, first) for tp in ("t-0", "t-1", "t-2"))


@pytest.mark.parametrize("seed", range(12))
def test_nothing_acknowledged_is_lost_doubled_or_reordered_with_acks_all(seed):
    cluster = cluster_with_topic(seed)
    producer = cluster.producer(acks="all")
    victim = cluster.brokers[seed % 3]

    @cluster.process
    def shop():
        for number in range(40):
            producer.send("t", f"{number}", key=f"k{number % 5}")
            yield cluster.sleep_ms(25)

    cluster.at(cluster.now_ms + 300 + seed, ks.faults.Kill(victim))
    cluster.at(cluster.now_ms + 40_000, ks.faults.Restart(victim))
    cluster.run(for_ms=90_000)

    report = ks.invariants.delivery(cluster.trace)
    assert (report.sent, report.acknowledged) == (40, 40)
    assert (report.lost, report.duplicated, report.reordered, report.unknown) == ((), (), (), ())
    state = cluster.trace.now
    for number in range(3):
        assert set(state.isr(("t", number))) == set(cluster.brokers), "the returned broker is in sync again"
        ends = {
            cluster.disk(broker).replica(ks.TopicPartition("t", number)).log_end_offset for broker in cluster.brokers
        }
        assert len(ends) == 1


def test_an_acknowledged_record_is_lost_with_acks_1_when_its_leader_dies_at_once():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=1, replication_factor=3)
    producer = cluster.producer(acks=1)
    producer.partitions_for("t").get()
    leader = cluster.trace.now.leader("t-0")
    cluster.inject(ks.faults.Partition(leader, [broker for broker in cluster.brokers if broker != leader]))
    assert producer.send("t", "gone").get().offset == 0
    cluster.kill(leader)
    cluster.run(for_ms=30_000)

    report = ks.invariants.delivery(cluster.trace)
    assert (report.sent, report.acknowledged, len(report.lost)) == (1, 1, 1)
    assert cluster.trace.now.leader("t-0") != leader


def test_a_broker_that_comes_back_too_early_ends_and_is_started_again():
    cluster = cluster_with_topic()
    cluster.kill(102)
    cluster.run(for_ms=1_000)
    cluster.restart(102)

    states = [fact.state for fact in cluster.trace.of(HostChanged, host="broker-102")]
    assert states[:4] == ["running", "killed", "running", "stopped"], "its old session was alive"
    assert states[-1] == "running"
    assert cluster.trace.of(SessionChanged, owner="broker-102", state="expired")


def test_a_group_goes_on_when_its_coordinator_and_a_leader_die():
    cluster = cluster_with_topic()
    producer = cluster.producer(acks="all")
    consumer = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")
    got: list[str] = []

    def read_until(count: int) -> None:
        for _ in range(120):
            if len(got) >= count:
                return
            got.extend(record.value.decode() for record in consumer.poll(1_000).get())

    for number in range(9):
        producer.send("t", f"{number}", key=f"k{number}")
    producer.flush().get()
    read_until(9)
    consumer.commit_sync().get()
    coordinator = cluster.trace.of("GroupChanged", group="g")[-1].coordinator
    cluster.kill(coordinator)
    for number in range(9, 18):
        producer.send("t", f"{number}", key=f"k{number}")
    read_until(18)

    assert sorted(map(int, got)) == list(range(18))
    consumer.commit_sync().get()
    assert cluster.trace.of("GroupChanged", group="g")[-1].coordinator != coordinator
    polled = cluster.trace.of(RecordsPolled, consumer="consumer-1")
    assert sum(fact.count for fact in polled) == 18


def test_why_names_the_first_cause_and_the_setting():
    cluster = cluster_with_topic()
    victim = cluster.trace.now.leader("t-2")
    cluster.kill(victim)
    cluster.run(for_ms=25_000)

    why = cluster.trace.why("t-2", "leader")
    assert why.setting == "zookeeper.session.timeout.ms=18000"
    assert [step.kind for step in why.steps] == [
        "HostChanged", "SessionChanged", "ZnodeChanged", "WatchFired", "PartitionChanged",
    ]  # fmt: skip
    assert why.steps[0].state == "killed"
    for about, subject in (("isr", "t-2"), ("high_watermark", "t-2"), ("session", victim), ("state", victim)):
        answer = cluster.trace.why(subject, about)
        assert answer.text
        assert len(answer.steps) <= 5


def test_the_znodes_are_kafkas():
    cluster = cluster_with_topic()
    changes = {fact.path: fact for fact in cluster.trace.of("ZnodeChanged")}
    assert changes["/brokers/ids/102"].ephemeral_owner == "broker-102"
    assert changes["/controller"].ephemeral_owner == f"broker-{cluster.trace.now.controller}"
    state = changes["/brokers/topics/t/partitions/0/state"]
    leader, isr = cluster.trace.now.leader("t-0"), list(cluster.trace.of(PartitionChanged, tp="t-0")[0].isr)
    assert state.data.decode() == (
        f'{{"controller_epoch":1,"leader":{leader},"version":1,"leader_epoch":0,"isr":{isr}}}'.replace(", ", ",")
    )
