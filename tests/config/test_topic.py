"""A topic's own settings over those it inherits."""

from __future__ import annotations

import pytest

from kafkasim.config import BrokerConfig, TopicConfig
from kafkasim.errors import ConfigError


def test_overrides_go_over_the_brokers_settings() -> None:
    brokers = BrokerConfig.parse({"log.retention.ms": 5000, "min.insync.replicas": 2}).topic_defaults()

    topic = brokers.overridden({"retention.ms": "60000", "segment_bytes": 1024})

    assert (topic.retention_ms, topic.segment_bytes, topic.min_insync_replicas) == (60_000, 1024, 2)
    assert topic.explicitly_set == {"retention.ms", "segment.bytes"}
    assert brokers.retention_ms == 5000


def test_further_changes_keep_what_was_inherited_and_what_was_overridden() -> None:
    brokers = BrokerConfig.parse({"min.insync.replicas": 2}).topic_defaults()

    topic = brokers.overridden({"retention.ms": 1}).overridden({"segment.ms": 2}).with_changes(retention_ms=3)

    assert (topic.min_insync_replicas, topic.retention_ms, topic.segment_ms) == (2, 3, 2)
    assert topic.explicitly_set == {"retention.ms", "segment.ms"}


def test_overriding_with_nothing_changes_nothing() -> None:
    assert TopicConfig().overridden({}) == TopicConfig()


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ("delete", ("delete",)),
        ("compact,delete", ("compact", "delete")),
        (" compact , delete ", ("compact", "delete")),
        (["compact"], ("compact",)),
        (("delete", "compact"), ("delete", "compact")),
        ("", ()),
    ],
)
def test_the_cleanup_policy_is_a_list(given: object, policy: tuple[str, ...]) -> None:
    assert TopicConfig(cleanup_policy=given).cleanup_policy == policy


@pytest.mark.parametrize("given", ["Delete", "compact,", ["compact", 5], {"compact"}, 5, None], ids=repr)
def test_what_is_no_cleanup_policy(given: object) -> None:
    with pytest.raises(ConfigError, match=r"cleanup.policy must be a list of .* Got "):
        TopicConfig(cleanup_policy=given)


def test_the_lags_of_compaction_are_in_order() -> None:
    assert TopicConfig(min_compaction_lag_ms=5, max_compaction_lag_ms=5).min_compaction_lag_ms == 5
    with pytest.raises(ConfigError, match=r"min.compaction.lag.ms must not be above .* \(4\). Got 5.") as refused:
        TopicConfig().overridden({"min.compaction.lag.ms": 5, "max.compaction.lag.ms": 4})
    assert refused.value.java_name == "InvalidConfigurationException"


def test_no_limit_is_minus_one() -> None:
    config = TopicConfig.parse({"retention.ms": "-1", "retention.bytes": "-1"})

    assert (config.retention_ms, config.retention_bytes) == (-1, -1)
    assert TopicConfig(retention_bytes=0).retention_bytes == 0
