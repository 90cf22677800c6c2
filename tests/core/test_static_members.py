"""Static membership: a member with an instance id may be restarted, and nobody notices."""

from __future__ import annotations

from typing import Any

from kafkasim.core.group import Group, GroupState
from kafkasim.errors import CoordinatorNotAvailableException
from kafkasim.messages.groups import JoinGroupRequest, Subscription, SyncGroupRequest
from kafkasim.records import TopicPartition

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def join(group: Group, token: str, instance: str, new_id: str = "", member_id: str = "", **what: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"protocols": ("range",), "session_timeout_ms": 8000, "rebalance_timeout_ms": 5000, **what}
    now_ms = given.pop("now_ms", 0)
    request = JoinGroupRequest(
        "g", member_id, token, subscription=Subscription(("t",)), group_instance_id=instance, **given
    )
    group.join(request, new_id, token, now_ms)
    return dict(group.take_replies())


def pair() -> Group:
    """Instances i1 (the leader, a-1, owning t-0) and i2 (b-1, owning t-1) in Stable."""
    group = Group("g", 0)
    join(group, "a", "i1", "a-1")
    join(group, "b", "i2", "b-1")
    group.expire(0)
    for member_id in ("a-1", "b-1"):
        group.sync(SyncGroupRequest("g", member_id, 1, {"a-1": (T0,), "b-1": (T1,)}), member_id, 0)
    assert group.take_snapshot() is not None
    group.stored(1, None, 0)
    assert len(group.take_replies()) == 4
    assert (group.state, group.generation, group.leader) == (GroupState.STABLE, 1, "a-1")
    return group


def error_of(group: Group, member_id: str, instance: str) -> str | None:
    group.heartbeat(member_id, group.generation, "beat", 0, instance)
    ((_, answer),) = group.take_replies()
    return answer.error and answer.error.name


def test_a_static_member_is_accepted_at_once() -> None:
    group = Group("g", 0)
    assert join(group, "a", "i1", "a-1") == {}
    assert list(group.members) == ["a-1"]
    group.expire(0)
    (token, answer) = group.take_replies()[0]
    assert (token, answer.members) == ("a", {"a-1": Subscription(("t",), group_instance_id="i1")})


def test_a_restart_keeps_generation_assignment_and_place() -> None:
    group = pair()
    assert join(group, "c", "i2", "c-1") == {}, "the new id is stored first"
    snapshot = group.take_snapshot()
    assert snapshot is not None
    assert [(one["memberId"], one["groupInstanceId"], one["clientId"]) for one in snapshot["members"]] == [
        ("a-1", "i1", "a"),
        ("c-1", "i2", "b"),
    ], "the group goes on showing the old client id"
    group.stored(1, None, 0)
    ((_, answer),) = group.take_replies()
    assert (answer.error, answer.member_id, answer.generation_id, answer.members) == (None, "c-1", 1, {})
    assert (group.state, list(group.members)) == (GroupState.STABLE, ["a-1", "c-1"])
    group.sync(SyncGroupRequest("g", "c-1", 1, group_instance_id="i2"), "c", 0)
    assert group.take_replies()[0][1].assignment == (T1,)


def test_the_old_member_id_is_fenced() -> None:
    group = pair()
    join(group, "c", "i2", "c-1")
    group.stored(1, None, 0)
    group.take_replies()
    assert error_of(group, "b-1", "i2") == "FENCED_INSTANCE_ID"
    assert error_of(group, "c-1", "i2") is None
    refusal = group.may_commit("b-1", 1, 0, "i2")
    assert refusal is not None
    assert refusal.name == "FENCED_INSTANCE_ID"
    assert join(group, "b", "i2", member_id="b-1")["b"].error.name == "FENCED_INSTANCE_ID"
    assert error_of(group, "c-1", "i9") == "UNKNOWN_MEMBER_ID", "an instance id that nobody has"


def test_a_leader_that_comes_back_leads_but_does_not_assign() -> None:
    group = pair()
    join(group, "c", "i1", "c-1")
    group.stored(1, None, 0)
    ((_, answer),) = group.take_replies()
    assert (answer.leader, answer.skip_assignment, list(answer.members)) == ("c-1", True, ["c-1", "b-1"])


def test_a_new_id_that_cannot_be_stored_is_taken_back() -> None:
    group = pair()
    join(group, "c", "i2", "c-1")
    group.stored(1, CoordinatorNotAvailableException, 0)
    ((token, answer),) = group.take_replies()
    assert (token, answer.error.name, answer.member_id) == ("c", "COORDINATOR_NOT_AVAILABLE", "")
    assert list(group.members) == ["a-1", "b-1"]
    assert error_of(group, "b-1", "i2") is None


def test_a_restart_that_changes_the_vote_makes_a_rebalance() -> None:
    group = Group("g", 0)
    join(group, "a", "i1", "a-1", protocols=("range", "roundrobin"))
    group.expire(0)
    group.sync(SyncGroupRequest("g", "a-1", 1), "a", 0)
    group.stored(1, None, 0)
    group.take_replies()
    told = join(group, "b", "i1", "b-1", protocols=("roundrobin", "range"))
    assert (told["b"].generation_id, told["b"].protocol) == (2, "roundrobin")


def test_a_restart_while_the_leader_assigns_makes_a_rebalance() -> None:
    group = pair()
    join(group, "a", "i1", member_id="a-1")
    join(group, "b", "i2", member_id="b-1")
    assert group.state is GroupState.COMPLETING_REBALANCE
    group.sync(SyncGroupRequest("g", "b-1", 2), "b", 0)
    told = join(group, "c", "i2", "c-1")
    assert told["b"].error.name == "FENCED_INSTANCE_ID", "whoever waits under the old id learns it now"
    assert group.state is GroupState.PREPARING_REBALANCE


def test_a_static_member_that_is_late_stays_until_its_session_ends() -> None:
    group = pair()
    join(group, "a", "i1", member_id="a-1")
    assert (group.state, group.deadline_ms) == (GroupState.PREPARING_REBALANCE, 5000)
    group.expire(5000)
    assert (group.state, list(group.members)) == (GroupState.COMPLETING_REBALANCE, ["a-1", "b-1"])
    ((_, answer),) = group.take_replies()
    assert list(answer.members) == ["a-1", "b-1"], "it gets its share, too"


def test_a_late_leader_hands_the_lead_to_one_who_is_here() -> None:
    group = pair()
    join(group, "b", "i2", member_id="b-1", protocols=("range", "roundrobin"))
    group.expire(5000)
    ((_, answer),) = group.take_replies()
    assert (answer.leader, list(answer.members)) == ("b-1", ["a-1", "b-1"])


def test_after_the_session_timeout_it_is_an_ordinary_rebalance() -> None:
    """Recorded: killed, 8 s of session, then the other one has all partitions in the next generation."""
    group = pair()
    group.hold("a-1")
    group.release("a-1", 7000)
    assert group.expire(7999) == []
    assert group.expire(8000) == ["b-1"]
    assert group.state is GroupState.PREPARING_REBALANCE
    assert join(group, "a", "i1", member_id="a-1", now_ms=8000)["a"].generation_id == 2


def test_while_nobody_can_lead_the_join_phase_goes_on() -> None:
    group = pair()
    group.leave("b-1", "leave", 0, "i2")
    group.hold("a-1")
    group.release("a-1", 60_000)
    group.expire(5000)
    assert (group.state, group.deadline_ms) == (GroupState.PREPARING_REBALANCE, 10_000)
    group.expire(68_000)
    assert (group.state, group.members) == (GroupState.EMPTY, {})


def test_an_administrator_removes_a_member_by_its_instance_id() -> None:
    group = pair()
    group.leave("", "leave", 0, "i2")
    assert group.take_replies()[0][1].error is None
    assert list(group.members) == ["a-1"]
    group.leave("", "leave", 0, "i2")
    assert group.take_replies()[0][1].error.name == "UNKNOWN_MEMBER_ID"


def test_two_restarts_in_a_row_are_both_taken_back() -> None:
    group = pair()
    join(group, "c", "i2", "c-1")
    told = join(group, "d", "i2", "d-1")
    assert told["c"].error.name == "FENCED_INSTANCE_ID"
    group.stored(1, CoordinatorNotAvailableException, 0)
    assert [(token, answer.error.name) for token, answer in group.take_replies()] == [
        ("d", "COORDINATOR_NOT_AVAILABLE")
    ]
    assert list(group.members) == ["a-1", "b-1"]
    assert error_of(group, "b-1", "i2") is None
