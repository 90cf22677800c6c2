"""The calls of the cluster and of the native clients, with arguments that make sense."""

from __future__ import annotations

from typing import Any

import kafkasim as ks
from kafkasim.sim.admin import Admin
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.producer import Producer
from tests.junk.world import NONE, TP, Args, Call

CALLS: dict[tuple[Any, str], Call] = {
    # --- the cluster
    (ks.Cluster, "run"): (lambda w: w.cluster.run, lambda w: Args(for_ms=1)),
    (ks.Cluster, "sleep_ms"): (lambda w: w.cluster.sleep_ms, lambda w: Args(1)),
    (ks.Cluster, "process"): (lambda w: w.cluster.process, lambda w: Args(lambda: 7)),
    (ks.Cluster, "at"): (lambda w: w.cluster.at, lambda w: Args(10**6, ks.faults.Kill(101))),
    (ks.Cluster, "inject"): (lambda w: w.cluster.inject, lambda w: Args(ks.faults.Heal())),
    (ks.Cluster, "disk"): (lambda w: w.cluster.disk, lambda w: Args(101)),
    (ks.Cluster, "create_topic"): (
        lambda w: w.cluster.create_topic,
        lambda w: Args("n", 1, 1, assignment=None, retention_ms=5),
    ),
    (ks.Cluster, "producer"): (lambda w: w.cluster.producer, lambda w: Args({}, acks="all", linger_ms=5)),
    (ks.Cluster, "consumer"): (
        lambda w: w.cluster.consumer,
        lambda w: Args("t", config={}, group_id="z", max_poll_records=5),
    ),
    (ks.Cluster, "admin"): (lambda w: w.cluster.admin, lambda w: Args({}, retries=5)),
    **{
        (ks.Cluster, name): (lambda w, name=name: getattr(w.cluster, name), lambda w: Args(101))
        for name in ("kill", "power_loss", "pause", "resume", "stop", "start", "restart")
    },
    # --- the native admin client
    (Admin, "create_topic"): (
        lambda w: w.admin.create_topic,
        lambda w: Args("n", 1, 1, {}, assignment=None, validate_only=True),
    ),
    (Admin, "delete_topic"): (lambda w: w.admin.delete_topic, lambda w: Args("u")),
    (Admin, "create_partitions"): (
        lambda w: w.admin.create_partitions,
        lambda w: Args("t", 3, [[101]], validate_only=True),
    ),
    (Admin, "list_topics"): (lambda w: w.admin.list_topics, lambda w: Args(list_internal=True)),
    (Admin, "describe_topic"): (lambda w: w.admin.describe_topic, lambda w: Args("t")),
    (Admin, "elect_leaders"): (lambda w: w.admin.elect_leaders, lambda w: Args("preferred", [TP])),
    (Admin, "alter_partition_reassignments"): (
        lambda w: w.admin.alter_partition_reassignments,
        lambda w: Args({TP: [101]}),
    ),
    (Admin, "list_partition_reassignments"): (lambda w: w.admin.list_partition_reassignments, lambda w: NONE),
    (Admin, "describe_configs"): (lambda w: w.admin.describe_configs, lambda w: Args(topic="t", broker=None)),
    (Admin, "incremental_alter_configs"): (
        lambda w: w.admin.incremental_alter_configs,
        lambda w: Args({"retention.ms": 5}, topic="t", broker=None, validate_only=True),
    ),
    (Admin, "describe_cluster"): (lambda w: w.admin.describe_cluster, lambda w: NONE),
    (Admin, "delete_records"): (lambda w: w.admin.delete_records, lambda w: Args({TP: 0})),
    (Admin, "list_offsets"): (
        lambda w: w.admin.list_offsets,
        lambda w: Args({TP: "latest"}, isolation_level="read_committed"),
    ),
    (Admin, "describe_producers"): (lambda w: w.admin.describe_producers, lambda w: Args([TP])),
    (Admin, "list_consumer_groups"): (lambda w: w.admin.list_consumer_groups, lambda w: NONE),
    (Admin, "describe_consumer_group"): (lambda w: w.admin.describe_consumer_group, lambda w: Args("g")),
    (Admin, "delete_consumer_group"): (lambda w: w.admin.delete_consumer_group, lambda w: Args("g")),
    (Admin, "list_consumer_group_offsets"): (
        lambda w: w.admin.list_consumer_group_offsets,
        lambda w: Args("g", metadata=True),
    ),
    (Admin, "alter_consumer_group_offsets"): (
        lambda w: w.admin.alter_consumer_group_offsets,
        lambda w: Args("g", {TP: 1}, raise_errors=False),
    ),
    (Admin, "delete_consumer_group_offsets"): (
        lambda w: w.admin.delete_consumer_group_offsets,
        lambda w: Args("g", [TP], raise_errors=False),
    ),
    (Admin, "remove_member_from_consumer_group"): (
        lambda w: w.admin.remove_member_from_consumer_group,
        lambda w: Args("g", member_id="m", group_instance_id=None),
    ),
    (Admin, "list_transactions"): (lambda w: w.admin.list_transactions, lambda w: NONE),
    (Admin, "describe_transaction"): (lambda w: w.admin.describe_transaction, lambda w: Args("x")),
    (Admin, "abort_transaction"): (lambda w: w.admin.abort_transaction, lambda w: Args(TP, 0, 0, 0)),
    # --- the native consumer
    (Consumer, "subscribe"): (lambda w: w.free.subscribe, lambda w: Args(["t"], None)),
    (Consumer, "subscribe_matching"): (lambda w: w.free.subscribe_matching, lambda w: Args(str, None)),
    (Consumer, "unsubscribe"): (lambda w: w.free.unsubscribe, lambda w: NONE),
    (Consumer, "assign"): (lambda w: w.consumer.assign, lambda w: Args([TP])),
    (Consumer, "poll"): (lambda w: w.consumer.poll, lambda w: Args(1)),
    (Consumer, "seek"): (lambda w: w.consumer.seek, lambda w: Args(TP, 0)),
    (Consumer, "position"): (lambda w: w.consumer.position, lambda w: Args(TP, 5)),
    (Consumer, "offsets_for_times"): (lambda w: w.consumer.offsets_for_times, lambda w: Args({TP: 5})),
    (Consumer, "partitions_for"): (lambda w: w.consumer.partitions_for, lambda w: Args("t")),
    (Consumer, "commit_sync"): (lambda w: w.consumer.commit_sync, lambda w: Args({TP: 0})),
    (Consumer, "commit_async"): (lambda w: w.consumer.commit_async, lambda w: Args({TP: 0}, None)),
    (Consumer, "committed"): (lambda w: w.consumer.committed, lambda w: Args([TP], 5, metadata=True)),
    (Consumer, "lag"): (lambda w: w.consumer.lag, lambda w: Args(TP)),
    (Consumer, "high_watermark"): (lambda w: w.consumer.high_watermark, lambda w: Args(TP)),
    (Consumer, "close"): (lambda w: w.free.close, lambda w: Args(auto_commit=5)),
    **{
        (Consumer, name): (lambda w, name=name: getattr(w.consumer, name), lambda w: Args([TP]))
        for name in ("seek_to_beginning", "seek_to_end", "pause", "resume", "beginning_offsets", "end_offsets")
    },
    # --- the native producer
    (Producer, "send"): (
        lambda w: w.producer.send,
        lambda w: Args("t", "v", key="k", partition=0, timestamp=5, headers=[("a", b"b")]),
    ),
    (Producer, "load"): (
        # begun and not waited for: a load may well be long
        lambda w: lambda *given, **named: str(w.loader.load(*given, **named)),
        lambda w: Args("t", records=2, per_second=100, value=b"v", key=None, partition=0),
    ),
    (Producer, "partitions_for"): (lambda w: w.producer.partitions_for, lambda w: Args("t")),
    (Producer, "send_offsets_to_transaction"): (
        lambda w: w.transactional.send_offsets_to_transaction,
        lambda w: Args({TP: 0}, "g"),
    ),
    (Producer, "close"): (lambda w: w.cluster.producer().close, lambda w: Args(5)),
}
