"""Vectors told in prose: each is a test written by hand, and this is the table of which.

The tests run in a process of their own, once for all cases that are asked for together.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REQUESTS, MEMBERS = "tests/core/test_group_requests.py", "tests/core/test_static_members.py"
REBALANCES, LOST = "tests/sim/test_rebalances.py", "tests/sim/test_lost_leaders.py"
RULES, LOADING = "tests/core/test_transactions.py", "tests/sim/test_group_admin.py"

TESTS = {
    "scenario-001": f"{LOST}::test_acks_1_is_lost_when_nobody_has_fetched_it_and_its_offset_goes_to_the_next_record",
    "scenario-003": f"{LOST}::test_an_isr_of_one_that_loses_its_disk_leaves_the_partition_without_a_leader",
    "scenario-004": f"{LOST}::test_an_unclean_leader_loses_what_only_the_dead_one_had_and_that_one_follows",
    "scenario-007": (
        "tests/sim/test_controller.py"
        "::test_a_new_controller_takes_the_dead_one_out_first_and_elects_then"
    ),
    "scenario-008": f"{LOST}::test_without_zookeeper_work_goes_on_but_nobody_is_elected_and_nothing_is_decided",
    "scenario-012": "tests/reachability/test_scripted.py::test_without_idempotence_a_lost_answer_makes_a_duplicate",
    "scenario-013": f"{REBALANCES}::test_with_latest_what_was_written_before_the_position_was_fixed_is_skipped",
    "scenario-014": f"{REBALANCES}::test_a_small_cluster_with_kafkas_defaults_has_no_coordinator",
    "scenario-018": "tests/sim/test_log_manager.py::test_a_week_old_record_goes_at_the_first_check_after_its_week",
    "group_coordinator_response-001": f"{REQUESTS}::test_one_member_joins_syncs_and_beats",
    "group_coordinator_response-004": f"{REQUESTS}::test_a_session_timeout_outside_the_limits",
    "group_coordinator_response-007": (
        f"{REQUESTS}"
        "::test_in_stable_an_unchanged_follower_stays_and_the_leader_rebalances"
    ),
    "group_coordinator_response-009": f"{REQUESTS}::test_no_common_assignor",
    "group_coordinator_response-011": f"{REQUESTS}::test_in_the_join_phase_nobody_syncs",
    "group_coordinator_response-012": f"{REQUESTS}::test_a_second_member_makes_the_first_join_again",
    "group_coordinator_response-013": f"{REQUESTS}::test_a_second_member_makes_the_first_join_again",
    "group_coordinator_response-014": f"{REQUESTS}::test_an_unknown_member_id_and_an_old_generation",
    "group_coordinator_response-015": (
        f"{LOADING}"
        "::test_while_the_coordinator_reads_its_partition_members_are_put_off_gently"
    ),
    "group_coordinator_response-016": f"{REQUESTS}::test_one_member_joins_syncs_and_beats",
    "group_coordinator_response-020": f"{REQUESTS}::test_an_unknown_member_id_and_an_old_generation",
    "group_coordinator_response-021": f"{MEMBERS}::test_the_old_member_id_is_fenced",
    "group_coordinator_response-022": (
        f"{LOADING}"
        "::test_while_the_coordinator_reads_its_partition_members_are_put_off_gently"
    ),
    "group_coordinator_response-023": f"{REQUESTS}::test_a_commit_is_judged_by_state_member_and_generation",
    "group_coordinator_response-031": f"{LOADING}::test_committed_offsets_are_told_in_every_state_of_the_group",
    "group_coordinator_response-032": f"{REQUESTS}::test_the_last_member_leaves_and_the_generation_counts_on",
    "group_coordinator_response-034": (
        f"{LOADING}"
        "::test_a_running_group_can_be_neither_moved_nor_deleted_and_an_empty_one_can"
    ),
    "transaction_epoch-004": f"{RULES}::test_a_successor_aborts_what_is_open_and_gets_the_epoch_after_the_fence",
    "transaction_epoch-006": f"{RULES}::test_what_has_no_partition_cannot_be_ended",
    "transaction_epoch-008": f"{RULES}::test_a_commit_that_is_repeated_is_answered_as_the_first_and_an_abort_is_not",
    "transaction_epoch-009": "tests/sim/test_transactions.py::test_a_timeout_above_the_brokers_limit_is_refused",
}  # fmt: skip
"""The test of each case."""


def difference(case: str) -> str | None:
    """Why the test of a case does not prove it; None when it passes."""
    told = _results().get(TESTS[case], [])
    if told and set(told) == {"PASSED"}:
        return None
    return f"{TESTS[case]}: {', '.join(sorted(set(told))) or 'it does not exist'}"


@functools.cache
def _results() -> dict[str, list[str]]:
    """What became of each test, a word for each set of its parameters."""
    nodes = sorted(set(TESTS.values()))
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--no-header", "-p", "no:cacheprovider", *nodes]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("PASSED", "FAILED", "ERROR", "SKIPPED"):
            found.setdefault(rest.split(" ")[0].partition("[")[0], []).append(word)
    return found
