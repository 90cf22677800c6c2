"""Whatever is given to a public call, it is taken or refused with an error of ours: never one of Python's own.

Every public method of the classes that a learner meets is called with something senseless in the place of each of its
arguments in turn. What is refused as misuse has changed nothing: no fact, no time. A method that is not listed here
fails the test that compares the list with the classes.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import kafkasim as ks
from kafkasim import faults, invariants, processing
from kafkasim.sim.admin import Admin
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.sim.zookeeper_operations import Transaction
from kafkasim.sim.zookeeper_session import ZooKeeperSession
from tests.junk import kafka_python, native, tools
from tests.junk.world import World, check

CALLS = {**native.CALLS, **kafka_python.CALLS, **tools.CALLS}
INSIDE = {
    (Admin, "close"), (Consumer, "assignment"), (Consumer, "subscription"), (Consumer, "paused"), (Consumer, "wakeup"),
    (Consumer, "group_metadata"), (Consumer, "enforce_rebalance"), (ZooKeeperClient, "close"),
    (ZooKeeperClient, "transaction"), (ZooKeeperClient, "look"), (ZooKeeperSession, "drop"),
    (ZooKeeperSession, "stop_pings"), (ZooKeeperSession, "detach"), (ZooKeeperSession, "close"), (Transaction, "commit"),
    (ks.Cluster, "heal"), (ks.Cluster, "client_library"), (processing.Sink, "is_new"),
    (processing.UpsertSink, "is_new"), (processing.OffsetSink, "is_new"),
}  # fmt: skip
"""Calls that take nothing, or something of ours: the steps of a look, the record that apply() hands on."""


def test_no_public_call_is_forgotten() -> None:
    public = {
        (kind, name)
        for kind in dict.fromkeys(kind for kind, _ in CALLS if inspect.isclass(kind))
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and len(inspect.signature(function).parameters) > 1
    }
    assert public - set(CALLS) - INSIDE == set()
    modules = {
        (module, name)
        for module in (processing, invariants, faults)
        for name, one in vars(module).items()
        if is_own(one, module) and name in module.__all__
    }
    assert modules - set(CALLS) - {(invariants, "Finding"), (invariants, "Findings"), (invariants, "Delivery")} == set()


def is_own(one: Any, module: Any) -> bool:
    """Whether a class or a function is one that a module makes public itself."""
    is_made = inspect.isclass(one) or inspect.isfunction(one)
    return is_made and one.__module__.startswith(module.__name__) and not one.__name__.startswith("_")


@pytest.mark.parametrize("name", CALLS, ids=lambda name: f"{name[0].__name__}.{name[1]}")
def test_junk_is_taken_or_refused_with_an_error_of_ours(name: tuple[type, str]) -> None:
    find, arguments = CALLS[name]
    world = World()
    found = []
    for place, junk, args, kwargs in arguments(world).spoiled():
        label = f"{name[1]}: argument {place} as {junk!r:.60}"
        function = find(world)
        found.append(check(world, label, lambda: function(*args, **kwargs)))  # noqa: B023
    wrong = list(filter(None, found))
    assert not wrong, "\n".join(wrong)
