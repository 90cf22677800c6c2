"""Why was this produce refused, not answered or given up: for every cause its own answer."""

from __future__ import annotations

import pytest

import kafkasim as ks
from tests.invariants.histories import TP as T0
from tests.invariants.histories import history
from tests.trace.test_why import answers

TP = ks.TopicPartition("t", 0)


def small(**topic: object) -> ks.Cluster:
    """Brokers that are quick to notice a death; 101 leads t-0, 103 is the controller."""
    settings = {"replica.lag.time.max.ms": 5000, "zookeeper.session.timeout.ms": 6000}
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103, broker_config=settings)
    cluster.create_topic("t", assignment={0: [101, 102, 103]}, **{"min_insync_replicas": 2, **topic})
    return cluster


def test_it_waits_for_replicas_then_times_out_and_is_refused_after_it_was_stored():
    cluster = small()
    producer = cluster.producer(acks="all", delivery_timeout_ms=20_000, request_timeout_ms=4_000)
    producer.send("t", b"a").get()
    cluster.run(for_ms=1_000)
    for follower in (102, 103):
        cluster.pause(follower)
    producer.send("t", b"b")
    cluster.run(for_ms=1_000)
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why is producer-1/2 for t-0 not acknowledged yet?
  broker-101 moves the high watermark of t-0 to 1
  broker-102 is paused (incarnation 1)
  broker-103 is paused (incarnation 1)
  broker-101 (leader) appends t-0 offsets 1 to 1
producer-1/2 is in the log of broker-101 from offset 1 on. Nobody has confirmed it, as it was not committed: The log ends at 2, but broker-102 and broker-103 have not fetched beyond 1 yet, and only what the whole ISR (101, 102, 103) has is committed.
Decided by replica.lag.time.max.ms.
""",
    )
    cluster.run(for_ms=4_000)
    unanswered = cluster.trace.why("t-0", "produce")
    assert unanswered.question == "Why was producer-1/2 for t-0 not acknowledged?"
    assert unanswered.steps[-1].kind == "BatchRetried"
    assert len(unanswered.steps) == 5
    cluster.run(for_ms=20_000)
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why was producer-1/2 for t-0 refused?
  broker-103 is paused (incarnation 1)
  session 0x1 of broker-103 is expired (zookeeper.session.timeout.ms=6000)
  t-0 is led by broker-101, ISR 101, leader epoch 2: broker-103 is gone
  broker-101 refuses producer-1/2 for t-0: NOT_ENOUGH_REPLICAS, The ISR of t-0 is [101], fewer than min.insync.replicas=2 (min.insync.replicas=2)
  batch producer-1/2 of t-0 has failed: REQUEST_TIMED_OUT (delivery.timeout.ms=20000)
broker-101 refused producer-1/2 with NOT_ENOUGH_REPLICAS: The ISR of t-0 is [101], fewer than min.insync.replicas=2. An earlier try is in the log of broker-101 from offset 1 on. Its producer gave it up after 15 tries: REQUEST_TIMED_OUT (delivery.timeout.ms=20000).
Decided by min.insync.replicas=2.
""",
    )


def test_another_broker_leads():
    cluster = small()
    producer = cluster.producer(acks=1, retries=0)
    producer.send("t", b"a").get()
    admin = cluster.admin()
    admin.alter_partition_reassignments({TP: [102, 101, 103]}).get()
    cluster.run(for_ms=500)
    admin.elect_leaders("preferred", [TP]).get()
    producer.send("t", b"b")
    cluster.run(for_ms=1_000)
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why was producer-1/2 for t-0 refused?
  t-0 is led by broker-102, ISR 101, 102, 103, leader epoch 2: broker-102 is the preferred leader, live and in sync
  broker-101 refuses producer-1/2 for t-0: NOT_LEADER_OR_FOLLOWER, broker-101 does not lead t-0 (leader epoch 2)
  batch producer-1/2 of t-0 has failed: NOT_LEADER_OR_FOLLOWER (retries=0)
broker-101 refused producer-1/2 with NOT_LEADER_OR_FOLLOWER: broker-101 does not lead t-0. Its producer gave it up: NOT_LEADER_OR_FOLLOWER (retries=0).
Decided by leader epoch 2.
""",
    )


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (ks.faults.Kill(101), "broker-101 is killed (incarnation 1)"),
        (ks.faults.Pause(101), "broker-101 is paused (incarnation 1)"),
        (
            ks.faults.Partition(101, "producer-1"),
            "fault 1: partition on broker-101 <-> producer-1, until it is mended",
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_leader_that_does_not_answer(fault, trouble):
    cluster = small()
    producer = cluster.producer(acks=1, delivery_timeout_ms=3_000, request_timeout_ms=1_000)
    producer.send("t", b"a").get()
    cluster.inject(fault)
    producer.send("t", b"b")
    cluster.run(for_ms=4_000)
    why = cluster.trace.why("t-0", "produce")
    assert why.text.startswith(f"broker-101 has not answered producer-1/2: {trouble}. Its producer gave it up")
    assert why.text.endswith("REQUEST_TIMED_OUT (delivery.timeout.ms=3000). Its records may be in a log all the same.")
    assert why.setting == "delivery.timeout.ms=3000"
    assert why.steps[0].sentence == trouble
    producer.send("t", b"c")
    cluster.run(for_ms=4_000)
    if not isinstance(fault, ks.faults.Pause):
        assert cluster.trace.why("t-0", "produce").text.startswith("producer-1/3 was never sent to broker-101")


def test_what_a_later_try_has_put_right_is_told():
    cluster = small(min_insync_replicas=1)
    producer = cluster.producer(acks="all")
    producer.send("t", b"a").get()
    cluster.kill(101)
    producer.send("t", b"b").get()
    assert cluster.trace.why("t-0", "produce").text == (
        "broker-101 has not answered producer-1/2: broker-101 is killed (incarnation 1). A later try was acknowledged."
    )


@pytest.mark.parametrize(
    ("topic", "value", "error", "setting"),
    [
        ({"max_message_bytes": 200}, b"x" * 300, "MESSAGE_TOO_LARGE", "max.message.bytes=200"),
        ({"cleanup_policy": "compact"}, b"x", "INVALID_RECORD", "cleanup.policy=compact"),
        ({"segment_bytes": 200}, b"x" * 300, "RECORD_LIST_TOO_LARGE", "segment.bytes=200"),
    ],
)
def test_a_batch_that_a_topic_does_not_take(topic, value, error, setting):
    cluster = small(**topic)
    cluster.producer().send("t", value)
    cluster.run(for_ms=1_000)
    why = cluster.trace.why("t-0", "produce")
    assert why.text.startswith(f"broker-101 refused producer-1/1 with {error}: ")
    assert why.text.endswith(f"Its producer gave it up: {error} (it is not retriable).")
    assert why.setting == setting


def test_a_leader_whose_disk_is_full():
    cluster = small()
    cluster.inject(ks.faults.DiskFull(101))
    cluster.producer().send("t", b"a")
    cluster.run(for_ms=1_000)
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why was producer-1/1 for t-0 refused?
  fault 1: disk full on broker-101, until it is mended
  broker-101 refuses producer-1/1 for t-0: KAFKA_STORAGE_ERROR, No space is left on the device (log.dirs)
broker-101 refused producer-1/1 with KAFKA_STORAGE_ERROR: No space is left on the device.
Decided by log.dirs.
""",
    )
    assert cluster.trace.why(101, "state").text == (
        "broker-101 is killed (incarnation 1) by fault 1: disk full on broker-101, until it is mended."
    )


def test_a_fenced_producer():
    cluster = small()
    zombie = cluster.producer(transactional_id="x")
    zombie.init_transactions().get()
    zombie.begin_transaction()
    zombie.send("t", b"1").get()
    cluster.producer(transactional_id="x").init_transactions().get()
    zombie.send("t", b"2")
    cluster.run(for_ms=1_000)
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why was producer-1/2 for t-0 refused?
  broker-101 makes transaction x (epoch 1) PrepareAbort with t-0
  broker-101 refuses producer-1/2 for t-0: INVALID_PRODUCER_EPOCH, A producer with a newer epoch of the same id is at work (transactional.id=x)
  batch producer-1/2 of t-0 has failed: INVALID_PRODUCER_EPOCH (it is not retriable)
broker-101 refused producer-1/2 with INVALID_PRODUCER_EPOCH: A producer with a newer epoch of the same id is at work. Its producer gave it up: INVALID_PRODUCER_EPOCH (it is not retriable).
Decided by transactional.id=x.
""",
    )


def test_a_sequence_with_a_hole():
    told = history(
        ks.facts.PartitionChanged(103, T0, 101, (101,), 0, 0, "the topic is new"),
        ks.facts.BatchSent("p", "p/1", T0, (0,), 1, 101),
        ks.facts.BatchFailed("p", "p/1", T0, (0,), "REQUEST_TIMED_OUT", False, "delivery.timeout.ms=1000"),
        ks.facts.BatchSent("p", "p/2", T0, (1,), 1, 101),
        ks.facts.ProduceRefused(
            101, T0, "p/2", "OUT_OF_ORDER_SEQUENCE_NUMBER", "1 does not follow -1", "enable.idempotence=true"
        ),
    )
    why = told.why(T0, "produce")
    assert [step.kind for step in why.steps] == ["BatchFailed", "ProduceRefused"]
    assert why.text == "broker-101 refused p/2 with OUT_OF_ORDER_SEQUENCE_NUMBER: 1 does not follow -1."
    assert why.setting == "enable.idempotence=true"


def test_without_trouble_there_is_nothing_to_answer():
    cluster = small()
    cluster.producer().send("t", b"a").get()
    with pytest.raises(ks.UsageError, match="No produce to t-0 has been refused up to then, and none waits"):
        cluster.trace.why("t-0", "produce")
