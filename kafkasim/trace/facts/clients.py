"""Facts about producers and what every client learns."""

from __future__ import annotations

from kafkasim.records import TopicPartition
from kafkasim.trace.fact import Fact, fact


@fact("client", host="client", text="{client} learns the leaders {leaders}")
class MetadataLearned(Fact):
    """A client has a new picture of the cluster; ``leaders`` are texts such as ``orders-0 on 101``."""

    client: str
    leaders: tuple[str, ...]


@fact("producer", "number", host="producer", text="{producer} puts record {number} (key {key}) into a batch for {tp}")
class RecordSent(Fact):
    """send() has chosen the partition; ``number`` counts the sends of this producer, from 0."""

    producer: str
    number: int
    tp: TopicPartition
    key: bytes | None
    value: bytes | None


@fact(
    "producer", "batch_id", host="producer", text="{producer} sends batch {batch_id} of {tp} to {leader}, try {attempt}"
)
class BatchSent(Fact):
    """A batch has left the producer; ``records`` are the numbers of its records, ``attempt`` counts from 1.

    An idempotent producer sends its id, epoch and the sequence number of the first record along, else they are -1.
    """

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    attempt: int
    leader: int
    producer_id: int = -1
    producer_epoch: int = -1
    base_sequence: int = -1
    is_transactional: bool = False


@fact("producer", "batch_id", host="producer", text="{producer} will repeat batch {batch_id} of {tp}: {error}")
class BatchRetried(Fact):
    """A try has failed in a way that may pass; the batch waits to be sent again."""

    producer: str
    batch_id: str
    tp: TopicPartition
    error: str


@fact(
    "producer", "batch_id", host="producer", text="batch {batch_id} of {tp} is acknowledged from offset {base_offset}"
)
class BatchAcknowledged(Fact):
    """The producer reports success; ``base_offset`` is -1 with acks=0, where nobody has confirmed anything."""

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    base_offset: int


@fact("producer", "batch_id", host="producer", text="batch {batch_id} of {tp} has failed: {error} ({setting})")
class BatchFailed(Fact):
    """The producer reports an error; when not ``definite`` the records may be in the log all the same."""

    producer: str
    batch_id: str
    tp: TopicPartition
    records: tuple[int, ...]
    error: str
    definite: bool
    setting: str


@fact("producer", "batch_id", host="producer", text="{producer} splits batch {batch_id} of {tp} into {parts}")
class BatchSplit(Fact):
    """A broker finds a batch too large; ``parts`` are the ids of the batches that carry its records from now on."""

    producer: str
    batch_id: str
    tp: TopicPartition
    parts: tuple[str, ...]
