"""Each checker has histories that must trip it, and near misses that must not."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.invariants import allowed, anomalies
from kafkasim.records import TopicPartition
from kafkasim.trace import Fact, facts
from tests.invariants.histories import (
    TP,
    acknowledged,
    assigned,
    cleaned,
    committed,
    expired,
    history,
    leader,
    log_of,
    polled,
    polled_committed,
    sent,
    stored,
    transaction,
    transactional,
    worked,
)

OTHER = TopicPartition("orders", 1)
KEYED: list[Fact] = [leader(101), *sent(0, key=b"a"), *sent(1, key=b"a")]
OF_THE_NEW_PARTITION = sent(2, key=b"a", tp=OTHER)
TRIPS: dict[str, list[tuple[str, list[Fact]]]] = {
    "lost-write": [
        ("the new leader never had it", [*log_of(1), leader(102, epoch=1)]),
        ("it was cut off", [*log_of(2), facts.LogTruncated(101, TP, 1)]),
        ("acks=0: nobody has confirmed it", [leader(101), *sent(0), acknowledged(0, -1)]),
        ("its leader comes back without it", [*log_of(2), facts.LogRecovered(101, TP, 1, 1, "after an unclean end")]),
        (
            "too old for one replica, and the other never had it before that",
            [*log_of(2), facts.LogTruncated(101, TP, 1), stored(1, 1, 102), leader(101, epoch=1), expired(1, 102)],
        ),
        (
            "a follower that starts anew removes nothing in its time",
            [*log_of(2), expired(9), leader(102, epoch=1), facts.LogTruncated(102, TP, 9)],
        ),
        ("another replica is deleted", [*log_of(1), facts.ReplicaDeleted(102, TP), leader(102, epoch=1)]),
    ],
    "duplicate": [
        ("a repeat is stored again", [*log_of(1), stored(0, 1)]),
        ("with another record between", [*log_of(2), stored(0, 2)]),
    ],
    "nonmonotonic-send": [
        ("the first lands behind the second", [leader(101), *sent(0), *sent(1), stored(1, 0), stored(0, 1)]),
        (
            "two behind one",
            [leader(101), *sent(0), *sent(1), *sent(2), stored(2, 0), stored(0, 1), stored(1, 2)],
        ),
    ],
    "nonmonotonic-key": [
        (
            "behind a later one in the log",
            [*KEYED, stored(1, 0), stored(0, 1), polled("c", 0, numbers=(1,)), polled("c", 1, numbers=(0,))],
        ),
        (
            "partitions were added between: the new one was read first",
            [*KEYED, *OF_THE_NEW_PARTITION, polled("c", 0, numbers=(2,), tp=OTHER), polled("c", 0, 1)],
        ),
        (
            "two members of one group",
            [
                *KEYED,
                *OF_THE_NEW_PARTITION,
                assigned("c", 1, TP),
                assigned("d", 1, OTHER),
                polled("d", 0, numbers=(2,), tp=OTHER),
                polled("c", 0, 1),
            ],
        ),
    ],
    "poll-skip": [
        ("and compacted afterwards", [*log_of(3), polled("c", 0), polled("c", 2), cleaned(1)]),
        ("offset 1 left out", [*log_of(3), polled("c", 0), polled("c", 2)]),
        (
            "after a rebalance that kept the partition",
            [
                *log_of(3),
                assigned("c", 1, TP, OTHER),
                polled("c", 0),
                assigned("c", 2, TP),
                polled("c", 2),
            ],
        ),
    ],
    "nonmonotonic-poll": [
        ("the same offset again", [*log_of(2), polled("c", 0, 1), polled("c", 1)]),
        ("back to the beginning", [*log_of(3), polled("c", 0, 1, 2), polled("c", 0)]),
    ],
    "inconsistent-offsets": [
        ("two consumers", [*log_of(2), polled("c", 0), polled("d", 0, numbers=(7,))]),
        (
            "one consumer at two times",
            [
                *log_of(2),
                polled("c", 0, 1),
                facts.PositionSet("c", TP, 1, "truncated"),
                polled("c", 1, numbers=(9,)),
            ],
        ),
    ],
    "double-ownership": [
        ("one generation, two owners", [assigned("c", 3, TP), assigned("d", 3, TP)]),
        ("among several", [assigned("c", 3, OTHER, TP), assigned("d", 4, OTHER), assigned("e", 3, TP)]),
    ],
    "skipped-effect": [
        ("and compacted afterwards", [*log_of(2), worked(0), committed(2), cleaned(1)]),
        ("committed, then dead", [*log_of(2), polled("c", 0, 1), committed(2), worked(0)]),
        ("the one in the middle", [*log_of(3), worked(0), worked(2), committed(3)]),
    ],
    "duplicate-effect": [
        ("the same program", [*log_of(1), worked(0), worked(0)]),
        ("another member", [*log_of(1), worked(0), worked(0, consumer="d")]),
    ],
    "commit-ahead": [
        ("on receipt", [*log_of(1), polled("c", 0), committed(1), worked(0)]),
        ("and compacted afterwards", [*log_of(2), worked(0), committed(2), cleaned(1)]),
        ("of a part", [*log_of(2), worked(0), committed(2), worked(1)]),
    ],
    "aborted-read": [
        ("read committed, and it was not", [*log_of(1), *transactional("abort", offset=1), polled_committed("c", 0)]),
        (
            "the second transaction only",
            [
                *log_of(1),
                *transactional("commit", offset=1),
                *sent(1),
                stored(1, 2),
                *transactional("abort", offset=3),
                polled_committed("c", 0),
                facts.RecordsPolled("c", TP, 2, 2, 1, ((2, "p", 1),), True),
            ],
        ),
    ],
    "torn-transaction": [
        (
            "one partition was told the other end",
            [
                transaction("PrepareCommit", "orders-0"),
                *transactional("abort", offset=1),
                transaction("CompleteCommit"),
            ],
        ),
        (
            "one partition was told nothing",
            [
                transaction("PrepareCommit", "orders-0", "orders-1"),
                *transactional("commit", offset=1),
                transaction("CompleteCommit"),
            ],
        ),
    ],
}
NEAR_MISSES: dict[str, list[tuple[str, list[Fact]]]] = {
    "lost-write": [
        ("never acknowledged", [leader(101), *sent(0), stored(0, 0), leader(102, epoch=1)]),
        ("the new leader has it", [*log_of(1), stored(0, 0, broker=102), leader(102, epoch=1)]),
        ("cut elsewhere", [*log_of(1), stored(0, 0, broker=102), facts.LogTruncated(102, TP, 0)]),
        ("all of it is found again", [*log_of(1), facts.LogRecovered(101, TP, 1, 0, "after an unclean end")]),
        (
            "too old before the new leader began to follow",
            [*log_of(3), expired(2), expired(2, 102), stored(2, 2, 102), leader(102, epoch=1)],
        ),
        ("all of them too old", [*log_of(2), expired(2), expired(2, 102), leader(102, epoch=1)]),
        (
            "compacted before the new leader began to follow",
            [*log_of(3), cleaned(0, 1), stored(2, 2, 102), leader(102, epoch=1)],
        ),
        ("its topic is deleted", [*log_of(1), facts.ReplicaDeleted(102, TP), facts.ReplicaDeleted(101, TP)]),
        (
            "its topic is deleted, and made anew",
            [*log_of(1), facts.ReplicaDeleted(101, TP), leader(101), *sent(1), stored(1, 0), acknowledged(1)],
        ),
        (
            "its replica lies elsewhere now",
            [*log_of(1), stored(0, 0, 102), leader(102, epoch=1), facts.ReplicaDeleted(101, TP)],
        ),
    ],
    "duplicate": [
        ("on two replicas", [*log_of(1), stored(0, 0, broker=102)]),
        ("recognised", [*log_of(1), facts.DuplicateRecognised(101, TP, 0, "p/0")]),
        ("the first was cut off", [*log_of(1), facts.LogTruncated(101, TP, 0), stored(0, 0)]),
    ],
    "nonmonotonic-send": [
        ("two producers", [leader(101), *sent(1), *sent(0, "q"), stored(1, 0), stored(0, 1, producer="q")]),
        ("a repeat of what is there", [*log_of(2), stored(0, 2)]),
        ("in the next topic of this name", [*log_of(2), facts.ReplicaDeleted(101, TP), *log_of(1)]),
    ],
    "nonmonotonic-key": [
        ("two keys", [leader(101), *sent(0, key=b"a"), *sent(1, key=b"b"), polled("c", 1), polled("c", 0)]),
        ("without a key", [*log_of(2), polled("c", 1), polled("c", 0)]),
        ("handed out again", [*KEYED, polled("c", 0, 1), polled("c", 0)]),
        (
            "by another member that goes back",
            [*KEYED, assigned("c", 1, TP), polled("c", 0, 1), assigned("d", 2, TP), polled("d", 0)],
        ),
        ("another group", [*KEYED, polled("c", 1), polled("d", 0)]),
        (
            "another producer",
            [*KEYED, *sent(0, "q", b"a"), polled("c", 1), facts.RecordsPolled("c", TP, 2, 2, 1, ((2, "q", 0),))],
        ),
        (
            "after a seek to what was never read",
            [*KEYED, polled("c", 1), facts.PositionSet("c", TP, 0, "seek()"), polled("c", 0)],
        ),
    ],
    "poll-skip": [
        ("a marker between", [*log_of(1), *sent(1), stored(1, 2), polled("c", 0), polled("c", 2, numbers=(1,))]),
        (
            "what was aborted, for read_committed",
            [
                *log_of(1),
                *sent(1, "q"),
                stored(1, 1, producer="q"),
                *transactional("abort", producer="q", offset=2),
                *sent(3),
                stored(3, 3),
                polled_committed("c", 0),
                polled_committed("c", 3),
            ],
        ),
        ("after a seek", [*log_of(3), polled("c", 0), facts.PositionSet("c", TP, 2, "seek()"), polled("c", 2)]),
        ("compacted in between", [*log_of(3), polled("c", 0), cleaned(1), polled("c", 2)]),
        (
            "after the partition was away",
            [
                *log_of(3),
                polled("c", 0),
                facts.PartitionsRevoked("c", (TP,), "revoked"),
                polled("c", 2),
            ],
        ),
    ],
    "nonmonotonic-poll": [
        ("another consumer", [*log_of(2), polled("c", 0, 1), polled("d", 0, 1)]),
        ("after a seek", [*log_of(1), polled("c", 0), facts.PositionSet("c", TP, 0, "seek()"), polled("c", 0)]),
    ],
    "inconsistent-offsets": [
        ("the same record for both", [*log_of(1), polled("c", 0), polled("d", 0)]),
        (
            "in the next topic of this name",
            [polled("c", 0), facts.TopicCreated("orders", 1, 1, ((101,),), ()), polled("c", 0, numbers=(7,))],
        ),
        ("a duplicate at another offset", [*log_of(1), stored(0, 1), polled("c", 0), polled("c", 1, numbers=(0,))]),
    ],
    "double-ownership": [
        ("a zombie of the generation before", [assigned("c", 3, TP), assigned("d", 4, TP)]),
        ("the same member told twice", [assigned("c", 3, TP), assigned("c", 3, TP)]),
        ("without a group", [assigned("c", -1, TP), assigned("d", -1, TP)]),
    ],
    "skipped-effect": [
        ("worked on by another member", [*log_of(1), worked(0, consumer="d"), committed(1)]),
        ("not committed yet", [*log_of(2), worked(0), committed(1)]),
        ("nothing is known of the program", [*log_of(1), polled("c", 0), committed(1)]),
        ("compacted before it was read", [*log_of(2), cleaned(0), worked(1), committed(2)]),
    ],
    "duplicate-effect": [
        ("ignored the second time", [*log_of(1), worked(0), worked(0, effect="ignored")]),
        ("two sinks", [*log_of(1), worked(0), worked(0, "other")]),
        (
            "in a transaction that was taken back",
            [
                *log_of(1),
                worked(0, effect="in transaction"),
                worked(0, effect="in transaction"),
            ],
        ),
    ],
    "commit-ahead": [
        ("after the work", [*log_of(1), worked(0), committed(1)]),
        ("beyond a marker", [*log_of(1), worked(0), committed(2)]),
        ("compacted before it was read", [*log_of(2), cleaned(0), worked(1), committed(2)]),
    ],
    "aborted-read": [
        ("read_uncommitted may", [*log_of(1), *transactional("abort", offset=1), polled("c", 0)]),
        ("committed", [*log_of(1), *transactional("commit", offset=1), polled_committed("c", 0)]),
        ("another producer's", [*log_of(1), *transactional("abort", producer="q", offset=1), polled_committed("c", 0)]),
        (
            "the abort was cut off again before the commit",
            [
                *log_of(1),
                *transactional("abort", offset=1),
                facts.LogTruncated(101, TP, 1),
                *transactional("commit", offset=2),
                polled_committed("c", 0),
            ],
        ),
    ],
    "torn-transaction": [
        (
            "all told the same",
            [
                transaction("PrepareAbort", "orders-0"),
                *transactional("abort", offset=1),
                transaction("CompleteAbort"),
            ],
        ),
        (
            "told twice",
            [
                transaction("PrepareCommit", "orders-0"),
                *transactional("commit", offset=1),
                *transactional("commit", offset=2),
                transaction("CompleteCommit"),
            ],
        ),
        ("not complete yet", [transaction("PrepareCommit", "orders-0")]),
    ],
}


def cases(table: dict[str, list[tuple[str, list[Fact]]]]) -> list[object]:
    return [
        pytest.param(name, told, id=f"{name}: {case}") for name, found in table.items() for case, told in found
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "told"), cases(TRIPS))
def test_it_is_found_under_its_name_with_witnesses(name: str, told: list[Fact]) -> None:
    found = anomalies(history(*told)).named(name)

    assert len(found) >= 1
    assert found[0].witnesses
    assert str(found[0]).startswith(f"{name}: ")


@pytest.mark.parametrize(("name", "told"), cases(NEAR_MISSES))
def test_what_only_looks_like_it_is_not_found(name: str, told: list[Fact]) -> None:
    assert len(anomalies(history(*told)).named(name)) == 0


def test_the_two_tables_cover_the_same_names() -> None:
    assert set(TRIPS) == set(NEAR_MISSES)
    assert all(len(found) >= 2 for table in (TRIPS, NEAR_MISSES) for found in table.values())


def test_a_finding_reads_as_a_sentence_and_its_witnesses() -> None:
    found = anomalies(history(*log_of(1), leader(102, epoch=1)))

    assert str(found) == (
        "1 lost-write, the first: record 0 of p for orders-0 was acknowledged at 4 ms and is in no leader's log."
    )
    assert [fact.kind for fact in found[0].witnesses] == ["RecordSent", "BatchAcknowledged"]
    assert found.names == ("lost-write",)


def test_what_is_allowed_is_an_explicit_list() -> None:
    assert allowed() == {}
    assert set(allowed(acks=1)) == {"lost-write", "duplicate", "nonmonotonic-send", "nonmonotonic-key"}
    assert set(allowed(acks=1, max_in_flight_requests_per_connection=1)) == {"lost-write", "duplicate"}
    assert set(allowed(acks=0)) == {"lost-write"}
    assert set(allowed(enable_idempotence=False, retries=0)) == set()
    assert set(allowed(processing="at_most_once")) == {"skipped-effect", "commit-ahead"}
    assert set(allowed(processing="at_least_once")) == {"duplicate-effect"}
    assert set(allowed(processing="at_least_once", idempotent_sink=True)) == set()
    assert "lost-write" in allowed(unclean_leader_election_enable=True)
    assert "lost-write" in allowed(power_loss=True)
    assert set(allowed(partitions_added=True)) == {"nonmonotonic-key"}
    assert set(allowed(records_expire=True)) == {"skipped-effect", "commit-ahead"}


def test_what_is_allowed_is_set_aside() -> None:
    found = anomalies(history(*log_of(1), leader(102, epoch=1)))

    assert len(found.beyond(allowed(acks=1))) == 0
    assert len(found.beyond(allowed())) == 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"acks": 2}, "acks must be"),
        ({"acks": True}, "acks must be"),
        ({"processing": "at_least_onc"}, "Did you mean at_least_once"),
        ({"retries": -1}, "retries"),
        ({"retries": float("nan")}, "retries"),
    ],
)
def test_bad_input_is_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises((ks.ConfigError, ks.UsageError), match=message):
        allowed(**setting)  # type: ignore[arg-type]


def test_delivery_counts_what_the_checkers_find() -> None:
    trace = history(*log_of(3), worked(0), worked(2), committed(3))

    assert ks.invariants.delivery(trace).skipped == (("p", 1),)
    assert str(ks.invariants.delivery(trace)).endswith("1 skipped: record 1 of p")
