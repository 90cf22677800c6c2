"""Topics are created, listed and described in kafka-python's words."""

from __future__ import annotations

from typing import Any

import pytest

from kafkasim.client.library import ClientLibrary
from kafkasim.errors import ConfigError, UsageError


@pytest.fixture
def admin(kafka: ClientLibrary) -> Any:
    return kafka.KafkaAdminClient(bootstrap_servers="broker-101:9092")


def test_topics_are_created_in_three_spellings(kafka: ClientLibrary, admin: Any) -> None:
    answer = admin.create_topics([kafka.admin.NewTopic("a", num_partitions=2, replication_factor=3)])
    assert answer == {
        "topics": [{"name": "a", "error_code": 0, "error_message": None, "num_partitions": 2, "replication_factor": 3}]
    }
    admin.create_topics(["b"])
    admin.create_topics({"c": {"assignments": {0: [103, 101]}, "configs": {"min.insync.replicas": "2"}}})
    assert admin.list_topics() == ["a", "b", "c", "truck_gps"]
    admin.wait_for_topics(["a", "b", "c"])
    (described,) = admin.describe_topics(["c"])
    assert (described["name"], described["error_code"]) == ("c", 0)
    (partition,) = described["partitions"]
    assert (partition["leader_id"], partition["replica_nodes"]) == (103, [103, 101])


def test_a_topic_that_exists_is_refused_and_the_others_are_created(kafka: ClientLibrary, admin: Any) -> None:
    with pytest.raises(kafka.errors.TopicAlreadyExistsError) as caught:
        admin.create_topics(["truck_gps", "new"])
    assert caught.value.errno == 36
    assert admin.list_topics() == ["new", "truck_gps"]
    answer = admin.create_topics(["new"], raise_errors=False)
    assert answer["topics"][0]["error_code"] == 36


def test_too_many_replicas_are_refused(kafka: ClientLibrary, admin: Any) -> None:
    with pytest.raises(kafka.errors.InvalidReplicationFactorError):
        admin.create_topics([kafka.admin.NewTopic("a", 1, 4)])


def test_a_missing_topic_is_described_by_its_error(admin: Any) -> None:
    assert admin.describe_topics(["nowhere"]) == [
        {"error_code": 3, "name": "nowhere", "is_internal": False, "partitions": []}
    ]


def test_what_cannot_be_is_refused(kafka: ClientLibrary, admin: Any) -> None:
    with pytest.raises(UsageError, match="validate_only"):
        admin.create_topics(["a"], validate_only=True)
    with pytest.raises(ConfigError, match="No valid topics"):
        admin.create_topics("a")
    with pytest.raises(ConfigError, match="partitions"):
        admin.create_topics({"a": {"partitions": 3}})
    with pytest.raises(kafka.errors.KafkaTimeoutError, match="nowhere"):
        admin.wait_for_topics(["nowhere"], timeout_ms=500)
    admin.close()
    with pytest.raises(kafka.errors.IllegalStateError):
        admin.list_topics()
