"""What a run costs, held as counts: they are exact, and a change that makes them grow should know it."""

from __future__ import annotations

import pytest

from tests.bench.scenes import idle_hour, loaded, never_simulated, streamed


@pytest.mark.parametrize("consumers", [0, 3])
def test_an_idle_hour_is_almost_nothing(consumers: int) -> None:
    eager = idle_hour(consumers, eager=True) + sum(never_simulated(consumers).values())
    assert idle_hour(consumers) <= 0.01 * eager


def test_a_batch_costs_its_messages_and_one_event() -> None:
    cost = streamed(3_000, 1_000)
    assert cost.messages == 4_000, (
        "eight for each batch of six: produce, three fetches answered and asked, acknowledged"
    )
    assert cost.events <= 1.4 * cost.messages
    assert cost.events <= 1.52 * cost.records


def test_at_a_high_rate_a_record_costs_next_to_nothing() -> None:
    cost = streamed(30_000, 100_000)
    assert cost.events <= 0.066 * cost.records


def test_a_users_loop_costs_its_own_sleeps_and_the_batches() -> None:
    cost = loaded(records=500)
    assert cost.messages == 600, "six for each batch of five: produce, two fetches answered and asked, acknowledged"
    assert cost.events <= 2.45 * cost.records, "the user's own sleep, and for each batch its messages and one alarm"


def test_brokers_and_partitions_that_have_no_part_in_a_load_cost_nothing() -> None:
    small, large = (streamed(1_200, 1_000, brokers=one, partitions=10 * one) for one in (3, 100))
    assert small.messages == large.messages == 1_600
    assert large.events == small.events
    assert large.facts <= small.facts
