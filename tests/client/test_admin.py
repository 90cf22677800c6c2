"""Topics, partitions, settings and transactions are administrated in kafka-python's words.

That the answers are shaped like those of a real cluster is proved in tests/real/learner_admin.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from kafkasim.client.library import ClientLibrary
from kafkasim.cluster import Cluster
from kafkasim.errors import ConfigError, UsageError


@pytest.fixture
def admin(kafka: ClientLibrary) -> Any:
    return kafka.KafkaAdminClient(bootstrap_servers="broker-101:9092")


def test_topics_are_created_in_three_spellings(kafka: ClientLibrary, admin: Any) -> None:
    answer = admin.create_topics([kafka.admin.NewTopic("a", num_partitions=2, replication_factor=3)])
    [made] = answer["topics"]
    assert made.pop("configs")["retention.ms"] == {
        "value": "604800000", "read_only": False, "config_source": "DEFAULT_CONFIG", "is_sensitive": False,
    }  # fmt: skip
    assert made == {
        "name": "a", "topic_id": None, "error_code": 0, "error_message": None, "topic_config_error_code": 0,
        "num_partitions": 2, "replication_factor": 3,
    }  # fmt: skip
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
    [missing, impossible] = admin.describe_topics(["nowhere", "a b"])
    assert (missing["name"], missing["error_code"], missing["partitions"]) == ("nowhere", 3, [])
    assert (impossible["error_code"], impossible["partitions"]) == (17, [])


def test_what_cannot_be_is_refused(kafka: ClientLibrary, admin: Any) -> None:
    with pytest.raises(ConfigError, match="mutually exclusive"):
        admin.create_topics(["a"], validate_only=True, wait_for_metadata=True)
    with pytest.raises(ConfigError, match="No valid topics"):
        admin.create_topics("a")
    with pytest.raises(ConfigError, match="partitions"):
        admin.create_topics({"a": {"partitions": 3}})
    with pytest.raises(kafka.errors.KafkaTimeoutError, match="nowhere"):
        admin.wait_for_topics(["nowhere"], timeout_ms=500)
    admin.close()
    with pytest.raises(kafka.errors.IllegalStateError):
        admin.list_topics()


def test_replicas_move_and_leaders_are_elected(cluster: Cluster, kafka: ClientLibrary, admin: Any) -> None:
    zero, one = kafka.TopicPartition("truck_gps", 0), kafka.TopicPartition("truck_gps", 1)
    cluster.create_topic("two", assignment={0: [101, 102], 1: [102, 103]})
    first, second = kafka.TopicPartition("two", 0), kafka.TopicPartition("two", 1)
    assert admin.alter_partition_reassignments({first: [103, 102], second: None, zero: [999]}) == {
        first: None,
        second: kafka.errors.NoReassignmentInProgressError,
        zero: kafka.errors.InvalidReplicationAssignmentError,
    }
    assert admin.list_partition_reassignments({"two": [0]})[first] == {
        "replicas": [103, 102, 101], "adding_replicas": [103], "removing_replicas": [101],
    }  # fmt: skip
    assert admin.list_partition_reassignments([one]) == {}
    cluster.run(for_ms=5_000)
    assert admin.list_partition_reassignments() == {}
    cluster.kill(103)
    cluster.run(for_ms=30_000)
    cluster.restart(103)
    cluster.run(for_ms=5_000)
    elected = admin.elect_leaders(0, {"two": [0]})
    [topic] = elected.replica_election_results
    assert (topic.topic, topic.partition_result[0].error_code) == ("two", 0)
    [everything] = [
        one for one in admin.elect_leaders(0).to_dict()["replica_election_results"] if one["topic"] == "two"
    ]
    assert {part["error_code"] for part in everything["partition_result"]} == {84}
    with pytest.raises(kafka.errors.UnknownTopicOrPartitionError):
        admin.elect_leaders(1, {"two": [9]})
    assert admin.elect_leaders(1, {"two": [9]}, raise_errors=False).replica_election_results[0].topic == "two"


def test_settings_are_changed_and_taken_back(kafka: ClientLibrary, admin: Any) -> None:
    topic, broker = kafka.admin.ConfigResource("TOPIC", "truck_gps"), kafka.admin.ConfigResource("broker", 101)
    assert list(admin.describe_configs([topic])["topic"]["truck_gps"]) == ["min.insync.replicas"]
    topic.configs, broker.configs = {"retention.ms": 5, "min.insync.replicas": ("DELETE", "")}, {"log.retention.ms": 7}
    assert admin.alter_configs([topic, broker]) == {"topic": {"truck_gps": "OK"}, "broker": {"101": "OK"}}
    topic.configs = broker.configs = None
    admin.describe_topics()
    told = admin.describe_configs([topic, broker])
    assert {name: one["value"] for name, one in told["topic"]["truck_gps"].items()} == {"retention.ms": "5"}
    assert told["broker"]["101"]["log.retention.ms"]["config_source"] == "DYNAMIC_BROKER_CONFIG"
    broker.configs = []
    assert admin.reset_configs([broker]) == {"broker": {"101": "OK"}}
    for wrong, message in [
        ({"retention.ms": ("APPEND", "x")}, "APPEND of retention.ms is not modelled"),
        ({"retention.ms": ("SET",)}, "A change of retention.ms is"),
        ({"retention.sm": 1}, "Unrecognized configs: 'retention.sm' of topic 'truck_gps'"),
        (["retention.ms"], "requires configs as a dict"),
    ]:
        topic.configs = wrong
        with pytest.raises((ConfigError, UsageError), match=message):
            admin.alter_configs([topic])
    with pytest.raises(UsageError, match="GROUP has no settings here"):
        admin.describe_configs([kafka.admin.ConfigResource("group", "g")])


def test_records_are_deleted_and_offsets_looked_up(cluster: Cluster, kafka: ClientLibrary, admin: Any) -> None:
    producer = kafka.KafkaProducer()
    start_ms = 1_700_000_001_000
    for number in range(5):
        producer.send("truck_gps", value=b"v", partition=1, timestamp_ms=start_ms + number).get()
    tp, nowhere = kafka.TopicPartition("truck_gps", 1), kafka.TopicPartition("nowhere", 0)
    assert admin.delete_records({tp: 2}) == {tp: {"partition_index": 1, "low_watermark": 2, "error_code": 0}}
    spec = kafka.OffsetSpec
    offsets = [
        admin.list_partition_offsets({tp: one})[tp] for one in (spec.EARLIEST, spec.LATEST, start_ms + 3, start_ms + 9)
    ]
    assert [tuple(one) for one in offsets] == [(2, -1, 0), (5, -1, 0), (3, start_ms + 3, 0), (-1, -1, None)]
    with pytest.raises(kafka.errors.OffsetOutOfRangeError):
        admin.delete_records({tp: 6})
    for call in (admin.delete_records, admin.list_partition_offsets):
        with pytest.raises(kafka.errors.UnknownTopicOrPartitionError, match=r"are not known.*nowhere"):
            call({nowhere: 0})
    with pytest.raises(UsageError, match="tiered storage"):
        admin.list_partition_offsets({tp: spec.LATEST_TIERED})
    with pytest.raises(UsageError, match="partition_leader_id=101 is not modelled"):
        admin.delete_records({tp: 3}, partition_leader_id=101)


def test_a_transaction_that_hangs_is_found_and_taken_back(cluster: Cluster, kafka: ClientLibrary, admin: Any) -> None:
    cluster.run(for_ms=1_000)
    producer = kafka.KafkaProducer(transactional_id="payments", transaction_timeout_ms=800_000)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send("truck_gps", value=b"v", partition=0).get()
    tp = kafka.TopicPartition("truck_gps", 0)
    [(broker, listings)] = [item for item in admin.list_transactions().items() if item[1]]
    assert listings == [kafka.admin.TransactionListing("payments", 0, kafka.admin.TransactionState.ONGOING)]
    assert broker == admin.describe_transactions(["payments"])["payments"].coordinator_id
    assert admin.find_hanging_transactions() == []
    assert admin.list_transactions(duration_filter_ms=60_000) == {101: [], 102: [], 103: []}
    cluster.run(for_ms=400_000)
    assert len(admin.list_transactions(duration_filter_ms=60_000)[broker]) == 1
    [hanging] = admin.find_hanging_transactions(max_transaction_timeout_ms=60_000)
    assert (hanging["transactional_id"], hanging["topic_partitions"]) == ("payments", [tp])
    assert 400_000 <= hanging["age_ms"] < 401_000
    [state] = admin.describe_producers([tp])[tp].active_producers
    assert state.current_transaction_start_offset == 0
    admin.abort_transaction(kafka.admin.AbortTransactionSpec(tp, state.producer_id, state.producer_epoch))
    [state] = admin.describe_producers([tp])[tp].active_producers
    assert state.current_transaction_start_offset == -1


def test_the_cluster_is_described(kafka: ClientLibrary, admin: Any) -> None:
    cluster = admin.describe_cluster()
    assert [one["broker_id"] for one in cluster["brokers"]] == [101, 102, 103]
    assert cluster["brokers"][0] == {"broker_id": 101, "host": "broker-101", "port": 9092, "rack": None}
    assert cluster["controller_id"] in (101, 102, 103)


def test_topics_are_deleted(kafka: ClientLibrary, admin: Any) -> None:
    with pytest.raises(kafka.errors.UnknownTopicOrPartitionError):
        admin.delete_topics(["nowhere", "truck_gps"])
    assert admin.list_topics() == []
    assert admin.delete_topics(["truck_gps"], raise_errors=False)["topics"][0]["error_code"] == 3
