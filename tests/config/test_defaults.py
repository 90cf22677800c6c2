"""Every setting and its default, written out as Kafka 3.9 and ZooKeeper's sample file have them."""

from __future__ import annotations

import pytest

from kafkasim.config import (
    AdminConfig,
    BrokerConfig,
    ConsumerConfig,
    NetworkConfig,
    ProducerConfig,
    Settings,
    TopicConfig,
    ZooKeeperConfig,
)

INT_MAX = 2147483647
LONG_MAX = 9223372036854775807

CLIENT: dict[str, object] = {
    "bootstrap.servers": None,
    "client.id": "",
    "request.timeout.ms": 30000,
    "retry.backoff.ms": 100,
    "retry.backoff.max.ms": 1000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "metadata.max.age.ms": 300000,
    "connections.max.idle.ms": 540000,
    "socket.connection.setup.timeout.ms": 10000,
    "socket.connection.setup.timeout.max.ms": 30000,
    "send.buffer.bytes": 131072,
    "receive.buffer.bytes": 65536,
    "client.dns.lookup": "use_all_dns_ips",
    "metadata.recovery.strategy": "none",
    "security.protocol": "PLAINTEXT",
    "enable.metrics.push": True,
}

PRODUCER: dict[str, object] = CLIENT | {
    "acks": -1,
    "enable.idempotence": True,
    "retries": INT_MAX,
    "delivery.timeout.ms": 120000,
    "max.in.flight.requests.per.connection": 5,
    "batch.size": 16384,
    "linger.ms": 0,
    "buffer.memory": 33554432,
    "max.block.ms": 60000,
    "max.request.size": 1048576,
    "metadata.max.idle.ms": 300000,
    "partitioner.class": None,
    "partitioner.adaptive.partitioning.enable": True,
    "partitioner.availability.timeout.ms": 0,
    "partitioner.ignore.keys": False,
    "key.serializer": None,
    "value.serializer": None,
    "transactional.id": None,
    "transaction.timeout.ms": 60000,
    "compression.type": "none",
    "interceptor.classes": (),
    "receive.buffer.bytes": 32768,
}

CONSUMER: dict[str, object] = CLIENT | {
    "group.id": None,
    "group.instance.id": None,
    "partition.assignment.strategy": ("range", "cooperative-sticky"),
    "session.timeout.ms": 45000,
    "heartbeat.interval.ms": 3000,
    "max.poll.interval.ms": 300000,
    "max.poll.records": 500,
    "enable.auto.commit": True,
    "auto.commit.interval.ms": 5000,
    "auto.offset.reset": "latest",
    "isolation.level": "read_uncommitted",
    "fetch.min.bytes": 1,
    "fetch.max.wait.ms": 500,
    "max.partition.fetch.bytes": 1048576,
    "fetch.max.bytes": 52428800,
    "default.api.timeout.ms": 60000,
    "allow.auto.create.topics": True,
    "key.deserializer": None,
    "commit.policy": None,
    "value.deserializer": None,
    "group.protocol": "classic",
    "group.remote.assignor": None,
    "client.rack": "",
    "check.crcs": True,
    "exclude.internal.topics": True,
    "interceptor.classes": (),
}

ADMIN: dict[str, object] = CLIENT | {
    "default.api.timeout.ms": 60000,
    "retries": INT_MAX,
    "connections.max.idle.ms": 300000,
}

TOPIC: dict[str, object] = {
    "min.insync.replicas": 1,
    "unclean.leader.election.enable": False,
    "max.message.bytes": 1048588,
    "message.timestamp.type": "CreateTime",
    "segment.bytes": 1073741824,
    "segment.ms": 604800000,
    "segment.jitter.ms": 0,
    "cleanup.policy": ("delete",),
    "retention.ms": 604800000,
    "retention.bytes": -1,
    "file.delete.delay.ms": 60000,
    "min.cleanable.dirty.ratio": 0.5,
    "delete.retention.ms": 86400000,
    "min.compaction.lag.ms": 0,
    "max.compaction.lag.ms": LONG_MAX,
    "flush.messages": LONG_MAX,
    "flush.ms": LONG_MAX,
    "index.interval.bytes": 4096,
    "segment.index.bytes": 10485760,
    "message.timestamp.before.max.ms": LONG_MAX,
    "message.timestamp.after.max.ms": LONG_MAX,
    "message.downconversion.enable": True,
    "compression.type": "producer",
    "preallocate": False,
    "leader.replication.throttled.replicas": (),
    "follower.replication.throttled.replicas": (),
    "remote.storage.enable": False,
    "local.retention.ms": -2,
    "local.retention.bytes": -2,
}

BROKER: dict[str, object] = {
    "num.partitions": 1,
    "default.replication.factor": 1,
    "auto.create.topics.enable": True,
    "delete.topic.enable": True,
    "min.insync.replicas": 1,
    "unclean.leader.election.enable": False,
    "message.max.bytes": 1048588,
    "log.message.timestamp.type": "CreateTime",
    "log.message.timestamp.before.max.ms": 9_223_372_036_854_775_807,
    "log.message.timestamp.after.max.ms": 9_223_372_036_854_775_807,
    "log.segment.bytes": 1073741824,
    "log.roll.ms": None,
    "log.roll.hours": 168,
    "log.roll.jitter.ms": None,
    "log.roll.jitter.hours": 0,
    "log.cleanup.policy": ("delete",),
    "log.retention.ms": None,
    "log.retention.minutes": None,
    "log.retention.hours": 168,
    "log.retention.bytes": -1,
    "log.retention.check.interval.ms": 300000,
    "log.initial.task.delay.ms": 30000,
    "log.segment.delete.delay.ms": 60000,
    "log.flush.interval.messages": LONG_MAX,
    "log.flush.interval.ms": None,
    "log.flush.scheduler.interval.ms": LONG_MAX,
    "log.flush.offset.checkpoint.interval.ms": 60000,
    "log.flush.start.offset.checkpoint.interval.ms": 60000,
    "log.cleaner.enable": True,
    "log.cleaner.threads": 1,
    "log.cleaner.backoff.ms": 15000,
    "log.cleaner.min.cleanable.ratio": 0.5,
    "log.cleaner.delete.retention.ms": 86400000,
    "log.cleaner.min.compaction.lag.ms": 0,
    "log.cleaner.max.compaction.lag.ms": LONG_MAX,
    "log.index.interval.bytes": 4096,
    "log.index.size.max.bytes": 10485760,
    "replica.lag.time.max.ms": 30000,
    "replica.fetch.wait.max.ms": 500,
    "replica.fetch.min.bytes": 1,
    "replica.fetch.max.bytes": 1048576,
    "replica.fetch.response.max.bytes": 10485760,
    "replica.fetch.backoff.ms": 1000,
    "replica.socket.timeout.ms": 30000,
    "replica.high.watermark.checkpoint.interval.ms": 5000,
    "num.replica.fetchers": 1,
    "fetch.max.bytes": 57671680,
    "auto.leader.rebalance.enable": True,
    "leader.imbalance.check.interval.seconds": 300,
    "leader.imbalance.per.broker.percentage": 10,
    "controlled.shutdown.enable": True,
    "controlled.shutdown.max.retries": 3,
    "controlled.shutdown.retry.backoff.ms": 5000,
    "controller.socket.timeout.ms": 30000,
    "request.timeout.ms": 30000,
    "zookeeper.session.timeout.ms": 18000,
    "zookeeper.connection.timeout.ms": 18000,
    "zookeeper.max.in.flight.requests": 10,
    "zookeeper.set.acl": False,
    "num.network.threads": 3,
    "num.io.threads": 8,
    "queued.max.requests": 500,
    "offsets.topic.num.partitions": 50,
    "offsets.topic.replication.factor": 3,
    "offsets.topic.segment.bytes": 104857600,
    "offsets.retention.minutes": 10080,
    "offsets.retention.check.interval.ms": 600000,
    "offsets.commit.required.acks": -1,
    "offsets.commit.timeout.ms": 5000,
    "offset.metadata.max.bytes": 4096,
    "group.initial.rebalance.delay.ms": 3000,
    "group.min.session.timeout.ms": 6000,
    "group.max.session.timeout.ms": 1800000,
    "group.max.size": INT_MAX,
    "transaction.state.log.num.partitions": 50,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "transaction.state.log.segment.bytes": 104857600,
    "transaction.max.timeout.ms": 900000,
    "transactional.id.expiration.ms": 604800000,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 10000,
    "transaction.partition.verification.enable": True,
    "producer.id.expiration.ms": 86400000,
    "producer.id.expiration.check.interval.ms": 600000,
    "compression.type": "producer",
}

ZOOKEEPER: dict[str, object] = {
    "tickTime": 2000,
    "initLimit": 10,
    "syncLimit": 5,
    "minSessionTimeout": 4000,
    "maxSessionTimeout": 40000,
    "maxClientCnxns": 60,
    "jute.maxbuffer": 1048575,
    "snapCount": 100000,
    "commitLogCount": 500,
    "autopurge.purgeInterval": 0,
    "autopurge.snapRetainCount": 3,
    "globalOutstandingLimit": 1000,
    "forceSync": "yes",
    "leaderServes": "yes",
    "standaloneEnabled": True,
    "readonlymode.enabled": False,
    "localSessionsEnabled": False,
    "reconfigEnabled": False,
    "extendedTypesEnabled": False,
}

NETWORK: dict[str, object] = {"one_way_delay_ms": 0.5, "jitter_ms": 0.2}

TABLES: list[tuple[Settings, dict[str, object]]] = [
    (ProducerConfig(), PRODUCER),
    (ConsumerConfig(group_id="g"), CONSUMER | {"group.id": "g"}),
    (AdminConfig(), ADMIN),
    (TopicConfig(), TOPIC),
    (BrokerConfig(), BROKER),
    (ZooKeeperConfig(), ZOOKEEPER),
    (NetworkConfig(), NETWORK),
]


@pytest.mark.parametrize(("config", "table"), TABLES, ids=lambda it: type(it).__name__)
def test_there_are_these_settings_with_these_defaults_and_no_others(config: Settings, table: dict[str, object]) -> None:
    actual = config.describe()

    assert dict(sorted(actual.items())) == dict(sorted(table.items()))
    assert {name: type(value) for name, value in actual.items()} == {name: type(table[name]) for name in actual}


@pytest.mark.parametrize(("config", "table"), TABLES, ids=lambda it: type(it).__name__)
def test_a_default_may_be_given_as_kafka_shows_it(config: Settings, table: dict[str, object]) -> None:
    spelled = {name: shown_by_kafka(value) for name, value in table.items() if value is not None}

    assert type(config).parse(spelled) == config


def test_nobody_has_to_give_anything() -> None:
    for config, _ in TABLES:
        assert type(config)().explicitly_set == frozenset()


def shown_by_kafka(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
