"""The group coordinator's clock, its log, and its successor, told as stories."""

from __future__ import annotations

from kafkasim.core.group import GroupState
from kafkasim.errors import CoordinatorNotAvailableException
from kafkasim.messages.groups import Subscription
from kafkasim.records import TopicPartition
from tests.core.group_play import Play, name

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)

# --- time -------------------------------------------------------------------------------------------------------


def test_a_silent_member_is_removed_after_its_session_timeout() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    play.at(10_000)
    assert play.beat("a-1") is None
    play.at(44_999)
    assert list(play.group.members) == ["a-1", "b-1"]
    play.at(45_000)
    assert (list(play.group.members), play.group.state) == (["a-1"], GroupState.PREPARING_REBALANCE)
    assert play.beat("a-1") == "REBALANCE_IN_PROGRESS"


def test_who_does_not_rejoin_within_the_rebalance_timeout_is_removed() -> None:
    """Recorded: the session (25 s) is alive, the largest max.poll.interval.ms (5 s) has passed."""
    play = Play()
    play.stable("a-1", "b-1", session_timeout_ms=25_000, rebalance_timeout_ms=5000)
    play.join("c-1", session_timeout_ms=25_000, rebalance_timeout_ms=5000)
    play.join("b-1", session_timeout_ms=25_000, rebalance_timeout_ms=5000)
    play.at(4999)
    assert play.group.state is GroupState.PREPARING_REBALANCE
    told = play.at(5000)
    assert {one: answer.leader for one, answer in told.items()} == {"b-1": "b-1", "c-1": "b-1"}
    assert play.beat("a-1") == "UNKNOWN_MEMBER_ID"


def test_a_pending_member_holds_the_join_phase_up_until_its_session_timeout() -> None:
    play = Play()
    play.stable("a-1")
    play.ask("b", session_timeout_ms=6000)
    play.join("a-1")
    assert play.group.state is GroupState.PREPARING_REBALANCE, "b was given an id and is waited for"
    assert list(play.at(6000)) == ["a-1"]
    play.group.join(play.request("b-1"), "", "b", play.now_ms)
    assert name(play.said()["b"]) == "UNKNOWN_MEMBER_ID"


def test_a_newcomer_that_waits_is_let_go_after_five_minutes_not_after_its_session() -> None:
    play = Play()
    play.stable("a-1", rebalance_timeout_ms=900_000)
    play.join("b-1", rebalance_timeout_ms=900_000)
    for at_ms in range(0, 300_000, 30_000):
        play.at(at_ms)
        assert play.beat("a-1") == "REBALANCE_IN_PROGRESS"
    assert "b-1" in play.group.members
    assert name(play.at(300_000)["b-1"]) == "UNKNOWN_MEMBER_ID"


def test_members_that_never_sync_are_removed_after_the_rebalance_timeout() -> None:
    play = Play()
    play.stable("a-1", "b-1", rebalance_timeout_ms=60_000)
    play.join("b-1", subscription=Subscription(("u",)), rebalance_timeout_ms=60_000)
    play.join("a-1", rebalance_timeout_ms=60_000)
    play.sync("b-1")
    for at_ms in (30_000, 59_999):
        play.at(at_ms)
        assert play.beat("a-1") is None, "the leader beats but does not assign"
    assert name(play.at(60_000)["b-1"]) == "REBALANCE_IN_PROGRESS"
    assert (list(play.group.members), play.group.leader) == (["b-1"], "b-1")


def test_a_parked_member_needs_no_heartbeats() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    play.join("b-1", subscription=Subscription(("u",)))
    for at_ms in range(0, 200_000, 40_000):
        play.at(at_ms)
        play.beat("a-1")
    assert list(play.group.members) == ["a-1", "b-1"]


# --- what the log says, and other coordinators ------------------------------------------------------------------


def test_an_assignment_that_cannot_be_stored_is_nobodys() -> None:
    play = Play()
    play.join("a-1")
    play.at(0)
    play.sync("a-1", a_1=[T0])
    answer = play.store(CoordinatorNotAvailableException)["a-1"]
    assert (name(answer), answer.assignment) == ("COORDINATOR_NOT_AVAILABLE", ())
    assert play.group.state is GroupState.PREPARING_REBALANCE
    assert play.group.members["a-1"].assignment == ()


def test_an_outcome_that_comes_after_the_next_rebalance_changes_nothing() -> None:
    play = Play()
    play.join("a-1")
    play.at(0)
    play.sync("a-1", a_1=[T0])
    play.join("b-1")
    play.group.stored(1, None, 0)
    assert play.group.state is GroupState.PREPARING_REBALANCE
    play.join("a-1")
    play.group.stored(1, None, 0)
    assert (play.group.state, play.group.generation) == (GroupState.COMPLETING_REBALANCE, 2)


def test_another_broker_takes_over_and_nobody_notices() -> None:
    """Recorded: same members, same generation, no rebalance. A full session timeout begins anew."""
    play = Play()
    play.stable("a-1", "b-1")
    play.join("b-1", subscription=Subscription(("t",), (T1,), 1))
    play.join("a-1")
    play.sync("a-1", "b-1", a_1=[T0], b_1=[T1])
    snapshot = play.group.take_snapshot()
    assert snapshot is not None

    heir = Play()
    heir.now_ms = 100_000
    heir.group.restore(snapshot, heir.now_ms)
    assert (heir.group.state, heir.group.generation, heir.group.leader) == (GroupState.STABLE, 2, "a-1")
    assert heir.beat("b-1") is None
    assert heir.sync("b-1")["b-1"].assignment == (T1,)
    assert heir.group.deadline_ms == 145_000


def test_the_old_coordinator_sends_everyone_on() -> None:
    play = Play()
    play.stable("a-1")
    play.join("b-1")
    play.group.unload(0)
    assert name(play.said()["b-1"]) == "NOT_COORDINATOR"
    assert play.beat("a-1") == "COORDINATOR_NOT_AVAILABLE"
    assert name(play.ask("c")["c"]) == "COORDINATOR_NOT_AVAILABLE"


def test_only_an_empty_group_can_be_deleted() -> None:
    play = Play()
    play.stable("a-1")
    refusal = play.group.delete(0)
    assert refusal is not None
    assert refusal.name == "NON_EMPTY_GROUP"
    play.leave("a-1")
    assert play.group.delete(0) is None
    gone = play.group.delete(0)
    assert gone is not None
    assert gone.name == "GROUP_ID_NOT_FOUND"
