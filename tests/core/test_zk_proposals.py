"""What the leader of an ensemble makes of a write: a transaction, be it of a refusal.

Expected values are those of a real ensemble of three (ZooKeeper 3.8): epoch 1, opening a session is its first write.
"""

from __future__ import annotations

import pytest

from kafkasim.core.zk_errors import (
    BadArgumentsError,
    BadVersionError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
    SessionExpiredError,
    SessionMovedError,
    ZooKeeperError,
)
from kafkasim.core.zk_proposals import Proposals
from kafkasim.core.zk_requests import (
    Check,
    CloseSession,
    Create,
    CreateSession,
    Delete,
    Multi,
    SetData,
    path_problem,
)
from kafkasim.core.znodes import ZnodeTree

EPOCH_1 = 1 << 32
A, B = 0x1_00000000000000, 0x3_00000000000000


class World:
    """A leader's proposals and one server that applies them at once; ``sessions`` are open from the start."""

    def __init__(self, *sessions: int) -> None:
        self.tree = ZnodeTree()
        self.proposals = Proposals(self.tree, EPOCH_1)
        self.now_ms = 1000
        for session in sessions:
            self.write(session, CreateSession("test", 10_000, "test"))

    def write(self, session, request):
        """The result of a write, or the error that it was refused with, as a class."""
        outcome = self.tree.apply(self.proposals.prepare(session, request, self.now_ms))
        return outcome.result if outcome.error is None else type(outcome.error)

    @property
    def counter(self) -> int:
        """The lower half of the last zxid."""
        return self.tree.last_zxid - EPOCH_1

    def stat(self, path: str) -> dict[str, int]:
        """What is not 0, zxids without the epoch."""
        stat = self.tree.exists(path)
        names = ("czxid", "mzxid", "pzxid", "version", "cversion", "ephemeral_owner", "data_length", "children_count")
        shown = {name: getattr(stat, name) for name in names}
        shown |= {name: shown[name] % EPOCH_1 for name in ("czxid", "mzxid", "pzxid")}
        return {name: value for name, value in shown.items() if value}


# --- refusals ------------------------------------------------------------------------------------------------


def test_a_refused_write_changes_nothing_and_takes_a_zxid():
    world = World(A)
    assert world.write(A, Create("/a/b", b"x")) is NoNodeError
    assert world.write(A, Create("/a", b"x")) == "/a"
    assert world.write(A, Create("/a", b"y")) is NodeExistsError
    assert world.write(A, SetData("/nope", b"x")) is NoNodeError
    assert world.write(A, Delete("/nope")) is NoNodeError
    assert world.write(A, Create("/a/b")) == "/a/b"
    before = dict(world.tree.nodes)
    assert world.write(A, Delete("/a")) is NotEmptyError
    assert world.write(A, SetData("/a", b"x", version=1)) is BadVersionError
    assert world.tree.nodes == before
    assert world.counter == 9
    world.write(A, Delete("/a/b"))
    world.write(A, Delete("/a"))
    assert world.counter == 11


@pytest.mark.parametrize("path", ["noslash", "/a/", "/a/.", "/a/..", "/a/\x00", "/a/\ue000", ""])
def test_a_malformed_path_is_refused(path):
    world = World(A)
    world.write(A, Create("/a"))
    assert world.write(A, Create(path)) is BadArgumentsError
    assert world.write(A, SetData(path, b"")) is BadArgumentsError
    assert path_problem(path) is not None


@pytest.mark.parametrize("path", ["/", "/a", "/a/...", "/a/.b", "/a/b c", "/ä/日本"])
def test_a_well_formed_path(path):
    assert path_problem(path) is None


@pytest.mark.parametrize("path", ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", "noslash"])
def test_what_zookeeper_keeps_for_itself_stays(path):
    world = World(A)
    assert world.write(A, Delete(path)) is BadArgumentsError
    assert world.counter == 2


def test_a_session_that_is_not_open_can_write_nothing():
    world = World(A)
    assert world.write(B, Create("/b")) is SessionExpiredError
    world.write(A, CloseSession())
    assert world.write(A, Create("/a")) is SessionExpiredError
    assert world.write(A, Multi((Create("/a"), Create("/b")))) is SessionExpiredError
    assert world.write(A, CloseSession()) is None, "closing twice is no error"
    assert world.counter == 6


def test_a_request_can_be_refused_unseen():
    world = World(A)
    transaction = world.proposals.refuse(A, SessionMovedError(), now_ms=0)
    outcome = world.tree.apply(transaction)
    assert (outcome.changes, type(outcome.error)) == ((), SessionMovedError)
    assert world.counter == 2


# --- multi -----------------------------------------------------------------------------------------------------


def test_a_multi_is_all_or_nothing():
    world = World(A, B)
    create, kid, first, second = world.write(
        A, Multi((Create("/m", b"0"), Create("/m/kid"), SetData("/m", b"1", 0), SetData("/m", b"2", 1)))
    )
    assert (create, kid, first.version, second.version) == ("/m", "/m/kid", 1, 2), "later parts see earlier ones"
    of_m = {"czxid": 3, "mzxid": 3, "pzxid": 3, "version": 2, "cversion": 1, "data_length": 1, "children_count": 1}
    assert world.stat("/m") == of_m, "one zxid for all"

    failing = Multi((SetData("/m", b"x", 2), Create("/m/kid2"), Check("/m", 99), Delete("/m/kid")))
    outcome = world.tree.apply(world.proposals.prepare(A, failing, now_ms=0))
    parts = [type(part) for part in outcome.result]
    assert parts == [RolledBackError, RolledBackError, BadVersionError, RuntimeInconsistency]
    assert outcome.error is outcome.result[2]
    assert outcome.changes == ()
    assert world.stat("/m") == of_m
    assert world.counter == 4

    passing = Multi((Check("/m", 2), SetData("/m", b"3", 2), Create("/m/kid2"), Delete("/m/kid", 0)))
    checked, stat, created, deleted = world.write(A, passing)
    assert (checked, created, deleted) == (None, "/m/kid2", None)
    assert (stat.version, stat.cversion, stat.children_count) == (3, 1, 1), "as it was between the parts"
    assert world.stat("/m") == {**of_m, "mzxid": 5, "pzxid": 5, "version": 3, "cversion": 3}
    assert world.tree.get_children("/m")[0] == ["kid2"]


def test_a_failed_multi_leaves_no_number_used():
    world = World(A)
    world.write(A, Multi((Create("/n-", sequential=True), Delete("/nope"))))
    assert world.write(A, Create("/n-", sequential=True)) == "/n-0000000000"
    assert world.write(A, Multi((Create("/s-", sequential=True), Create("/s-", sequential=True)))) == (
        "/s-0000000001",
        "/s-0000000002",
    )


def test_brokers_race_for_the_controller_and_an_old_one_is_fenced():
    """Kafka's election and its fencing, as plain conditional writes."""
    world = World(A, B)
    world.write(A, Create("/controller_epoch", b"0"))

    def run_for_controller(epoch_seen):
        return Multi((Create("/controller", ephemeral=True), SetData("/controller_epoch", b"n", epoch_seen)))

    assert world.write(A, run_for_controller(0))[1].version == 1
    assert world.write(B, run_for_controller(0)) is NodeExistsError
    assert world.stat("/controller_epoch")["version"] == 1, "the loser's epoch is rolled back"
    world.write(A, CloseSession())
    assert world.write(B, run_for_controller(1))[1].version == 2
    world.write(A, CreateSession("test", 10_000, "test"))
    world.write(B, Create("/state"))
    assert world.write(A, Multi((Check("/controller_epoch", 1), SetData("/state", b"zombie")))) is BadVersionError
    assert world.write(B, Multi((Check("/controller_epoch", 2), SetData("/state", b"new", 0))))[1].version == 1


# --- one proposal behind another --------------------------------------------------------------------------------


def test_a_request_is_judged_with_the_proposals_that_are_still_under_way():
    world = World(A, B)
    first = world.proposals.prepare(A, Create("/a"), now_ms=0)
    second = world.proposals.prepare(B, Create("/a"), now_ms=0)
    third = world.proposals.prepare(A, Create("/a/n-", sequential=True), now_ms=0)
    fourth = world.proposals.prepare(B, Create("/a/e", ephemeral=True), now_ms=0)
    closing = world.proposals.prepare(B, CloseSession(), now_ms=0)
    late = world.proposals.prepare(B, SetData("/a", b"late"), now_ms=0)

    assert world.tree.exists("/a") is None, "nothing is committed yet"
    outcomes = [world.tree.apply(transaction) for transaction in (first, second, third, fourth, closing, late)]

    errors = [outcome.error and type(outcome.error) for outcome in outcomes]
    assert errors == [None, NodeExistsError, None, None, None, SessionExpiredError]
    assert [change.path for change in outcomes[4].changes] == ["/a/e"]
    assert world.tree.get_children("/a")[0] == ["n-0000000000"]


# --- errors ----------------------------------------------------------------------------------------------------


def test_errors_have_zookeepers_codes_and_names_and_kazoos_class_names():
    codes = {error.name: code for code, error in ZooKeeperError.by_code.items()}
    assert codes == {
        "Ok": 0, "RuntimeInconsistency": -2, "ConnectionLoss": -4, "BadArguments": -8, "NoNode": -101,
        "BadVersion": -103, "NoChildrenForEphemerals": -108, "NodeExists": -110, "NotEmpty": -111,
        "SessionExpired": -112, "SessionMoved": -118, "NoWatcher": -121,
    }  # fmt: skip
    assert ZooKeeperError.by_name["NoNode"] is NoNodeError
    assert (NoNodeError.java_name, RolledBackError.java_name) == ("NoNodeException", None)
    assert str(NotEmptyError()) == "The znode has children."
    assert str(NotEmptyError("The znode /a has children.")) == "The znode /a has children."
