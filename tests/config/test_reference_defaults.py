"""Names and defaults against a table read from Kafka 3.9's source, row by row and in both directions.

``test_defaults.py`` writes down what is accepted here. This table was made from the other end, from Kafka: each of its
names is accepted with that default, and what is accepted beyond it is listed.
"""

from __future__ import annotations

import pytest

from kafkasim.config import AdminConfig, BrokerConfig, ConsumerConfig, ProducerConfig, Settings, TopicConfig
from kafkasim.config.client import ClientConfig

INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1

BROKER = """
num.partitions 1
default.replication.factor 1
auto.create.topics.enable true
delete.topic.enable true
min.insync.replicas 1
unclean.leader.election.enable false
message.max.bytes 1048588
log.segment.bytes 1073741824
log.roll.hours 168
log.retention.hours 168
log.retention.check.interval.ms 300000
log.initial.task.delay.ms 30000
log.cleaner.enable true
log.cleaner.threads 1
log.cleaner.backoff.ms 15000
log.flush.offset.checkpoint.interval.ms 60000
replica.lag.time.max.ms 30000
replica.fetch.wait.max.ms 500
replica.fetch.min.bytes 1
replica.fetch.max.bytes 1048576
replica.fetch.response.max.bytes 10485760
replica.fetch.backoff.ms 1000
num.replica.fetchers 1
replica.socket.timeout.ms 30000
replica.high.watermark.checkpoint.interval.ms 5000
fetch.max.bytes 57671680
auto.leader.rebalance.enable true
leader.imbalance.check.interval.seconds 300
leader.imbalance.per.broker.percentage 10
controlled.shutdown.enable true
controlled.shutdown.max.retries 3
controlled.shutdown.retry.backoff.ms 5000
controller.socket.timeout.ms 30000
request.timeout.ms 30000
zookeeper.session.timeout.ms 18000
zookeeper.connection.timeout.ms 18000
num.network.threads 3
num.io.threads 8
queued.max.requests 500
offsets.topic.num.partitions 50
offsets.topic.replication.factor 3
offsets.topic.segment.bytes 104857600
offsets.retention.minutes 10080
offsets.retention.check.interval.ms 600000
offsets.commit.required.acks -1
offsets.commit.timeout.ms 5000
offset.metadata.max.bytes 4096
group.initial.rebalance.delay.ms 3000
group.min.session.timeout.ms 6000
group.max.session.timeout.ms 1800000
group.max.size {INT_MAX}
transaction.state.log.num.partitions 50
transaction.state.log.replication.factor 3
transaction.state.log.min.isr 2
transaction.max.timeout.ms 900000
transactional.id.expiration.ms 604800000
transaction.abort.timed.out.transaction.cleanup.interval.ms 10000
producer.id.expiration.ms 86400000
transaction.partition.verification.enable true
"""

TOPIC = """
min.insync.replicas 1
unclean.leader.election.enable false
max.message.bytes 1048588
segment.bytes 1073741824
segment.ms 604800000
segment.jitter.ms 0
retention.ms 604800000
retention.bytes -1
file.delete.delay.ms 60000
cleanup.policy delete
min.cleanable.dirty.ratio 0.5
delete.retention.ms 86400000
min.compaction.lag.ms 0
max.compaction.lag.ms {LONG_MAX}
index.interval.bytes 4096
segment.index.bytes 10485760
message.timestamp.type CreateTime
flush.messages {LONG_MAX}
flush.ms {LONG_MAX}
"""

PRODUCER = """
acks all
enable.idempotence true
retries {INT_MAX}
delivery.timeout.ms 120000
request.timeout.ms 30000
max.in.flight.requests.per.connection 5
batch.size 16384
linger.ms 0
buffer.memory 33554432
max.block.ms 60000
max.request.size 1048576
compression.type none
retry.backoff.ms 100
retry.backoff.max.ms 1000
reconnect.backoff.ms 50
reconnect.backoff.max.ms 1000
metadata.max.age.ms 300000
metadata.max.idle.ms 300000
partitioner.class (unset)
partitioner.adaptive.partitioning.enable true
partitioner.availability.timeout.ms 0
partitioner.ignore.keys false
transactional.id (unset)
transaction.timeout.ms 60000
connections.max.idle.ms 540000
"""

CONSUMER = """
group.protocol classic
partition.assignment.strategy range, cooperative-sticky
session.timeout.ms 45000
heartbeat.interval.ms 3000
max.poll.interval.ms 300000
max.poll.records 500
enable.auto.commit true
auto.commit.interval.ms 5000
auto.offset.reset latest
fetch.min.bytes 1
fetch.max.wait.ms 500
max.partition.fetch.bytes 1048576
fetch.max.bytes 52428800
isolation.level read_uncommitted
request.timeout.ms 30000
default.api.timeout.ms 60000
retry.backoff.ms 100
metadata.max.age.ms 300000
allow.auto.create.topics true
group.instance.id (unset)
"""

UNSET = "(unset)"
NOT_ACCEPTED: dict[str, str] = {}
"""Names of the table that are not accepted, with the reason. There are none: what has no meaning in a simulation
(threads, index files, compression) is accepted with its default, and says so when it is given another."""

BEYOND: dict[type[Settings], set[str]] = {
    BrokerConfig: {
        # a topic's settings under their brokers' names, or in another unit
        "log.cleanup.policy", "log.retention.ms", "log.retention.minutes", "log.retention.bytes", "log.roll.ms",
        "log.roll.jitter.ms", "log.roll.jitter.hours", "log.segment.delete.delay.ms", "log.message.timestamp.type",
        "log.message.timestamp.before.max.ms", "log.message.timestamp.after.max.ms", "log.flush.interval.messages",
        "log.flush.interval.ms", "log.flush.scheduler.interval.ms", "log.cleaner.min.cleanable.ratio",
        "log.cleaner.delete.retention.ms", "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms",
        "log.index.interval.bytes", "log.index.size.max.bytes", "compression.type",
        # periods and sizes of the same background work
        "log.flush.start.offset.checkpoint.interval.ms", "producer.id.expiration.check.interval.ms",
        "transaction.state.log.segment.bytes",
        # what a cluster's files often hold
        "zookeeper.max.in.flight.requests", "zookeeper.set.acl",
    },
    TopicConfig: {
        "message.timestamp.before.max.ms", "message.timestamp.after.max.ms", "message.downconversion.enable",
        "compression.type", "preallocate", "leader.replication.throttled.replicas",
        "follower.replication.throttled.replicas", "remote.storage.enable", "local.retention.ms",
        "local.retention.bytes",
    },
    ProducerConfig: {"key.serializer", "value.serializer", "interceptor.classes"},
    ConsumerConfig: {
        "group.id", "key.deserializer", "value.deserializer", "group.remote.assignor", "client.rack", "check.crcs",
        "exclude.internal.topics", "interceptor.classes", "commit.policy",
    },
    AdminConfig: {"default.api.timeout.ms", "retries"},
}  # fmt: skip
"""What is accepted beyond the table; ``commit.policy`` alone is not Kafka's."""

TABLES: dict[type[Settings], str] = {
    BrokerConfig: BROKER, TopicConfig: TOPIC, ProducerConfig: PRODUCER, ConsumerConfig: CONSUMER, AdminConfig: "",
}  # fmt: skip


def rows(table: str) -> list[tuple[str, str]]:
    lines = table.format(INT_MAX=INT_MAX, LONG_MAX=LONG_MAX).strip().splitlines()
    return [(name, default) for name, _, default in (line.partition(" ") for line in lines)]


@pytest.mark.parametrize(
    ("config", "name", "default"),
    [
        pytest.param(config, name, default, id=f"{config.__name__}-{name}")
        for config, table in TABLES.items()
        for name, default in rows(table)
    ],
)
def test_kafkas_default_is_ours(config: type[Settings], name: str, default: str) -> None:
    if name in NOT_ACCEPTED:
        assert name not in config.names()
        return
    ours = in_use(config).describe()[name]
    assert ours is None if default == UNSET else ours == in_use(config, **{name: default}).describe()[name]


@pytest.mark.parametrize("config", TABLES, ids=lambda config: config.__name__)
def test_what_is_accepted_is_in_the_table_or_listed_as_beyond_it(config: type[Settings]) -> None:
    of_all_clients = set(ClientConfig.names()) if issubclass(config, ClientConfig) else set()
    in_table = {name for name, _ in rows(TABLES[config])}

    assert set(config.names()) - in_table - of_all_clients == BEYOND[config]
    assert not BEYOND[config] & in_table
    assert not set(NOT_ACCEPTED) & set(config.names())


def in_use(config: type[Settings], **given: object) -> Settings:
    """A configuration as one has it: a consumer's in a group, as its group decides on some of its defaults."""
    return config.parse({"group.id": "g", **given} if config is ConsumerConfig else given)
