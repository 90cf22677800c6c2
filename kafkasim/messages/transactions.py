"""Transactions: producer ids, what belongs to a transaction, its end, and the markers that write the end into logs.

Answers carry the error class of each partition, as those of produce requests do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafkasim.messages.data import Error
from kafkasim.messages.groups import GroupRequest, GroupResponse
from kafkasim.records import TopicPartition


def _end(committed: bool) -> str:
    return "commit" if committed else "abort"


@dataclass(slots=True)
class TransactionRequest:
    """Any request to the coordinator of ``transactional_id``."""

    transactional_id: str
    producer_id: int
    producer_epoch: int

    def describe(self) -> str:
        name = type(self).__name__.removesuffix("Request")
        return f"{name} {self.transactional_id} (producer {self.producer_id}, epoch {self.producer_epoch})"


@dataclass(slots=True)
class TransactionResponse:
    """Any answer to one."""

    error: Error = None

    def describe(self) -> str:
        word = "answer" if self.error is None else f"answer {self.error.name}"
        return f"{type(self).__name__.removesuffix('Response')} {word}"


@dataclass(slots=True)
class InitProducerIdRequest:
    """A producer id, please. With a ``transactional_id`` it goes to the coordinator; id and epoch are given to raise
    the epoch of a producer that has one already (KIP-360)."""

    transactional_id: str | None = None
    transaction_timeout_ms: int = 60_000
    producer_id: int = -1
    producer_epoch: int = -1

    def describe(self) -> str:
        return f"InitProducerId {self.transactional_id or ''}".strip()


@dataclass(slots=True)
class InitProducerIdResponse:
    error: Error = None
    producer_id: int = -1
    producer_epoch: int = -1

    def describe(self) -> str:
        if self.error is not None:
            return f"InitProducerId answer {self.error.name}"
        return f"InitProducerId answer {self.producer_id}, epoch {self.producer_epoch}"


@dataclass(slots=True)
class AddPartitionsToTxnRequest(TransactionRequest):
    """These partitions belong to the transaction from now on. ``verify_only`` comes from a broker that asks whether
    they do (KIP-890)."""

    partitions: tuple[TopicPartition, ...]
    verify_only: bool = False

    def describe(self) -> str:
        listed = ", ".join(map(str, self.partitions))
        return f"AddPartitionsToTxn {self.transactional_id}{' (verify only)' if self.verify_only else ''}: {listed}"


@dataclass(slots=True)
class AddPartitionsToTxnResponse(TransactionResponse):
    """One error holds for all partitions; partitions that a verification does not find are in ``errors``."""

    errors: dict[TopicPartition, Error] = field(default_factory=dict)


@dataclass(slots=True)
class AddOffsetsToTxnRequest(TransactionRequest):
    """The group's partition of ``__consumer_offsets`` belongs to the transaction from now on."""

    group_id: str


@dataclass(slots=True)
class AddOffsetsToTxnResponse(TransactionResponse):
    pass


@dataclass(slots=True)
class EndTxnRequest(TransactionRequest):
    committed: bool

    def describe(self) -> str:
        return f"EndTxn {self.transactional_id}: {_end(self.committed)}"


@dataclass(slots=True)
class EndTxnResponse(TransactionResponse):
    pass


@dataclass(slots=True)
class TxnOffsetCommitRequest(GroupRequest):
    """Offsets that the group has committed once the transaction is: from its producer to the *group's* coordinator.

    Generation -1 and no member id: offsets of a consumer that is in no group's generation.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int
    offsets: dict[TopicPartition, int]
    member_id: str = ""
    generation_id: int = -1
    group_instance_id: str | None = None
    leader_epochs: dict[TopicPartition, int] = field(default_factory=dict)
    metadata: dict[TopicPartition, str] = field(default_factory=dict)

    def describe(self) -> str:
        parts = ", ".join(f"{tp} at {offset}" for tp, offset in self.offsets.items())
        return f"TxnOffsetCommit {self.group_id} ({parts or 'nothing'})"


@dataclass(slots=True)
class TxnOffsetCommitResponse(GroupResponse):
    """``errors`` as in the answer to an OffsetCommit."""

    errors: dict[TopicPartition, Error] = field(default_factory=dict)


@dataclass(slots=True)
class TransactionMarker:
    """How the transaction of a producer has ended, for the partitions of one leader."""

    producer_id: int
    producer_epoch: int
    committed: bool
    coordinator_epoch: int
    partitions: tuple[TopicPartition, ...]


@dataclass(slots=True)
class WriteTxnMarkersRequest:
    """From the coordinator to the leader of each partition that took part."""

    markers: tuple[TransactionMarker, ...]

    def describe(self) -> str:
        return "WriteTxnMarkers " + "; ".join(
            f"{_end(marker.committed)} of producer {marker.producer_id} in {', '.join(map(str, marker.partitions))}"
            for marker in self.markers
        )


@dataclass(slots=True)
class WriteTxnMarkersResponse:
    """For each producer id the error of each partition."""

    errors: dict[int, dict[TopicPartition, Error]]

    def describe(self) -> str:
        parts = [
            f"{tp} {'ok' if error is None else error.name}"
            for errors in self.errors.values()
            for tp, error in errors.items()
        ]
        return f"WriteTxnMarkers answer {', '.join(parts)}"


@dataclass(slots=True)
class DescribeTransactionsRequest:
    transactional_id: str

    def describe(self) -> str:
        return f"DescribeTransactions {self.transactional_id}"


@dataclass(slots=True)
class DescribeTransactionsResponse(TransactionResponse):
    """``state`` is Kafka's name; ``start_ms`` -1 while no transaction is under way."""

    state: str = ""
    producer_id: int = -1
    producer_epoch: int = -1
    timeout_ms: int = -1
    start_ms: int = -1
    partitions: tuple[TopicPartition, ...] = ()


@dataclass(slots=True)
class ListTransactionsRequest:
    def describe(self) -> str:
        return "ListTransactions"


@dataclass(slots=True)
class ListTransactionsResponse(TransactionResponse):
    """(transactional id, producer id, state) of those that this broker coordinates."""

    transactions: tuple[tuple[str, int, str], ...] = ()
