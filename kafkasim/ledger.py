"""The fidelity ledger: what is modelled, what is simplified, what is left out, and the test that proves it.

``ks.ledger()`` shows it as a table. A row without which a recording of a real cluster cannot be replayed names, in
``leaves_out``, the verbs, observations or settings that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafkasim.errors import unknown_name

MODELLED, SIMPLIFIED, OMITTED = "modelled", "simplified", "omitted"
STATUSES = (MODELLED, SIMPLIFIED, OMITTED)


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour; ``test`` is a test's path and name, or ``fidelity:`` and a category of vectors."""

    id: str
    status: str
    behaviour: str
    real_kafka: str
    test: str = ""
    leaves_out: tuple[str, ...] = ()


ROWS = (
    Row("key-hash", MODELLED, "a key's partition is its murmur2 over all partitions", "the same", "fidelity:murmur2"),
    Row("key-partition", MODELLED, "the sign bit is cut off, then modulo", "the same", "fidelity:key_partition"),
    Row(
        "keyless-sticky", MODELLED, "without a key, one partition until batch.size bytes went there (3.3+)", "the same",
        "tests/core/test_partitioners.py::test_a_keyless_producer_stays_until_a_batch_is_complete",
    ),
    Row(
        "group-partition", MODELLED, "a group's coordinator leads abs(hash) mod 50 of __consumer_offsets", "the same",
        "fidelity:group_coordinator_partition",
    ),
    Row(
        "placement", MODELLED, "replicas of new topics, with and without racks", "the same, in the order of its"
        " metadata cache", "fidelity:replica_assignment",
    ),
    Row("range", MODELLED, "range and roundrobin assignors", "the same", "fidelity:assignor"),
    Row(
        "sticky", SIMPLIFIED, "sticky and cooperative-sticky are there as rules; members of a running group use range,"
        " roundrobin or an assignor of their own", "members use them, cooperative-sticky without giving up everything",
        "fidelity:cooperative_rebalance_sequence",
    ),
    Row(
        "elections", MODELLED, "the first live in-sync replica in assignment order leads", "the same",
        "fidelity:leader_election",
    ),
    Row(
        "high-watermark", MODELLED, "the high watermark is what the maximal ISR has fetched past", "the same",
        "tests/core/test_partition.py::test_the_high_watermark_is_what_everybody_in_sync_has_fetched_past",
    ),
    Row(
        "leader-epochs", MODELLED, "where each leader epoch begins, and how a follower truncates by it", "the same",
        "fidelity:leader_epoch_cache",
    ),
    Row(
        "idempotence", MODELLED, "sequence numbers, the last five batches", "the same, and an epoch bump when a"
        " sequence cannot be resolved", "tests/core/test_partition.py::test_a_repeated_batch_is_stored_once",
    ),
    Row(
        "failover", MODELLED, "kill, session expiry, election, clients recover", "the same",
        "tests/scenarios/test_scenarios.py::test_scenario",
    ),
    Row(
        "processing-time", SIMPLIFIED, "machines answer without delay; only messages take time",
        "requests wait for threads and disks",
    ),
    Row(
        "empty-polls", SIMPLIFIED, "an empty long poll that would be sent again at once is not simulated",
        "it is answered after fetch.max.wait.ms and sent again", "tests/sim/test_fetching.py::test_an_idle_follower",
    ),
    Row(
        "session-pings", SIMPLIFIED, "pings to ZooKeeper are computed", "a ping each third of the timeout, less"
        " a second", "tests/sim/test_failover.py::test_a_killed_brokers_session_expires_in_time",
    ),
    Row(
        "zookeeper-election", OMITTED, "the ensemble's servers do not fail", "a new leader is elected",
        leaves_out=("kill_zookeeper", "start_zookeeper", "oracle"),
    ),
    Row(
        "recordings", OMITTED, "recordings of a real cluster are not replayed yet", "",
        leaves_out=("recording",),
    ),
    Row(
        "vectors-later", OMITTED, "vectors of rules that are not modelled, or whose replay is not written yet", "",
        leaves_out=(
            "retention", "segment_roll", "compaction", "compaction_eligibility", "last_stable_offset",
            "read_committed_delivery", "initial_rebalance_delay", "retry_backoff", "auto_commit",
            "broker_failure_sequence", "isr_shrink_timing", "produce_admission", "fetch_offset_validation",
            "truncation", "group_coordinator_response", "transaction_epoch", "scenario", "isr_hw_steps",
            "producer_sequence",
        ),
    ),
    Row("compression", OMITTED, "batches are not compressed", "none, gzip, snappy, lz4, zstd"),
    Row("kraft", OMITTED, "metadata is kept in ZooKeeper", "KRaft since 3.3, alone since 4.0"),
    Row("group-protocol", OMITTED, "the group protocol of KIP-848", "group.protocol=consumer since 4.0"),
    Row("follower-reads", OMITTED, "consumers read from leaders", "from followers with client.rack since 2.4"),
    Row("transactions", OMITTED, "no transactions, no read_committed", "since 0.11"),
    Row("retention", OMITTED, "no retention, no compaction", "a week by default, or the last value of each key"),
)  # fmt: skip


class Ledger:
    """The rows as a table."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return "\n".join(f"{row.status:<10}  {row.id:<18}  {row.behaviour}" for row in self.rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td>{row.id}</td><td>{row.status}</td><td>{row.behaviour}</td><td>{row.real_kafka}</td></tr>"
            for row in self.rows
        )
        return f"<table><tr><th>row</th><th>status</th><th>here</th><th>real Kafka</th></tr>{body}</table>"

    def row_that_leaves_out(self, name: str) -> Row | None:
        """The omitted row because of which ``name`` cannot be replayed."""
        return next((row for row in self.rows if name in row.leaves_out), None)


def ledger(status: str | None = None) -> Ledger:
    """The whole ledger, or the rows of one status (modelled, simplified, omitted)."""
    if status is None:
        return Ledger(ROWS)
    if status not in STATUSES:
        raise unknown_name("status", status, STATUSES)
    return Ledger(tuple(row for row in ROWS if row.status == status))
