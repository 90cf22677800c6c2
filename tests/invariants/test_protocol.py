"""The theorems of replication: histories that break each, and near misses that do not."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.invariants import PROTOCOL, protocol
from kafkasim.trace import Fact, facts
from tests.invariants.histories import TP, history


def decided(leader: int, isr: tuple[int, ...], epoch: int, version: int) -> Fact:
    return facts.PartitionChanged(101, TP, leader, isr, epoch, version, "")


def role(broker: int, leader: int, epoch: int) -> Fact:
    return facts.ReplicaRoleChanged(broker, TP, "leader" if broker == leader else "follower", leader, epoch)


def appended(broker: int, offset: int, name: str, epoch: int = 0, role: str = "follower") -> Fact:
    return facts.RecordsAppended(broker, TP, role, offset, offset, epoch, name)


def committed(broker: int, offset: int) -> Fact:
    return facts.HighWatermarkMoved(broker, TP, offset)


def knows(broker: int, *isr: int) -> Fact:
    return facts.IsrLearned(broker, TP, isr)


BEGIN = [decided(101, (101, 102), 0, 0), role(101, 101, 0), knows(101, 101, 102), role(102, 101, 0)]
BOTH_HAVE_A = [appended(101, 0, "a"), appended(102, 0, "a")]
TRIPS: dict[str, list[list[Fact]]] = {
    "StrongIsr": [
        [*BEGIN, appended(101, 0, "a"), committed(101, 1)],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.LogTruncated(102, TP, 0)],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.UnflushedLost(102, TP, 0)],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), decided(101, (101, 102, 103), 0, 1)],
        [*BEGIN, appended(101, 0, "a"), appended(102, 0, "b"), committed(101, 1)],
    ],
    "WeakIsr": [
        [*BEGIN, decided(101, (101,), 0, 1), appended(101, 0, "a"), committed(101, 1)],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), decided(101, (101,), 0, 1), knows(101, 101, 103)],
    ],
    "LeaderCompleteness": [
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.LogTruncated(102, TP, 0), decided(102, (101, 102), 1, 1)],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), decided(103, (103,), 1, 1)],
        [  # the leader that has committed it is long dead
            *BEGIN,
            *BOTH_HAVE_A,
            committed(101, 1),
            decided(102, (102, 103), 1, 1),
            role(102, 102, 1),
            decided(103, (103,), 2, 2),
        ],
        [*BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.ReplicaDeleted(102, TP), decided(102, (101, 102), 1, 1)],
        [
            *BEGIN,
            *BOTH_HAVE_A,
            committed(101, 1),
            facts.LogTruncated(102, TP, 0),
            appended(102, 0, "x", 1),
            decided(102, (102,), 1, 1),
        ],
    ],
    "LeaderInIsr": [[decided(101, (102,), 0, 0)], [*BEGIN, decided(103, (101, 102), 1, 1)]],
    "LogMatching": [
        [appended(101, 0, "a"), committed(101, 1), appended(102, 0, "b"), committed(102, 1)],
        [appended(101, 0, "a", epoch=1), committed(101, 1), appended(102, 0, "a"), committed(102, 1)],
    ],
    "EpochsMonotonic": [
        [decided(101, (101,), 1, 1), decided(102, (102,), 0, 2)],
        [decided(101, (101,), 1, 2), decided(101, (101,), 1, 1)],
        [facts.ControllerElected(101, 2), facts.ControllerElected(102, 1)],
        [facts.BrokerRegistered(101, 9), facts.BrokerRegistered(101, 8)],
        [role(102, 101, 2), role(102, 101, 1)],
        [appended(101, 0, "a", epoch=2), appended(101, 1, "b", epoch=1)],
    ],
    "OneLeaderPerEpoch": [
        [decided(101, (101, 102), 1, 1), decided(102, (101, 102), 1, 2)],
        [role(101, 101, 1), role(102, 102, 1)],
        [facts.ControllerElected(101, 2), facts.ControllerElected(102, 2)],
    ],
}
NEAR_MISSES: list[list[Fact]] = [
    [*BEGIN, *BOTH_HAVE_A, committed(101, 1)],
    [*BEGIN, *BOTH_HAVE_A, appended(101, 1, "b"), committed(101, 1)],  # not committed yet
    [*BEGIN, appended(102, 0, "x"), facts.LogTruncated(102, TP, 0), *BOTH_HAVE_A, committed(101, 1)],
    [*BEGIN, *BOTH_HAVE_A, committed(101, 1), knows(101, 101), decided(101, (101,), 0, 1), facts.LogTruncated(102, TP, 0)],
    [decided(-1, (101,), 1, 1)],  # nobody leads
    [*BEGIN, *BOTH_HAVE_A, committed(101, 1), decided(102, (101, 102), 1, 1), role(102, 102, 1)],
    [*BEGIN, *BOTH_HAVE_A, appended(101, 1, "b"), committed(101, 1), decided(102, (102,), 1, 1)],  # b is lost in its right
    [  # 103 begins where the leader's log begins now
        *BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.LogStartMoved(103, TP, 1, "", ""), facts.LogTruncated(103, TP, 1),
        decided(101, (101, 102, 103), 0, 1), decided(103, (103,), 1, 2)
    ],
    [  # moved away, and back again
        *BEGIN, *BOTH_HAVE_A, committed(101, 1), decided(101, (101,), 0, 1), facts.ReplicaDeleted(102, TP),
        appended(102, 0, "a"), decided(101, (101, 102), 0, 2), committed(101, 1)
    ],
    [*BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.LogRecovered(102, TP, 1, 0, "after an unclean end"), committed(101, 1)],
    [appended(101, 0, "a"), committed(101, 1), appended(102, 0, "b")],  # 102 does not know of its being committed
    [appended(101, 0, "a", epoch=2), facts.LogTruncated(101, TP, 0), appended(101, 0, "b", epoch=1)],
    [decided(101, (101,), 1, 1), decided(-1, (101,), 2, 2), decided(101, (101,), 3, 3)],
    [role(101, 101, 1), role(101, 101, 1)],
    [decided(101, (101,), 4, 9), decided(102, (102,), 0, 0)],  # deleted, and made anew
    [  # a killed leader leads no more, whatever its high watermark was
        *BEGIN, *BOTH_HAVE_A, committed(101, 1), facts.HostChanged("broker-101", "killed", 1), decided(102, (102, 103), 1, 1)
    ],
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"), [(name, told) for name, all_ in TRIPS.items() for told in all_], ids=lambda one: str(one)[:20]
)
def test_a_history_that_breaks_a_theorem_is_found_under_its_name(name, told):
    found = protocol(history(*told)).named(name)
    assert len(found) >= 1
    assert found[0].witnesses
    assert found[0].text


@pytest.mark.parametrize("told", NEAR_MISSES, ids=range(len(NEAR_MISSES)))
def test_a_near_miss_is_no_finding(told):
    assert protocol(history(*told)).names == ()


def test_every_theorem_has_a_history_that_trips_it():
    assert set(TRIPS) == set(PROTOCOL)


def test_a_real_run_with_a_fail_over_breaks_nothing():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=1, replication_factor=3, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    cluster.kill(cluster.trace.now.leader("t-0"))
    producer.send("t", "b")
    cluster.run(for_ms=30_000)
    assert len(protocol(cluster.trace)) == 0
