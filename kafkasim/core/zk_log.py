"""The log of one ZooKeeper server, and how a leader brings a follower's log to its own.

Theory of operation. A server writes each proposal into its log before it acknowledges it, committed or not. After an
election the leader's log is the truth: what a follower misses is sent (``DIFF``), what it has and the leader has not is
cut off (``TRUNC``, then perhaps DIFF), and where the leader cannot tell from its last :data:`COMMIT_LOG_COUNT`
transactions, the follower gets everything (``SNAP``)::

    plan = plan_of(leader_log, leader_last_zxid, follower_last_zxid)
    follower_log.follow(plan)

ZooKeeper: LearnerHandler.syncFollower, FileTxnLog. Left out: reading older transactions from the log on disk (the file
would have to be smaller than a third of the snapshot).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kafkasim.core.znodes import Transaction, ZnodeTree

COMMIT_LOG_COUNT = 500
"""How many transactions a leader has at hand for a DIFF. ZooKeeper: commitLogCount."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """How a follower gets the leader's history: ``how`` is DIFF, TRUNC or SNAP.

    It cuts its log after ``keep`` (TRUNC), or throws it away (SNAP), and appends ``transactions``; then its last
    zxid is ``zxid``.
    """

    how: str
    keep: int
    transactions: tuple[Transaction, ...]
    zxid: int


def plan_of(log: Sequence[Transaction], leader_zxid: int, follower_zxid: int) -> SyncPlan:
    """What a leader with this log, whose last zxid is ``leader_zxid``, sends to a follower whose last is given."""
    if follower_zxid == leader_zxid:
        return SyncPlan("DIFF", follower_zxid, (), follower_zxid)
    at_hand = log[-COMMIT_LOG_COUNT:]
    newest, oldest = (at_hand[-1].zxid, at_hand[0].zxid) if at_hand else (leader_zxid, leader_zxid)
    everything = SyncPlan("SNAP", 0, tuple(log), leader_zxid)
    if follower_zxid > newest:
        is_empty_epoch = follower_zxid & 0xFFFFFFFF == 0
        return everything if is_empty_epoch or not log else SyncPlan("TRUNC", newest, (), newest)
    if follower_zxid < oldest:
        return everything
    common = max(one.zxid for one in at_hand if one.zxid <= follower_zxid)
    missing = tuple(one for one in at_hand if one.zxid > common)
    return SyncPlan("DIFF" if common == follower_zxid else "TRUNC", common, missing, newest)


@dataclass(slots=True)
class TransactionLog:
    """What lies on a ZooKeeper server's disk: transactions, the epochs it has promised and joined, a snapshot's zxid.

    ``accepted_epoch`` is the highest that a leader has proposed to it, ``current_epoch`` that of the last leader whose
    history it has taken over. ``snapshot_zxid`` may be beyond the last transaction: an epoch without a write.
    """

    transactions: list[Transaction] = field(default_factory=list)
    accepted_epoch: int = 0
    current_epoch: int = 0
    snapshot_zxid: int = 0

    @property
    def last_zxid(self) -> int:
        """The last transaction's, committed or not."""
        return self.transactions[-1].zxid if self.transactions else 0

    def append(self, transaction: Transaction) -> None:
        """Write a proposal down."""
        assert transaction.zxid > self.last_zxid
        self.transactions.append(transaction)

    def after(self, zxid: int) -> list[Transaction]:
        """The transactions beyond a zxid, in order."""
        place = len(self.transactions)
        while place and self.transactions[place - 1].zxid > zxid:
            place -= 1
        return self.transactions[place:]

    def follow(self, plan: SyncPlan) -> None:
        """Become the leader's history."""
        if plan.how == "SNAP":
            self.transactions = list(plan.transactions)
            self.snapshot_zxid = plan.zxid
            return
        lost = len(self.after(plan.keep))
        if lost:
            del self.transactions[-lost:]
        if plan.how == "TRUNC":
            self.snapshot_zxid = min(self.snapshot_zxid, plan.keep)
        self.transactions.extend(plan.transactions)

    def replay(self) -> ZnodeTree:
        """The tree that all of it leads to."""
        tree = ZnodeTree()
        for transaction in self.transactions:
            tree.apply(transaction)
        tree.last_zxid = max(tree.last_zxid, self.snapshot_zxid)
        return tree
