"""What a run costs, held as counts: they are exact, and a change that makes them grow should know it."""

from __future__ import annotations

from tests.bench.scenes import eager_idle_hour, idle_hour, loaded


def test_an_idle_hour_is_almost_nothing() -> None:
    assert idle_hour(consumers=0) <= 0.01 * sum(eager_idle_hour(consumers=0).values())


def test_a_record_and_a_batch_cost_no_more_events_than_they_did() -> None:
    cost = loaded(records=500)
    assert cost.messages == 600, "six for each batch of five: produce, two fetches answered and asked, acknowledged"
    assert cost.events <= 2.45 * cost.records, "the user's own sleep, and for each batch its messages and one alarm"
