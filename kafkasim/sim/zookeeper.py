"""One ZooKeeper server: it looks for a leader, leads or follows, and serves clients while it has a majority behind it.

The parts, each a noun: the vote (:mod:`kafkasim.sim.zookeeper_election`), the leader's and the follower's office
(:mod:`kafkasim.sim.zookeeper_leader`, :mod:`kafkasim.sim.zookeeper_follower`), the clients of this server
(:mod:`kafkasim.sim.zookeeper_connections`), and the pings that are computed (:mod:`kafkasim.sim.zookeeper_pings`). An
idle ensemble makes no events: pings between servers and of clients are only arithmetic until one of them fails.

A server that loses its leader or the quorum drops all its clients, and looks again. Its log, its epochs and with them
the tree outlive its process, also a loss of power: ZooKeeper flushes before it acknowledges.

ZooKeeper: QuorumPeer, ZooKeeperServer, FinalRequestProcessor. Left out: read-only mode, disks that are slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafkasim.config import ZooKeeperConfig
from kafkasim.core.zk_election import Notification, ServerState
from kafkasim.core.zk_log import TransactionLog
from kafkasim.core.zk_requests import CreateSession
from kafkasim.core.znodes import Change, CloseSessionTxn, Transaction, ZnodeTree
from kafkasim.messages import zookeeper as zk
from kafkasim.messages import zookeeper_quorum as zab
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future, Kernel
from kafkasim.sim.network import Connection, Network, Reply
from kafkasim.sim.zookeeper_connections import ClientConnections
from kafkasim.sim.zookeeper_election import Election
from kafkasim.sim.zookeeper_follower import Follower
from kafkasim.sim.zookeeper_leader import Leader
from kafkasim.sim.zookeeper_pings import Pings
from kafkasim.trace.facts import SessionChanged, ZnodeChanged, ZooKeeperServerChanged
from kafkasim.trace.facts.zookeeper import BY_ITS_OWNER


def ensemble(
    count: int, kernel: Kernel, network: Network, config: ZooKeeperConfig, observers: Sequence[str] = ()
) -> list[ZooKeeperServer]:
    """Servers ``zookeeper-1`` to ``zookeeper-n``, not started; ``observers`` among them do not vote."""
    names = [f"zookeeper-{number}" for number in range(1, count + 1)]
    pings = Pings(kernel, config.tick_time)
    return [ZooKeeperServer(name, kernel, network, config, names, observers, pings) for name in names]


class ZooKeeperServer(Host):
    """One server of the ensemble; ``zookeeper-2`` has the id 2."""

    def __init__(
        self, name: str, kernel: Kernel, network: Network, config: ZooKeeperConfig, names: Sequence[str],
        observers: Sequence[str], pings: Pings,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, network)
        self.config = config
        self.names = tuple(names)
        self.voters = tuple(one for one in names if one not in observers)
        self.number = self.names.index(name) + 1
        self.pings = pings
        self.disk = TransactionLog()
        self.serves: Future[None] = Future(kernel, f"the service of {name}")
        self._forget_everything()

    def _forget_everything(self) -> None:
        self.tree = ZnodeTree()
        self.role: Leader | Follower | None = None
        self.clients = ClientConnections(self)
        self._election = Election(self)
        self._origins: dict[int, zab.Origin] = {}
        self._early: list[tuple[zab.FollowerInfo, Connection]] = []

    # --- life ----------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        self._forget_everything()
        self.serves = Future(self.kernel, f"the service of {self.name}")
        self.tree = self.disk.replay()
        if len(self.names) == 1:
            self._take_office(Leader(self, alone=True))
        else:
            self._look()

    def on_end(self) -> None:
        self.pings.server_lost(self.name)
        self._forget_everything()

    @property
    def server_state(self) -> ServerState:
        """What this server does."""
        if self.role is None:
            return ServerState.LOOKING
        return self.role.state

    @property
    def is_serving(self) -> bool:
        """Whether clients get answers: there is a leader, a majority has joined it, and this server is one of them."""
        return self.role is not None and self.role.is_serving

    def lose_leader(self) -> None:
        """Leader or quorum is lost: drop every client, keep the whole log, look for a leader."""
        assert self.role is not None
        self.role.resign()
        self.role = None
        self.clients.drop_all("no leader")
        self._origins.clear()
        for transaction in self.disk.after(self.tree.last_zxid):
            self.tree.apply(transaction)
        self.serves = Future(self.kernel, f"the service of {self.name}")
        self._look()

    def _look(self) -> None:
        self.note_state(ServerState.LOOKING)
        self._election.look(self.disk.current_epoch, self.tree.last_zxid)

    def elected(self, leader: int) -> None:
        """The election is over."""
        if leader == self.number:
            self._take_office(Leader(self))
        else:
            self._take_office(Follower(self, self.names[leader - 1]))

    def _take_office(self, role: Leader | Follower) -> None:
        self.role = role
        role.begin()
        early, self._early = self._early, []
        for request, connection in early:
            if connection.server_is_open:
                self._from_follower(request, connection)

    def note_state(self, state: ServerState) -> None:
        """Write down what this server does now."""
        epoch, zxid = self.disk.current_epoch, f"{self.tree.last_zxid:#x}"
        self.kernel.journal.because(ZooKeeperServerChanged(self.name, state.value, epoch, zxid))

    def begin_service(self) -> None:
        """Clients get answers from now on."""
        self.note_state(self.server_state)
        if not self.serves.is_done():
            self.serves.succeed()

    # --- messages --------------------------------------------------------------------------------------------

    def handle(self, request: Any, connection: Connection, reply: Reply) -> None:
        match request:
            case zk.ConnectRequest():
                self.clients.connect(request, connection, reply)
            case zk.OperationRequest():
                self.clients.operate(request, connection, reply)
            case zk.PingRequest():
                self.clients.ping(connection, reply)
            case Notification():
                reply(None)
                self._election.heard(request)
            case _:
                reply(None)
                self._from_follower(request, connection)

    def _from_follower(self, request: Any, connection: Connection) -> None:
        """Only a leader listens to followers; who comes while nobody is elected here waits for the outcome."""
        if isinstance(self.role, Leader):
            self.role.hear(request, connection)
        elif self.role is None and isinstance(request, zab.FollowerInfo):
            self._early.append((request, connection))
        else:
            connection.close(self, "not leading")

    # --- writes ------------------------------------------------------------------------------------------------

    def submit(self, session_id: int, operation: Any, number: int) -> None:
        """A client's write goes to the leader, which may be this server; ``number`` finds the client again."""
        assert self.role is not None
        self.role.submit(session_id, operation, (self.name, number))

    def log(self, transaction: Transaction, origin: zab.Origin) -> None:
        """A proposal is on this server's disk."""
        self.disk.append(transaction)
        if origin[0] == self.name:
            self._origins[transaction.zxid] = origin

    def apply_to(self, zxid: int) -> None:
        """Everything up to here is committed."""
        for transaction in self.disk.after(self.tree.last_zxid):
            if transaction.zxid > zxid:
                return
            self._apply(transaction)

    def _apply(self, transaction: Transaction) -> None:
        """A committed transaction takes effect on this server: tree, watches, then the answer to its client."""
        session = self.tree.sessions.get(transaction.session_id)
        outcome = self.tree.apply(transaction)
        if isinstance(self.role, Leader):
            self._record(self.tree, transaction, outcome.changes, session)
        self.clients.fire(outcome.changes)
        origin = self._origins.pop(transaction.zxid, None)
        if isinstance(transaction.body, CreateSession | CloseSessionTxn):
            self._session_changed(transaction, session, answered=origin is not None)
        if origin is not None:
            self.clients.answer(origin[1], transaction, outcome)
        if isinstance(transaction.body, CloseSessionTxn):
            self.clients.ended(transaction.session_id)

    def _session_changed(self, transaction: Transaction, closed: CreateSession | None, *, answered: bool) -> None:
        body = transaction.body
        if answered and isinstance(body, CreateSession):
            self.note_session(transaction.session_id, body, "open")
        elif answered and closed is not None:
            self.note_session(transaction.session_id, closed, "closed", setting=BY_ITS_OWNER)

    def note_session(
        self, session_id: int, session: CreateSession, state: str, *, because: bool = False, setting: str = ""
    ) -> None:
        """Write down what has become of a session here; ``because``: what follows is caused by it."""
        setting = setting or session.setting
        fact = SessionChanged(f"{session_id:#x}", session.owner, self.name, state, setting)
        if because:
            self.kernel.journal.because(fact)
        else:
            self.kernel.journal.record(fact)

    def record_missed(self) -> None:
        """A new leader writes down what was in its log and had not been committed before."""
        if self.disk.last_zxid > self.pings.recorded_zxid:
            tree = ZnodeTree()
            for transaction in self.disk.transactions:
                session = tree.sessions.get(transaction.session_id)
                self._record(tree, transaction, tree.apply(transaction).changes, session)

    def _record(
        self, tree: ZnodeTree, transaction: Transaction, changes: Sequence[Change], session: CreateSession | None
    ) -> None:
        """The leader of the time writes down what has changed in the tree, once for all servers."""
        if transaction.zxid <= self.pings.recorded_zxid:
            return
        self.pings.recorded_zxid = transaction.zxid
        for change in changes:
            owner = tree.sessions.get(change.ephemeral_owner, session) if change.ephemeral_owner else None
            fact = ZnodeChanged(
                change.path, change.kind, change.data or b"", change.version, f"{transaction.zxid:#x}",
                None if owner is None else owner.owner,
            )  # fmt: skip
            self.kernel.journal.because(fact)
