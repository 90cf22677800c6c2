"""What `__consumer_offsets` holds: written, read again by another coordinator, deleted, expired."""

from __future__ import annotations

import pytest

from kafkasim.core.group import Group
from kafkasim.core.group_metadata import GroupState
from kafkasim.core.offset_records import decoded, in_words
from kafkasim.core.offsets import (
    CommittedOffsets,
    OffsetAndMetadata,
    group_record,
    group_tombstone,
    offset_record,
    offset_tombstone,
    trouble_with_metadata,
)
from kafkasim.messages.groups import Subscription
from kafkasim.records import Record, RecordBatch, TopicPartition, end_marker
from tests.core.group_play import Play

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)
WEEK_MS = 7 * 24 * 3_600_000


def loaded(*records: Record) -> CommittedOffsets:
    offsets = CommittedOffsets()
    offsets.load(records)
    return offsets


def test_the_last_commit_of_a_partition_counts_also_a_smaller_one() -> None:
    """Recorded: a commit may go backwards, or beyond the end of the log."""
    offsets = loaded(offset_record("g", A0, 8, 1), offset_record("g", A1, 1000, 1), offset_record("g", A0, 3, 2))
    assert offsets.of("g", [A0, A1, B0]) == {A0: 3, A1: 1000}
    assert offsets.of("other", [A0]) == {}


def test_groups_do_not_see_each_others_offsets() -> None:
    offsets = loaded(offset_record("g", A0, 8, 1), offset_record("h", A0, 2, 1))
    assert (offsets.of("g", [A0]), offsets.of("h", [A0])) == ({A0: 8}, {A0: 2})


def test_what_was_committed_beside_an_offset_is_kept() -> None:
    offsets = loaded(offset_record("g", A0, 8, 1234, leader_epoch=5, metadata="up to the blue one"))
    assert offsets.details_of("g", [A0]) == {A0: OffsetAndMetadata(8, 5, "up to the blue one", 1234)}


def test_the_records_are_kafkas_bytes() -> None:
    record = offset_record("g", A0, 8, 1234, leader_epoch=2, metadata="x")
    assert record.key == bytes.fromhex("000100016700016100000000"), "version 1, group, topic, partition"
    offset, epoch, text, time = "0000000000000008", "00000002", "000178", "00000000000004d2"
    assert record.value == bytes.fromhex("0003" + offset + epoch + text + time)
    assert group_tombstone("g", 1).key == bytes.fromhex("0002000167")
    assert record.timestamp == 1234


def test_the_records_can_be_read_by_people() -> None:
    assert in_words(offset_tombstone("g", A0, 1)) == "group g has no committed offset of a-0 any more"
    play = Play()
    play.stable("a-1")
    snapshot = play.group.as_stored()
    assert in_words(group_record("g", snapshot, 1)) == "group g is in generation 1: a-1 owns nothing"
    found = decoded(group_record("g", snapshot, 1))
    assert found is not None
    assert found == ({"group": "g"}, {"protocolType": "consumer", **snapshot})


def test_offsets_in_a_transaction_count_with_its_commit() -> None:
    offsets = loaded(offset_record("g", A0, 3, 1))
    offsets.prepare(7, [offset_record("g", A0, 8, 2), offset_record("g", A1, 9, 2)], 10)
    assert offsets.is_pending("g", [A0])
    assert not offsets.is_pending("g", [B0])
    assert offsets.of("g", [A0, A1]) == {A0: 3}
    assert offsets.end_transaction(7, committed=True) == {"g": {A0: 8, A1: 9}}
    assert offsets.of("g", [A0, A1]) == {A0: 8, A1: 9}
    offsets.prepare(7, [offset_record("g", A0, 20, 3)], 12)
    assert offsets.end_transaction(7, committed=False) == {}
    assert offsets.of("g", [A0]) == {A0: 8}
    assert not offsets.is_pending("g", None)


def test_a_commit_that_stands_behind_the_transactions_is_newer() -> None:
    offsets = loaded()
    offsets.prepare(7, [offset_record("g", A0, 8, 2)], 10)
    offsets.load([offset_record("g", A0, 5, 3)], 11)
    offsets.end_transaction(7, committed=True)
    assert offsets.of("g", [A0]) == {A0: 5}


def test_a_coordinator_that_takes_over_finds_open_transactions_again() -> None:
    offsets = CommittedOffsets()
    inside = RecordBatch((offset_record("g", A0, 8, 2),), base_offset=0, producer_id=7, is_transactional=True)
    offsets.load_batches([inside])
    assert (offsets.of("g", [A0]), offsets.is_pending("g", None)) == ({}, True)
    marker = end_marker(7, 0, committed=True, coordinator_epoch=0, timestamp=3)
    offsets.load_batches([marker.placed(1, 0)])
    assert (offsets.of("g", [A0]), offsets.is_pending("g", None)) == ({A0: 8}, False)


def test_a_tombstone_deletes_one_offset_and_the_last_one_the_groups_place() -> None:
    offsets = loaded(offset_record("g", A0, 8, 1), offset_record("g", A1, 9, 1), offset_tombstone("g", A0, 2))
    assert offsets.of("g", [A0, A1]) == {A1: 9}
    offsets.load(offsets.tombstones("g", [A0, A1, B0], 3))
    assert offsets.by_group == {}


def test_a_tombstone_of_what_nobody_knows_is_no_trouble() -> None:
    """Compaction can leave a tombstone alone."""
    offsets = loaded(offset_tombstone("g", A0, 2), group_tombstone("g", 2), Record(None, b"?"))
    assert (offsets.by_group, offsets.stored_groups) == ({}, {})


def test_a_group_is_stored_whole_and_comes_back_whole() -> None:
    play = Play()
    play.stable("a-1", "b-1", subscription=Subscription(("a", "b"), (A0,), 4))
    play.join("a-1")
    play.join("b-1")
    play.sync("b-1", "a-1", a_1=[A0, A1], b_1=[B0])
    snapshot = play.group.take_snapshot()
    assert snapshot is not None
    offsets = loaded(group_record("g", snapshot, 1))
    heir = Group("g", 0)
    heir.restore(offsets.stored_groups["g"], 0)
    for member_id, member in heir.members.items():
        was = play.group.members[member_id]
        assert (member.assignment, member.subscription) == (was.assignment, was.subscription)
        assert (member.client_id, member.session_timeout_ms) == (was.client_id, was.session_timeout_ms)
    assert (heir.generation, heir.protocol, heir.leader, heir.state) == (2, "range", "a-1", GroupState.STABLE)


@pytest.mark.parametrize(("protocol", "generation"), [("sticky", 3), ("sticky", -1), ("range", 3)])
def test_what_the_eager_sticky_assignor_remembers_is_stored_with_the_member(protocol: str, generation: int) -> None:
    """A static member that is late to join is shared out by what lies in the log. Kafka: one metadata a protocol."""
    play = Play()
    had = (A0, B0) if generation >= 0 else ()
    play.stable("a-1", protocols=(protocol,), subscription=Subscription(("a", "b"), (), 4, None, had, generation))
    heir = Group("g", 0)
    heir.restore(loaded(group_record("g", play.group.as_stored(), 1)).stored_groups["g"], 0)
    wants = heir.members["a-1"].subscription
    told = (had, generation) if protocol == "sticky" else ((), -1)
    assert (wants.sticky_partitions, wants.sticky_generation) == told


def test_a_deleted_group_is_not_found_again() -> None:
    assert loaded(group_record("g", Group("g", 0).as_stored(), 1), group_tombstone("g", 2)).stored_groups == {}


def test_a_text_beside_an_offset_has_a_limit_in_bytes() -> None:
    assert trouble_with_metadata("x" * 4096, 4096) is None
    refusal = trouble_with_metadata("é" * 2049, 4096)
    assert refusal is not None
    assert refusal.name == "OFFSET_METADATA_TOO_LARGE"


# --- expiry -----------------------------------------------------------------------------------------------------


def test_without_members_ever_each_offset_counts_from_its_commit() -> None:
    offsets = loaded(offset_record("g", A0, 8, 0), offset_record("g", A1, 8, 1000))
    group = Group("g", 0, now_ms=500)
    assert offsets.expired(group, WEEK_MS - 1, WEEK_MS) == []
    assert offsets.expired(group, WEEK_MS, WEEK_MS) == [A0]
    assert offsets.expired(group, WEEK_MS + 1000, WEEK_MS) == [A0, A1]


def test_an_empty_group_counts_from_when_it_became_empty() -> None:
    offsets = loaded(offset_record("g", A0, 8, 0))
    play = Play()
    play.stable("a-1")
    play.now_ms = 40_000
    play.leave("a-1")
    assert play.group.state is GroupState.EMPTY
    assert offsets.expired(play.group, WEEK_MS + 39_999, WEEK_MS) == []
    assert offsets.expired(play.group, WEEK_MS + 40_000, WEEK_MS) == [A0]
    heir = Group("g", 0, now_ms=WEEK_MS)
    heir.restore(play.group.as_stored(), WEEK_MS)
    assert offsets.expired(heir, WEEK_MS + 40_000, WEEK_MS) == [A0], "a new coordinator counts on"


def test_a_running_group_loses_only_offsets_of_topics_that_nobody_wants() -> None:
    offsets = loaded(offset_record("g", A0, 8, 0), offset_record("g", B0, 8, 0))
    play = Play()
    play.stable("a-1", subscription=Subscription(("a",)))
    assert offsets.expired(play.group, 10 * WEEK_MS, WEEK_MS) == [B0]
    play.join("b-1", subscription=Subscription(("a",)))
    assert play.group.state is GroupState.PREPARING_REBALANCE
    assert offsets.expired(play.group, 10 * WEEK_MS, WEEK_MS) == []


def test_with_a_topic_its_offsets_go() -> None:
    offsets = loaded(offset_record("g", A0, 8, 0), offset_record("g", B0, 8, 0), offset_record("h", A1, 1, 0))
    assert offsets.of_topic("a") == {"g": [A0], "h": [A1]}
