"""How a broker answers Produce, ListOffsets and OffsetForLeaderEpoch: the leader's answers that need no session.

Kafka: KafkaApis.handleProduceRequest and handleListOffsetRequest, ReplicaManager.appendRecords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kafkasim.core.partition import Partition
from kafkasim.core.topic_rules import INTERNAL_TOPICS
from kafkasim.errors import InvalidTopicException, KafkaError
from kafkasim.messages import data
from kafkasim.records import RecordBatch, TopicPartition
from kafkasim.sim.network import Connection, Reply
from kafkasim.sim.produce_purgatory import DelayedProduce
from kafkasim.trace.facts import ProduceRefused

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

EARLIEST, LATEST, MAX_TIMESTAMP = -2, -1, -3


def produce(broker: Broker, request: data.ProduceRequest, connection: Connection, reply: Reply) -> None:
    """Append what belongs to a transaction once that is verified, everything else at once."""
    broker.verification.check(request, lambda refused: _append(broker, request, refused, connection, reply))


def _append(
    broker: Broker, request: data.ProduceRequest, refused: Mapping[TopicPartition, data.Error],
    connection: Connection, reply: Reply,
) -> None:  # fmt: skip
    """Append, then answer at once (acks=1), never (acks=0) or when all is committed (acks=all)."""
    replicas = broker.replicas
    response = data.ProduceResponse({tp: data.PartitionProduceResponse(error) for tp, error in refused.items()})
    required: dict[TopicPartition, int] = {}
    for tp, batch in request.batches.items():
        if (unverified := refused.get(tp)) is not None:
            _tell(broker, tp, batch, unverified(), f"transactional.id={request.transactional_id}")
            continue
        try:
            partition = _partition(broker, tp, batch)
            base_offset, required[tp] = partition.append(batch, request.acks, broker.kernel.now_ms)
            response.partitions[tp] = data.PartitionProduceResponse(None, base_offset, partition.log.start_offset)
        except KafkaError as error:
            known = replicas.partitions.get(tp)
            leader = None if known is None else (known.leader, known.leader_epoch)
            response.partitions[tp] = data.PartitionProduceResponse(
                type(error), new_leader=leader, message=str(error), record_errors=error.record_errors
            )
    replicas.appended({tp: response.partitions[tp].base_offset for tp in required})
    if request.acks == 0:
        reply(None)
        if len(required) < len(request.batches):
            connection.close(broker, "a produce request with acks=0 failed")
    elif request.acks == 1 or not required:
        reply(response)
    else:
        replicas.purgatory.park(DelayedProduce(required, response, reply), request.timeout_ms)


def _partition(broker: Broker, tp: TopicPartition, batch: RecordBatch) -> Partition:
    try:
        if tp.topic in INTERNAL_TOPICS:
            raise InvalidTopicException(f"Cannot append to internal topic {tp.topic}.")
        return broker.replicas.partition(tp)
    except KafkaError as error:
        _tell(broker, tp, batch, error, "")
        raise


def _tell(broker: Broker, tp: TopicPartition, batch: RecordBatch, error: KafkaError, setting: str) -> None:
    """Write down a refusal that comes before a partition looks at the batch."""
    reason = str(error).rstrip(".")
    broker.kernel.journal.record(ProduceRefused(broker.broker_id, tp, batch.batch_id, error.name, reason, setting))


def list_offsets(broker: Broker, request: data.ListOffsetsRequest) -> data.ListOffsetsResponse:
    """EARLIEST, LATEST, MAX_TIMESTAMP, or the first offset at or after a time (2.6)."""
    response = data.ListOffsetsResponse({})
    for tp, time in request.timestamps.items():
        try:
            partition = broker.replicas.partition(tp)
            partition.check_leader()
            response.offsets[tp] = _looked_up(partition, time, request)
        except KafkaError as error:
            response.offsets[tp] = data.PartitionOffset(type(error))
    return response


def _looked_up(partition: Partition, time: int, request: data.ListOffsetsRequest) -> data.PartitionOffset:
    """The answer for one partition; offset -1 where there is none. Kafka: Partition.fetchOffsetForTimestamp."""
    log, epoch = partition.log, partition.leader_epoch
    if time == EARLIEST:
        first = next((one for one, start in log.epochs.entries if start <= log.start_offset), -1)
        return data.PartitionOffset(None, log.start_offset, -1, first)
    if request.replica_id != data.CONSUMER:
        return data.PartitionOffset(None, log.end_offset, -1, epoch)
    if time == LATEST:
        return data.PartitionOffset(None, partition.visible_end(read_committed=request.read_committed), -1, epoch)
    found = log.offset_of_max_timestamp() if time == MAX_TIMESTAMP else log.first_offset_at(time)
    end = log.last_stable_offset if request.read_committed else log.high_watermark
    if found is not None and found[0] < end:
        return data.PartitionOffset(None, *found)
    partition.visible_end(read_committed=request.read_committed)
    return data.PartitionOffset(None, -1, -1, -1)


def offset_for_leader_epoch(
    broker: Broker, request: data.OffsetForLeaderEpochRequest
) -> data.OffsetForLeaderEpochResponse:  # fmt: skip
    """Where a leader epoch ends in the leader's log. Kafka: Partition.lastOffsetForLeaderEpoch."""
    response = data.OffsetForLeaderEpochResponse({})
    for tp, (known_epoch, epoch) in request.epochs.items():
        try:
            partition = broker.replicas.partition(tp)
            partition.check_leader(known_epoch)
            found = partition.log.epochs.end_offset_for(epoch, partition.log.end_offset)
            response.partitions[tp] = data.EpochEndOffset(None, *found)
        except KafkaError as error:
            response.partitions[tp] = data.EpochEndOffset(type(error))
    return response
