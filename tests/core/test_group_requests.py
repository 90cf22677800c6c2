"""What a group answers to each request in each state, told as stories."""

from __future__ import annotations

import pytest

from kafkasim.core.group import ALLOWED, GroupState
from kafkasim.messages.groups import JoinGroupResponse, Subscription
from kafkasim.records import TopicPartition
from tests.core.group_play import Play, name

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)
DELAY_MS = 3000


# --- the ordinary way -----------------------------------------------------------------------------------------


def test_one_member_joins_syncs_and_beats() -> None:
    play = Play()
    first = play.ask("a")["a"]
    assert (name(first), first.member_id) == ("MEMBER_ID_REQUIRED", "a-1")
    assert play.group.state is GroupState.EMPTY, "the member is only pending"

    assert play.join("a-1") == {}, "parked, if only for the initial delay of 0 ms"
    joined = play.at(0)["a-1"]
    assert joined == JoinGroupResponse(None, "a-1", 1, "range", "a-1", {"a-1": Subscription(("t",))})
    assert play.group.state is GroupState.COMPLETING_REBALANCE
    assert play.beat("a-1") is None, "in CompletingRebalance a heartbeat is answered without an error"

    assert play.sync("a-1", a_1=[T0, T1]) == {}, "parked until the assignment is in __consumer_offsets"
    assert play.group.state is GroupState.COMPLETING_REBALANCE
    synced = play.store()["a-1"]
    assert (synced.error, synced.assignment) == (None, (T0, T1))
    assert play.group.state is GroupState.STABLE
    assert play.beat("a-1") is None


def test_a_second_member_makes_the_first_join_again() -> None:
    play = Play()
    play.stable("a-1")
    assert play.join("b-1") == {}
    assert play.group.state is GroupState.PREPARING_REBALANCE
    assert play.beat("a-1") == "REBALANCE_IN_PROGRESS"
    told = play.join("a-1")
    assert {one: (answer.generation_id, answer.leader, list(answer.members)) for one, answer in told.items()} == {
        "a-1": (2, "a-1", ["a-1", "b-1"]),
        "b-1": (2, "a-1", []),
    }, "only the leader, who was here first, gets the list of members"
    assert play.sync("b-1") == {}, "a follower waits for the leader's assignment"
    play.sync("a-1", a_1=[T0])
    told = play.store()
    assert {one: answer.assignment for one, answer in told.items()} == {"a-1": (T0,), "b-1": ()}, "b was forgotten"
    assert play.sync("b-1")["b-1"].assignment == (), "in Stable the answer comes at once"


def test_the_last_member_leaves_and_the_generation_counts_on() -> None:
    """Recorded: the first member is in generation 1, leaves, and the next one joins in generation 3."""
    play = Play()
    play.stable("a-1")
    assert name(play.leave("a-1")["leave"]) is None
    assert (play.group.state, play.group.generation, play.group.protocol) == (GroupState.EMPTY, 2, "")
    snapshot = play.group.take_snapshot()
    assert snapshot is not None
    assert (snapshot["generation"], snapshot["members"]) == (2, [])
    play.stable("b-1")
    assert play.group.generation == 3


def test_only_the_allowed_transitions_exist() -> None:
    assert {state.value: sorted(one.value for one in follow) for state, follow in ALLOWED.items()} == {
        "Empty": ["Dead", "PreparingRebalance"],
        "PreparingRebalance": ["CompletingRebalance", "Dead", "Empty"],
        "CompletingRebalance": ["Dead", "PreparingRebalance", "Stable"],
        "Stable": ["Dead", "PreparingRebalance"],
        "Dead": [],
    }


# --- the initial delay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joins_at_ms", "delay_ms", "rebalance_ms", "completes_at_ms"),
    [
        ([0], 3000, 300_000, 3000),
        ([0, 100, 3100, 6100], 3000, 300_000, 12_000),
        ([0, *range(250, 20_000, 500)], 3000, 10_000, 10_000),
        ([0, 0], 0, 300_000, 0),
        ([0, 1800], 3000, 300_000, 6000),
    ],
)
def test_a_newcomer_prolongs_the_first_wait(
    joins_at_ms: list[int], delay_ms: int, rebalance_ms: int, completes_at_ms: int
) -> None:
    play = Play(delay_ms)
    for number, at_ms in enumerate(at_ms for at_ms in joins_at_ms if at_ms <= completes_at_ms):
        play.at(at_ms - 1)
        play.now_ms = at_ms
        play.join(f"m{number}-1", rebalance_timeout_ms=rebalance_ms)
    play.at(completes_at_ms - 1)
    assert (play.group.state, play.group.generation) == (GroupState.PREPARING_REBALANCE, 0)
    play.at(completes_at_ms)
    assert (play.group.state, play.group.generation) == (GroupState.COMPLETING_REBALANCE, 1)


def test_a_group_with_a_history_waits_once() -> None:
    """Recorded: in an Empty group of generation 4 a join in the wait does not prolong it."""
    play = Play(DELAY_MS)
    play.join("a-1")
    play.at(3000)
    play.leave("a-1")
    assert (play.group.state, play.group.generation) == (GroupState.EMPTY, 2)
    play.join("b-1")
    play.at(4800)
    play.join("c-1")
    play.at(5999)
    assert play.group.generation == 2
    assert sorted(play.at(6000)) == ["b-1", "c-1"]
    assert play.group.generation == 3


# --- who is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout_ms", [5999, 1_800_001])
def test_a_session_timeout_outside_the_limits(timeout_ms: int) -> None:
    play = Play()
    assert name(play.ask("a", session_timeout_ms=timeout_ms)["a"]) == "INVALID_SESSION_TIMEOUT"
    assert play.group.pending == {}


def test_a_member_above_the_maximum_is_refused_and_the_others_notice_nothing() -> None:
    play = Play(max_size=2)
    play.stable("a-1", "b-1")
    refused = play.ask("c")["c"]
    assert (name(refused), refused.member_id) == ("GROUP_MAX_SIZE_REACHED", "")
    assert play.group.state is GroupState.STABLE
    play.leave("a-1")
    play.join("b-1")
    assert name(play.ask("c")["c"]) == "MEMBER_ID_REQUIRED", "a place is free"


def test_in_the_join_phase_the_places_go_to_whoever_joins_first() -> None:
    play = Play(max_size=2)
    play.stable("a-1", "b-1")
    play.leave("b-1")
    play.join("c-1", "d-1")
    assert name(play.join("a-1")["a-1"]) == "GROUP_MAX_SIZE_REACHED"
    assert (list(play.group.members), play.group.leader) == (["c-1", "d-1"], "c-1")
    assert play.group.state is GroupState.COMPLETING_REBALANCE, "nobody else is to come"


def test_no_common_assignor() -> None:
    play = Play()
    play.stable("a-1")
    assert name(play.ask("b", protocols=("roundrobin",))["b"]) == "INCONSISTENT_GROUP_PROTOCOL"
    assert play.group.state is GroupState.STABLE
    assert name(play.ask("c", protocols=("roundrobin", "range"))["c"]) == "MEMBER_ID_REQUIRED"


def test_an_unknown_member_id_and_an_old_generation() -> None:
    play = Play()
    play.stable("a-1")
    play.group.join(play.request("x-1"), "", "x", 0)
    assert name(play.said()["x"]) == "UNKNOWN_MEMBER_ID"
    assert play.beat("x-1") == "UNKNOWN_MEMBER_ID"
    assert play.beat("a-1", generation=0) == "ILLEGAL_GENERATION"
    assert name(play.sync("a-1", generation=0)["a-1"]) == "ILLEGAL_GENERATION"
    assert name(play.leave("x-1")["leave"]) == "UNKNOWN_MEMBER_ID"


def test_a_commit_is_judged_by_state_member_and_generation() -> None:
    play = Play()
    assert play.group.may_commit("", -1, 0) is None, "an Empty group takes offsets from anybody"
    play.stable("a-1")

    def verdict(member_id: str, generation: int) -> str | None:
        error = play.group.may_commit(member_id, generation, play.now_ms)
        return error and error.name

    assert verdict("", -1) == "UNKNOWN_MEMBER_ID", "a group with members takes no others'"
    assert verdict("a-1", 0) == "ILLEGAL_GENERATION"
    assert verdict("a-1", 1) is None
    play.join("b-1")
    assert (play.group.state, verdict("a-1", 1)) == (GroupState.PREPARING_REBALANCE, None)
    play.join("a-1")
    assert (play.group.state, verdict("a-1", 2)) == (GroupState.COMPLETING_REBALANCE, "REBALANCE_IN_PROGRESS")


# --- joining again ----------------------------------------------------------------------------------------------


def test_in_stable_an_unchanged_follower_stays_and_the_leader_rebalances() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    generation = play.group.generation
    assert play.join("b-1")["b-1"].generation_id == generation
    assert play.group.state is GroupState.STABLE
    assert play.join("a-1") == {}
    assert play.group.state is GroupState.PREPARING_REBALANCE


def test_in_stable_a_follower_with_another_subscription_rebalances() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    assert play.join("b-1", subscription=Subscription(("t", "u"))) == {}
    assert play.group.state is GroupState.PREPARING_REBALANCE


def test_a_lost_join_answer_is_given_again_while_the_leader_assigns() -> None:
    play = Play()
    play.join("a-1")
    play.at(0)
    again = play.join("a-1")["a-1"]
    assert (again.generation_id, list(again.members)) == (1, ["a-1"])
    assert play.group.state is GroupState.COMPLETING_REBALANCE


def test_a_newcomer_while_the_leader_assigns_sends_everybody_back() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    play.join("b-1", subscription=Subscription(("u",)))
    play.join("a-1")
    assert play.sync("b-1") == {}
    assert name(play.join("c-1")["b-1"]) == "REBALANCE_IN_PROGRESS"
    assert name(play.sync("a-1", a_1=[T0])["a-1"]) == "REBALANCE_IN_PROGRESS"


# --- votes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        ("range", "roundrobin", "roundrobin"),
        ("range", "sticky", "range"),
        ("sticky", "roundrobin", "roundrobin"),
        ("range", "cooperative-sticky", "cooperative-sticky"),
        ("cooperative-sticky", "roundrobin", "cooperative-sticky"),
        ("sticky", "cooperative-sticky", "cooperative-sticky"),
    ],
)
def test_a_tie_goes_by_name_whoever_joined_first(first: str, second: str, chosen: str) -> None:
    """Recorded, 24 of 24."""
    for lists in ([(first, second), (second, first)], [(second, first), (first, second)]):
        play = Play(DELAY_MS)
        for number, protocols in enumerate(lists):
            play.join(f"m{number}-1", protocols=protocols)
        play.at(6000)
        assert play.group.protocol == chosen


def test_most_votes_win_among_what_all_support() -> None:
    play = Play(DELAY_MS)
    play.join("a-1", protocols=("sticky", "range"))
    play.join("b-1", protocols=("sticky", "range", "roundrobin"))
    play.join("c-1", protocols=("roundrobin", "range", "sticky"))
    play.at(6000)
    assert play.group.protocol == "sticky"


def test_in_the_join_phase_nobody_syncs() -> None:
    play = Play()
    play.stable("a-1", "b-1")
    play.join("c-1")
    assert play.group.state is GroupState.PREPARING_REBALANCE
    assert name(play.sync("b-1")["b-1"]) == "REBALANCE_IN_PROGRESS"
    assert play.group.state is GroupState.PREPARING_REBALANCE
