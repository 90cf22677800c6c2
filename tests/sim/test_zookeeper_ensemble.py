"""A ZooKeeper ensemble under way: who leads, what it costs, what a crash, a pause and a cut do to it."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.core.zk_requests import Create, Exists, GetData, SetData
from kafkasim.trace.facts import FollowerSynchronized, SessionChanged, ZooKeeperLeaderElected, ZooKeeperServerChanged

TICK_MS = 500


def alone(servers: int = 3, **settings: object) -> ks.Cluster:
    """An ensemble without brokers; its last server leads."""
    return ks.Cluster(brokers=0, zookeepers=servers, zookeeper_config={"tickTime": TICK_MS, **settings}, seed=5)


def states(cluster: ks.Cluster) -> dict[str, str]:
    return {name: cluster.zookeeper.status(name).state for name in cluster.zookeeper.servers}


def session(cluster: ks.Cluster, server: str, timeout_ms: int = 5_000):
    opened = cluster.zookeeper.session(timeout_ms)
    opened.connect(server).get()
    return opened


@pytest.mark.parametrize("servers", [2, 3, 4, 5, 6, 7])
def test_it_works_with_a_majority_and_not_without(servers):
    """An even size bears no more failures than the odd one below it."""
    cluster = alone(servers)
    assert cluster.zookeeper.leader == f"zookeeper-{servers}"
    bears = (servers - 1) // 2
    for number in range(1, bears + 1):
        cluster.kill(f"zookeeper-{number}")
    cluster.run(for_ms=2_000)
    assert cluster.zookeeper.leader == f"zookeeper-{servers}"
    assert cluster.zookeeper.status(cluster.zookeeper.leader).epoch == 1, "losing followers disturbs nobody"

    cluster.kill(f"zookeeper-{bears + 1}")
    cluster.run(for_ms=2_000)

    assert cluster.zookeeper.leader is None
    assert set(list(states(cluster).values())[bears + 1 :]) == {"looking"}
    cluster.start("zookeeper-1")
    cluster.run(for_ms=2_000)
    assert cluster.zookeeper.leader == f"zookeeper-{servers}"
    assert cluster.zookeeper.status(cluster.zookeeper.leader).epoch == 2


def test_one_server_stands_alone_in_epoch_0():
    cluster = alone(1)
    a = session(cluster, "zookeeper-1")

    assert states(cluster) == {"zookeeper-1": "standalone"}
    assert a.request(Create("/n")).get().zxid == 2


def test_an_idle_ensemble_makes_no_events():
    cluster = alone(5)
    sessions = [session(cluster, name) for name in cluster.zookeeper.servers]
    facts = len(cluster.trace)

    cluster.run(for_ms=3_600_000)

    assert len(cluster.trace) == facts
    assert all(one.is_connected for one in sessions)


def test_a_leaders_crash_costs_the_vote_and_everybodys_connection():
    cluster = alone()
    a = session(cluster, "zookeeper-1")
    a.request(Create("/n", b"1")).get()
    cluster.kill("zookeeper-3")
    crashed_ms = cluster.now_ms
    cluster.run(for_ms=10)
    assert not a.is_connected, "a server without a leader drops its clients"

    cluster.run(for_ms=1_000)

    elected = cluster.trace.of(ZooKeeperLeaderElected)[-1]
    assert (elected.server, elected.epoch) == ("zookeeper-2", 2)
    assert 200 < elected.at_ms - crashed_ms < 230
    a.connect("zookeeper-1").get()
    assert a.request(GetData("/n")).get().result[0] == b"1"


def test_an_attempt_that_fails_uses_an_epoch_up():
    """Its follower dies after it has accepted the epoch and before it has joined it."""
    cluster = alone(3, initLimit=2)
    cluster.kill("zookeeper-1")
    cluster.kill("zookeeper-2")
    cluster.run(for_ms=2_000)
    cluster.start("zookeeper-2")
    while not [f for f in cluster.trace.of("MessageSent", api="LeaderInfo") if f.about == "epoch 2"]:
        cluster.run(for_ms=0.1)
    cluster.kill("zookeeper-2")
    cluster.run(for_ms=3_000)
    cluster.start("zookeeper-2")
    cluster.run(for_ms=3_000)

    assert cluster.trace.of(ZooKeeperLeaderElected)[-1].epoch == 3


def test_a_paused_leader_is_given_up_after_the_sync_limit():
    cluster = alone(3, syncLimit=5)
    old = session(cluster, "zookeeper-3")
    cluster.pause("zookeeper-3")
    paused_ms = cluster.now_ms
    hangs = old.request(Create("/n"))
    cluster.run(for_ms=5_000)

    elected = cluster.trace.of(ZooKeeperLeaderElected)[-1]
    assert elected.server == "zookeeper-2"
    assert 4.5 * TICK_MS < elected.at_ms - paused_ms < 5 * TICK_MS + 300
    assert states(cluster)["zookeeper-3"] == "paused"
    assert not hangs.is_done()
    cluster.resume("zookeeper-3")
    cluster.run(for_ms=2_000)
    assert isinstance(hangs.error, ks.KafkaSimError)
    assert states(cluster)["zookeeper-3"] == "follower"


def test_a_short_pause_is_not_noticed():
    cluster = alone(3, syncLimit=5)
    changes = len(cluster.trace.of(ZooKeeperServerChanged))
    cluster.pause("zookeeper-3")
    cluster.run(for_ms=4 * TICK_MS)
    cluster.resume("zookeeper-3")
    cluster.run(for_ms=20_000)

    assert len(cluster.trace.of(ZooKeeperServerChanged)) == changes


def test_a_follower_that_is_cut_off_reads_stale_data_until_it_notices():
    cluster = alone(3, syncLimit=5)
    a, b = session(cluster, "zookeeper-3"), session(cluster, "zookeeper-1", 10_000)
    a.request(Create("/n", b"old")).get()
    cluster.run(for_ms=10)
    cluster.inject(ks.faults.Partition("zookeeper-1", ["zookeeper-2", "zookeeper-3"]))
    a.request(SetData("/n", b"new")).get()

    assert b.request(GetData("/n")).get().result[0] == b"old"
    cluster.run(for_ms=6 * TICK_MS)
    assert not b.is_connected
    assert states(cluster)["zookeeper-1"] == "looking"
    cluster.heal()
    cluster.run(for_ms=60_000)
    assert states(cluster)["zookeeper-1"] == "follower"
    assert cluster.zookeeper.status("zookeeper-1").zxid == cluster.zookeeper.status("zookeeper-3").zxid


def test_what_only_a_dead_leader_had_is_cut_off_when_it_returns():
    cluster = alone()
    a = session(cluster, "zookeeper-3")
    a.request(Create("/n", b"1")).get()
    for follower in ("zookeeper-1", "zookeeper-2"):
        cluster.inject(ks.faults.Clog("zookeeper-3", follower, one_way=True))
    a.request(SetData("/n", b"ghost"))
    cluster.run(for_ms=20)
    cluster.kill("zookeeper-3")
    for follower in ("zookeeper-1", "zookeeper-2"):
        cluster.inject(ks.faults.Reset("zookeeper-3", follower))
    cluster.heal()
    cluster.run(for_ms=1_000)
    b = session(cluster, "zookeeper-2")
    b.request(Create("/m")).get()
    cluster.start("zookeeper-3")
    cluster.run(for_ms=1_000)

    back = cluster.trace.of(FollowerSynchronized, server="zookeeper-3")[-1]
    assert (back.leader, back.how, back.transactions) == ("zookeeper-2", "TRUNC", 2)
    assert session(cluster, "zookeeper-3").request(GetData("/n")).get().result[0] == b"1"


@pytest.mark.parametrize(
    ("server", "at_least", "at_most"), [("zookeeper-3", 0, TICK_MS), ("zookeeper-1", 0, 1.5 * TICK_MS)]
)
@pytest.mark.parametrize("wait_ms", [0, 130, 260, 390])
def test_a_silent_session_expires_on_the_grid_of_the_ticks(server, at_least, at_most, wait_ms):
    cluster = alone()
    a = session(cluster, server, 2_000)
    a.request(Create("/e", ephemeral=True)).get()
    cluster.run(for_ms=wait_ms)
    a.request(Exists("/e")).get()
    silent_ms = cluster.now_ms
    a.drop()
    cluster.run(for_ms=5_000)

    expired = cluster.trace.of(SessionChanged, state="expired")[-1]
    assert 2_000 - 2 + at_least <= expired.at_ms - silent_ms <= 2_000 + 2 + at_most
    assert expired.setting == "timeout_ms=2000"


def test_why_a_session_expired():
    cluster = alone()
    session(cluster, "zookeeper-1", 2_000)
    host = cluster.trace.of(SessionChanged)[-1].owner
    cluster.kill(host)
    cluster.run(for_ms=5_000)

    why = cluster.trace.why(host, "session")

    assert why.setting == "timeout_ms=2000"
    assert [step.kind for step in why.steps] == ["HostChanged", "SessionChanged"]
    assert "expired" in why.text


def test_a_session_moves_and_its_old_connection_may_not_write():
    cluster = alone()
    a = session(cluster, "zookeeper-1")
    old = a.detach()
    a.connect("zookeeper-2").get()
    refused = old.request(Create("/n"))
    cluster.run(for_ms=50)

    assert cluster.trace.of(SessionChanged)[-1].state == "moved"
    assert refused.error is not None
    assert not old.is_connected
    reply = a.request(Create("/n")).get()
    assert reply.error is None, "the write over the old connection has changed nothing"
    assert reply.zxid & 0xFF == 3, "but it has used a zxid up"


def test_nothing_expires_without_a_quorum_and_a_new_leader_counts_anew():
    cluster = alone()
    a = session(cluster, "zookeeper-1", 2_000)
    a.request(Create("/e", ephemeral=True)).get()
    for name in cluster.zookeeper.servers:
        cluster.kill(name)
    cluster.run(for_ms=60_000)
    for name in cluster.zookeeper.servers:
        cluster.start(name)
    cluster.run(for_ms=1_000)
    assert not cluster.trace.of(SessionChanged, state="expired")

    cluster.run(for_ms=5_000)

    expired = cluster.trace.of(SessionChanged, state="expired")[-1]
    active_ms = cluster.trace.of(ZooKeeperLeaderElected)[-1].at_ms
    assert 2_000 <= expired.at_ms - active_ms <= 2_000 + TICK_MS
    assert a.connect("zookeeper-1").error is None


def test_an_observer_serves_and_does_not_vote():
    cluster = ks.Cluster(
        brokers=0, zookeepers=4, zookeeper_config={"tickTime": TICK_MS}, zookeeper_observers=["zookeeper-4"], seed=5
    )
    assert states(cluster)["zookeeper-3"] == "leader", "the highest id that votes"
    assert states(cluster)["zookeeper-4"] == "observer"
    a = session(cluster, "zookeeper-4", 10_000)
    a.request(Create("/n", b"1")).get()
    assert a.request(GetData("/n")).get().result[0] == b"1"
    assert not cluster.trace.of("MessageSent", source="zookeeper-4", api="Acknowledgement")

    cluster.kill("zookeeper-1")
    cluster.run(for_ms=2_000)
    assert a.is_connected
    cluster.kill("zookeeper-2")
    cluster.run(for_ms=2_000)

    assert not a.is_connected, "the observer does not make up a majority"
    assert (states(cluster)["zookeeper-3"], states(cluster)["zookeeper-4"]) == ("looking", "looking")
    cluster.start("zookeeper-2")
    cluster.run(for_ms=2_000)
    assert states(cluster)["zookeeper-4"] == "observer"
    with pytest.raises(ks.KafkaSimError, match="at least two servers that vote"):
        ks.Cluster(brokers=0, zookeepers=2, zookeeper_observers=["zookeeper-1"])


def test_a_request_that_is_too_large_costs_the_connection_and_not_the_session():
    cluster = alone()
    a = session(cluster, "zookeeper-1")
    lost = a.request(Create("/big", b"x" * 1_048_576))
    cluster.run(for_ms=20)
    assert lost.error is not None
    assert not a.is_connected

    a.connect("zookeeper-1").get()
    assert a.request(Exists("/big")).get().result is None
    assert a.request(Create("/small", b"x" * 1_000_000)).get().error is None


def test_the_same_seed_gives_the_same_bytes():
    def run() -> str:
        cluster = alone(5)
        a = session(cluster, "zookeeper-1")
        cluster.kill("zookeeper-5")
        cluster.run(for_ms=2_000)
        a.connect("zookeeper-2").get()
        return cluster.trace.digest()

    assert run() == run()
