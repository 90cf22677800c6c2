"""Signs of life that are only computed give the same transitions at the same times as those that are simulated."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import kafkasim as ks
from tests.properties.eager import APIS, play, transitions

EVERYBODY = ("zookeeper-1", "zookeeper-2", "zookeeper-3")
FEW, MANY, CHUNK = 4, 204, 10
PAUSED_COORDINATOR = 0
"""What comes for a paused process is looked at before what is too late by then."""
RESET_WHILE_JOINING = 34
"""A static member whose late heartbeat is refused while it joins does not join twice: it would fence itself."""


def check(seeds: Iterable[int], others: tuple[str, ...] = ()) -> None:
    for seed in seeds:
        lazy, eager = (play(seed, eager=eager, others=others).trace for eager in (False, True))
        different = [(a, b) for a, b in zip(transitions(lazy), transitions(eager), strict=False) if a != b][:1]
        assert different == [], f"seed {seed}"
        assert len(transitions(lazy)) == len(transitions(eager)), f"seed {seed}"
        assert beats(lazy) < beats(eager), f"seed {seed}"


def beats(trace: ks.Trace) -> int:
    return sum(fact.api in APIS for fact in trace.of("MessageSent"))


def test_faults_of_brokers_and_members() -> None:
    check([PAUSED_COORDINATOR, *range(1, FEW)])


def test_faults_of_zookeeper_servers_too() -> None:
    check([*range(FEW), RESET_WHILE_JOINING], EVERYBODY)


@pytest.mark.search
@pytest.mark.parametrize("first", range(FEW, MANY, CHUNK))
@pytest.mark.parametrize("others", [(), EVERYBODY], ids=["brokers and members", "zookeeper too"])
def test_the_same_with_many_more_seeds(first: int, others: tuple[str, ...]) -> None:
    check(range(first, first + CHUNK), others)


def test_in_calm_nothing_is_sent_and_a_silent_death_is_noticed_in_time() -> None:
    cluster = ks.Cluster(brokers=1, broker_config={"offsets.topic.replication.factor": "1"}, seed=7)
    cluster.create_topic("t")
    members = [cluster.consumer("t", group_id="g", enable_auto_commit=False) for _ in range(2)]
    for member in members:
        cluster.process(lambda member=member: (yield member.poll(10**9)))
    cluster.run(for_ms=20_000)
    before = beats(cluster.trace)
    cluster.run(for_ms=3_600_000)
    assert beats(cluster.trace) == before

    killed_ms = cluster.now_ms
    cluster.kill(members[0])
    cluster.run(for_ms=60_000)
    gone = cluster.trace.of("GroupChanged", state="PreparingRebalance")[-1]
    assert 42_000 <= gone.at_ms - killed_ms <= 45_001, "session.timeout.ms after the last beat, which was computed"
