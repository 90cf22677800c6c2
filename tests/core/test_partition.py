"""What a leader and its followers may do, step by step (kafka-semantics 13.6, 13.8, 13.9)."""

from __future__ import annotations

import pytest

from kafkasim.config import BrokerConfig
from kafkasim.core.log import Log
from kafkasim.core.partition import Partition
from kafkasim.errors import (
    FencedLeaderEpochException,
    IneligibleReplicaException,
    NotEnoughReplicasException,
    NotLeaderOrFollowerException,
    OffsetOutOfRangeException,
    OutOfOrderSequenceException,
    UnknownLeaderEpochException,
)
from kafkasim.messages.control import AlteredPartition, PartitionState
from kafkasim.messages.data import FetchPosition
from kafkasim.records import Record, RecordBatch, TopicPartition

TP = TopicPartition("t", 0)


class World:
    """A replica outside any cluster, and the facts it tells."""

    def __init__(
        self, broker: int = 1, *, isr: tuple[int, ...] = (1, 2, 3), leader: int = 1, **settings: object
    ) -> None:
        self.facts: list[object] = []
        config = BrokerConfig().topic_defaults().overridden({name: str(value) for name, value in settings.items()})
        self.live = {1, 2, 3}
        self.partition = Partition(
            broker, TP, Log(config, 0), lag_max_ms=30_000, emit=self._emit, is_alive=lambda one: one in self.live
        )
        self.partition.become(PartitionState(leader, 0, isr, 0, (1, 2, 3)), 0)

    def _emit(self, fact):
        self.facts.append(fact)
        return fact

    def told(self, kind: str) -> list[object]:
        return [fact for fact in self.facts if type(fact).__name__ == kind]

    @property
    def high_watermark(self) -> int:
        return self.partition.log.high_watermark


def batch(count: int = 1, **fields: object) -> RecordBatch:
    return RecordBatch(tuple(Record(None, b"v", 1) for _ in range(count)), **fields)


def test_the_high_watermark_is_what_everybody_in_sync_has_fetched_past():
    world = World()
    leader = world.partition

    assert leader.append(batch(3), -1, 10) == (0, 3)
    leader.follower_fetched(2, 0, 20)
    leader.follower_fetched(3, 0, 30)
    assert world.high_watermark == 0

    leader.follower_fetched(2, 3, 40)
    assert world.high_watermark == 0, "broker 3 has not fetched past the records yet"
    leader.follower_fetched(3, 3, 50)
    assert world.high_watermark == 3
    assert [fact.high_watermark for fact in world.told("HighWatermarkMoved")] == [3]


def test_a_leader_alone_in_its_isr_commits_at_append():
    world = World(isr=(1,))
    world.partition.append(batch(3), 1, 10)
    assert world.high_watermark == 3


def test_below_min_isr_the_high_watermark_stands_still():
    world = World(isr=(1,), **{"min.insync.replicas": 2})
    world.partition.append(batch(), 1, 10)
    assert world.high_watermark == 0


def test_acks_all_is_refused_below_min_isr_and_nothing_is_appended():
    world = World(isr=(1,), **{"min.insync.replicas": 2})
    with pytest.raises(NotEnoughReplicasException, match=r"fewer than min\.insync\.replicas=2"):
        world.partition.append(batch(batch_id="p/1"), -1, 10)
    assert world.partition.log.end_offset == 0
    refused = world.told("ProduceRefused")[0]
    assert (refused.error, refused.setting) == ("NOT_ENOUGH_REPLICAS", "min.insync.replicas=2")
    assert world.partition.append(batch(), 1, 20) == (0, 1), "acks=1 ignores it"


def test_a_follower_that_caught_up_is_proposed_and_counts_at_once():
    world = World(isr=(1, 2))
    leader = world.partition
    leader.append(batch(2), 1, 10)
    leader.follower_fetched(2, 2, 20)
    assert world.high_watermark == 2

    leader.follower_fetched(3, 2, 30)

    assert leader.in_sync.proposed == (1, 2, 3)
    assert leader.in_sync.take_proposal() is world.told("IsrChangeProposed")[0]
    assert leader.in_sync.take_proposal() is None, "it is asked for once"
    leader.append(batch(), -1, 40)
    leader.follower_fetched(2, 3, 50)
    assert world.high_watermark == 2, "the proposed member counts already"

    leader.isr_answered((1, 2, 3), AlteredPartition(None, (1, 2, 3), 1), 60)
    assert (leader.in_sync.committed, leader.in_sync.proposed, leader.in_sync.partition_epoch) == ((1, 2, 3), None, 1)


def test_a_proposed_member_holds_the_high_watermark_back_even_when_it_falls_silent():
    world = World(isr=(1, 2))
    leader = world.partition
    for follower in (2, 3):
        leader.follower_fetched(follower, 0, 10)
    assert leader.in_sync.proposed == (1, 2, 3)
    leader.append(batch(), 1, 20)
    leader.follower_fetched(2, 1, 100_000)
    assert world.high_watermark == 0, "a pending expansion counts until it is decided"
    leader.isr_answered((1, 2, 3), AlteredPartition(IneligibleReplicaException), 100_001)
    leader.follower_fetched(2, 1, 100_002)
    assert world.high_watermark == 1


@pytest.mark.parametrize(("caught_up_ms", "removed_at_ms"), [(1, 45_000), (15_000, 60_000)])
def test_a_silent_follower_leaves_after_more_than_the_lag_at_a_tick(caught_up_ms, removed_at_ms):
    world = World()
    leader = world.partition
    leader.append(batch(), 1, 0)
    for follower in (2, 3):
        leader.follower_fetched(follower, 1, caught_up_ms)
    leader.append(batch(), 1, caught_up_ms + 1)
    leader.follower_fetched(2, 2, 90_000)
    gone_at = None
    for tick_ms in range(0, 90_000, 15_000):
        leader.shrink(tick_ms)
        if leader.in_sync.proposed is not None:
            gone_at = tick_ms
            break
    assert (gone_at, leader.in_sync.proposed) == (removed_at_ms, (1, 2))


def test_a_follower_at_the_end_of_the_log_never_leaves_by_time():
    world = World()
    for follower in (2, 3):
        world.partition.follower_fetched(follower, 0, 1)
    world.partition.shrink(10_000_000)
    assert world.partition.in_sync.proposed is None


def test_a_dead_broker_is_not_proposed():
    world = World(isr=(1, 2))
    world.live = {1, 2}
    world.partition.follower_fetched(3, 0, 10)
    assert world.partition.in_sync.proposed is None


def test_requests_of_other_epochs_are_fenced():
    world = World()
    world.partition.become(PartitionState(1, 5, (1, 2, 3), 3, (1, 2, 3)), 10)
    with pytest.raises(FencedLeaderEpochException):
        world.partition.check_leader(4)
    with pytest.raises(UnknownLeaderEpochException):
        world.partition.check_leader(6)
    assert not world.partition.become(PartitionState(2, 5, (2, 3), 4, (1, 2, 3)), 20), "an equal epoch changes nothing"
    world.partition.become(PartitionState(2, 6, (2, 3), 4, (1, 2, 3)), 30)
    with pytest.raises(NotLeaderOrFollowerException):
        world.partition.append(batch(), 1, 40)


def test_a_repeated_batch_is_stored_once():
    leader = World().partition
    ids = {"producer_id": 1, "producer_epoch": 0}
    assert leader.append(batch(5, base_sequence=0, **ids), -1, 1) == (0, 5)
    assert leader.append(batch(5, base_sequence=5, **ids), -1, 2) == (5, 10)
    assert leader.append(batch(5, base_sequence=5, **ids), -1, 3) == (5, 10), "a repeat: the stored offsets"
    assert leader.log.end_offset == 10
    with pytest.raises(OutOfOrderSequenceException):
        leader.append(batch(3, base_sequence=12, **ids), -1, 4)
    assert leader.append(batch(2, base_sequence=10, **ids), -1, 5) == (10, 12)


def test_a_repeat_is_committed_when_the_member_that_it_waited_for_is_out_after_all():
    world = World(isr=(1,))
    leader = world.partition
    leader.follower_fetched(2, 0, 0)
    first = batch(producer_id=7, producer_epoch=0, base_sequence=0)
    leader.append(first, -1, 10)
    assert world.high_watermark == 0  # the joining follower counts already
    world.live.discard(2)
    leader.isr_answered((1, 2), AlteredPartition(IneligibleReplicaException), 20)
    assert world.high_watermark == 0

    assert leader.append(first, -1, 30) == (0, 1)
    assert world.high_watermark == 1


def test_a_fetch_from_an_older_epoch_or_to_who_leads_no_longer_is_not_served():
    leader = World().partition
    assert leader.can_be_fetched_by(2, 0)
    assert not leader.can_be_fetched_by(4, 0)
    leader.become(PartitionState(1, 1, (1, 2), 1, (1, 2, 3)), 0)
    assert not leader.can_be_fetched_by(2, 0)
    leader.become(PartitionState(2, 2, (1, 2), 2, (1, 2, 3)), 0)
    assert not leader.can_be_fetched_by(2, 2)


def test_a_batch_older_than_the_last_five_is_out_of_order():
    leader = World().partition
    ids = {"producer_id": 1, "producer_epoch": 0}
    for number in range(6):
        leader.append(batch(base_sequence=number, **ids), -1, number)
    with pytest.raises(OutOfOrderSequenceException):
        leader.append(batch(base_sequence=0, **ids), -1, 9)
    assert leader.append(batch(base_sequence=1, **ids), -1, 9) == (1, 2)


def test_an_unknown_producer_may_start_anywhere_and_a_new_epoch_at_zero():
    leader = World().partition
    assert leader.append(batch(base_sequence=7, producer_id=9, producer_epoch=0), -1, 1) == (0, 1)
    with pytest.raises(OutOfOrderSequenceException):
        leader.append(batch(base_sequence=8, producer_id=9, producer_epoch=1), -1, 2)
    assert leader.append(batch(base_sequence=0, producer_id=9, producer_epoch=1), -1, 3) == (1, 2)


def test_a_follower_finds_where_histories_part_and_cuts_there():
    leader, follower = World(), World(broker=2, leader=1)
    for epoch, count in ((0, 2), (2, 1)):
        leader.partition.leader_epoch = epoch
        leader.partition.append(batch(count), 1, 1)
    log = follower.partition.log
    for epoch, base in ((0, 0), (1, 2)):
        log.append_as_follower(batch(2).placed(base, epoch), 1)

    assert leader.partition.fetch(FetchPosition(4, 2, 1), 2).diverging == (0, 2)
    follower.partition.truncate_by_epoch(0, 2)

    assert (log.end_offset, log.epochs.entries) == (2, [(0, 0)])
    assert [fact.log_end_offset for fact in follower.told("LogTruncated")] == [2]
    assert leader.partition.fetch(FetchPosition(2, 2, 0), 2).diverging is None


def test_reading_between_the_high_watermark_and_the_end_gives_nothing_and_no_error():
    log = World().partition.log
    for base in (0, 2):
        log.append_as_follower(batch(2).placed(base, 0), 1)
    assert log.read(3, 2, 1_000_000) == []
    assert [one.base_offset for one in log.read(1, 4, 1_000_000)] == [0, 2], (
        "the batch that holds the offset comes whole"
    )
    assert [one.base_offset for one in log.read(0, 4, 1)] == [0], "one batch comes however small the limit"
    for offset in (-1, 5):
        with pytest.raises(OffsetOutOfRangeException):
            log.read(offset, 4, 100)


def test_a_segment_is_rolled_by_size_and_by_the_time_of_its_records():
    config = BrokerConfig().topic_defaults().overridden({"segment.bytes": "200", "segment.ms": "1000"})
    log = Log(config, 0)
    for timestamp in (1, 2, 3, 2000):
        records = (Record(None, b"x" * 10, timestamp),)
        log.append_as_leader(RecordBatch(records), 0, 0)
    assert [segment.base_offset for segment in log.segments] == [0, 2, 3]
