"""The story of a record says where it was lost, doubled or passed over, and why."""

from __future__ import annotations

from kafkasim.trace import Fact, facts
from tests.invariants.histories import (
    TP,
    acknowledged,
    assigned,
    committed,
    history,
    leader,
    log_of,
    polled,
    sent,
    stored,
    worked,
)


def ending(*told: Fact, offset: int = 0) -> tuple[str, str]:
    """How the story of the record at an offset ends, and the kind of fact that made trouble."""
    chapter = next(iter(history(*told).story(tp=TP, offset=offset)))
    return chapter.ending, "" if chapter.turning_point is None else chapter.turning_point.kind


def test_from_send_to_effect() -> None:
    told = [*log_of(1), polled("c", 0), worked(0), committed(1)]

    assert ending(*told) == ("acknowledged, at offset 0 on broker-101, read by c, worked on for sink.", "")
    assert [fact.kind for fact in next(iter(history(*told).story(tp=TP, offset=0))).facts] == [
        "RecordSent", "BatchSent", "RecordsAppended", "BatchAcknowledged", "RecordsPolled", "RecordProcessed",
        "OffsetCommitted",
    ]  # fmt: skip


def test_lost_with_a_leader_that_nobody_had_followed() -> None:
    new = facts.PartitionChanged(101, TP, 102, (102,), 1, 1, "broker-101 is gone")

    assert ending(*log_of(1), new) == (
        (
            "acknowledged, at offset 0 on broker-101, read by nobody yet. Lost when broker-102 became the leader without"
            " it: broker-101 is gone. Only broker-101 had it."
        ),
        "PartitionChanged",
    )
    assert ending(*log_of(1), new, facts.LogTruncated(101, TP, 0)) == (
        (
            "acknowledged, in no log: it is lost, read by nobody yet. Lost when broker-102 became the leader without it:"
            " broker-101 is gone."
        ),
        "LogTruncated",
    )


def test_lost_before_anybody_had_it() -> None:
    sends = [facts.RecordSent("p", 0, TP, b"k", b"v"), *sent(0)[1:]]
    chapter = next(iter(history(leader(101), *sends, acknowledged(0, -1)).story(key="k")))

    assert chapter.ending == (
        "acknowledged, in no log: it is lost, read by nobody yet. Lost on its way: its producer was told of success"
        " before any broker had it."
    )


def test_doubled_by_a_repeat() -> None:
    retried = facts.BatchRetried("p", "p/0", TP, "REQUEST_TIMED_OUT")

    assert ending(*log_of(1), retried, stored(0, 1)) == (
        (
            "acknowledged, at offset 0, 1 on broker-101, read by nobody yet. Doubled when its repeat after"
            " REQUEST_TIMED_OUT was stored again, as a new record."
        ),
        "RecordsAppended",
    )


def test_passed_over_by_a_commit_on_receipt() -> None:
    assert ending(*log_of(2), polled("c", 0, 1), committed(2), worked(0), offset=1) == (
        (
            "acknowledged, at offset 1 on broker-101, read by c. Passed over: group g committed offset 2 and never worked"
            " on it."
        ),
        "OffsetCommitted",
    )


def test_worked_on_twice() -> None:
    assert ending(*log_of(1), polled("c", 0), worked(0), polled("d", 0), worked(0, consumer="d")) == (
        (
            "acknowledged, at offset 0 on broker-101, read by c, d, worked on for sink 2 times. Worked on twice: d read it"
            " again, since no commit was beyond it."
        ),
        "RecordProcessed",
    )


def test_what_is_done_in_a_transaction_counts_once_with_its_commit() -> None:
    inside = [polled("c", 0), worked(0, effect="in transaction")]
    again = [polled("d", 0), worked(0, effect="in transaction", consumer="d")]

    assert ending(*log_of(1), *inside)[0].endswith("worked on for sink in a transaction that is not committed.")
    assert ending(*log_of(1), *inside, *again)[0].endswith(
        "worked on for sink 2 times in transactions, none committed."
    )
    assert ending(*log_of(1), *inside, *again, committed(1)) == (
        (
            "acknowledged, at offset 0 on broker-101, read by c, d, worked on for sink 2 times in transactions, one of"
            " them committed."
        ),
        "",
    )


def test_read_twice_in_one_group_and_where_the_second_reader_began() -> None:
    began = facts.PositionSet("d", TP, 0, "auto.offset.reset=earliest")

    assert ending(*log_of(1), assigned("c", 1, TP), polled("c", 0), assigned("d", 2, TP), began, polled("d", 0)) == (
        (
            "acknowledged, at offset 0 on broker-101, read by c, d. Read twice in group g, by d again: it starts orders-0"
            " at offset 0 (auto.offset.reset=earliest)."
        ),
        "RecordsPolled",
    )
    assert ending(*log_of(1), polled("c", 0), polled("d", 0))[1] == "", "without a group everybody reads everything"
