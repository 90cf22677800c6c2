"""How a leader brings a follower's log to its own."""

from __future__ import annotations

import pytest

from kafkasim.core.zk_log import COMMIT_LOG_COUNT, TransactionLog, plan_of
from kafkasim.core.zk_requests import CreateSession
from kafkasim.core.znodes import Transaction


def entry(zxid: int) -> Transaction:
    """A transaction; what it does is of no matter here."""
    return Transaction(zxid, zxid, 0, CreateSession("somebody", 1000, ""))


def log_of(*zxids: int) -> list[Transaction]:
    return [entry(zxid) for zxid in zxids]


EPOCH_2 = 2 << 32
LEADER = log_of(11, 12, 13, EPOCH_2 + 1, EPOCH_2 + 2)


@pytest.mark.parametrize(
    ("follower", "how", "ends"),
    [
        (log_of(11, 12, 13), "DIFF", 5),
        (log_of(11, 12, 13, EPOCH_2 + 1, EPOCH_2 + 2), "DIFF", 5),
        (log_of(11, 12, 13, 14, 15), "TRUNC", 5),
        (log_of(11, 12, 13, EPOCH_2 + 1, EPOCH_2 + 2, EPOCH_2 + 3), "TRUNC", 5),
        ([], "SNAP", 5),
    ],
    ids=["behind", "equal", "a tail of an older epoch", "a tail of this epoch", "empty"],
)
def test_afterwards_the_logs_are_the_same(follower, how, ends):
    log = TransactionLog(follower)
    plan = plan_of(LEADER, EPOCH_2 + 2, log.last_zxid)
    log.follow(plan)

    assert plan.how == how
    assert log.transactions == LEADER
    assert len(log.transactions) == ends


def test_nobody_has_anything_yet():
    assert plan_of([], 0, 0).how == "DIFF"


def test_a_late_joiner_without_a_log_gets_the_leaders_zxid_of_an_epoch_without_writes():
    log = TransactionLog()
    log.follow(plan_of([], 1 << 32, 0))

    assert log.replay().last_zxid == 1 << 32


def test_who_misses_more_than_the_leader_has_at_hand_gets_everything():
    leader = log_of(*range(1, COMMIT_LOG_COUNT + 3))

    assert plan_of(leader, leader[-1].zxid, 3).how == "DIFF"
    assert plan_of(leader, leader[-1].zxid, 2).how == "SNAP"


def test_a_leader_of_an_epoch_without_writes_returns_to_a_longer_history():
    """Its last zxid, epoch 3 and counter 0, is above everything that the leader has."""
    assert plan_of(LEADER, EPOCH_2 + 2, 3 << 32).how == "SNAP"


def test_the_rest_of_a_log():
    log = TransactionLog(list(LEADER))

    assert [one.zxid for one in log.after(13)] == [EPOCH_2 + 1, EPOCH_2 + 2]
    assert log.after(EPOCH_2 + 2) == []
    assert [one.zxid for one in log.after(0)] == [one.zxid for one in LEADER]
