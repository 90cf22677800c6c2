"""Whether a write that was sent again after a lost connection was done the first time.

A write that gets no answer may have taken effect. Sent again, it then meets its own work: the znode exists, the version
is one further, the znode is gone. So the client looks: what stands there is its own if it is what it wanted to write.

Kafka: KafkaZkClient.CheckedEphemeral, conditionalUpdatePath with its checker.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kafkasim.core.zk_errors import BadVersionError, NodeExistsError, NoNodeError, ZooKeeperError
from kafkasim.core.zk_requests import ANY_VERSION, Create, Delete, Multi, SetData
from kafkasim.sim.kernel import Future

if TYPE_CHECKING:
    from kafkasim.sim.zookeeper_client import ZooKeeperClient


def was_done(client: ZooKeeperClient, operation: Any, error: Exception) -> Future[Any]:
    """The result that the write had the first time; None when the refusal is for another reason."""
    return client.look(_look(client, operation, error))


def _look(client: ZooKeeperClient, operation: Any, error: Exception) -> Generator[Any, Any, Any]:
    if not isinstance(error, NodeExistsError | BadVersionError | NoNodeError):
        return None
    steps = operation.operations if isinstance(operation, Multi) else (operation,)
    results = []
    for step in steps:
        found, result = yield from _one(client, step)
        if not found:
            return None
        results.append(result)
    return tuple(results) if isinstance(operation, Multi) else results[0]


def _one(client: ZooKeeperClient, step: Any) -> Generator[Any, Any, tuple[bool, Any]]:
    """Whether one step is done, and what it gave."""
    if not isinstance(step, Create | SetData | Delete):
        return True, None
    try:
        data, stat = yield client.get(step.path)
    except ZooKeeperError:
        return isinstance(step, Delete), True
    match step:
        case Create():
            owner = client.session_id if step.ephemeral else 0
            return stat.ephemeral_owner == owner and not step.sequential, step.path
        case SetData():
            expected = (stat.version, step.version + 1)[step.version != ANY_VERSION]
            return data == step.data and stat.version == expected, stat
        case _:
            return False, None
