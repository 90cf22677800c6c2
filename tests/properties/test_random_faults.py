"""Random plans of faults: the protocol's theorems hold all the time, and afterwards the cluster heals."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import kafkasim as ks
from kafkasim.faults.plan import KINDS, SAFE_KINDS
from tests.properties.play import is_healed, play

FEW, ALL, CHUNK = 20, 320, 10
EVERYBODY = ("zookeeper-1", "zookeeper-2", "zookeeper-3")
ALL_KINDS = tuple(kind for kind in KINDS if kind != "PowerLoss")
OF_RECORDS = {"StrongIsr", "WeakIsr", "LeaderCompleteness", "LogMatching"}
ZOOKEEPER_TOO = (*range(10), 24, 54)
"""Among them a connection that was won and lost within one pause, and a stop before the broker was registered."""


def check(seeds: Iterable[int], others: tuple[str, ...] = (), kinds: tuple[str, ...] = SAFE_KINDS) -> None:
    for seed in seeds:
        cluster = play(seed, others=others, kinds=kinds)
        findings = ks.invariants.protocol(cluster.trace)
        assert not len(findings), f"seed {seed}: {findings}"
        assert is_healed(cluster) == [], f"seed {seed} has not healed"


@pytest.mark.parametrize("first", range(0, FEW, CHUNK))
def test_the_theorems_hold_under_random_faults_and_the_cluster_heals(first):
    check(range(first, first + CHUNK))


def test_the_same_with_faults_of_zookeeper_servers_too():
    check(ZOOKEEPER_TOO, EVERYBODY)


def test_the_same_with_faults_of_disks_and_sessions():
    check(range(10), EVERYBODY, ALL_KINDS)


@pytest.mark.parametrize("unclean", [False, True])
def test_whatever_is_lost_epochs_rise_and_leaders_are_in_their_isr(unclean):
    """With power losses and unclean elections records may go, and with them what speaks of records."""
    for seed in range(5):
        cluster = play(seed, kinds=tuple(KINDS), unclean=unclean)
        assert set(ks.invariants.protocol(cluster.trace).names) <= OF_RECORDS, seed
        assert is_healed(cluster) == [], f"seed {seed} has not healed"


@pytest.mark.search
@pytest.mark.parametrize("first", range(FEW, ALL, CHUNK))
@pytest.mark.parametrize(
    ("others", "kinds"),
    [((), SAFE_KINDS), (EVERYBODY, SAFE_KINDS), (EVERYBODY, ALL_KINDS)],
    ids=["brokers", "zookeeper too", "all kinds"],
)
def test_the_same_with_many_more_seeds(first, others, kinds):
    check(range(first, first + CHUNK), others, kinds)
