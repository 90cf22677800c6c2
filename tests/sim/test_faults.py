"""Machines are killed, paused, stopped and lose their power; what others notice of it differs."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError, UnknownNameError, UsageError
from kafkasim.trace.facts import Disconnected, FaultEnded, FaultStarted, HostChanged, PartitionChanged, SessionChanged


def cluster_with_topic(seed: int = 7) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=seed)
    cluster.create_topic("t", partitions=1, replication_factor=3, min_insync_replicas=2)
    return cluster


def follower(cluster: ks.Cluster) -> int:
    """A broker that neither leads t-0 nor is the controller."""
    state = cluster.trace.now
    return next(b for b in cluster.brokers if b not in (state.leader("t-0"), state.controller))


def test_a_paused_process_works_off_what_has_come_and_loses_nothing():
    cluster = cluster_with_topic()
    producer = cluster.producer(acks="all")
    producer.send("t", "before").get()
    paused = follower(cluster)
    cluster.pause(paused)
    sent = producer.send("t", "during")
    cluster.run(for_ms=5_000)
    assert not sent.is_done(), "the paused follower is still in sync, and has not fetched it"
    assert not cluster.trace.of(Disconnected), "its connections look alive"
    cluster.resume(paused)
    cluster.run(for_ms=100)

    assert sent.is_done()
    assert sent.error is None
    changes = cluster.trace.of(HostChanged, host=f"broker-{paused}")
    assert [(fact.state, fact.incarnation) for fact in changes] == [("running", 1), ("paused", 1), ("running", 1)]


def test_a_clean_stop_ends_the_session_at_once():
    cluster = cluster_with_topic()
    stopped = follower(cluster)
    cluster.stop(stopped)
    cluster.run(for_ms=100)

    assert stopped not in cluster.trace.now.live_brokers
    cluster.start(stopped)
    cluster.run(for_ms=1_000)
    assert stopped in cluster.trace.now.live_brokers


def test_who_is_told_to_stop_twice_stops_once():
    cluster = cluster_with_topic()
    stopped = follower(cluster)
    cluster.inject(ks.faults.Stop(stopped))
    cluster.run(for_ms=1)
    cluster.inject(ks.faults.Stop(stopped))
    cluster.run(for_ms=1_000)
    assert [fact.state for fact in cluster.trace.of(HostChanged, host=f"broker-{stopped}")] == ["running", "stopped"]


def test_a_broker_takes_no_connections_before_it_is_registered():
    """It cannot reach ZooKeeper; a client that hears of the cluster from it must wait, too."""
    cluster = cluster_with_topic()
    cluster.kill(103)
    cluster.inject(ks.faults.Partition(103, cluster.zookeeper.servers))
    cluster.inject(ks.faults.Restart(103))
    sent = cluster.producer(bootstrap_servers="broker-103:9092").send("t", "a")
    cluster.run(for_ms=1_000)
    assert [fact.reason for fact in cluster.trace.of(Disconnected, client="producer-1")] == ["connection refused"]
    assert not sent.is_done()

    cluster.heal()
    cluster.run(for_ms=30_000)
    assert sent.error is None


def test_a_broker_that_is_killed_while_it_stops_comes_back_when_the_later_of_both_faults_is_over():
    """It cannot reach the controller, and so has not ended in good order when it is killed."""
    cluster = cluster_with_topic()
    stopping = follower(cluster)
    others = [one for one in cluster.brokers if one != stopping]
    cluster.inject(ks.faults.Partition(stopping, others, for_ms=3_000))
    cluster.inject(ks.faults.Stop(stopping, for_ms=300))
    cluster.run(for_ms=1_000)
    cluster.inject(ks.faults.Kill(stopping, for_ms=30_000))
    cluster.run(for_ms=29_000)
    assert stopping not in cluster.trace.now.live_brokers

    cluster.run(for_ms=3_000)
    assert stopping in cluster.trace.now.live_brokers
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["stop", "partition", "kill"]


def test_who_stops_hangs_up_before_its_session_ends():
    cluster = cluster_with_topic()
    leader = cluster.trace.now.leader("t-0")
    name = f"broker-{leader}"
    producer = cluster.producer(acks="all")
    producer.send("t", "v").get()
    cluster.stop(leader)

    trace = cluster.trace
    hung_up = [fact for fact in trace.of(Disconnected) if fact.host == name]
    (closed,) = [fact for fact in trace.of(SessionChanged, owner=name) if fact.state == "closed"]
    stopped = trace.of(HostChanged, host=name)[-1]
    assert {fact.client for fact in hung_up} > {"producer-1", "cluster-admin"}
    assert trace.of(PartitionChanged, tp="t-0")[-1].at_ms < hung_up[0].at_ms < closed.at_ms < stopped.at_ms
    assert {fact.reason for fact in hung_up} == {"stopped"}


def test_who_is_killed_while_it_stops_has_stopped_and_comes_back_in_its_time():
    cluster = cluster_with_topic()
    stopped = follower(cluster)
    cluster.inject(ks.faults.Pause("zookeeper-1"))
    cluster.inject(ks.faults.Pause("zookeeper-2"))
    cluster.at(cluster.now_ms + 500, ks.faults.Kill(stopped))
    cluster.stop(stopped)
    assert cluster.trace.of(HostChanged, host=f"broker-{stopped}")[-1].state == "killed"


def test_who_loses_its_session_while_it_stops_goes_without_giving_anything_away():
    """It cannot ask who the controller is, and when it can again, ZooKeeper knows it no more."""
    cluster = cluster_with_topic()
    leader = cluster.trace.now.leader("t-0")
    cluster.inject(ks.faults.Partition(leader, cluster.zookeeper.servers, for_ms=30_000))
    cluster.inject(ks.faults.Stop(leader))
    cluster.run(for_ms=29_000)
    name = f"broker-{leader}"
    assert cluster.trace.of(HostChanged, host=name)[-1].state == "running"
    assert cluster.trace.now.leader("t-0") != leader, "the others have taken it for dead"
    cluster.run(for_ms=10_000)
    assert [fact.state for fact in cluster.trace.of(HostChanged, host=name)] == ["running", "stopped"]


def test_who_stops_before_it_was_registered_is_started_in_its_time_all_the_same():
    """Its old session lives, so the start that the stop comes into ends by itself."""
    cluster = cluster_with_topic()
    stopped = follower(cluster)
    cluster.kill(stopped)
    cluster.run(for_ms=1_000)
    cluster.inject(ks.faults.Start(stopped))
    cluster.inject(ks.faults.Stop(stopped, for_ms=25_000))
    cluster.run(for_ms=24_000)
    assert cluster.trace.of(HostChanged, host=f"broker-{stopped}")[-1].state == "stopped"
    cluster.run(for_ms=2_000)
    assert stopped in cluster.trace.now.live_brokers


def test_a_fault_is_a_fact_when_it_starts_and_when_it_ends():
    cluster = cluster_with_topic()
    start_ms = cluster.now_ms
    cluster.at(start_ms + 10, ks.faults.Pause(102, for_ms=50))
    cluster.inject(ks.faults.Partition(101, ["zookeeper-1", 103], one_way=True, for_ms=40))
    cluster.run(for_ms=100)

    started = [
        (round(f.at_ms - start_ms), f.number, f.fault, f.target, f.detail) for f in cluster.trace.of(FaultStarted)
    ]
    assert started == [
        (0, 1, "partition", "broker-101 -> zookeeper-1, broker-103", "for_ms=40"),
        (10, 2, "pause", "broker-102", "for_ms=50"),
    ]
    assert [(round(f.at_ms - start_ms), f.number) for f in cluster.trace.of(FaultEnded)] == [(40, 1), (60, 2)]


def test_a_planned_fault_that_another_one_has_overtaken_does_nothing():
    cluster = cluster_with_topic()
    cluster.at(cluster.now_ms + 10, ks.faults.Kill(102))
    cluster.at(cluster.now_ms + 20, ks.faults.Kill(102))
    cluster.at(cluster.now_ms + 30, ks.faults.Pause(102))
    cluster.run(for_ms=100)
    assert [fact.fault for fact in cluster.trace.of(FaultStarted)] == ["kill"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.kill("brokr-102"), UnknownNameError, "Did you mean broker-102"),
        (lambda c: c.pause("zookeeper-9"), UnknownNameError, "zookeeper-1"),
        (lambda c: c.resume(102), UsageError, "broker-102 is running, not paused"),
        (lambda c: c.start(102), UsageError, "broker-102 is running"),
        (lambda c: c.inject(ks.faults.SlowDisk("brokr-102")), UnknownNameError, "Did you mean broker-102"),
        (lambda c: c.inject(ks.faults.DiskFull("zookeeper-1")), UsageError, "hits brokers, and zookeeper-1 is none"),
        (lambda c: c.inject(ks.faults.LogDirFailure(109)), UnknownNameError, "109"),
        (lambda c: c.inject(ks.faults.Mend(102)), UsageError, "Nothing is wrong with the disk of broker-102"),
        (lambda c: c.at(10**6, ks.faults.ExpireSession("zookeeper-1")), UsageError, "hits brokers"),
        (lambda c: ks.faults.SlowDisk(101, by_ms=float("inf")), ConfigError, "by_ms"),
        (lambda c: ks.faults.SlowDisk(101, by_ms=0), ConfigError, "by_ms"),
        (lambda c: ks.faults.DiskFull(101, for_ms=True), ConfigError, "for_ms"),
        (lambda c: ks.faults.LogDirFailure(101, for_ms=0), ConfigError, "for_ms"),
        (lambda c: c.inject("kill"), ConfigError, "ks.faults"),
        (lambda c: c.inject(ks.faults.Partition(101, 101)), ConfigError, "both sides"),
        (lambda c: c.inject(ks.faults.Partition(101, 109)), UnknownNameError, "109"),
        (lambda c: c.at(10**6, ks.faults.Delay(101, "broker-12")), UnknownNameError, "broker-102"),
        (lambda c: ks.faults.Kill(101, for_ms=-1), ConfigError, "for_ms"),
        (lambda c: ks.faults.Loss(101, 102, probability=1.0), ConfigError, "probability"),
        (lambda c: ks.faults.Delay(101, 102, by_ms=float("nan")), ConfigError, "by_ms"),
        (lambda c: ks.faults.Partition(101, 102, one_way=1), ConfigError, "one_way"),
        (lambda c: ks.faults.CrashLoop(101, times=0), ConfigError, "times"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_changes_nothing(call, error, message):
    cluster = cluster_with_topic()
    facts = len(cluster.trace)
    with pytest.raises(error, match=message):
        call(cluster)
    assert len(cluster.trace) == facts


def test_the_end_of_a_pause_finds_a_process_that_was_killed_meanwhile_dead():
    cluster = cluster_with_topic()
    cluster.inject(ks.faults.Pause(102, for_ms=1_000))
    cluster.inject(ks.faults.Kill(102, for_ms=5_000))
    cluster.run(for_ms=2_000)

    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["pause"]
    cluster.run(for_ms=20_000)
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "running"
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["pause", "kill"]


def test_a_broker_that_is_stopped_before_it_was_registered_is_taken_back_into_the_isr():
    cluster = cluster_with_topic()
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    stopped = follower(cluster)
    cluster.kill(stopped)
    cluster.run(for_ms=25_000)
    producer.send("t", "b").get()
    cluster.inject(ks.faults.Delay(stopped, cluster.zookeeper.servers, by_ms=300, for_ms=20_000))
    cluster.inject(ks.faults.Restart(stopped))
    cluster.run(for_ms=3_000)
    assert stopped not in cluster.trace.now.live_brokers, "it is still starting"
    cluster.inject(ks.faults.Stop(stopped, for_ms=1_000))
    cluster.run(for_ms=60_000)
    assert stopped in cluster.trace.now.live_brokers
    assert set(cluster.trace.now.isr("t-0")) == set(cluster.brokers)
