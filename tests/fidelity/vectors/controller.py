"""Vectors of the controller: placement, elections, what becomes of a partition when brokers fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kafkasim as ks
from kafkasim.core import election, placement


def replica_assignment(given: Any) -> Any:
    brokers = [one["id"] if isinstance(one, dict) else one for one in given["brokers"]]
    racks = {one["id"]: one["rack"] for one in given["brokers"] if isinstance(one, dict) and one.get("rack")}
    assignment = placement.assign_replicas(
        brokers, given["num_partitions"], given["replication_factor"], start_index=given["start_index"],
        start_shift=given["next_replica_shift"], first_partition=max(0, given["start_partition_id"]),
        racks=racks or None,
    )  # fmt: skip
    return {"assignment": {str(number): list(replicas) for number, replicas in assignment.items()}}


def add_partitions(given: Any) -> Any:
    existing = dict.fromkeys(range(given["existing_partition_count"]), given["partition_0_replicas"])
    added = placement.add_partitions(given["brokers"], existing, given["new_total"])
    start = placement.start_of_added(given["brokers"], given["partition_0_replicas"])
    return {"start_index": start, "new_assignment": {str(n): list(replicas) for n, replicas in added.items()}}


def rack_alternated_broker_list(given: Any) -> Any:
    return placement.rack_alternated({int(broker): rack for broker, rack in given["broker_racks"].items()})


def leader_election(given: Any) -> Any:
    replicas, isr, live = given["assignment"], given["isr"], given["live_brokers"]
    match given["strategy"]:
        case "OFFLINE":
            unclean = given["unclean_leader_election_enable"]
            chosen = election.offline_election(replicas, isr, live, unclean=unclean)
        case "PREFERRED":
            chosen = election.preferred_election(replicas, isr, live)
        case "REASSIGN":
            chosen = election.reassignment_election(given["target_replicas"], isr, live)
        case "CONTROLLED_SHUTDOWN":
            chosen = election.controlled_shutdown_election(replicas, isr, live, given["shutting_down"])
        case strategy:
            raise ValueError(f"no election strategy {strategy}")
    if chosen is None:
        return {"leader": None}
    return {
        "leader": chosen.leader,
        "isr": sorted(chosen.isr),
        "leader_epoch": given["leader_epoch_before"] + 1,
        "leader_recovery_state": "RECOVERING" if chosen.is_unclean else "RECOVERED",
    }


def broker_failure_sequence(given: Any) -> Any:
    """A cluster with one broker more, which controls it and holds nothing of the partition."""
    assignment, controller = given["assignment"], max(given["assignment"]) + 1
    cluster = ks.Cluster(
        [*assignment, controller], zookeepers=1, first_broker=controller,
        broker_config={"replica.lag.time.max.ms": 1000},
    )  # fmt: skip
    unclean = given["unclean_leader_election_enable"]
    cluster.create_topic("t", assignment={0: assignment}, unclean_leader_election_enable=unclean)
    sequence = FailureSequence(cluster, given["initial"])
    return [{**step, "expect": sequence.after(step["op"], step["broker"])} for step in given["steps"]]


class FailureSequence:
    """One partition of a cluster, and what happens to its brokers."""

    def __init__(self, cluster: ks.Cluster, initial: Any) -> None:
        self.cluster = cluster
        self.producer = cluster.producer(acks=1)
        self.paused: list[int] = []
        for broker in [one for one in cluster.trace.now.isr("t-0") if one not in initial["isr"]]:
            self.shrink(broker)
        begun = cluster.trace.now.partition("t-0")
        assert (begun.leader, sorted(begun.isr)) == (initial["leader"], sorted(initial["isr"])), "another beginning"
        self.epochs = initial["leader_epoch"] - begun.leader_epoch

    def after(self, op: str, broker: int) -> Any:
        """The partition's state after something has happened to a broker."""
        getattr(self, op)(broker)
        state = self.cluster.trace.now.partition("t-0")
        return {
            "leader": state.leader,
            "isr": sorted(state.isr),
            "leader_epoch": state.leader_epoch + self.epochs,
            "partition_state": "OnlinePartition" if state.leader >= 0 else "OfflinePartition",
        }

    def kill(self, broker: int) -> None:
        """It dies, and its session expires."""
        self.cluster.kill(broker)
        while self.paused:
            self.cluster.resume(self.paused.pop())
        self.cluster.run(for_ms=25_000)

    def controlled_shutdown(self, broker: int) -> None:
        """It says goodbye and stops."""
        self.cluster.stop(broker)
        self.cluster.run(for_ms=1_000)

    def start(self, broker: int) -> None:
        """It comes back; there has been time for an election, but not for a follower to join the ISR."""
        before = self.cluster.trace.now.partition("t-0")
        self.cluster.restart(broker)
        for _ in range(10 * _MOMENT_MS):
            if self.cluster.trace.now.partition("t-0") is not before:
                return
            self.cluster.run(for_ms=0.1)

    def shrink(self, broker: int) -> None:
        """It stands still and misses a record, until the leader drops it."""
        self.cluster.pause(broker)
        self.paused.append(broker)
        self.cluster.run(for_ms=600)
        self.producer.send("t", b"x").get()
        self._wait_until(lambda: broker not in self.cluster.trace.now.isr("t-0"))

    def rejoin(self, broker: int) -> None:
        """It catches up and joins the ISR."""
        self._wait_until(lambda: broker in self.cluster.trace.now.isr("t-0"))

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        for _ in range(5_000):
            if is_so():
                return
            self.cluster.run(for_ms=1)
        raise AssertionError("it has never come to pass")


_MOMENT_MS = 8
"""Long enough for an election after a start, too short for a follower to join the ISR."""


def _isr_sorted(wanted: Any) -> Any:
    wanted = {field: value for field, value in wanted.items() if field != "note"}
    return {**wanted, "isr": sorted(wanted["isr"])} if "isr" in wanted else wanted


CATEGORIES: dict[str, Callable[[Any], Any]] = {
    one.__name__: one
    for one in (
        replica_assignment,
        add_partitions,
        rack_alternated_broker_list,
        leader_election,
        broker_failure_sequence,
    )
}


EXPECTED: dict[str, Callable[[Any], Any]] = {
    "leader_election": _isr_sorted,
    "broker_failure_sequence": lambda wanted: [{**one, "expect": _isr_sorted(one["expect"])} for one in wanted],
}
"""How the expectation of a category is brought into the shape of our answers."""
