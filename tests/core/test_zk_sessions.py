"""Sessions: the timeout that is granted, the ids, and the leader's deadlines on the grid of the ticks."""

from __future__ import annotations

import pytest

from kafkasim.core.zk_sessions import SessionIds, SessionTracker, expiry_ms, negotiated_timeout_ms, password_of

A, B, C = 1, 2, 3


@pytest.mark.parametrize(
    ("asked", "granted"),
    [(1, 1000), (999, 1000), (1000, 1000), (1001, 1001), (5000, 5000), (10_000, 10_000), (10_001, 10_000), (600_000, 10_000)],
)  # fmt: skip
def test_a_timeout_is_cut_to_2_and_20_ticks(asked, granted):
    """As measured on a real ensemble with a tick of 500 ms."""
    assert negotiated_timeout_ms(asked, shortest_ms=1000, longest_ms=10_000) == granted


def test_a_session_id_tells_which_server_made_it():
    ids = SessionIds(3, started_ms=0)
    assert [hex(ids.take()) for _ in range(2)] == ["0x300000000000000", "0x300000000000001"]


def test_a_restarted_server_gives_out_other_ids():
    before, after = SessionIds(1, started_ms=500), SessionIds(1, started_ms=501)
    assert {before.take() for _ in range(1000)}.isdisjoint({after.take() for _ in range(1000)})
    assert SessionIds(1, started_ms=10**15).take() >> 56 == 1, "no time reaches the top byte"


def test_a_password_belongs_to_an_id():
    assert password_of(A) == password_of(A)
    assert password_of(A) != password_of(B)
    assert len(password_of(0xFF_00000000000000)) == 16


# --- deadlines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "deadline"), [(0, 2500), (1, 2500), (499, 2500), (500, 3000), (700, 3000), (999, 3000)]
)
def test_a_deadline_is_the_first_tick_after_the_timeout(reported, deadline):
    assert expiry_ms(reported, timeout_ms=2000, tick_ms=500) == deadline


def tracker(**sessions: int) -> SessionTracker:
    """A tracker with a tick of 500 ms and sessions opened at these times, timeout 2000."""
    tracked = SessionTracker(500)
    for name, opened_ms in sessions.items():
        tracked.open({"a": A, "b": B, "c": C}[name], 2000, "zookeeper-1", opened_ms)
    return tracked


def test_silence_ends_a_session_at_its_tick_and_any_sign_of_life_puts_that_off():
    tracked = tracker(a=100)
    assert tracked.deadline_ms == 2500
    tracked.touch(A, 400)
    assert tracked.deadline_ms == 2500, "the same tick"
    tracked.touch(A, 1600)
    assert tracked.deadline_ms == 4000
    assert tracked.due(3999) == []
    assert tracked.due(4000) == [A]
    assert (tracked.due(9000), tracked.deadline_ms) == ([], None), "once"


def test_sessions_end_in_the_order_of_their_deadlines():
    tracked = tracker(b=2100, c=100, a=200)
    assert tracked.deadline_ms == 2500
    assert tracked.due(2500) == [A, C]
    assert tracked.deadline_ms == 4500
    tracked.touch(B, 2600)
    assert tracked.due(60_000) == [B]


def test_a_session_that_is_over_stays_over():
    tracked = tracker(a=0, b=0)
    tracked.close(A)
    assert tracked.due(2500) == [B]
    for session in (A, B):
        tracked.touch(session, 2600)
        tracked.hold(session)
        assert tracked.reopen(session, 2000, "zookeeper-1", 2600) is False
    assert tracked.deadline_ms is None


def test_a_client_that_comes_back_in_time_brings_its_own_timeout():
    tracked = tracker(a=0)
    assert tracked.reopen(A, 4000, "zookeeper-3", 1000) is True
    assert tracked.deadline_ms == 5500
    tracked.touch(A, 2000)
    assert tracked.deadline_ms == 6500


def test_a_new_leader_gives_every_session_its_full_timeout_again():
    """However long there was no leader, and though some had little time left."""
    tracked = SessionTracker(500)
    tracked.open(C, 2000, "zookeeper-1", 0)
    tracked.start({A: 2000, B: 10_000}, now_ms=60_100)
    assert tracked.deadline_ms == 62_500
    assert tracked.due(62_500) == [A]
    assert tracked.deadline_ms == 70_500, "only what the replicated tree knows is counted"


def test_pings_that_are_known_to_come_need_not_be_counted():
    tracked = tracker(a=0, b=0)
    tracked.hold(A)
    assert tracked.due(60_000) == [B]
    assert tracked.deadline_ms is None
    tracked.touch(A, 59_800)  # the last one that came
    assert tracked.deadline_ms == 62_000


def test_only_the_server_that_has_the_connection_may_write():
    tracked = tracker(a=0)
    assert tracked.is_moved(A, "zookeeper-1") is False
    tracked.reopen(A, 2000, "zookeeper-3", 100)
    assert tracked.is_moved(A, "zookeeper-1") is True
    assert tracked.is_moved(A, "zookeeper-3") is False
    tracked.start({A: 2000}, 200)
    assert tracked.is_moved(A, "zookeeper-1") is False, "a new leader has not heard of any move"
    assert tracked.is_moved(B, "zookeeper-1") is False, "a session that is over has not moved"
