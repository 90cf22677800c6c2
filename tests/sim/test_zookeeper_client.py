"""The client library: it moves on, sets its watches again, and learns of its expiry from a server."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.core.zk_errors import (
    BadVersionError,
    ConnectionLoss,
    NodeExistsError,
    NoNodeError,
    RolledBackError,
    RuntimeInconsistency,
    SessionExpiredError,
)
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.errors import ConfigError, UsageError


def alone(servers: int = 3) -> ks.Cluster:
    return ks.Cluster(brokers=0, zookeepers=servers, zookeeper_config={"tickTime": 500}, seed=5)


def client_of(cluster: ks.Cluster, timeout_ms: int = 5_000, **settings: bool):
    zk = cluster.zookeeper.client(timeout_ms, **settings)
    zk.start().get()
    return zk


def test_the_names_are_kazoos():
    zk = client_of(alone())

    assert zk.create("/app", b"1").get() == "/app"
    assert zk.create("/app/job-", sequence=True).get() == "/app/job-0000000000"
    assert zk.create("/app/me", ephemeral=True).get() == "/app/me"
    assert zk.get("/app").get()[0] == b"1"
    assert zk.set("/app", b"2", version=0).get().version == 1
    assert zk.get_children("/app").get() == ["job-0000000000", "me"]
    assert zk.exists("/app/me").get().ephemeral_owner == zk.session_id
    assert zk.exists("/nope").get() is None
    assert zk.sync("/app").get() == "/app"
    assert zk.delete("/app/me").get() is None
    with pytest.raises(NoNodeError):
        zk.get("/app/me").get()
    with pytest.raises(BadVersionError):
        zk.set("/app", b"3", version=0).get()
    with pytest.raises(NodeExistsError):
        zk.create("/app").get()


def test_a_transaction_is_all_or_nothing():
    zk = client_of(alone())
    good = zk.transaction()
    good.create("/a", b"1")
    good.set_data("/a", b"2", version=0)
    good.check("/a", version=1)
    results = good.commit().get()
    assert (results[0], results[1].version, results[2]) == ("/a", 1, None)

    bad = zk.transaction()
    bad.create("/b")
    bad.delete("/a", version=7)
    bad.create("/c")

    assert [type(part) for part in bad.commit().get()] == [RolledBackError, BadVersionError, RuntimeInconsistency]
    assert zk.exists("/b").get() is None


def test_a_client_moves_on_and_hears_of_what_it_missed():
    cluster = alone()
    zk, other = client_of(cluster), client_of(cluster)
    heard, states = [], []
    zk.add_listener(states.append)
    zk.create("/d", b"0").get()
    zk.get("/d", watch=lambda event: heard.append((event.event, event.path))).get()
    zk.exists("/n", watch=lambda event: heard.append((event.event, event.path))).get()
    zk.get_children("/", watch=lambda event: heard.append((event.event, event.path))).get()
    cluster.kill(cluster.zookeeper.leader)
    cluster.run(for_ms=20)
    assert (zk.state, other.state, states) == ("CONNECTING", "CONNECTING", ["SUSPENDED"])
    assert zk.get("/d").error is None, "it waits for the outcome of the next attempt"
    while other.state != "CONNECTED":
        cluster.run(for_ms=1)
    other.set("/d", b"1").get()
    other.create("/n").get()

    cluster.run(for_ms=4_000)

    assert states == ["SUSPENDED", "CONNECTED"]
    assert sorted(heard) == [("NodeChildrenChanged", "/"), ("NodeCreated", "/n"), ("NodeDataChanged", "/d")]


def test_without_quorum_every_call_loses_its_connection_and_the_session_lives():
    cluster = alone()
    zk = client_of(cluster)
    session_id = zk.session_id
    cluster.kill("zookeeper-1")
    cluster.kill("zookeeper-2")
    cluster.run(for_ms=1_000)
    with pytest.raises(ConnectionLoss):
        zk.get("/").get()
    cluster.run(for_ms=20_000)
    cluster.start("zookeeper-1")
    cluster.run(for_ms=5_000)

    assert zk.get_children("/").get() == ["zookeeper"]
    assert zk.session_id == session_id


def test_expiry_is_learned_from_a_server_only():
    cluster = alone()
    zk = client_of(cluster, 2_000)
    zk.create("/e", ephemeral=True).get()
    states = []
    zk.add_listener(states.append)
    host = cluster.trace.of("SessionChanged")[0].owner
    cluster.inject(ks.faults.Partition(host, list(cluster.zookeeper.servers)))
    cluster.run(for_ms=20_000)
    assert cluster.trace.of("SessionChanged", owner=host)[-1].state == "expired"
    assert (zk.state, states) == ("CONNECTING", ["SUSPENDED"]), "cut off, it does not know"

    cluster.heal()
    cluster.run(for_ms=20_000)

    assert (zk.state, states) == ("CLOSED", ["SUSPENDED", "LOST"])
    with pytest.raises(SessionExpiredError):
        zk.get("/").get()
    zk.start().get()
    assert zk.exists("/e").get() is None


def test_a_silent_server_is_given_up_after_two_thirds_of_the_timeout():
    cluster = alone()
    zk = client_of(cluster, 6_000)
    host = cluster.trace.of("SessionChanged")[0].owner
    server = cluster.trace.of("SessionChanged")[0].server
    cut_ms = cluster.now_ms
    cluster.inject(ks.faults.Partition(host, server))
    while zk.state == "CONNECTED":
        cluster.run(for_ms=1)

    assert 3_000 <= cluster.now_ms - cut_ms <= 4_002
    cluster.run(for_ms=3_000)
    assert zk.state == "CONNECTED"
    assert cluster.trace.of("SessionChanged", owner=host)[-1].server != server


def test_a_client_that_retries_recognises_its_own_work():
    """The write was done, and its answer is lost with the connection."""
    cluster = alone()
    zk = client_of(cluster, retries=True)
    host = cluster.trace.of("SessionChanged")[0].owner
    server = cluster.trace.of("SessionChanged")[0].server
    zk.create("/d", b"0").get()
    cluster.inject(ks.faults.Clog(server, host, one_way=True))
    registered = zk.multi([Create("/e", b"", ephemeral=True), SetData("/d", b"1", 0)])
    cluster.run(for_ms=50)
    cluster.inject(ks.faults.Reset(server, host))
    cluster.heal()
    cluster.run(for_ms=5_000)

    assert registered.result()[0] == "/e"
    assert [fact.change for fact in cluster.trace.of("ZnodeChanged", path="/d")] == ["created", "set"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda zk: zk.create("no-slash"), "must start with /"),
        (lambda zk: zk.create("/a", "text"), "are bytes"),
        (lambda zk: zk.get(7), "must be a text"),
        (lambda zk: zk.set("/a", b"", version=1.5), "version"),
        (lambda zk: zk.delete("/a", version=True), "version"),
        (lambda zk: zk.get("/a", watch="me"), "watch must be a function"),
        (lambda zk: zk.create("/a", ephemeral=1), "ephemeral"),
        (lambda zk: zk.add_listener(None), "listener must be a function"),
        (lambda zk: zk.start(), "started already"),
    ],
)
def test_bad_input_is_refused_at_the_call(call, told):
    cluster = alone()
    zk = client_of(cluster)
    facts = len(cluster.trace)

    with pytest.raises((ConfigError, UsageError), match=told):
        call(zk)

    assert len(cluster.trace) == facts


def test_bad_servers_and_timeouts_are_refused_at_the_call():
    cluster = alone()
    with pytest.raises(ks.KafkaSimError, match="Did you mean zookeeper-1"):
        cluster.zookeeper.session(5_000).connect("zookeper-1")
    with pytest.raises(ConfigError, match="timeout_ms"):
        cluster.zookeeper.client(0)
    with pytest.raises(ks.KafkaSimError, match="Did you mean zookeeper-3"):
        cluster.zookeeper.status("zookeeper3")
    with pytest.raises(UsageError, match="not started"):
        cluster.zookeeper.client().get("/")
    with pytest.raises(UsageError, match="no brokers"):
        cluster.producer()


@pytest.mark.parametrize("seed", [43, 283, 370, 378])
def test_an_event_that_comes_in_the_same_moment_as_the_answer_that_arms_its_watch_is_not_lost(seed):
    cluster = ks.Cluster(brokers=3, seed=seed, broker_config={"zookeeper.session.timeout.ms": 6000})

    assert cluster.trace.now.live_brokers == (101, 102, 103)


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_broker_whose_session_expired_while_it_stood_still_is_back_after_one_pause_for_its_only_server(seed):
    cluster = ks.Cluster([1, 2, 3], zookeepers=1, broker_config={"zookeeper.session.timeout.ms": 6000}, seed=seed)
    zookeeper = cluster.zookeeper.client()
    zookeeper.start().get()
    cluster.pause(1)
    cluster.run(for_ms=9000)
    assert "1" not in zookeeper.get_children("/brokers/ids").get()
    cluster.resume(1)
    # The old session tries again after one to two seconds; it is over, and the new one is opened at once.
    cluster.run(for_ms=1000)
    assert "1" not in zookeeper.get_children("/brokers/ids").get()
    cluster.run(for_ms=1100)
    assert "1" in zookeeper.get_children("/brokers/ids").get()
