"""The calls of kafka-python's clients, with arguments that make sense."""

from __future__ import annotations

from typing import Any

from kafkasim.client.admin import KafkaAdminClient
from kafkasim.client.consumer import KafkaConsumer
from kafkasim.client.producer import KafkaProducer
from tests.junk.world import TP, Args, Call, World


def resource(w: World) -> list[Any]:
    return [w.kafka.admin.ConfigResource("topic", "t")]


def changes(w: World) -> list[Any]:
    return [w.kafka.admin.ConfigResource("topic", "t", {"retention.ms": "5"})]


CALLS: dict[tuple[Any, str], Call] = {
    # --- kafka-python's admin client
    (KafkaAdminClient, "create_topics"): (
        lambda w: w.kafka_admin.create_topics,
        lambda w: Args({"n": {"configs": {}}}, 500, True, False, False),
    ),
    (KafkaAdminClient, "delete_topics"): (lambda w: w.kafka_admin.delete_topics, lambda w: Args(["u"], 500, False)),
    (KafkaAdminClient, "describe_topics"): (lambda w: w.kafka_admin.describe_topics, lambda w: Args(["t"])),
    (KafkaAdminClient, "wait_for_topics"): (lambda w: w.kafka_admin.wait_for_topics, lambda w: Args(["t"], 500)),
    (KafkaAdminClient, "create_partitions"): (
        lambda w: w.kafka_admin.create_partitions,
        lambda w: Args({"t": 3}, 500, True, False),
    ),
    (KafkaAdminClient, "delete_records"): (lambda w: w.kafka_admin.delete_records, lambda w: Args({TP: 0}, 500, None)),
    (KafkaAdminClient, "elect_leaders"): (
        lambda w: w.kafka_admin.elect_leaders,
        lambda w: Args(0, {"t": [0]}, 500, False),
    ),
    (KafkaAdminClient, "alter_partition_reassignments"): (
        lambda w: w.kafka_admin.alter_partition_reassignments,
        lambda w: Args({TP: [101]}, 500),
    ),
    (KafkaAdminClient, "list_partition_reassignments"): (
        lambda w: w.kafka_admin.list_partition_reassignments,
        lambda w: Args([TP], 500),
    ),
    (KafkaAdminClient, "list_partition_offsets"): (
        lambda w: w.kafka_admin.list_partition_offsets,
        lambda w: Args({TP: -1}, 0, 500),
    ),
    (KafkaAdminClient, "describe_producers"): (lambda w: w.kafka_admin.describe_producers, lambda w: Args([TP], None)),
    (KafkaAdminClient, "describe_configs"): (
        lambda w: w.kafka_admin.describe_configs,
        lambda w: Args(resource(w), False, "all"),
    ),
    (KafkaAdminClient, "alter_configs"): (
        lambda w: w.kafka_admin.alter_configs,
        lambda w: Args(changes(w), True, True, None),
    ),
    (KafkaAdminClient, "reset_configs"): (
        lambda w: w.kafka_admin.reset_configs,
        lambda w: Args(changes(w), True, True, None),
    ),
    (KafkaAdminClient, "list_groups"): (
        lambda w: w.kafka_admin.list_groups,
        lambda w: Args([101], ["Stable"], ["classic"]),
    ),
    (KafkaAdminClient, "describe_groups"): (
        lambda w: w.kafka_admin.describe_groups,
        lambda w: Args(["g"], None, False),
    ),
    (KafkaAdminClient, "delete_groups"): (lambda w: w.kafka_admin.delete_groups, lambda w: Args(["g"], None)),
    (KafkaAdminClient, "list_group_offsets"): (lambda w: w.kafka_admin.list_group_offsets, lambda w: Args({"g": [TP]})),
    (KafkaAdminClient, "alter_group_offsets"): (
        lambda w: w.kafka_admin.alter_group_offsets,
        lambda w: Args("g", {TP: w.kafka.OffsetAndMetadata(0)}, None),
    ),
    (KafkaAdminClient, "reset_group_offsets"): (
        lambda w: w.kafka_admin.reset_group_offsets,
        lambda w: Args("g", {TP: 0}, None),
    ),
    (KafkaAdminClient, "delete_group_offsets"): (
        lambda w: w.kafka_admin.delete_group_offsets,
        lambda w: Args("g", [TP], None),
    ),
    (KafkaAdminClient, "remove_group_members"): (
        lambda w: w.kafka_admin.remove_group_members,
        lambda w: Args("g", [w.kafka.admin.MemberToRemove("m")], None),
    ),
    (KafkaAdminClient, "list_transactions"): (
        lambda w: w.kafka_admin.list_transactions,
        lambda w: Args([101], [0], ["Ongoing"], 5, None),
    ),
    (KafkaAdminClient, "describe_transactions"): (lambda w: w.kafka_admin.describe_transactions, lambda w: Args(["x"])),
    (KafkaAdminClient, "abort_transaction"): (
        lambda w: w.kafka_admin.abort_transaction,
        lambda w: Args(w.kafka.admin.AbortTransactionSpec(TP, 0, 0)),
    ),
    (KafkaAdminClient, "find_hanging_transactions"): (
        lambda w: w.kafka_admin.find_hanging_transactions,
        lambda w: Args([101], 5),
    ),
    # --- kafka-python's consumer
    (KafkaConsumer, "subscribe"): (lambda w: w.kafka_free.subscribe, lambda w: Args(["t"], None, None)),
    (KafkaConsumer, "assign"): (lambda w: w.kafka_consumer.assign, lambda w: Args([TP])),
    (KafkaConsumer, "poll"): (lambda w: w.kafka_consumer.poll, lambda w: Args(1, 5, True)),
    (KafkaConsumer, "seek"): (lambda w: w.kafka_consumer.seek, lambda w: Args(TP, 0)),
    (KafkaConsumer, "position"): (lambda w: w.kafka_consumer.position, lambda w: Args(TP, 5)),
    (KafkaConsumer, "beginning_offsets"): (lambda w: w.kafka_consumer.beginning_offsets, lambda w: Args([TP], 5)),
    (KafkaConsumer, "end_offsets"): (lambda w: w.kafka_consumer.end_offsets, lambda w: Args([TP], 5)),
    (KafkaConsumer, "offsets_for_times"): (lambda w: w.kafka_consumer.offsets_for_times, lambda w: Args({TP: 5}, 5)),
    (KafkaConsumer, "commit"): (
        lambda w: w.kafka_consumer.commit,
        lambda w: Args({TP: w.kafka.OffsetAndMetadata(0)}, 500),
    ),
    (KafkaConsumer, "commit_async"): (
        lambda w: w.kafka_consumer.commit_async,
        lambda w: Args({TP: w.kafka.OffsetAndMetadata(0)}, None),
    ),
    (KafkaConsumer, "committed"): (lambda w: w.kafka_consumer.committed, lambda w: Args(TP, True, 500)),
    (KafkaConsumer, "partitions_for_topic"): (lambda w: w.kafka_consumer.partitions_for_topic, lambda w: Args("t")),
    (KafkaConsumer, "bootstrap"): (lambda w: w.kafka_consumer.bootstrap, lambda w: Args(500, False)),
    (KafkaConsumer, "metrics"): (lambda w: w.kafka_consumer.metrics, lambda w: Args(False)),
    (KafkaConsumer, "close"): (lambda w: w.kafka_free.close, lambda w: Args(True, 5)),
    **{
        (KafkaConsumer, name): (lambda w, name=name: getattr(w.kafka_consumer, name), lambda w: Args(TP))
        for name in ("seek_to_beginning", "seek_to_end", "pause", "resume", "highwater")
    },
    # --- kafka-python's producer
    (KafkaProducer, "send"): (
        lambda w: w.kafka_producer.send,
        lambda w: Args("t", b"v", b"k", [("a", b"b")], 0, 5),
    ),
    (KafkaProducer, "partitions_for"): (lambda w: w.kafka_producer.partitions_for, lambda w: Args("t")),
    (KafkaProducer, "flush"): (lambda w: w.kafka_producer.flush, lambda w: Args(1)),
    (KafkaProducer, "close"): (lambda w: w.kafka.KafkaProducer().close, lambda w: Args(1, False)),
    (KafkaProducer, "metrics"): (lambda w: w.kafka_producer.metrics, lambda w: Args(False)),
    (KafkaProducer, "send_offsets_to_transaction"): (
        lambda w: w.kafka_transactional.send_offsets_to_transaction,
        lambda w: Args({TP: w.kafka.OffsetAndMetadata(0)}, "g"),
    ),
}
