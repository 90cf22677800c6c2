"""The calls around the clients: ZooKeeper, disks, loops, invariants, faults, the trace."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

import kafkasim as ks
from kafkasim import faults, invariants, processing
from kafkasim.client.zookeeper import ZooKeeperEnsemble
from kafkasim.sim.disk_inspector import DiskInspector
from kafkasim.sim.zookeeper_client import ZooKeeperClient
from kafkasim.sim.zookeeper_operations import Transaction
from kafkasim.sim.zookeeper_session import ZooKeeperSession
from kafkasim.trace import Trace
from tests.junk.world import Args, Call, World


def transform(record: Any) -> Any:
    return record.key, record.value


def ran(w: World, loop: Callable[..., Any]) -> Callable[..., Any]:
    """A loop that runs for a while in a process of its own; what it raises there is raised here."""

    def run(*args: Any, **kwargs: Any) -> None:
        w.cluster.process(loop(*args, **kwargs))
        w.cluster.run(for_ms=20)

    return run


def dead_disk(w: World) -> DiskInspector:
    """The disk of a broker that has just died."""
    if not w.is_dead:
        w.is_dead = True
        w.cluster.kill(101)
    return w.cluster.disk(101)


CALLS: dict[tuple[Any, str], Call] = {
    # --- ZooKeeper
    (ZooKeeperEnsemble, "status"): (lambda w: w.cluster.zookeeper.status, lambda w: Args("zookeeper-1")),
    (ZooKeeperEnsemble, "client"): (lambda w: w.cluster.zookeeper.client, lambda w: Args(5, retries=False)),
    (ZooKeeperEnsemble, "session"): (lambda w: w.cluster.zookeeper.session, lambda w: Args(5)),
    (ZooKeeperClient, "start"): (lambda w: w.cluster.zookeeper.client().start, lambda w: Args(5)),
    (ZooKeeperClient, "add_listener"): (lambda w: w.client.add_listener, lambda w: Args(print)),
    (ZooKeeperClient, "create"): (
        lambda w: w.client.create,
        lambda w: Args("/a", b"", ephemeral=False, sequence=False),
    ),
    (ZooKeeperClient, "set"): (lambda w: w.client.set, lambda w: Args("/brokers", b"", -1)),
    (ZooKeeperClient, "delete"): (lambda w: w.client.delete, lambda w: Args("/b", -1)),
    (ZooKeeperClient, "get"): (lambda w: w.client.get, lambda w: Args("/brokers", None)),
    (ZooKeeperClient, "exists"): (lambda w: w.client.exists, lambda w: Args("/brokers", None)),
    (ZooKeeperClient, "get_children"): (lambda w: w.client.get_children, lambda w: Args("/brokers", None)),
    (ZooKeeperClient, "sync"): (lambda w: w.client.sync, lambda w: Args("/brokers")),
    (ZooKeeperClient, "ensure"): (lambda w: w.client.ensure, lambda w: Args("/brokers")),
    (ZooKeeperClient, "multi"): (lambda w: w.client.multi, lambda w: Args([])),
    (ZooKeeperClient, "commit"): (lambda w: w.client.commit, lambda w: Args([])),
    (Transaction, "create"): (
        lambda w: w.client.transaction().create,
        lambda w: Args("/a", b"", ephemeral=False, sequence=False),
    ),
    (Transaction, "delete"): (lambda w: w.client.transaction().delete, lambda w: Args("/a", -1)),
    (Transaction, "set_data"): (lambda w: w.client.transaction().set_data, lambda w: Args("/a", b"", -1)),
    (Transaction, "check"): (lambda w: w.client.transaction().check, lambda w: Args("/a", -1)),
    (ZooKeeperSession, "connect"): (
        lambda w: w.session.connect,
        lambda w: Args("zookeeper-1", 5_000, password=None),
    ),
    (ZooKeeperSession, "request"): (lambda w: w.session.request, lambda w: Args(None, watch=False)),
    # --- the disk inspector
    **{
        (DiskInspector, name): (lambda w, name=name: getattr(dead_disk(w), name), lambda w: Args("t-0", 0))
        for name in ("cut_log", "cut_bytes", "add_bytes")
    },
    **{
        (DiskInspector, name): (lambda w, name=name: getattr(w.cluster.disk(101), name), lambda w: Args("t-0"))
        for name in ("replica", "checkpoint", "producers")
    },
    # --- loops and sinks
    (processing, "at_most_once"): (
        lambda w: ran(w, processing.at_most_once),
        lambda w: Args(w.consumer, processing.Sink(), poll_ms=5, work_ms=0, crash=None),
    ),
    (processing, "at_least_once"): (
        lambda w: ran(w, processing.at_least_once),
        lambda w: Args(w.consumer, processing.Sink(), commit_each="poll", poll_ms=5, work_ms=0, crash=None),
    ),
    (processing, "exactly_once"): (
        lambda w: ran(w, processing.exactly_once),
        lambda w: Args(w.consumer, w.transactional, transform, "n", poll_ms=5, crash=None),
    ),
    (processing, "note"): (
        lambda w: processing.note,
        lambda w: Args(w.consumer, "sink", w.record, "applied"),
    ),
    (processing, "Crash"): (lambda w: processing.Crash, lambda w: Args("poll", 1)),
    **{
        (processing, kind.__name__): (lambda w, kind=kind: kind, lambda w: Args("sink"))
        for kind in (processing.Sink, processing.UpsertSink, processing.OffsetSink)
    },
    **{
        (kind, "apply"): (lambda w, kind=kind: kind().apply, lambda w: Args(w.consumer, w.record))
        for kind in (processing.Sink, processing.UpsertSink, processing.OffsetSink)
    },
    (processing, "Stream"): (lambda w: processing.Stream, lambda w: Args(w.consumer, w.transactional)),
    **{
        (processing.Stream, name): (
            lambda w, name=name: getattr(processing.Stream(w.consumer, w.transactional), name),
            lambda w: Args(print),
        )
        for name in ("map", "map_values", "filter")
    },
    (processing.Stream, "to"): (
        lambda w: processing.Stream(w.consumer, w.transactional).to,
        lambda w: Args("n", poll_ms=5, crash=None),
    ),
    # --- invariants
    **{
        (invariants, check.__name__): (
            lambda w, check=check: lambda given: list(check(given)),
            lambda w: Args(w.cluster.trace),
        )
        for check in (invariants.anomalies, invariants.protocol)
    },
    (invariants, "History"): (lambda w: invariants.History, lambda w: Args(w.cluster.trace)),
    (invariants, "delivery"): (lambda w: invariants.delivery, lambda w: Args(w.cluster.trace)),
    (invariants, "allowed"): (
        lambda w: invariants.allowed,
        lambda w: Args(
            acks="all",
            enable_idempotence=True,
            retries=5,
            max_in_flight_requests_per_connection=5,
            unclean_leader_election_enable=False,
            power_loss=False,
            processing=None,
            idempotent_sink=False,
            static_members=False,
        ),
    ),
    (invariants.Findings, "named"): (
        lambda w: invariants.anomalies(w.cluster.trace).named,
        lambda w: Args("duplicate"),
    ),
    (invariants.Findings, "beyond"): (lambda w: invariants.anomalies(w.cluster.trace).beyond, lambda w: Args({})),
    # --- faults, made and injected, and plans
    **{
        (faults, kind.__name__): (
            lambda w, kind=kind: lambda *given: w.cluster.inject(kind(*given)),
            lambda w, kind=kind: Args(
                *(101 if field.default is dataclasses.MISSING else field.default for field in dataclasses.fields(kind))
            ),
        )
        for kind in typing.get_args(faults.Fault)
    },
    (faults, "plan"): (
        lambda w: faults.plan,
        lambda w: Args(7, brokers=(101,), others=(), for_ms=500, count=3, kinds=("Kill", "Pause")),
    ),
    (faults, "Plan"): (
        lambda w: lambda *given: w.cluster.inject(faults.Plan(*given)),
        lambda w: Args(((5, faults.Pause(101, 5)),), 500),
    ),
    # --- the trace
    (Trace, "of"): (lambda w: w.cluster.trace.of, lambda w: Args(ks.facts.RecordSent)),
    (Trace, "between"): (lambda w: w.cluster.trace.between, lambda w: Args(0, 5)),
    (Trace, "at"): (lambda w: w.cluster.trace.at, lambda w: Args(5)),
    (Trace, "why"): (lambda w: w.cluster.trace.why, lambda w: Args("t-0", "leader", at_ms=5)),
    (Trace, "story"): (lambda w: w.cluster.trace.story, lambda w: Args(key=None, tp="t-0", offset=0)),
    (Trace, "describe"): (lambda w: w.cluster.trace.describe, lambda w: Args(limit=5)),
}
