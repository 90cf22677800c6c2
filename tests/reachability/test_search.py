"""What Kafka allows is found by random search in a fair share of seeds; what it does not allow is found in none.

``make test`` looks at a few seeds; ``make search``, which CI runs too, at 200 of each setting where something may go
wrong, and at 500 of the safe one. What one seed did: ``search(SAFE, 202)`` in a Python of the house's environment.
"""

from __future__ import annotations

import statistics

import pytest

from kafkasim.invariants import allowed
from tests.reachability.search import KINDS, Setting, search

UNSAFE: dict[str, tuple[Setting, tuple[str, ...], dict[str, object]]] = {
    "acks=0": (
        Setting(("kill", "isolate", "loss", "isolate, then kill"), producer={"acks": 0}),
        ("lost-write",), {"acks": 0},
    ),
    "acks=1": (
        Setting(("kill", "isolate, then kill", "pause"), producer={"acks": 1}),
        ("lost-write",), {"acks": 1},
    ),
    "not idempotent": (
        Setting(("deaf", "loss", "kill", "pause"), producer={"enable_idempotence": False}),
        ("duplicate", "nonmonotonic-send"), {"enable_idempotence": False},
    ),
    "at most once": (
        Setting(("kill",), faults_at_least=0, faults_at_most=1, loop="at_most_once"),
        ("skipped-effect",), {"processing": "at_most_once"},
    ),
    "at least once": (
        Setting(("kill",), faults_at_least=0, faults_at_most=1, loop="at_least_once"),
        ("duplicate-effect",), {"processing": "at_least_once"},
    ),
    "unclean election": (
        Setting(
            ("isolate, then kill", "kill"),
            topic={"unclean_leader_election_enable": True, "min_insync_replicas": 1},
        ),
        ("lost-write",), {"unclean_leader_election_enable": True},
    ),
}  # fmt: skip
SAFE = Setting(tuple(KINDS), 8, 14, loop="exactly_once")
"""An idempotent producer with acks=all, three replicas, two in sync, clean elections; a transactional loop reads on.
Everything may come but a loss of power."""
SEEDS, SAFE_SEEDS, SHARES = 200, 500, 10
"""The safe seeds are looked at in shares, which can run side by side."""
FAIR_SHARE = 0.05


@pytest.mark.parametrize("name", UNSAFE)
def test_a_few_seeds_find_nothing_that_is_not_allowed(name: str) -> None:
    setting, _, may = UNSAFE[name]
    for seed in range(1_000, 1_003):
        assert len(search(setting, seed).findings.beyond(allowed(**may))) == 0, seed


def test_a_few_seeds_of_the_safe_setting_find_nothing() -> None:
    for seed in range(1_000, 1_003):
        run = search(SAFE, seed)
        assert (str(run.findings), run.wrong_results) == ("no findings", ()), seed


@pytest.mark.search
@pytest.mark.parametrize("name", UNSAFE)
def test_what_may_go_wrong_is_found_under_its_name_in_a_fair_share_of_seeds(name: str) -> None:
    setting, wanted, may = UNSAFE[name]
    runs = [search(setting, seed) for seed in range(SEEDS)]

    for anomaly in wanted:
        hits = sum(anomaly in run.findings.names for run in runs)
        assert hits >= FAIR_SHARE * SEEDS, f"{anomaly} in {hits} of {SEEDS} seeds"
    assert {run.seed: run.findings.names for run in runs if run.findings.beyond(allowed(**may))} == {}


@pytest.mark.search
@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_safe_stays_safe_under_ten_faults_and_more(share: int) -> None:
    runs = [search(SAFE, seed) for seed in range(share, SAFE_SEEDS, SHARES)]

    assert {run.seed: str(run.findings) for run in runs if run.findings} == {}
    assert {run.seed: run.wrong_results for run in runs if run.wrong_results} == {}
    assert statistics.median(run.faults for run in runs) >= 10
    assert all(run.acknowledged for run in runs)
