"""Fast leader election as a conversation, message by message."""

from __future__ import annotations

import pytest

from kafkasim.core.zk_election import (
    Action,
    FastLeaderElection,
    Notification,
    ServerState,
    Vote,
    majority_of,
)

LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING


def talk(servers: dict[int, FastLeaderElection]) -> None:
    """Deliver everything that anybody has to say, until all are silent."""
    said = [(sender, election.notification()) for sender, election in servers.items()]
    while said:
        sender, notification = said.pop(0)
        for number, election in servers.items():
            if number == sender:
                continue
            match election.receive(notification):
                case Action.TELL_ALL:
                    said.append((number, election.notification()))
                case Action.ANSWER:
                    servers[sender].receive(election.notification())


def ensemble(histories: dict[int, tuple[int, int]], voters: int) -> dict[int, FastLeaderElection]:
    """Servers that look, each with its current epoch and last zxid."""
    servers = {number: FastLeaderElection(number, range(1, voters + 1)) for number in histories}
    for number, (epoch, zxid) in histories.items():
        servers[number].look(epoch, zxid)
    return servers


@pytest.mark.parametrize(
    ("histories", "winner"),
    [
        ({1: (0, 0), 2: (0, 0), 3: (0, 0)}, 3),
        ({1: (1, 7), 2: (1, 7), 3: (1, 6)}, 2),
        ({1: (2, 5), 2: (1, 9), 3: (1, 9)}, 1),
    ],
    ids=["equal: the highest id", "the longer log", "the newer epoch"],
)
def test_the_best_vote_wins_whoever_has_it(histories, winner):
    servers = ensemble(histories, 3)
    talk(servers)

    assert all(election.is_agreed for election in servers.values())
    assert {election.decide() for number, election in servers.items() if number != winner} == {FOLLOWING}
    assert servers[winner].decide() is LEADING


@pytest.mark.parametrize(("voters", "majority"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4), (9, 5)])
def test_a_majority_is_more_than_half_of_the_configuration(voters, majority):
    assert majority_of(voters) == majority


def test_two_of_four_agree_and_are_still_no_majority():
    servers = ensemble({1: (0, 0), 2: (0, 0)}, 4)
    talk(servers)

    assert [election.vote.leader for election in servers.values()] == [2, 2]
    assert not servers[1].is_agreed
    assert not servers[2].is_agreed


def test_a_late_server_finds_the_leader_and_unseats_nobody():
    servers = ensemble({1: (0, 0), 2: (0, 0)}, 3)
    talk(servers)
    for election in servers.values():
        election.decide()
    servers[3] = FastLeaderElection(3, range(1, 4))
    servers[3].look(0, 0)
    talk(servers)

    assert servers[3].settled_leader == 2
    assert servers[3].decide() is FOLLOWING
    assert servers[3].vote.leader == 2


def test_followers_of_a_leader_that_does_not_say_so_itself_are_not_believed():
    """Their leader may be dead, and they may not know it yet."""
    election = FastLeaderElection(1, range(1, 6))
    election.look(1, 4)
    for follower in (3, 4, 2):
        election.receive(Notification(follower, Vote(1, 4, 5), 1, FOLLOWING))

    assert election.settled_leader is None
    election.receive(Notification(5, Vote(1, 4, 5), 1, LEADING))
    assert election.settled_leader == 5


def test_a_later_round_makes_a_server_forget_what_it_has_heard():
    election = FastLeaderElection(1, range(1, 4))
    election.look(1, 4)
    election.receive(Notification(3, Vote(1, 4, 3), 1, LOOKING))
    assert election.is_agreed

    assert election.receive(Notification(2, Vote(1, 2, 2), 5, LOOKING)) is Action.TELL_ALL
    assert (election.round, election.vote) == (5, Vote(1, 4, 1)), "its own vote is better than the new one"
    assert not election.is_agreed


def test_a_vote_of_an_earlier_round_is_answered_and_not_counted():
    election = FastLeaderElection(2, range(1, 4))
    election.look(1, 4)
    election.look(1, 4)

    assert election.receive(Notification(3, Vote(9, 9, 3), 1, LOOKING)) is Action.ANSWER
    assert election.vote == Vote(1, 4, 2)
