"""The tree of znodes: what writes leave in it, and that every server comes to the same.

Expected values are those of a real ensemble of three (ZooKeeper 3.8): epoch 1, opening a session is its first write.
"""

from __future__ import annotations

import pytest

from kafkasim.core.zk_errors import (
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
)
from kafkasim.core.zk_proposals import Proposals
from kafkasim.core.zk_requests import (
    Check,
    CloseSession,
    Create,
    CreateSession,
    Delete,
    Exists,
    GetChildren,
    GetData,
    Multi,
    SetData,
)
from kafkasim.core.znodes import ErrorTxn, Transaction, ZnodeStat, ZnodeTree

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


# --- one znode ---------------------------------------------------------------------------------------------


def test_the_life_of_a_znode():
    world = World(A)
    assert world.tree.exists("/app") is None
    assert world.write(A, Create("/app", b"v0")) == "/app"
    assert world.tree.get("/app") == (b"v0", ZnodeStat(
        EPOCH_1 + 2, EPOCH_1 + 2, EPOCH_1 + 2, ctime=1000, mtime=1000, version=0, cversion=0, aversion=0,
        ephemeral_owner=0, data_length=2, children_count=0,
    ))  # fmt: skip

    world.now_ms = 2000
    assert world.write(A, SetData("/app", b"v1")) == world.tree.exists("/app")
    assert world.stat("/app") == {"czxid": 2, "mzxid": 3, "pzxid": 2, "version": 1, "data_length": 2}
    assert (world.tree.exists("/app").ctime, world.tree.exists("/app").mtime) == (1000, 2000)

    world.write(A, Create("/app/kid"))
    of_app = {"czxid": 2, "mzxid": 3, "version": 1, "data_length": 2}
    assert world.stat("/app") == {**of_app, "pzxid": 4, "cversion": 1, "children_count": 1}
    world.write(A, SetData("/app/kid", b"hello", version=0))
    assert world.stat("/app") == {**of_app, "pzxid": 4, "cversion": 1, "children_count": 1}, "a child's data is its own"
    assert world.stat("/app/kid") == {"czxid": 4, "mzxid": 5, "pzxid": 4, "version": 1, "data_length": 5}

    assert world.write(A, Delete("/app/kid", version=1)) is None
    assert world.stat("/app") == {**of_app, "pzxid": 6, "cversion": 2}
    world.write(A, Delete("/app"))
    assert world.tree.exists("/app") is None
    assert world.counter == 7


def test_a_fresh_tree_counts_from_below_zero():
    world = World(A)
    assert world.tree.get_children("/")[0] == ["zookeeper"]
    assert world.tree.get_children("/zookeeper")[0] == ["config", "quota"]
    assert world.stat("/") == {"cversion": -1, "children_count": 1}
    assert world.stat("/zookeeper") == {"cversion": -2, "children_count": 2}
    world.write(A, Create("/a"))
    world.write(A, Delete("/a"))
    assert world.stat("/") == {"pzxid": 3, "cversion": 1, "children_count": 1}
    world.write(A, Create("/top"))
    assert world.stat("/") == {"pzxid": 4, "cversion": 2, "children_count": 2}


def test_reads_are_asked_by_request_too():
    world = World(A)
    world.write(A, Create("/p", None))
    world.write(A, Create("/p/b"))
    world.write(A, Create("/p/a"))
    stat = world.tree.exists("/p")
    assert world.tree.read(GetData("/p")) == (None, stat), "no data at all"
    assert world.tree.read(Exists("/p")) == stat
    assert world.tree.read(GetChildren("/p")) == (["a", "b"], stat)
    assert world.tree.read(Exists("/none")) is None
    for request in (GetData("/none"), GetChildren("/none")):
        with pytest.raises(NoNodeError, match="There is no znode /none"):
            world.tree.read(request)


def test_of_two_that_saw_version_0_only_the_first_may_set():
    world = World(A, B)
    world.write(A, Create("/cfg", b"0"))
    assert world.write(A, SetData("/cfg", b"fromA", version=0)).version == 1
    assert world.write(B, SetData("/cfg", b"fromB", version=0)) is BadVersionError
    assert world.tree.get("/cfg")[0] == b"fromA"
    assert world.write(B, SetData("/cfg", b"fromB", version=1)).version == 2
    assert world.write(A, SetData("/cfg", b"any")).version == 3
    assert world.write(A, SetData("/cfg", b"future", version=99)) is BadVersionError


def test_versions_start_again_with_a_new_incarnation():
    world = World(A)
    world.write(A, Create("/v", b"1"))
    world.write(A, SetData("/v", b"2", version=0))
    world.write(A, SetData("/v", b"3", version=1))
    assert world.write(A, Delete("/v", version=1)) is BadVersionError
    assert world.write(A, Delete("/v", version=2)) is None
    world.write(A, Create("/v", b"1"))
    assert world.stat("/v") == {"czxid": 7, "mzxid": 7, "pzxid": 7, "data_length": 1}
    assert world.write(A, SetData("/v", b"z", version=2)) is BadVersionError
    assert world.write(A, Delete("/v", version=0)) is None


# --- sequential and ephemeral ----------------------------------------------------------------------------------


def test_sequential_names_count_the_creations_of_any_kind_in_the_parent():
    world = World(A)
    world.write(A, Create("/q"))
    assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000000"
    assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000001"
    world.write(A, Create("/q/plain"))
    assert world.write(A, Create("/q/other-", ephemeral=True, sequential=True)) == "/q/other-0000000003"
    assert world.stat("/q") == {"czxid": 2, "mzxid": 2, "pzxid": 6, "cversion": 4, "children_count": 4}
    world.write(A, Delete("/q/n-0000000001"))
    world.write(A, Delete("/q/n-0000000000"))
    assert world.stat("/q")["cversion"] == 6, "deletions show in the cversion ..."
    assert world.write(A, Create("/q/plain")) is NodeExistsError
    assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000004", "... and not in the numbers"
    assert world.write(A, Create("/q/", sequential=True)) == "/q/0000000005"
    world.write(A, SetData("/q", b"zz"))
    assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000006"
    names, stat = world.tree.get_children("/q")
    assert names == ["0000000005", "n-0000000004", "n-0000000006", "other-0000000003", "plain"]
    assert (stat.version, stat.cversion, stat.pzxid - EPOCH_1) == (1, 9, 13)


def test_the_numbers_start_again_with_the_parent():
    world = World(A)
    for _ in range(2):
        world.write(A, Create("/q"))
        assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000000"
        world.write(A, Delete("/q/n-0000000000"))
        world.write(A, Delete("/q"))


def test_an_ephemeral_has_an_owner_and_no_children():
    world = World(A, B)
    world.write(A, Create("/live"))
    assert world.write(A, Create("/live/a", b"A", ephemeral=True)) == "/live/a"
    assert world.write(A, Create("/live/a/x")) is NoChildrenForEphemeralsError
    assert world.write(B, Create("/live/a/x", ephemeral=True)) is NoChildrenForEphemeralsError
    assert world.write(A, Create("/live/a/x-", sequential=True)) is NoChildrenForEphemeralsError
    assert world.write(B, Create("/live/a", b"B", ephemeral=True)) is NodeExistsError
    assert world.write(B, Create("/live/b", b"B", ephemeral=True)) == "/live/b"
    assert world.tree.exists("/live/a").ephemeral_owner == A
    assert world.tree.exists("/live/b").ephemeral_owner == B
    assert world.tree.exists("/live").ephemeral_owner == 0
    assert world.write(B, SetData("/live/a", b"taken", version=0)).ephemeral_owner == A, "others may write it"
    assert world.write(B, Delete("/live/a")) is None, "and delete it"
    assert world.tree.get_children("/live")[0] == ["b"]
    assert world.stat("/live") == {"czxid": 3, "mzxid": 3, "pzxid": 11, "cversion": 3, "children_count": 1}


def test_a_session_takes_its_ephemerals_with_it_under_one_zxid():
    world = World(A, B)
    world.write(B, Create("/m"))
    world.write(A, Create("/m/A1", ephemeral=True))
    world.write(B, Create("/m/B1", ephemeral=True))
    world.write(A, Create("/m/A2", b"two", ephemeral=True))
    world.write(A, Create("/m/stays"))
    assert sorted(world.tree.sessions) == [A, B]

    outcome = world.tree.apply(world.proposals.prepare(A, CloseSession(), now_ms=0))

    assert [(change.kind, change.path) for change in outcome.changes] == [("deleted", "/m/A1"), ("deleted", "/m/A2")]
    assert (outcome.changes[1].data, outcome.changes[1].ephemeral_owner) == (b"two", A)
    assert world.tree.get_children("/m")[0] == ["B1", "stays"]
    assert world.stat("/m") == {"czxid": 3, "mzxid": 3, "pzxid": 8, "cversion": 6, "children_count": 2}
    assert list(world.tree.sessions) == [B]


# --- a log and its servers -----------------------------------------------------------------------------------


def test_servers_that_apply_the_same_log_hold_the_same_tree():
    proposals = Proposals(ZnodeTree(), EPOCH_1)
    requests = [
        (A, CreateSession("a", 10_000, "test")),
        (A, Create("/q", b"x")),
        (A, Create("/q/n-", sequential=True)),
        (A, Create("/q/e", ephemeral=True)),
        (A, Create("/q", b"again")),
        (A, Multi((Check("/q", 0), SetData("/q", b"y", 0)))),
        (A, CloseSession()),
    ]
    log = [proposals.prepare(session, request, now_ms) for now_ms, (session, request) in enumerate(requests)]
    one, other = ZnodeTree(), ZnodeTree()
    for transaction in log[:4]:
        one.apply(transaction)
    snapshot = one.copy()
    for transaction in log[4:]:
        one.apply(transaction)
    for transaction in log:
        other.apply(transaction)

    assert one == other == proposals.newest
    assert one.last_zxid == EPOCH_1 + 7
    assert snapshot.get("/q")[0] == b"x", "a snapshot stays what it was"
    for transaction in log[4:]:
        snapshot.apply(transaction)
    assert snapshot == one, "and the rest of the log leads to the same"


def test_a_new_leader_begins_an_epoch_on_the_whole_of_its_log():
    world = World(A)
    world.write(A, Create("/q"))
    world.write(A, Create("/q/n-", sequential=True))
    world.proposals.prepare(A, Create("/lost"), now_ms=0)  # proposed, and logged by nobody who goes on

    world.proposals = Proposals(world.tree, 2 << 32)
    assert world.write(A, Create("/q/n-", sequential=True)) == "/q/n-0000000001"
    assert world.tree.last_zxid == 0x200000001
    assert world.tree.exists("/lost") is None


def test_a_log_is_applied_in_order_and_once():
    world = World(A)
    transaction = Transaction(EPOCH_1 + 1, A, 0, ErrorTxn(NoNodeError()))
    with pytest.raises(AssertionError, match="zxid 0x100000001 after 0x100000001"):
        world.tree.apply(transaction)
