"""Which partition a record goes to."""

from __future__ import annotations

import random

from kafkasim.core.partitioners import RoundRobinPartitioner, StickyPartitioner, cumulative_weights


def test_a_keyless_producer_stays_until_a_batch_is_complete():
    sticky = StickyPartitioner(1000, random.Random(1))
    assert sticky.partition("t") is None
    first = sticky.change("t", (0, 1, 2), 3)

    assert not sticky.appended("t", 600, batch_is_full=False)
    assert sticky.partition("t") == first

    assert not sticky.appended("t", 600, batch_is_full=False), "1200 bytes, but the batch is still open"
    assert sticky.appended("t", 800, batch_is_full=False), "twice batch.size is the most that a partition gets at once"


def test_a_full_batch_ends_the_turn_at_once():
    sticky = StickyPartitioner(1000, random.Random(1))
    sticky.change("t", (0, 1, 2), 3)
    assert sticky.appended("t", 1000, batch_is_full=True)
    sticky.change("t", (0, 1, 2), 3)
    assert not sticky.appended("t", 999, batch_is_full=True), "the next one begins with nothing"


def test_only_partitions_with_a_leader_are_chosen():
    sticky = StickyPartitioner(1, random.Random(3))
    assert {sticky.change("t", (1, 4), 6) for _ in range(50)} == {1, 4}


def test_a_short_queue_is_more_likely_to_be_next():
    assert cumulative_weights([0, 3, 1]) == [4, 5, 8]
    sticky = StickyPartitioner(1, random.Random(5))
    chosen = [sticky.change("t", (0, 1, 2), 3, (0, 3, 1)) for _ in range(800)]
    counts = [chosen.count(number) for number in range(3)]
    assert counts[0] > counts[2] > counts[1], counts


def test_round_robin_counts_for_each_topic_by_itself():
    turn = RoundRobinPartitioner()
    assert [turn.partition("a", None, None, (0, 2), 3) for _ in range(3)] == [0, 2, 0]
    assert turn.partition("b", None, None, (), 3) == 0
