"""Watches: one-shot, on the connected server, and what of them a reconnect brings back.

Expected values are those of a real ensemble of three (ZooKeeper 3.8).
"""

from __future__ import annotations

import pytest

from kafkasim.core.watches import EventType, Watches, WatchEvent
from kafkasim.core.zk_errors import NoNodeError
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
from kafkasim.core.znodes import ZnodeTree

A, B, C = 1, 2, 3


class World:
    """Three sessions and one server, which they are all connected to."""

    def __init__(self) -> None:
        self.tree = ZnodeTree()
        self.watches = Watches()
        self.proposals = Proposals(self.tree, 1 << 32)
        for session in (A, B, C):
            self.write(CreateSession("test", 10_000, "test"), session)

    def write(self, request, session=A):
        """The events of a write, in the order of sending."""
        outcome = self.tree.apply(self.proposals.prepare(session, request, 0))
        return [(session, event.type, event.path) for session, event in self.watches.triggered(outcome.changes)]

    def watch(self, *requests, session=B):
        """Read, and set the watch that goes with it."""
        for request in requests:
            self.tree.read(request)
            self.watches.add(session, request)


def test_an_exists_watch_fires_once():
    world = World()
    world.watch(Exists("/x"))
    assert world.write(Create("/x", b"1")) == [(B, "NodeCreated", "/x")]
    assert world.write(Delete("/x")) == []
    assert world.write(Create("/x", b"2")) == []
    world.watch(Exists("/x"))
    assert world.write(SetData("/x", b"3")) == [(B, "NodeDataChanged", "/x")]
    assert world.write(SetData("/x", b"4")) == []
    world.watch(Exists("/x"))
    assert world.write(Delete("/x")) == [(B, "NodeDeleted", "/x")]
    assert world.write(Create("/x", b"5")) == []


def test_a_data_watch_tells_of_sets_and_of_the_end():
    world = World()
    world.write(Create("/d", b"1"))
    world.watch(GetData("/d"))
    assert world.write(Create("/d/kid")) == [], "children are not data"
    assert world.write(SetData("/d", b"1")) == [(B, "NodeDataChanged", "/d")], "the same data is a change, too"
    assert world.write(SetData("/d", b"2")) == []
    world.watch(GetData("/d"))
    assert world.write(Delete("/d/kid")) == []
    assert world.write(Delete("/d")) == [(B, "NodeDeleted", "/d")]


def test_a_child_watch_tells_of_direct_children_only():
    world = World()
    world.write(Create("/p"))
    world.write(Create("/p/a"))
    world.watch(GetChildren("/p"))
    assert world.write(SetData("/p/a", b"n")) == []
    assert world.write(Create("/p/a/deep")) == []
    assert world.write(SetData("/p", b"n")) == []
    assert world.write(Create("/p/b")) == [(B, "NodeChildrenChanged", "/p")]
    assert world.write(Create("/p/c")) == []
    world.watch(GetChildren("/p"))
    assert world.write(Delete("/p/c")) == [(B, "NodeChildrenChanged", "/p")]
    for path in ("/p/a/deep", "/p/b", "/p/a"):
        assert world.write(Delete(path)) == []
    world.watch(GetChildren("/p"))
    assert world.write(Delete("/p")) == [(B, "NodeDeleted", "/p")]


def test_a_failed_read_leaves_no_watch_and_a_failed_write_fires_none():
    world = World()
    for request in (GetData("/m"), GetChildren("/m")):
        with pytest.raises(NoNodeError):
            world.watch(request)
    assert world.write(Create("/m", b"1")) == []
    world.watch(GetData("/m"))
    assert world.write(SetData("/m", b"2", version=7)) == []
    assert world.write(Create("/m")) == []
    assert world.write(Delete("/m", version=9)) == []
    assert world.write(Multi((SetData("/m", b"2"), Check("/m", 9)))) == []
    assert world.write(SetData("/m", b"2", version=0)) == [(B, "NodeDataChanged", "/m")]


def test_one_session_hears_of_one_deletion_once_and_then_of_the_parent():
    world = World()
    world.write(Create("/g"))
    world.write(Create("/g/n"))
    world.watch(GetData("/g/n"), Exists("/g/n"))
    assert world.write(SetData("/g/n", b"1")) == [(B, "NodeDataChanged", "/g/n")], "get and exists are one watch"
    world.watch(GetData("/g/n"), GetChildren("/g/n"), GetChildren("/g"))
    world.watch(GetChildren("/g/n"), session=C)
    assert world.write(Delete("/g/n")) == [
        (B, "NodeDeleted", "/g/n"),
        (C, "NodeDeleted", "/g/n"),
        (B, "NodeChildrenChanged", "/g"),
    ]
    world.write(Create("/g/n"))
    assert world.write(Create("/g/n/kid")) == [], "the child watch went with the node"


def test_own_writes_fire_own_watches():
    world = World()
    world.write(Create("/o", b"1"))
    world.watch(GetData("/o"), GetChildren("/"), session=A)
    assert world.write(SetData("/o", b"2", version=0)) == [(A, "NodeDataChanged", "/o")]
    assert world.write(Delete("/o")) == [(A, "NodeChildrenChanged", "/")]


def test_a_multi_fires_part_by_part():
    world = World()
    world.write(Create("/m", b"2"))
    world.write(Create("/m/kid"))
    world.watch(GetChildren("/m"), GetData("/m"))
    events = world.write(Multi((Check("/m", 0), SetData("/m", b"3", 0), Create("/m/kid2"), Delete("/m/kid", 0))))
    assert events == [(B, "NodeDataChanged", "/m"), (B, "NodeChildrenChanged", "/m")]


def test_the_end_of_a_session_fires_as_any_deletion():
    world = World()
    world.write(Create("/m"))
    for name in ("A1", "A2"):
        world.write(Create(f"/m/{name}", ephemeral=True))
    world.watch(GetChildren("/m"), Exists("/m/A1"), Exists("/m/A2"))
    assert world.write(CloseSession()) == [
        (B, "NodeDeleted", "/m/A1"),
        (B, "NodeChildrenChanged", "/m"),
        (B, "NodeDeleted", "/m/A2"),
    ]


def test_all_who_wait_for_the_controller_hear_in_the_order_in_which_they_asked():
    world = World()
    for session in (C, A, B):
        world.watch(Exists("/controller"), session=session)
    events = world.write(Create("/controller", ephemeral=True))
    assert [session for session, _, _ in events] == [C, A, B]


# --- connections come and go -------------------------------------------------------------------------------------


def test_a_server_forgets_the_watches_of_a_lost_connection():
    world = World()
    world.write(Create("/s"))
    world.watch(GetData("/s"), GetChildren("/s"), session=B)
    world.watch(GetData("/s"), session=C)
    world.watches.forget(B)
    assert world.write(SetData("/s", b"1")) == [(C, "NodeDataChanged", "/s")]
    assert world.write(Create("/s/kid")) == []


def test_a_server_without_a_leader_forgets_them_all():
    world = World()
    world.write(Create("/s"))
    world.watch(GetData("/s"), GetChildren("/s"))
    world.watches.clear()
    assert world.write(SetData("/s", b"1")) == []
    assert world.write(Delete("/s")) == []


def test_a_client_brings_its_watches_to_the_next_server():
    """Four changes while B was away: they are told at once, in the order asked; the other watches wait."""
    world = World()
    for name in ("s1", "s2", "s3", "s4"):
        world.write(Create(f"/{name}", b"0"))
    last_seen = world.tree.last_zxid
    world.write(SetData("/s1", b"1"))
    world.write(Delete("/s2"))
    world.write(Create("/s5"))
    world.write(Create("/s4/k"))

    missed = world.watches.set_watches(
        B, world.tree, last_seen, data=("/s1", "/s2", "/s3"), exists=("/s5", "/s6"), child=("/s4",)
    )

    assert missed == [
        WatchEvent(EventType.NODE_DATA_CHANGED, "/s1"),
        WatchEvent(EventType.NODE_DELETED, "/s2"),
        WatchEvent(EventType.NODE_CREATED, "/s5"),
        WatchEvent(EventType.NODE_CHILDREN_CHANGED, "/s4"),
    ]
    assert world.write(SetData("/s3", b"1")) == [(B, "NodeDataChanged", "/s3")]
    assert world.write(Create("/s6")) == [(B, "NodeCreated", "/s6")]
    assert world.write(Create("/s4/k2")) == []


def test_what_a_reconnecting_client_can_and_cannot_tell():
    world = World()
    world.write(Create("/again", b"old"))
    world.write(Create("/gone"))
    world.write(Create("/quiet"))
    last_seen = world.tree.last_zxid
    world.write(Delete("/again"))
    world.write(Create("/again", b"new"))
    world.write(Delete("/gone"))
    world.write(Create("/blink"))
    world.write(Delete("/blink"))

    missed = world.watches.set_watches(
        B, world.tree, last_seen, data=("/again", "/quiet"), exists=("/blink",), child=("/gone", "/quiet")
    )

    assert missed == [
        WatchEvent(EventType.NODE_DATA_CHANGED, "/again"),  # deleted and made again looks like a set
        WatchEvent(EventType.NODE_DELETED, "/gone"),
    ]
    assert world.write(Create("/blink")) == [(B, "NodeCreated", "/blink")], "its first life was not noticed"
    assert world.write(Create("/quiet/kid")) == [(B, "NodeChildrenChanged", "/quiet")]
    assert world.write(SetData("/quiet", b"1")) == [(B, "NodeDataChanged", "/quiet")], "what it had seen is no news"


def test_a_persistent_watch_fires_until_it_is_removed():
    world = World()
    world.write(Create("/t"))
    world.watches.add_persistent(B, "/t", recursive=False)
    assert world.write(Create("/t/a")) == [(B, "NodeChildrenChanged", "/t")]
    assert world.write(Create("/t/a/b")) == []
    assert world.write(SetData("/t", b"1")) == [(B, "NodeDataChanged", "/t")]
    assert world.write(SetData("/t", b"2")) == [(B, "NodeDataChanged", "/t")]
    assert world.watches.remove(B, "/t", "any")
    assert world.write(SetData("/t", b"3")) == []
    assert not world.watches.remove(B, "/t", "any")


def test_a_recursive_watch_tells_of_all_below_as_of_the_node_itself():
    world = World()
    world.write(Create("/t"))
    world.watches.add_persistent(B, "/t", recursive=True)
    world.watch(Exists("/t/a"))
    assert world.write(Create("/t/a")) == [(B, "NodeCreated", "/t/a")], "one event, although two watches fit"
    assert world.write(Create("/t/a/b")) == [(B, "NodeCreated", "/t/a/b")]
    assert world.write(Delete("/t/a/b")) == [(B, "NodeDeleted", "/t/a/b")]
    world.watches.forget(B)
    assert world.write(Delete("/t/a")) == []
