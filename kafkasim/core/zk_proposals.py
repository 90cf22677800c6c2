"""What the leader of a ZooKeeper ensemble decides about a write, before anybody has agreed to it.

Theory of operation. Proposals are pipelined: while one waits for its majority the next is already being judged, and it
must be judged as if the first were done. So an active leader keeps, beside the tree of what is committed, the *newest*
tree, with everything proposed. :meth:`Proposals.prepare` tries a request on it, notes what came of it as a transaction
and moves the newest tree on. A leader that loses its office throws its proposals away; the next one begins anew from
the whole of its log.

ZooKeeper: PrepRequestProcessor (its outstandingChanges are our newest tree). Left out: access control lists, quotas,
and the end of the counter at 0xffffffff, where a leader steps down.
"""

from __future__ import annotations

from kafkasim.core.zk_errors import (
    BadArgumentsError,
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
    SessionExpiredError,
    ZooKeeperError,
)
from kafkasim.core.zk_requests import (
    ANY_VERSION,
    Check,
    CloseSession,
    Create,
    CreateSession,
    Delete,
    Multi,
    SetData,
    Write,
    parent_of,
    path_problem,
)
from kafkasim.core.znodes import (
    RESERVED,
    Body,
    CheckTxn,
    CloseSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetDataTxn,
    Step,
    Transaction,
    ZnodeTree,
)


class Proposals:
    """The newest state of the tree, and the last zxid that was given out.

    ``tree`` is what the leader has applied (its whole log) when it becomes active; ``zxid`` is ``epoch << 32`` in an
    ensemble, the last one used in a server that runs alone.
    """

    def __init__(self, tree: ZnodeTree, zxid: int) -> None:
        self.newest = tree.copy()
        self.zxid = zxid

    def prepare(self, session_id: int, request: Write, now_ms: int) -> Transaction:
        """The transaction that this request makes, under the next zxid; a refused one makes an :class:`ErrorTxn`."""
        try:
            match request:
                case CreateSession():
                    return self._propose(session_id, request, now_ms)
                case CloseSession():
                    return self._propose(session_id, CloseSessionTxn(self._ephemerals_of(session_id)), now_ms)
                case Multi():
                    return self._propose(session_id, self._multi(session_id, request, now_ms), now_ms)
                case _:
                    return self._propose(session_id, _step(self.newest, session_id, request), now_ms)
        except ZooKeeperError as error:
            return self.refuse(session_id, error, now_ms)

    def refuse(self, session_id: int, error: ZooKeeperError, now_ms: int) -> Transaction:
        """The transaction for a request that is turned down unseen, as a write over a session's old connection."""
        return self._propose(session_id, ErrorTxn(error.with_traceback(None)), now_ms)

    def _propose(self, session_id: int, body: Body, now_ms: int) -> Transaction:
        self.zxid += 1
        transaction = Transaction(self.zxid, session_id, now_ms, body)
        self.newest.apply(transaction)
        return transaction

    def _ephemerals_of(self, session_id: int) -> tuple[str, ...]:
        """In the order of their creation; in ZooKeeper the order means nothing."""
        return tuple(path for path, node in self.newest.nodes.items() if node.ephemeral_owner == session_id)

    def _multi(self, session_id: int, multi: Multi, now_ms: int) -> MultiTxn | ErrorTxn:
        """Judge each part on a copy that has the earlier ones."""
        trial = self.newest.copy()
        steps: list[Step] = []
        for operation in multi.operations:
            try:
                step = _step(trial, session_id, operation)
            except ZooKeeperError as error:
                culprit = error.with_traceback(None)
                before = tuple(RolledBackError() for _ in steps)
                after = tuple(RuntimeInconsistency() for _ in multi.operations[len(steps) + 1 :])
                return ErrorTxn(culprit, (*before, culprit, *after))
            trial.take(step, self.zxid + 1, now_ms)
            steps.append(step)
        return MultiTxn(tuple(steps))


def _step(tree: ZnodeTree, session_id: int, operation: Create | SetData | Delete | Check) -> Step:
    """What an operation comes to on this tree, or why it is refused. The order of the checks is ZooKeeper's."""
    if session_id not in tree.sessions:
        raise SessionExpiredError(f"The session {session_id:#x} is not open.")
    match operation:
        case Create():
            return _create(tree, session_id, operation)
        case Delete():
            return _delete(tree, operation)
        case SetData():
            _well_formed(operation.path)
            version = _expect(tree, operation.path, operation.version)
            return SetDataTxn(operation.path, operation.data, version + 1)
        case Check():
            _well_formed(operation.path)
            _expect(tree, operation.path, operation.version)
            return CheckTxn(operation.path)


def _create(tree: ZnodeTree, session_id: int, operation: Create) -> CreateTxn:
    path = operation.path
    if "/" not in path:
        raise BadArgumentsError(f"The path {path!r} must start with /.")
    parent = tree.node(parent_of(path))
    if operation.sequential:
        path = f"{path}{parent.creations:010d}"
    _well_formed(path)
    if path in tree.nodes:
        raise NodeExistsError(f"The znode {path} exists already.")
    if parent.ephemeral_owner:
        raise NoChildrenForEphemeralsError(f"The znode {parent_of(path)} is ephemeral: it cannot have children.")
    return CreateTxn(path, operation.data, session_id if operation.ephemeral else 0, parent.creations + 1)


def _delete(tree: ZnodeTree, operation: Delete) -> DeleteTxn:
    path = operation.path
    if "/" not in path:
        raise BadArgumentsError(f"The path {path!r} must start with /.")
    if path in RESERVED:
        raise BadArgumentsError(f"The znode {path} is ZooKeeper's own and cannot be deleted.")
    _expect(tree, path, operation.version)
    if tree.node(path).children:
        raise NotEmptyError(f"The znode {path} has children.")
    return DeleteTxn(path)


def _well_formed(path: str) -> None:
    problem = path_problem(path)
    if problem is not None:
        raise BadArgumentsError(f"The path {path!r} {problem}.")


def _expect(tree: ZnodeTree, path: str, version: int) -> int:
    """The version of the data, which must be the expected one."""
    found = tree.node(path).version
    if version not in (ANY_VERSION, found):
        raise BadVersionError(f"The znode {path} has version {found}, not {version}.")
    return found
