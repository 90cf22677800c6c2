"""The members of a group, as its coordinator keeps them, and the assignor that they agree on.

Kafka: MemberMetadata; GroupMetadata.selectProtocol, supportsProtocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kafkasim.messages.groups import JoinGroupRequest, Subscription
from kafkasim.records import TopicPartition

Token = Any
"""Whoever asked: handed back with the reply."""

VOTE_ORDER = {"cooperative-sticky": 0, "roundrobin": 1, "range": 2, "sticky": 3}
"""Who wins a tie of the vote, whoever joined first. Recorded on a real cluster, where a hash map decides."""


@dataclass(slots=True)
class Member:
    """One member: what it wants, what it owns, and when it counts as dead.

    ``joining`` and ``syncing`` hold the token of a parked request. ``is_new`` until its first join phase is over;
    ``has_synced`` in the present generation.
    """

    member_id: str
    client_id: str
    protocols: tuple[str, ...]
    subscription: Subscription
    session_timeout_ms: int
    rebalance_timeout_ms: int
    group_instance_id: str | None = None
    client_host: str = ""
    session_deadline_ms: int = 0
    is_new: bool = False
    joining: Token = None
    syncing: Token = None
    has_synced: bool = False
    assignment: tuple[TopicPartition, ...] = ()

    @property
    def deadline_ms(self) -> int | None:
        """When the member counts as dead; None while the group, and not the member, has the next move.

        Kafka: MemberMetadata.hasSatisfiedHeartbeat. A new member has no id to beat with and can be gone unnoticed, so
        its parked JoinGroup has a time limit.
        """
        waits_for_the_group = self.joining is not None or self.syncing is not None
        return None if waits_for_the_group and not self.is_new else self.session_deadline_ms

    def restart_session(self, now_ms: int) -> None:
        """The member was heard of, or has had no chance to be."""
        self.session_deadline_ms = now_ms + self.session_timeout_ms

    def matches(self, request: JoinGroupRequest) -> bool:
        """Whether the request brings nothing new."""
        return (self.protocols, self.subscription) == (request.protocols, request.subscription)

    def update(self, request: JoinGroupRequest) -> None:
        """Take over what the member says of itself now."""
        self.protocols, self.subscription = request.protocols, request.subscription
        self.session_timeout_ms, self.rebalance_timeout_ms = request.session_timeout_ms, request.rebalance_timeout_ms

    def subscription_for_leader(self) -> Subscription:
        """What the member wants, with the instance id by which assignors order static members."""
        return replace(self.subscription, group_instance_id=self.group_instance_id)

    def as_stored(self, protocol: str) -> dict[str, Any]:
        """The member as it is written to ``__consumer_offsets``; Kafka's names of the fields.

        Of its subscription what it told the group's assignor, ``protocol``: only the eager sticky one has user data.
        """
        subscription, remembered = self.subscription, None
        if protocol == "sticky" and self.subscription.sticky_generation >= 0:
            remembered = {
                "previousAssignment": [list(tp) for tp in subscription.sticky_partitions],
                "generation": subscription.sticky_generation,
            }
        return {
            "memberId": self.member_id,
            "groupInstanceId": self.group_instance_id,
            "clientId": self.client_id,
            "clientHost": self.client_host,
            "sessionTimeout": self.session_timeout_ms,
            "rebalanceTimeout": self.rebalance_timeout_ms,
            "subscription": {
                "topics": list(subscription.topics),
                "userData": remembered,
                "ownedPartitions": [list(tp) for tp in subscription.owned_partitions],
                "generationId": subscription.generation_id,
            },
            "assignment": [list(tp) for tp in self.assignment],
        }

    @staticmethod
    def from_stored(stored: Mapping[str, Any], protocol: str) -> Member:
        """The member that :meth:`as_stored` has described; of its assignors only the group's ``protocol`` is kept."""
        wants = stored["subscription"]
        owned = tuple(TopicPartition(*tp) for tp in wants["ownedPartitions"])
        remembered = wants["userData"] or {"previousAssignment": (), "generation": -1}
        had = tuple(TopicPartition(*tp) for tp in remembered["previousAssignment"])
        return Member(
            stored["memberId"], stored["clientId"], (protocol,),
            Subscription(tuple(wants["topics"]), owned, wants["generationId"], None, had, remembered["generation"]),
            stored["sessionTimeout"], stored["rebalanceTimeout"], stored["groupInstanceId"],
            stored["clientHost"], has_synced=True, assignment=tuple(TopicPartition(*tp) for tp in stored["assignment"]),
        )  # fmt: skip


def common_protocols(members: Iterable[Member]) -> list[str]:
    """The assignors that every member supports, in the order of the first member."""
    lists = [member.protocols for member in members]
    return [name for name in lists[0] if all(name in names for names in lists)] if lists else []


def select_protocol(members: Iterable[Member]) -> str:
    """Each member votes for its favourite among the assignors that all support; most votes win."""
    everyone = list(members)
    votes = dict.fromkeys(common_protocols(everyone), 0)
    for member in everyone:
        votes[next(name for name in member.protocols if name in votes)] += 1
    return min(votes, key=lambda name: (-votes[name], VOTE_ORDER.get(name, len(VOTE_ORDER)), name))
