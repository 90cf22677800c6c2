"""A broker's disk is slow, full or broken, and a session ends that nobody has given up."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import KafkaStorageException, UsageError
from kafkasim.trace.facts import BrokerRegistered, FaultEnded, FaultStarted, HostChanged, ProduceRefused
from tests.sim.clusters import led_by_102, took_ms


def test_a_slow_disk_delays_what_its_leader_appends_one_request_after_the_other():
    cluster = led_by_102()
    producer = cluster.producer(acks=1)
    producer.send("t", "v").get()
    usual = took_ms(cluster, producer.send("t", "v"))
    cluster.inject(ks.faults.SlowDisk(102, by_ms=100, for_ms=5_000))
    assert 100 < took_ms(cluster, producer.send("t", "v")) < 100 + 3 * usual
    other = cluster.producer(acks=1)
    both = [producer.send("t", "a"), other.send("t", "b")]
    start_ms = cluster.now_ms
    for one in both:
        one.get()
    assert 200 < cluster.now_ms - start_ms < 250
    cluster.run(for_ms=5_000)
    assert took_ms(cluster, producer.send("t", "v")) < 10
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["slow disk"]


def test_a_followers_slow_disk_delays_acks_all():
    cluster = led_by_102()
    producer = cluster.producer(acks="all")
    producer.send("t", "v").get()
    cluster.inject(ks.faults.SlowDisk(103, by_ms=300))
    assert 300 < took_ms(cluster, producer.send("t", "v")) < 350
    cluster.inject(ks.faults.Mend(103))
    assert took_ms(cluster, producer.send("t", "v")) < 10


def test_a_full_disk_refuses_the_next_append_and_the_broker_halts():
    cluster = led_by_102()
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    cluster.inject(ks.faults.DiskFull(102, for_ms=30_000))
    cluster.run(for_ms=1_000)
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "running", "nothing was appended yet"
    sent = producer.send("t", "b")
    cluster.run(for_ms=1_000)
    assert [fact.error for fact in cluster.trace.of(ProduceRefused)] == ["KAFKA_STORAGE_ERROR"]
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"
    cluster.run(for_ms=60_000)
    assert sent.is_done()
    assert sent.error is None, "another broker leads, and the producer has tried again"
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}
    assert ks.invariants.anomalies(cluster.trace).names == ()


def test_a_followers_full_disk_halts_it():
    cluster = led_by_102()
    cluster.inject(ks.faults.DiskFull(103))
    cluster.producer(acks=1).send("t", "a").get()
    cluster.run(for_ms=1_000)
    assert cluster.trace.of(HostChanged, host="broker-103")[-1].state == "killed"


def test_a_broker_whose_log_directory_has_failed_halts_and_cannot_start_until_it_is_mended():
    cluster = led_by_102()
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    cluster.inject(ks.faults.LogDirFailure(102))
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"
    cluster.run(for_ms=25_000)
    with pytest.raises(KafkaStorageException, match="broker-102"):
        cluster.start(102)
    cluster.inject(ks.faults.Mend(102))
    cluster.start(102)
    cluster.run(for_ms=5_000)
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}
    assert cluster.trace.of(FaultEnded)[0].fault == "log dir failure"


def test_the_end_of_one_fault_of_a_disk_leaves_the_others_as_they_are():
    cluster = led_by_102()
    start_ms = cluster.now_ms
    cluster.inject(ks.faults.SlowDisk(102, for_ms=3_000))
    cluster.inject(ks.faults.LogDirFailure(102, for_ms=40_000))
    cluster.run(for_ms=35_000)
    ended = [(round(f.at_ms - start_ms), f.fault) for f in cluster.trace.of(FaultEnded)]
    assert ended == [(3_000, "slow disk")]
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"
    cluster.run(for_ms=25_000)
    ended = [(round(f.at_ms - start_ms), f.fault) for f in cluster.trace.of(FaultEnded)]
    assert ended == [(3_000, "slow disk"), (40_000, "log dir failure")]
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}


def test_mend_ends_all_faults_of_a_disk_and_starts_nothing():
    cluster = led_by_102()
    for fault in (ks.faults.SlowDisk(102), ks.faults.DiskFull(102), ks.faults.LogDirFailure(102, for_ms=5_000)):
        cluster.inject(fault)
    cluster.inject(ks.faults.Mend(102))
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["slow disk", "disk full", "log dir failure"]
    cluster.run(for_ms=30_000)
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"
    assert len(cluster.trace.of(FaultEnded)) == 3, "a fault ends once"


def test_who_was_killed_is_not_started_because_a_disk_has_space_again():
    cluster = led_by_102()
    cluster.inject(ks.faults.DiskFull(102, for_ms=5_000))
    cluster.kill(102)
    cluster.run(for_ms=30_000)
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "killed"


def test_a_follower_whose_disk_is_too_slow_falls_out_of_the_isr_and_returns():
    cluster = led_by_102()
    producer = cluster.producer(acks="all")
    cluster.inject(ks.faults.SlowDisk(103, by_ms=50_000))
    producer.send("t", "v")
    cluster.run(for_ms=48_000)
    assert cluster.trace.now.isr("t-0") == (102, 101), "it has lagged for more than replica.lag.time.max.ms=30000"
    cluster.inject(ks.faults.Mend(103))
    cluster.run(for_ms=10_000)
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}


def test_who_cannot_stay_is_not_started_again_and_again():
    cluster = led_by_102()
    cluster.inject(ks.faults.LogDirFailure(102))
    with pytest.raises(UsageError, match="of broker-102 has failed"):
        cluster.restart(102)
    cluster.kill(101)
    cluster.inject(ks.faults.Partition(101, cluster.zookeeper.servers))
    with pytest.raises(UsageError, match="not done yet> after 600 s of simulated time"):
        cluster.restart(101)


def test_a_refused_append_names_the_disk():
    cluster = led_by_102()
    cluster.inject(ks.faults.DiskFull(102))
    cluster.producer(acks=1, retries=0, enable_idempotence=False).send("t", "a")
    cluster.run(for_ms=100)
    refused = cluster.trace.of(ProduceRefused)[0]
    assert (refused.error, refused.setting) == ("KAFKA_STORAGE_ERROR", "log.dirs")
    assert "No space is left on the device" in str(refused)


def test_a_session_that_is_ended_from_elsewhere_is_opened_anew_without_a_crash():
    cluster = led_by_102()
    cluster.inject(ks.faults.ExpireSession(101))
    cluster.run(for_ms=10_000)
    assert [fact.fault for fact in cluster.trace.of(FaultStarted)] == ["expire session"]
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["expire session"]
    assert cluster.trace.now.controller != 101, "it was the controller, and another one was faster"
    assert len(cluster.trace.of(BrokerRegistered, broker=101)) == 2
    assert len(cluster.trace.of(HostChanged, host="broker-101")) == 1, "the process never ended"
    assert set(cluster.trace.now.live_brokers) == {101, 102, 103}
