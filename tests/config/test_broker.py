"""A broker's settings against each other, and what topics inherit from them."""

from __future__ import annotations

import pytest

from kafkasim.config import BrokerConfig, TopicConfig
from kafkasim.errors import ConfigError

HOUR = 3_600_000
LONG_MAX = 2**63 - 1


def test_an_untouched_broker_gives_topics_kafkas_defaults() -> None:
    defaults = BrokerConfig().topic_defaults()

    assert defaults == TopicConfig()
    assert defaults.explicitly_set == frozenset()


@pytest.mark.parametrize(
    ("name", "value", "field", "inherited"),
    [
        ("min.insync.replicas", 2, "min_insync_replicas", 2),
        ("unclean.leader.election.enable", "true", "unclean_leader_election_enable", True),
        ("message.max.bytes", 1000, "max_message_bytes", 1000),
        ("log.message.timestamp.type", "LogAppendTime", "message_timestamp_type", "LogAppendTime"),
        ("log.segment.bytes", 1024, "segment_bytes", 1024),
        ("log.roll.hours", 2, "segment_ms", 2 * HOUR),
        ("log.roll.ms", 5, "segment_ms", 5),
        ("log.roll.jitter.hours", 1, "segment_jitter_ms", HOUR),
        ("log.roll.jitter.ms", 7, "segment_jitter_ms", 7),
        ("log.cleanup.policy", "compact, delete", "cleanup_policy", ("compact", "delete")),
        ("log.retention.hours", 1, "retention_ms", HOUR),
        ("log.retention.minutes", 1, "retention_ms", 60_000),
        ("log.retention.ms", 1, "retention_ms", 1),
        ("log.retention.bytes", 4096, "retention_bytes", 4096),
        ("log.segment.delete.delay.ms", 0, "file_delete_delay_ms", 0),
        ("file.delete.delay.ms", 1000, "file_delete_delay_ms", 1000),
        ("log.cleaner.min.cleanable.ratio", "0.1", "min_cleanable_dirty_ratio", 0.1),
        ("log.cleaner.delete.retention.ms", 0, "delete_retention_ms", 0),
        ("log.cleaner.min.compaction.lag.ms", 1, "min_compaction_lag_ms", 1),
        ("log.cleaner.max.compaction.lag.ms", 9, "max_compaction_lag_ms", 9),
        ("log.flush.interval.messages", 1, "flush_messages", 1),
        ("log.flush.scheduler.interval.ms", 50, "flush_ms", 50),
        ("log.flush.interval.ms", 60, "flush_ms", 60),
    ],
)
def test_a_topic_inherits_what_its_brokers_were_told(name: str, value: object, field: str, inherited: object) -> None:
    defaults = BrokerConfig.parse({name: value}).topic_defaults()

    assert defaults.values() == TopicConfig().values() | {field: inherited}


@pytest.mark.parametrize(
    ("given", "retention_ms"),
    [
        ({"log.retention.hours": 1, "log.retention.minutes": 2}, 120_000),
        ({"log.retention.hours": 1, "log.retention.minutes": 2, "log.retention.ms": 3}, 3),
        ({"log.retention.hours": 0, "log.retention.ms": 3}, 3),
        ({"log.retention.ms": -1}, -1),
        ({"log.retention.ms": -5}, -1),
        ({"log.retention.minutes": -1}, -1),
        ({"log.retention.hours": -1}, -1),
        ({"log.retention.hours": 2**31 - 1}, (2**31 - 1) * HOUR),
    ],
)
def test_the_finer_unit_of_retention_wins_and_negative_is_for_ever(given: dict[str, object], retention_ms: int) -> None:
    assert BrokerConfig.parse(given).topic_defaults().retention_ms == retention_ms


@pytest.mark.parametrize("name", ["log.retention.ms", "log.retention.minutes", "log.retention.hours"])
def test_a_retention_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"log.retention.ms must be unlimited \(-1\) or at least 1. Got 0."):
        BrokerConfig.parse({name: 0})


def test_the_finer_unit_of_rolling_wins() -> None:
    config = BrokerConfig.parse({"log.roll.hours": 1, "log.roll.ms": 5, "log.flush.interval.ms": 6})
    defaults = config.with_changes(**{"log.flush.scheduler.interval.ms": 7}).topic_defaults()

    assert (defaults.segment_ms, defaults.flush_ms) == (5, 6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"replica.lag.time.max.ms": 499},
            "replica.fetch.wait.max.ms must not be above replica.lag.time.max.ms (499). Got 500.",
        ),
        (
            {"replica.fetch.wait.max.ms": 30_001, "replica.lag.time.max.ms": 60_000},
            "replica.fetch.wait.max.ms must not be above replica.socket.timeout.ms (30000). Got 30001.",
        ),
        (
            {"log.cleaner.min.compaction.lag.ms": 10, "log.cleaner.max.compaction.lag.ms": 9},
            "log.cleaner.min.compaction.lag.ms must not be above log.cleaner.max.compaction.lag.ms (9). Got 10.",
        ),
        (
            {"group.max.session.timeout.ms": 5999},
            "group.min.session.timeout.ms must not be above group.max.session.timeout.ms (5999). Got 6000.",
        ),
    ],
)
def test_settings_that_stand_against_each_other(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        BrokerConfig.parse(given)

    assert str(refused.value) == message


def test_the_connection_timeout_falls_back_to_the_session_timeout() -> None:
    assert BrokerConfig(zookeeper_session_timeout_ms=6000).zookeeper_connection_timeout_ms == 6000
    assert BrokerConfig(zookeeper_connection_timeout_ms=1).zookeeper_connection_timeout_ms == 1
    again = BrokerConfig().with_changes(zookeeper_session_timeout_ms="9000")
    assert again.zookeeper_connection_timeout_ms == 9000


def test_a_second_name_and_the_first_are_one_too_many() -> None:
    with pytest.raises(
        ConfigError, match=r"log.segment.delete.delay.ms is given twice, as file.delete.delay.ms and log.se"
    ):
        BrokerConfig.parse({"file.delete.delay.ms": 1, "log.segment.delete.delay.ms": 1})


def test_the_settings_of_the_fidelity_recordings_are_accepted() -> None:
    given = {
        "auto.create.topics.enable": "false",
        "auto.leader.rebalance.enable": "false",
        "controlled.shutdown.retry.backoff.ms": 1000,
        "file.delete.delay.ms": 1000,
        "group.initial.rebalance.delay.ms": 0,
        "group.max.size": 2,
        "leader.imbalance.check.interval.seconds": 5,
        "log.cleaner.backoff.ms": 500,
        "log.initial.task.delay.ms": 500,
        "log.retention.check.interval.ms": 1000,
        "num.partitions": 4,
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "replica.high.watermark.checkpoint.interval.ms": 500,
        "replica.lag.time.max.ms": 5000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "zookeeper.session.timeout.ms": 6000,
    }

    assert len(BrokerConfig.parse(given).explicitly_set) == len(given)
