"""The group coordinator's state machine, as a conversation."""

from __future__ import annotations

from kafkasim.core.group import ALLOWED, Group, GroupState
from kafkasim.messages.groups import JoinGroupRequest, Subscription, SyncGroupRequest
from kafkasim.records import TopicPartition

TP = TopicPartition("t", 0)


class Talk:
    """A group and what it says, by who asked."""

    def __init__(self, initial_delay_ms: int = 3000) -> None:
        self.group = Group("g", initial_delay_ms)

    def join(
        self, name: str, now_ms: int, member_id: str = "", protocols: tuple[str, ...] = ("range",)
    ) -> list[object]:
        request = JoinGroupRequest("g", member_id, name, protocols, Subscription(("t",)), 10_000, 60_000)
        self.group.join(request, f"{name}-id", name, now_ms)
        return self.said()

    def said(self) -> list[tuple[object, object]]:
        return [(who, getattr(answer.error, "name", None)) for who, answer in self.group.take_replies()]


def stable(*names: str) -> Talk:
    """A group of these members, at 3000 ms."""
    talk = Talk()
    for name in names:
        talk.join(name, 0)
        talk.join(name, 1, f"{name}-id")
    while talk.group.state is GroupState.PREPARING_REBALANCE:
        talk.group.expire(talk.group.deadline_ms)
    for name in reversed(names):
        talk.group.sync(SyncGroupRequest("g", f"{name}-id", 1, {f"{names[0]}-id": (TP,)}), name, 3001)
    talk.group.stored(1, None, 3002)
    talk.group.take_replies()
    return talk


def test_a_first_member_joins_twice_waits_for_company_and_leads():
    talk = Talk()
    assert talk.join("c1", 0) == [("c1", "MEMBER_ID_REQUIRED")]
    assert talk.join("c1", 5, "c1-id") == []
    assert talk.group.state is GroupState.PREPARING_REBALANCE
    assert talk.group.deadline_ms == 3005

    talk.group.expire(3005)

    assert talk.said() == [("c1", None)]
    assert (talk.group.state, talk.group.generation, talk.group.leader) == (GroupState.COMPLETING_REBALANCE, 1, "c1-id")
    assert talk.group.sync(SyncGroupRequest("g", "c1-id", 1, {"c1-id": (TP,)}), "c1", 3010) is True
    assert talk.said() == [], "the assignment must be stored first"
    talk.group.stored(1, None, 3012)
    assert talk.said() == [("c1", None)]
    assert talk.group.state is GroupState.STABLE


def test_the_first_wait_is_prolonged_by_a_newcomer():
    talk = Talk()
    talk.join("c1", 0)
    talk.join("c1", 0, "c1-id")
    talk.join("c2", 1800)
    talk.join("c2", 1800, "c2-id")
    talk.group.expire(3000)
    assert talk.group.state is GroupState.PREPARING_REBALANCE
    talk.group.expire(6000)
    assert (talk.group.state, len(talk.group.members)) == (GroupState.COMPLETING_REBALANCE, 2)


def test_a_newcomer_makes_the_others_join_again():
    talk = stable("c1")
    talk.join("c2", 4000)
    talk.join("c2", 4001, "c2-id")
    assert talk.group.state is GroupState.PREPARING_REBALANCE
    talk.group.heartbeat("c1-id", 1, "c1", 5000)
    assert talk.said() == [("c1", "REBALANCE_IN_PROGRESS")]
    assert talk.join("c1", 5001, "c1-id") == [("c1", None), ("c2", None)]
    assert talk.group.generation == 2


def test_a_silent_member_is_removed_after_its_session_timeout():
    talk = stable("c1", "c2")
    talk.group.heartbeat("c1-id", 1, "c1", 12_000)
    talk.said()
    assert talk.group.expire(12_999) == []
    assert talk.group.expire(20_000) == ["c2-id"]
    assert talk.group.state is GroupState.PREPARING_REBALANCE


def test_who_leaves_is_gone_at_once_and_the_last_one_empties_the_group():
    talk = stable("c1")
    talk.group.leave("c1-id", "c1", 4000)
    assert talk.said() == [("c1", None)]
    assert (talk.group.state, talk.group.generation) == (GroupState.EMPTY, 2)


def test_strangers_and_old_generations_are_refused():
    talk = stable("c1")
    talk.group.heartbeat("nobody", 1, "x", 4000)
    talk.group.heartbeat("c1-id", 0, "c1", 4000)
    assert talk.said() == [("x", "UNKNOWN_MEMBER_ID"), ("c1", "ILLEGAL_GENERATION")]
    assert talk.group.may_commit("", -1, 4000).name == "UNKNOWN_MEMBER_ID", "the group has members"
    assert talk.group.may_commit("c1-id", 1, 4000) is None
    assert talk.join("c3", 4000, protocols=("sticky",)) == [("c3", "INCONSISTENT_GROUP_PROTOCOL")]


def test_in_completing_rebalance_beats_are_welcome_and_commits_are_not():
    talk = Talk()
    talk.join("c1", 0)
    talk.join("c1", 0, "c1-id")
    talk.group.expire(3000)
    talk.said()
    talk.group.heartbeat("c1-id", 1, "c1", 3001)
    assert talk.said() == [("c1", None)]
    assert talk.group.may_commit("c1-id", 1, 3001).name == "REBALANCE_IN_PROGRESS"


def test_every_transition_that_the_table_allows_has_a_state_that_it_starts_from():
    assert set(ALLOWED) == set(GroupState)
