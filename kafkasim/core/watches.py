"""The watches that one ZooKeeper server holds for the sessions connected to it.

Theory of operation. A watch is set with a read, on the server that answers it, for a session and a path, and it fires
once. There are two tables: *data* (set by get and exists) and *child* (set by get_children). The server asks
:meth:`Watches.triggered` with the changes of each transaction that it applies, and sends the events before the reply
to whoever made the change::

    result = tree.read(request)                        # raises NoNodeError: then no watch is set
    if wanted:
        watches.add(session_id, request)
    ...
    for session_id, event in watches.triggered(tree.apply(transaction).changes):
        ...                                            # to that session's connection

A server forgets a session's watches with its connection. The client remembers them, and after a reconnect tells the new
server (:meth:`Watches.set_watches`) which it had and up to which zxid it knows the world.

Since 3.6 there are *persistent* watches, too (:meth:`Watches.add_persistent`), which fire again and again until they
are removed: one tells of the node and of its children's coming and going, a *recursive* one of each node below as if it
watched that node itself. Kafka does not use them.

ZooKeeper: WatchManager, DataTree.setWatches, addWatch and removeWatch. Left out: persistent watches are not set again
by set_watches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafkasim.core.zk_requests import GetChildren, Read, parent_of
from kafkasim.core.znodes import Change, ZnodeTree


class EventType(StrEnum):
    """What a watch can tell, under ZooKeeper's names: that something happened, never what it is now."""

    NODE_CREATED = "NodeCreated"
    NODE_DELETED = "NodeDeleted"
    NODE_DATA_CHANGED = "NodeDataChanged"
    NODE_CHILDREN_CHANGED = "NodeChildrenChanged"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One notification."""

    type: EventType
    path: str


_Table = dict[str, dict[int, None]]
_OF_THE_NODE = {
    "created": EventType.NODE_CREATED,
    "set": EventType.NODE_DATA_CHANGED,
    "deleted": EventType.NODE_DELETED,
}


class Watches:
    """Two tables, data and child: by path, the sessions that wait, in the order in which they came."""

    def __init__(self) -> None:
        self._data: _Table = {}
        self._child: _Table = {}
        self._persistent: dict[str, dict[int, bool]] = {}

    def add(self, session_id: int, request: Read) -> None:
        """Set the watch that goes with a read that succeeded; an exists that found nothing has succeeded, too."""
        table = self._child if isinstance(request, GetChildren) else self._data
        _set(table, request.path, session_id)

    def add_persistent(self, session_id: int, path: str, *, recursive: bool) -> None:
        """Watch a znode, there or not, until :meth:`remove`; ``recursive``: and all below it."""
        self._persistent.setdefault(path, {})[session_id] = recursive

    def remove(self, session_id: int, path: str, kind: str) -> bool:
        """Take a session's watches of a path away: ``data``, ``children`` or ``any``; False when there are none."""
        tables: dict[str, list[dict[str, Any]]] = {
            "data": [self._data], "children": [self._child], "any": [self._data, self._child, self._persistent],
        }  # fmt: skip
        holders = [table[path] for table in tables[kind] if session_id in table.get(path, ())]
        for sessions in holders:
            del sessions[session_id]
        return bool(holders)

    def triggered(self, changes: Iterable[Change]) -> list[tuple[int, WatchEvent]]:
        """The events of these changes, as (session, event) in the order of sending; the watches are used up.

        For each change the watchers of the node come first, then those of its parent's children. A session with a data
        and a child watch on a deleted node hears of it once.
        """
        events: list[tuple[int, WatchEvent]] = []
        for change in changes:
            sessions = self._data.pop(change.path, {})
            if change.kind == "deleted":
                sessions |= self._child.pop(change.path, {})
            sessions |= dict.fromkeys(self._lasting(change.path))
            events += [(session, WatchEvent(_OF_THE_NODE[change.kind], change.path)) for session in sessions]
            if change.kind != "set":
                parent = parent_of(change.path)
                event = WatchEvent(EventType.NODE_CHILDREN_CHANGED, parent)
                waiting = self._child.pop(parent, {})
                lasting = self._persistent.get(parent, {})
                waiting |= {session: None for session, recursive in lasting.items() if not recursive}
                events += [(session, event) for session in waiting]
        return events

    def _lasting(self, path: str) -> list[int]:
        """The sessions with a persistent watch of a node, or a recursive one of a node above it."""
        if not self._persistent:
            return []
        found = list(self._persistent.get(path, ()))
        while path != "/":
            path = parent_of(path)
            found += [session for session, recursive in self._persistent.get(path, {}).items() if recursive]
        return found

    def set_watches(
        self,
        session_id: int,
        tree: ZnodeTree,
        last_seen_zxid: int,
        *,
        data: Iterable[str] = (),
        exists: Iterable[str] = (),
        child: Iterable[str] = (),
    ) -> list[WatchEvent]:
        """Take over a session's watches after a reconnect: the events it has missed; the other watches are set.

        ``data`` and ``child`` are paths of znodes that were there when the watch was set, ``exists`` of those that were
        missing. What was created and deleted again meanwhile is not seen.
        """
        missed: list[WatchEvent] = []
        for path in data:
            node = tree.nodes.get(path)
            if node is None:
                missed.append(WatchEvent(EventType.NODE_DELETED, path))
            elif node.mzxid > last_seen_zxid:
                missed.append(WatchEvent(EventType.NODE_DATA_CHANGED, path))
            else:
                _set(self._data, path, session_id)
        for path in exists:
            if path in tree.nodes:
                missed.append(WatchEvent(EventType.NODE_CREATED, path))
            else:
                _set(self._data, path, session_id)
        for path in child:
            node = tree.nodes.get(path)
            if node is None:
                missed.append(WatchEvent(EventType.NODE_DELETED, path))
            elif node.pzxid > last_seen_zxid:
                missed.append(WatchEvent(EventType.NODE_CHILDREN_CHANGED, path))
            else:
                _set(self._child, path, session_id)
        return missed

    def forget(self, session_id: int) -> None:
        """The session's connection to this server is gone, and its watches with it."""
        tables: tuple[dict[str, Any], ...] = (self._data, self._child, self._persistent)
        for table in tables:
            for path in [path for path, sessions in table.items() if session_id in sessions]:
                del table[path][session_id]
                if not table[path]:
                    del table[path]

    def clear(self) -> None:
        """The server has lost its leader or the quorum: all its clients are gone."""
        self._data.clear()
        self._child.clear()
        self._persistent.clear()


def _set(table: _Table, path: str, session_id: int) -> None:
    table.setdefault(path, {})[session_id] = None
