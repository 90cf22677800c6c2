"""The replay of a ZooKeeper oracle can fail: at a result, an event, their order, a time, a role."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.fidelity import oracle
from tests.fidelity.shapes import DATA

CASES = {case["id"]: case for case in json.loads((DATA / "zookeeper-oracle.json").read_text())["cases"]}


def planted(case: str, step: int, change: dict[str, Any]) -> dict[str, Any]:
    """A case with a wrong expectation in one step."""
    wrong = copy.deepcopy(CASES[case])
    wrong["steps"][step] |= change
    return wrong


@pytest.mark.parametrize(
    ("case", "step", "change", "told"),
    [
        ("uncommitted-write-lost", 12, {"result": {"data": "ghost"}}, "data: expected 'ghost', got '1'"),
        ("uncommitted-write-lost", 10, {"result": {"leader_zxid": "0x300000000"}}, "got '0x200000000'"),
        ("watch-own-write", 4, {"events": {}}, "events: expected {}, got {'A': [('NodeDataChanged', '/o')]}"),
        ("watch-own-write", 4, {"own_events_vs_reply": "after"}, "the events came before the reply, not after it"),
        ("client-ahead-of-server", 5, {"result": {"resumed": True}}, "got {'error': 'ConnectionClosed'}"),
        ("znode-errors", 1, {"result": {"error": "NodeExists"}}, "expected the error NodeExists"),
        ("session-restart-before-expiry", 6, {"timing": {"since_step": 2, "accept_ms": [0, 9]}}, "not 0 to 9"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_expectation_is_found_and_named(case, step, change, told):
    found = oracle.difference(planted(case, step, change))

    assert found is not None
    assert found.startswith(f"step {step} (")
    assert told in found


def test_wrong_roles_at_the_start_are_found():
    wrong = copy.deepcopy(CASES["znode-lifecycle"])
    wrong["ensemble"]["roles"]["3"] = "leader"

    assert "roles at the start" in str(oracle.difference(wrong))


def test_what_a_case_needs_is_known_before_it_runs():
    setting = copy.deepcopy(CASES["znode-lifecycle"])
    setting["ensemble"]["extra_config"] = {"localSessionsEnabled": "true"}
    acl = copy.deepcopy(CASES["znode-lifecycle"])
    acl["steps"].append({"i": 99, "session": "A", "op": "multi", "args": {"ops": [{"op": "create", "acl": []}]}})

    needs = [oracle.need_of(case) for case in (CASES["znode-lifecycle"], setting, acl)]
    assert needs == [None, "localSessionsEnabled", "acl"]
