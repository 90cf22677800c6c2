"""One crash at each step of each loop: what is lost, what is done twice, and what a sink can do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from kafkasim.processing import Crash, OffsetSink, Sink, UpsertSink, at_least_once, at_most_once

VALUES = [f"v{number}".encode() for number in range(6)]


def cluster_with_orders(key: str | None = None) -> ks.Cluster:
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("orders", partitions=1, replication_factor=3, min_insync_replicas=2)
    producer = cluster.producer(acks="all")
    for number, value in enumerate(VALUES):
        producer.send("orders", value, key=key or f"k{number}").get()
    return cluster


def lives(
    loop: Callable[..., object], sink: Sink, crash: Crash, *, key: str | None = None, **settings: object
) -> list[bytes]:
    """The program dies once and is started anew; the values that had an effect, in order."""
    cluster = cluster_with_orders(key)
    for its_crash in (crash, None):
        consumer = cluster.consumer(
            "orders", group_id="billing", enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=2,
            session_timeout_ms=6000,
        )  # fmt: skip
        cluster.process(loop(consumer, sink, crash=its_crash, **settings))
        cluster.run(for_ms=20_000)
    return [value for _, value in sink.effects]


@pytest.mark.parametrize(
    ("crash", "lost"),
    [
        (Crash("poll", 2), []),
        (Crash("commit", 2), [b"v2", b"v3"]),
        (Crash("process", 3), [b"v3"]),
        (Crash("process", 4), []),
    ],
    ids=str,
)
def test_at_most_once_loses_what_was_in_hand_and_repeats_nothing(crash: Crash, lost: list[bytes]) -> None:
    assert lives(at_most_once, Sink(), crash) == [value for value in VALUES if value not in lost]


@pytest.mark.parametrize(
    ("crash", "repeated"),
    [
        (Crash("poll", 2), []),
        (Crash("process", 3), [b"v2"]),
        (Crash("process", 4), [b"v2", b"v3"]),
        (Crash("commit", 2), []),
    ],
    ids=str,
)
def test_at_least_once_repeats_what_was_not_committed_and_loses_nothing(crash: Crash, repeated: list[bytes]) -> None:
    effects = lives(at_least_once, Sink(), crash)

    assert sorted(effects) == sorted(VALUES + repeated)
    assert list(dict.fromkeys(effects)) == VALUES


def test_committing_each_record_narrows_the_window_to_one_record() -> None:
    assert lives(at_least_once, Sink(), Crash("process", 4), commit_each="record").count(b"v3") == 2
    assert lives(at_least_once, Sink(), Crash("commit", 4), commit_each="record") == VALUES


@pytest.mark.parametrize("sink", [OffsetSink(), UpsertSink()], ids=repr)
def test_an_idempotent_sink_makes_repeats_harmless(sink: Sink) -> None:
    assert lives(at_least_once, sink, Crash("process", 4)) == VALUES


def test_a_table_passes_through_old_values_again_and_ends_where_it_was() -> None:
    table = UpsertSink()

    effects = lives(at_least_once, table, Crash("process", 4), key="truck-42")

    assert effects == [b"v0", b"v1", b"v2", b"v3", b"v2", b"v3", b"v4", b"v5"]
    assert table.rows == {b"truck-42": b"v5"}


def test_every_effect_is_a_fact() -> None:
    cluster = cluster_with_orders()
    cluster.process(at_least_once(cluster.consumer("orders", group_id="g", auto_offset_reset="earliest"), OffsetSink()))
    cluster.run(for_ms=10_000)

    processed = cluster.trace.of("RecordProcessed", sink="ledger", effect="applied")
    assert [fact.offset for fact in processed] == [0, 1, 2, 3, 4, 5]
    assert processed[0].sentence == "consumer-1 gives orders-0 offset 0 to ledger: applied"


def test_bad_input_is_refused_at_the_call() -> None:
    cluster = cluster_with_orders()
    consumer = cluster.consumer("orders", group_id="g")
    with pytest.raises(ks.errors.UnknownNameError, match="Did you mean commit"):
        Crash("comit")
    with pytest.raises(ks.ConfigError, match="number"):
        Crash("poll", 0)
    with pytest.raises(ks.ConfigError, match="poll_ms"):
        at_most_once(consumer, Sink(), poll_ms=float("nan"))
    with pytest.raises(ks.errors.UnknownNameError, match="Did you mean record"):
        at_least_once(consumer, Sink(), commit_each="recrd")
    with pytest.raises(ks.ConfigError, match="crash"):
        at_most_once(consumer, Sink(), crash="poll")
    with pytest.raises(ks.ConfigError, match="name"):
        Sink("")
