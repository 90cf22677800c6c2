"""Replays the cases of a ZooKeeper oracle: an ensemble, what its sessions asked step by step, and what came back.

Everything goes through public names: ``cluster.zookeeper.session()`` for the clients, the faults of ``ks.faults`` for
the ensemble. After each step the ensemble comes to rest, so a step's watch events are complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kafkasim as ks
from tests.fidelity import oracle_actions
from tests.fidelity.oracle_stage import Stage


def names_used(case: dict[str, Any]) -> Iterator[str]:
    """What a case needs, operations, settings and arguments: a row of the ledger may leave any of it out."""
    ensemble = case["ensemble"]
    yield from case.get("requires", ())
    yield from ensemble.get("extra_config") or {}
    if ensemble.get("observers"):
        yield "observers"
    for step in case["steps"]:
        args = step.get("args", {})
        for one in (step, *args.get("ops", ())):
            yield one["op"]
            yield from one.get("args", one)
        yield from args


def difference(case: dict[str, Any]) -> str | None:
    """The first step whose outcome is another one, in words."""
    stage = Stage(case["ensemble"])
    roles = case["ensemble"].get("roles")
    if roles is not None and stage.roles() != roles:
        return f"roles at the start: expected {roles}, got {stage.roles()}"
    for step in case["steps"]:
        problem = _step(stage, step)
        if problem is not None:
            return f"step {step['i']} ({step['session']} {step['op']}): {problem}"
    return None


def _step(stage: Stage, step: dict[str, Any]) -> str | None:
    stage.begin(step)
    got = oracle_actions.do(stage, step)
    stage.end(step)
    wanted = step.get("result", {})
    for key, value in wanted.items():
        if key == "error" and isinstance(got, dict) and got.get("error") != value:
            return f"expected the error {value}, got {got}"
        if key not in got or got[key] != value:
            return f"{key}: expected {value!r}, got {got.get(key, got)!r}"
    if "error" in got and "error" not in wanted:
        return f"expected {wanted}, got {got}"
    return _events(stage, step) or _timing(stage, step)


def _events(stage: Stage, step: dict[str, Any]) -> str | None:
    wanted = {name: [(one["type"], one["path"]) for one in events] for name, events in step.get("events", {}).items()}
    got = stage.events()
    if step.get("events_unordered"):
        wanted = {name: sorted(events) for name, events in wanted.items()}
        got = {name: sorted(events) for name, events in got.items()}
    if wanted != got:
        return f"events: expected {wanted}, got {got}"
    order = step.get("own_events_vs_reply")
    if order is not None and stage.own_events_vs_reply(step["session"]) != order:
        return f"the events came {stage.own_events_vs_reply(step['session'])} the reply, not {order} it"
    return None


def _timing(stage: Stage, step: dict[str, Any]) -> str | None:
    timing = step.get("timing", {})
    if "accept_ms" not in timing:
        return None
    low, high = timing["accept_ms"]
    took = stage.moment_ms - stage.ended_ms[timing["since_step"]]
    return None if low <= took <= high else f"took {took:g} ms, not {low} to {high}"


def need_of(case: dict[str, Any]) -> str | None:
    """The first thing that an omitted row of the ledger leaves out; it leaves out the whole case."""
    omitted = ks.ledger("omitted")
    return next((name for name in names_used(case) if omitted.row_that_leaves_out(name)), None)
