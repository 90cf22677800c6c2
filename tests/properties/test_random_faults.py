"""Random plans of faults: the protocol's theorems hold all the time, and afterwards the cluster heals."""

from __future__ import annotations

import pytest

import kafkasim as ks
from tests.properties.play import is_healed, play

FEW, ALL, CHUNK = 30, 360, 10


def check(seeds: range) -> None:
    for seed in seeds:
        cluster = play(seed)
        findings = ks.invariants.protocol(cluster.trace)
        assert not len(findings), f"seed {seed}: {findings}"
        assert is_healed(cluster) == [], f"seed {seed} has not healed"


@pytest.mark.parametrize("first", range(0, FEW, CHUNK))
def test_the_theorems_hold_under_random_faults_and_the_cluster_heals(first):
    check(range(first, first + CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FEW, ALL, CHUNK))
def test_the_same_with_many_more_seeds(first):
    check(range(first, first + CHUNK))
