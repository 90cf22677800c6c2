"""Links are cut, slow, lossy or clogged, in one direction or both; machines come and go in loops."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.trace.facts import (
    BrokerRegistered,
    Disconnected,
    FaultEnded,
    FaultStarted,
    HostChanged,
    MessageSent,
    SessionChanged,
)
from tests.sim.clusters import led_by_102, took_ms


def warmed_up(cluster: ks.Cluster, **settings: object) -> object:
    producer = cluster.producer(**settings)
    producer.send("t", "v").get()
    return producer


def test_a_delay_is_paid_once_in_each_direction():
    cluster = led_by_102()
    producer = warmed_up(cluster, acks=1)
    cluster.inject(ks.faults.Delay(producer, 102, by_ms=100))
    assert 200 < took_ms(cluster, producer.send("t", "v")) < 205
    cluster.heal()
    cluster.inject(ks.faults.Delay(producer, 102, one_way=True, by_ms=100))
    assert 100 < took_ms(cluster, producer.send("t", "v")) < 105
    cluster.heal()
    assert took_ms(cluster, producer.send("t", "v")) < 5


def test_what_is_lost_comes_as_tcp_sends_it_again():
    cluster = led_by_102()
    producer = warmed_up(cluster, acks=1)
    cluster.inject(ks.faults.Loss(producer, 102, probability=0.9, one_way=True, for_ms=1))
    took = took_ms(cluster, producer.send("t", "v"))
    losses = round(took / 200)
    assert losses in {2**n - 1 for n in range(1, 12)}, "0.2 s after the first loss, 0.6 s after a second, 1.4 s, ..."
    assert 0 <= took - 200 * losses < 5


def test_a_clog_holds_back_and_lets_through_in_order():
    cluster = led_by_102()
    producer = warmed_up(cluster, acks=1)
    cluster.inject(ks.faults.Clog(producer, 102, for_ms=500))
    sent = [producer.send("t", f"{number}") for number in range(3)]
    cluster.run(for_ms=499)
    assert not any(one.is_done() for one in sent)
    cluster.run(for_ms=10)
    assert [one.result().offset for one in sent] == [1, 2, 3]
    assert not cluster.trace.of(Disconnected)


def test_a_client_behind_a_partition_waits_while_the_cluster_goes_on():
    cluster = led_by_102()
    producer, other = warmed_up(cluster), warmed_up(cluster)
    cluster.inject(ks.faults.Partition(producer, cluster.brokers, for_ms=5_000))
    sent = producer.send("t", "late")
    assert took_ms(cluster, other.send("t", "v")) < 10
    cluster.run(for_ms=4_900)
    assert not sent.is_done()
    cluster.run(for_ms=2_000)
    assert sent.error is None


def test_answers_that_cannot_come_back_leave_a_record_that_nobody_has_confirmed():
    cluster = led_by_102()
    producer = warmed_up(cluster, acks=1, request_timeout_ms=1_000, delivery_timeout_ms=3_000)
    cluster.inject(ks.faults.Partition(102, producer, one_way=True))
    sent = producer.send("t", "written")
    cluster.run(for_ms=4_000)
    assert sent.error.name == "REQUEST_TIMED_OUT"
    assert cluster.trace.now.log_end_offset("t-0", 102) == 2, "the request came through, its answer did not"


def test_a_broker_that_reaches_no_zookeeper_server_loses_its_session_and_its_leaderships():
    cluster = led_by_102()
    cluster.inject(ks.faults.Partition(102, cluster.zookeeper.servers, for_ms=40_000))
    cluster.run(for_ms=30_000)
    assert cluster.trace.now.leader("t-0") == 103
    assert set(cluster.trace.now.live_brokers) == {101, 103}
    assert cluster.trace.of(HostChanged, host="broker-102")[-1].state == "running", "it lives, and still serves clients"
    cluster.run(for_ms=20_000)
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}
    assert len(cluster.trace.of(BrokerRegistered, broker=102)) == 2


def test_without_a_quorum_of_zookeeper_servers_brokers_go_on_and_nothing_can_change():
    cluster = led_by_102()
    producer = warmed_up(cluster)
    for server in cluster.zookeeper.servers[:2]:
        cluster.inject(ks.faults.Kill(server, for_ms=60_000))
    cluster.run(for_ms=20_000)
    assert cluster.zookeeper.leader is None
    assert took_ms(cluster, producer.send("t", "v")) < 10
    cluster.kill(102)
    cluster.run(for_ms=30_000)
    assert cluster.trace.now.leader("t-0") == 102, "nobody can elect"
    cluster.run(for_ms=60_000)
    assert cluster.trace.now.leader("t-0") == 103
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["kill", "kill"]


def test_heal_ends_the_faults_of_one_link_or_of_all():
    cluster = led_by_102()
    cluster.inject(ks.faults.Partition(101, 102))
    cluster.inject(ks.faults.Clog(102, 103))
    cluster.inject(ks.faults.Delay(101, 103))
    cluster.inject(ks.faults.Heal(102, 101))
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["partition"]
    cluster.heal()
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["partition", "clog", "delay"]


def test_a_crash_loop_kills_as_often_as_it_says_and_ends_with_a_process_that_stays():
    cluster = led_by_102()
    start_ms = cluster.now_ms
    cluster.inject(ks.faults.CrashLoop(102, times=2, up_ms=25_000, down_ms=20_000))
    cluster.run(for_ms=90_000)
    killed = [
        round(f.at_ms - start_ms) for f in cluster.trace.of(HostChanged, host="broker-102") if f.state == "killed"
    ]
    assert killed == [0, 45_000]
    assert [(round(f.at_ms - start_ms), f.fault) for f in cluster.trace.of(FaultEnded)] == [(65_000, "crash loop")]
    assert set(cluster.trace.now.isr("t-0")) == {101, 102, 103}


def test_a_reset_breaks_what_is_open_and_is_over():
    cluster = led_by_102()
    producer = warmed_up(cluster, acks=1)
    cluster.inject(ks.faults.Reset(producer, 102))
    cluster.run(for_ms=10)
    told = {(fact.client, fact.host, fact.reason) for fact in cluster.trace.of(Disconnected)}
    assert told == {(producer.client_id, "broker-102", "reset by peer")}
    assert [(fact.fault, fact.detail) for fact in cluster.trace.of(FaultStarted)] == [("reset", "at once")]
    assert [fact.fault for fact in cluster.trace.of(FaultEnded)] == ["reset"]
    cluster.run(for_ms=100)
    assert took_ms(cluster, producer.send("t", "v")) < 10


def test_nobody_is_told_of_a_loss_of_power():
    cluster = led_by_102()
    cluster.power_loss(103)
    cluster.run(for_ms=5_000)
    assert not cluster.trace.of(Disconnected), "a killed process would have closed its connections"
    cluster.run(for_ms=15_000)
    assert [fact.state for fact in cluster.trace.of(SessionChanged) if fact.state == "expired"] == ["expired"]
    assert set(cluster.trace.now.live_brokers) == {101, 102}


def test_a_plan_from_a_seed_is_a_plan_and_its_faults_are_facts():
    drawn = ks.faults.plan(11, brokers=(101, 102, 103), for_ms=30_000)
    assert drawn == ks.faults.plan(11, brokers=(101, 102, 103), for_ms=30_000)
    assert drawn != ks.faults.plan(12, brokers=(101, 102, 103), for_ms=30_000)
    by_hand = ks.faults.Plan([(10, ks.faults.Pause(102)), (20, ks.faults.Resume(102))], for_ms=30)
    cluster = led_by_102()
    messages = len(cluster.trace.of(MessageSent))
    cluster.inject(by_hand)
    cluster.run(for_ms=30)
    assert [fact.state for fact in cluster.trace.of(HostChanged, host="broker-102")] == ["running", "paused", "running"]
    assert len(cluster.trace.of(MessageSent)) == messages, "an idle cluster says nothing"
