"""What each operation of an oracle does: one function an operation, and how its answer is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kafkasim as ks
from kafkasim.core.zk_errors import ZooKeeperError
from kafkasim.core.zk_requests import (
    AddWatch,
    Check,
    Create,
    Delete,
    Exists,
    GetChildren,
    GetData,
    Multi,
    RemoveWatches,
    SetData,
    SetWatches,
    Sync,
)
from tests.fidelity.oracle_stage import Client, Stage, host

PENDING_MS = 300
"""A reply that has not come after this long is pending."""
LONG_DATA = 100
Args = dict[str, Any]
ACTIONS: dict[str, Callable[[Stage, Client | None, Args], Any]] = {}


def do(stage: Stage, step: dict[str, Any]) -> dict[str, Any]:
    """Do one step, and give its result as the oracle writes it."""
    op, args, name = step["op"], step.get("args", {}), step["session"]
    if op == "connect":
        return _connect(stage, name, args)
    if op == "keep_old_connection":
        old = Client(stage.clients[name].session.detach())
        stage.clients[args["as"]] = old
        return {}
    if op == "await_reply":
        client, reply, written = stage.pending[args["step"]]
        return _reply(stage, client, reply, written)
    client = stage.clients.get(name)
    if op in REQUESTS:
        assert client is not None
        reply = client.note(client.session.request(request(stage, client, op, args), watch=args.get("watch", False)))
        if step.get("result", {}).get("pending"):
            stage.pending[step["i"]] = (client, reply, (op, args))
            came = stage.run_until(reply.is_done, PENDING_MS)
            return {"pending": True} if not came else _reply(stage, client, reply, (op, args))
        return _reply(stage, client, reply, (op, args))
    return dict(ACTIONS[op](stage, client, args) or {})


# --- requests ------------------------------------------------------------------------------------------------


def _data(value: Any) -> bytes | None:
    if value is None:
        return None
    return b"x" * value["repeat"] if isinstance(value, dict) else value.encode()


def request(stage: Stage, client: Client, op: str, args: Args) -> Any:
    """The operation as the session's request."""
    return REQUESTS[op](client, args)


def _create(client: Client, args: Args) -> Create:
    mode = args.get("mode", "persistent")
    return Create(args["path"], _data(args.get("data", "")), mode.startswith("ephemeral"), mode.endswith("sequential"))


def _set_watches(client: Client, args: Args) -> SetWatches:
    seen = args.get("relative_zxid", "last_seen")
    zxid = client.session.last_zxid if seen == "last_seen" else int(seen, 16)
    watches = [tuple(args.get(kind, ())) for kind in ("data_watches", "exist_watches", "child_watches")]
    return SetWatches(zxid, *watches)


REQUESTS: dict[str, Callable[[Client, Args], Any]] = {
    "create": _create,
    "delete": lambda client, args: Delete(args["path"], args.get("version", -1)),
    "set": lambda client, args: SetData(args["path"], _data(args["data"]), args.get("version", -1)),
    "check": lambda client, args: Check(args["path"], args["version"]),
    "get": lambda client, args: GetData(args["path"]),
    "exists": lambda client, args: Exists(args["path"]),
    "children": lambda client, args: GetChildren(args["path"]),
    "sync": lambda client, args: Sync(args["path"]),
    "multi": lambda client, args: Multi(tuple(REQUESTS[one["op"]](client, one) for one in args["ops"])),
    "set_watches": _set_watches,
    "add_watch": lambda client, args: AddWatch(args["path"], args.get("mode") == "persistent_recursive"),
    "remove_watches": lambda client, args: RemoveWatches(args["path"], args.get("type", "any")),
}
READS = ("get", "exists", "children", "sync", "set_watches", "add_watch", "remove_watches")


def _reply(stage: Stage, client: Client, reply: Any, asked: Any) -> dict[str, Any]:
    """A reply, waited for, as the oracle writes it."""
    stage.run_until(reply.is_done)
    if not reply.is_done():
        return {"error": "no reply"}
    if reply.error is not None:
        return {"error": error_name(reply.error)}
    return _written(stage, asked[0], asked[1], reply.result())


def error_name(error: BaseException) -> str:
    """ZooKeeper's name of an error."""
    assert isinstance(error, ZooKeeperError), error
    return error.name


def _written(stage: Stage, op: str, args: Args, response: Any) -> dict[str, Any]:
    zxid = {"server_zxid" if op in READS else "zxid": hex(response.zxid)}
    if op == "multi":
        return {"results": [_part(one, part) for one, part in zip(args["ops"], response.result, strict=True)]} | zxid
    if response.error is not None:
        return {"error": error_name(response.error)} | zxid
    result = response.result
    match op:
        case "create":
            return {"path": result} | zxid
        case "set":
            return {"stat": _stat(stage, result)} | zxid
        case "get":
            return {"data": _text(result[0]), "stat": _stat(stage, result[1])} | zxid
        case "exists":
            return ({"error": "NoNode"} if result is None else {"stat": _stat(stage, result)}) | zxid
        case "children":
            return {"children": sorted(result[0]), "stat": _stat(stage, result[1])} | zxid
        case "sync":
            return {"path": result} | zxid
        case _:
            return zxid


def _part(asked: Args, result: Any) -> dict[str, Any]:
    if isinstance(result, ZooKeeperError):
        return {"error": result.name}
    told: dict[str, Any] = {"op": asked["op"]}
    if asked["op"] == "create":
        told["path"] = result
    elif asked["op"] == "set":
        told["version"] = result.version
    return told


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    return f"<{len(data)} bytes>" if len(data) > LONG_DATA and set(data) == {ord("x")} else data.decode()


def _stat(stage: Stage, stat: Any) -> dict[str, Any]:
    return {
        "czxid": hex(stat.czxid), "mzxid": hex(stat.mzxid), "pzxid": hex(stat.pzxid), "version": stat.version,
        "cversion": stat.cversion, "aversion": stat.aversion,
        "owner": stage.owners.get(stat.ephemeral_owner) if stat.ephemeral_owner else None,
        "dataLength": stat.data_length, "numChildren": stat.children_count,
    }  # fmt: skip


# --- sessions ------------------------------------------------------------------------------------------------


def _connect(stage: Stage, name: str, args: Args) -> dict[str, Any]:
    session = stage.cluster.zookeeper.session(args["timeout_ms"])
    client = stage.clients[name] = Client(session)
    result = _opened(stage, session.connect(host(args["server"])))
    if "error" not in result:
        stage.owners[session.session_id] = name
        if args.get("pings") is False:
            client.session.stop_pings()
        del result["resumed"]
    return result


def _opened(stage: Stage, connected: Any) -> dict[str, Any]:
    stage.run_until(connected.is_done)
    if connected.error is not None:
        return {"error": error_name(connected.error)}
    return {"resumed": True, "negotiated_timeout_ms": connected.result()}


def _reconnect(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    password = b"0" * 16 if args.get("bad_password") else None
    return _opened(stage, client.session.connect(host(args["server"]), args.get("timeout_ms"), password=password))


def _reconnect_retry(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    for _ in range(200):
        for server in args["servers"]:
            result = _opened(stage, client.session.connect(host(server)))
            if result.get("error") not in ("ConnectionClosed", "ConnectionRefused", "ConnectionLoss"):
                return result
        stage.cluster.run(for_ms=50)
    return {"error": "no server takes the session up"}


def _close(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    reply = client.session.close()
    stage.run_until(reply.is_done)
    return {"error": error_name(reply.error)} if reply.error else {"zxid": hex(reply.result().zxid)}


def _pipeline(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    before = len(client.arrived)
    replies = []
    for number, one in enumerate(args["ops"]):
        asked = request(stage, client, one["op"], one)
        reply = client.session.request(asked, watch=one.get("watch", False))
        replies.append(client.note(reply, number))
    results = [_reply(stage, client, reply, (one["op"], one)) for reply, one in zip(replies, args["ops"], strict=True)]
    order = [
        f"reply {what}" if kind == "reply" else "event {} {}".format(*what) for kind, what in client.arrived[before:]
    ]
    return {"results": results, "arrival_order": order}


def _await_event(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    event = ("event", (args["type"], args["path"]))
    before = len(client.arrived)
    return {"seen": stage.run_until(lambda: event in client.arrived[before:])}


def _await_disconnect(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    return {"disconnected": stage.run_until(lambda: not client.session.is_connected)}


def _loop(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    """Read with a watch, let another write, read again and again: the event must come before the new value."""
    writer, path, early = stage.clients[args["writer"]], args["path"], 0
    for number in range(args["rounds"]):
        stage.run_until(client.session.request(GetData(path), watch=True).is_done)
        before = len(client.arrived)
        new = f"round {number}".encode()
        writer.session.request(SetData(path, new))
        while True:
            reply = client.session.request(GetData(path))
            stage.run_until(reply.is_done)
            if reply.result().result[0] == new:
                break
        early += ("event", ("NodeDataChanged", path)) not in client.arrived[before:]
        del client.arrived[before:]
    return {"rounds": args["rounds"], "new_value_seen_before_its_event": early}


# --- the ensemble --------------------------------------------------------------------------------------------


def _each(fault: Callable[[str], Any]) -> Callable[[Stage, Any, Args], None]:
    def act(stage: Stage, client: Any, args: Args) -> None:
        for server in args["servers"]:
            stage.cluster.inject(fault(host(server)))

    return act


def _hold(stage: Stage, client: Any, args: Args) -> None:
    follower, leader = host(args["follower"]), host(args["leader"])
    match args["direction"]:
        case "both":
            stage.cluster.inject(ks.faults.Clog(follower, leader))
        case "to_leader":
            stage.cluster.inject(ks.faults.Clog(follower, leader, one_way=True))
        case _:
            stage.cluster.inject(ks.faults.Clog(leader, follower, one_way=True))


def _link(args: Args) -> tuple[str, str]:
    return host(args["follower"]), host(args["leader"])


def _cut(stage: Stage, client: Any, args: Args) -> None:
    stage.cluster.inject(ks.faults.Reset(*_link(args)))
    stage.cluster.inject(ks.faults.Heal(*_link(args)))


def _status(stage: Stage, client: Any, args: Args) -> dict[str, Any]:
    return {"roles": stage.roles(), "leader_zxid": stage.leader_zxid()}


ACTIONS |= {
    "reconnect": _reconnect,
    "reconnect_retry": _reconnect_retry,
    "drop": lambda stage, client, args: client.session.drop(),
    "close": _close,
    "stop_pings": lambda stage, client, args: client.session.stop_pings(),
    "pipeline": _pipeline,
    "await_event": _await_event,
    "await_disconnect": _await_disconnect,
    "is_connected": lambda stage, client, args: {"connected": client.session.is_connected},
    "loop_read_until_new_value": _loop,
    "kill": _each(ks.faults.Kill),
    "stop": _each(ks.faults.Stop),
    "start": _each(ks.faults.Start),
    "pause": _each(ks.faults.Pause),
    "resume": _each(ks.faults.Resume),
    "await_serving": lambda stage, client, args: stage.await_serving(args["servers"]),
    "wait": lambda stage, client, args: stage.cluster.run(for_ms=args["ms"]) and None,
    "status": _status,
    "hold_link": _hold,
    "release_link": lambda stage, client, args: stage.cluster.inject(ks.faults.Heal(*_link(args))),
    "cut_link": _cut,
}
