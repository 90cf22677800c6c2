"""Questions to a trace, and the exact answers: at most five recorded facts, and the setting that decided."""

from __future__ import annotations

import re

import pytest

import kafkasim as ks
import kafkasim.trace


@pytest.fixture(scope="module")
def cluster():
    """A follower stands still, leaves the ISR and comes back; then two of three brokers die; then one returns."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103, broker_config={"replica.lag.time.max.ms": 5000})
    cluster.create_topic("t", assignment={0: [101, 102, 103]}, min_insync_replicas=2)
    careful = cluster.producer(acks="all", delivery_timeout_ms=5000, request_timeout_ms=3000)
    quick = cluster.producer(acks=1)
    careful.send("t", b"a").get()
    cluster.run(until_ms=2_000)
    cluster.pause(102)
    cluster.run(until_ms=3_000)
    quick.send("t", b"b").get()
    cluster.run(until_ms=10_000)
    cluster.resume(102)
    cluster.run(until_ms=12_000)
    cluster.kill(102)
    cluster.kill(103)
    cluster.run(until_ms=35_000)
    careful.send("t", b"c")
    cluster.run(until_ms=45_000)
    quick.send("t", b"d").get()
    cluster.run(until_ms=46_000)
    return cluster


def answers(why: kafkasim.trace.Why, expected: str) -> None:
    """Compare the whole answer but for what chance decides: times, and the numbers of sessions."""
    told = re.sub(r"(?m)^ +[\d.]+ ms  ", "  ", str(why))
    told = re.sub(r"0x[0-9a-f]+", "0x1", re.sub(r"\d+ ms ago", "some ms ago", told))
    assert told == expected.strip()


def test_why_does_the_high_watermark_stand_still_while_a_follower_does(cluster):
    answers(
        cluster.trace.why("t-0", "high_watermark", at_ms=4_000),
        """
Why is the high watermark of t-0 1?
  broker-101 moves the high watermark of t-0 to 1
  broker-102 is paused (incarnation 1)
  broker-101 (leader) appends t-0 offsets 1 to 1
The log ends at 2, but broker-102 has not fetched beyond 1 yet, and only what the whole ISR (101, 102, 103) has is committed.
Decided by replica.lag.time.max.ms.
""",
    )


def test_why_did_this_broker_leave_the_isr(cluster):
    answers(
        cluster.trace.why("t-0", "isr", at_ms=9_000),
        """
Why is the ISR of t-0 101, 103?
  broker-102 is paused (incarnation 1)
  broker-101 (leader) appends t-0 offsets 1 to 1
  broker-101 asks for the ISR 101, 103 of t-0: broker-102 is at offset 1 of 2, last caught up some ms ago (replica.lag.time.max.ms=5000)
  t-0 is led by broker-101, ISR 101, 103, leader epoch 0: its leader broker-101 asked for it
The ISR of t-0 is 101, 103, since broker-102 left: broker-102 is at offset 1 of 2, last caught up some ms ago.
Decided by replica.lag.time.max.ms=5000.
""",
    )
    assert cluster.trace.why("t-0", "isr", at_ms=11_000).text == (
        "The ISR of t-0 is 101, 102, 103, since broker-102 joined: broker-102 has caught up to offset 2."
    )


def test_why_is_the_isr_so_small_after_a_crash(cluster):
    answers(
        cluster.trace.why("t-0", "isr"),
        """
Why is the ISR of t-0 101?
  broker-103 is killed (incarnation 1)
  session 0x1 of broker-103 is expired (zookeeper.session.timeout.ms=18000)
  broker-101 is the controller, epoch 2
  t-0 is led by broker-101, ISR 101, leader epoch 2: broker-103 is gone
The ISR of t-0 is 101, since broker-103 left: broker-103 is gone.
Decided by zookeeper.session.timeout.ms=18000.
""",
    )


def test_why_does_the_high_watermark_stand_still_below_min_isr(cluster):
    answers(
        cluster.trace.why("t-0", "high_watermark"),
        """
Why is the high watermark of t-0 2?
  broker-103 is killed (incarnation 1)
  session 0x1 of broker-103 is expired (zookeeper.session.timeout.ms=18000)
  broker-101 is the controller, epoch 2
  t-0 is led by broker-101, ISR 101, leader epoch 2: broker-103 is gone
  broker-101 holds the high watermark of t-0 at 2: the ISR (101) is smaller than min.insync.replicas=2
The log ends at 3, but the ISR (101) is smaller than min.insync.replicas=2, and until it has grown the high watermark stands still.
Decided by min.insync.replicas=2.
""",
    )


def test_why_was_this_produce_refused(cluster):
    answers(
        cluster.trace.why("t-0", "produce"),
        """
Why was producer-1/2 for t-0 refused?
  broker-103 is killed (incarnation 1)
  session 0x1 of broker-103 is expired (zookeeper.session.timeout.ms=18000)
  t-0 is led by broker-101, ISR 101, leader epoch 2: broker-103 is gone
  broker-101 refuses producer-1/2 for t-0: NOT_ENOUGH_REPLICAS, The ISR of t-0 is [101], fewer than min.insync.replicas=2 (min.insync.replicas=2)
  batch producer-1/2 of t-0 has failed: REQUEST_TIMED_OUT (delivery.timeout.ms=5000)
broker-101 refused producer-1/2 with NOT_ENOUGH_REPLICAS: The ISR of t-0 is [101], fewer than min.insync.replicas=2. Its producer gave it up after 8 tries: REQUEST_TIMED_OUT (delivery.timeout.ms=5000).
Decided by min.insync.replicas=2.
""",
    )


def test_why_did_this_session_expire(cluster):
    answers(
        cluster.trace.why(102, "session"),
        """
Why is the session of broker-102 expired?
  broker-102 is killed (incarnation 1)
  session 0x1 of broker-102 is expired (zookeeper.session.timeout.ms=18000)
It expired: ZooKeeper has not heard of broker-102 for longer than the session lasts (zookeeper.session.timeout.ms=18000).
Decided by zookeeper.session.timeout.ms=18000.
""",
    )


def test_why_is_this_the_leader_and_this_the_controller(cluster):
    answers(
        cluster.trace.why("t-0", "leader"),
        """
Why is broker-101 the leader of t-0?
  watch of broker-103 on /brokers/topics fires: NodeChildrenChanged
  t-0 is led by broker-101, ISR 101, 102, 103, leader epoch 0: the topic is new
broker-101 leads t-0: the topic is new. It is the first live broker of its assignment (101, 102, 103).
""",
    )
    answers(
        cluster.trace.why(101, "controller"),
        """
Why is broker-101 the controller?
  broker-103 is killed (incarnation 1)
  session 0x1 of broker-103 is expired (zookeeper.session.timeout.ms=18000)
  broker-101 is the controller, epoch 2
broker-101 was the first to create /controller when it was free (epoch 2).
Decided by zookeeper.session.timeout.ms=18000.
""",
    )


def test_no_answer_has_more_than_five_steps(cluster):
    for about, subject in (("isr", "t-0"), ("high_watermark", "t-0"), ("produce", "t-0"), ("leader", "t-0")):
        for at_ms in range(34_000, 46_000, 500):
            try:
                assert len(cluster.trace.why(subject, about, at_ms=at_ms).steps) <= 5
            except ks.UsageError:
                assert about == "produce"


def test_why_was_this_log_cut():
    """The old leader's record that nobody had fetched: it is not in the new leader's history."""
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103)
    cluster.create_topic("t", assignment={0: [101, 102, 103]})
    producer = cluster.producer(acks=1)
    producer.send("t", b"a").get()
    cluster.run(until_ms=2_000)
    cluster.pause(102)
    cluster.pause(103)
    cluster.run(until_ms=3_000)
    producer.send("t", b"lost").get()
    cluster.kill(101)
    cluster.resume(102)
    cluster.resume(103)
    cluster.run(until_ms=30_000)
    cluster.restart(101)
    cluster.run(until_ms=35_000)
    answers(
        cluster.trace.why("t-0", "truncation"),
        """
Why did broker-101 cut its log of t-0?
  broker-101 (leader) appends t-0 offsets 1 to 1
  broker-101 is killed (incarnation 1)
  session 0x1 of broker-101 is expired (zookeeper.session.timeout.ms=18000)
  t-0 is led by broker-102, ISR 102, 103, leader epoch 1: broker-101 is gone, broker-102 is the first live in-sync replica
  broker-101 cuts its log of t-0: it ends at offset 1 now
broker-101 has cut its log of t-0 to 1: its leader broker-102 (leader epoch 1) has other records from there on, or none.
Decided by leader epochs (KIP-101).
""",
    )


def test_why_does_this_consumer_own_and_read_what_it_does():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=2)
    cluster.producer().send("t", b"a", partition=0).get()
    consumer = cluster.consumer(
        "t", group_id="g", auto_offset_reset="earliest", partition_assignment_strategy=["range"]
    )
    for _ in range(6):
        consumer.poll(1_000).get()
    answers(
        cluster.trace.why("consumer-1", "assignment"),
        """
Why does consumer-1 own what it owns?
  consumer-1 is running (incarnation 1)
  group g is PreparingRebalance, generation 0, members: consumer-1-12e0deee
  group g is Stable, generation 1, members: consumer-1-12e0deee
  consumer-1 owns t-0, t-1 in generation 1
consumer-1 owns t-0, t-1 in generation 1: the assignor range has shared out what 1 member(s) subscribe to.
Decided by partition.assignment.strategy (range).
""",
    )
    position = cluster.trace.why("consumer-1", "position")
    assert position.setting == "auto.offset.reset=earliest"
    assert cluster.trace.why("g", "group").steps[-1].state == "Stable"


def small() -> ks.Cluster:
    """Brokers that are quick to notice a death; 101 leads t-0, 103 is the controller."""
    settings = {"replica.lag.time.max.ms": 5000, "zookeeper.session.timeout.ms": 6000}
    cluster = ks.Cluster(brokers=3, seed=7, first_broker=103, broker_config=settings)
    cluster.create_topic("t", assignment={0: [101, 102, 103]}, unclean_leader_election_enable=True)
    return cluster


SILENT = "It expired: ZooKeeper has not heard of broker-102 for longer than the session lasts (zookeeper.session.timeout.ms=6000)."
LIMIT = "zookeeper.session.timeout.ms=6000"


@pytest.mark.parametrize(
    ("fault", "first_step", "text", "setting"),
    [
        (ks.faults.Kill(102), "broker-102 is killed (incarnation 1)", SILENT, LIMIT),
        (ks.faults.Pause(102), "broker-102 is paused (incarnation 1)", SILENT, LIMIT),
        (ks.faults.PowerLoss(102), "broker-102 is powered off (incarnation 1)", SILENT, LIMIT),
        (
            ks.faults.Partition(102, ["zookeeper-1", "zookeeper-2", "zookeeper-3"]),
            "fault 1: partition on broker-102 <-> zookeeper-1, zookeeper-2, zookeeper-3, until it is mended",
            SILENT,
            LIMIT,
        ),
        (
            ks.faults.ExpireSession(102),
            "fault 1: expire session on broker-102, at once",
            "It was ended from elsewhere: broker-102 was alive and heard, no timeout has passed. A new one is open.",
            "a close from elsewhere",
        ),
        (
            ks.faults.Stop(102),
            "session 0x1 of broker-102 is closed (its owner's goodbye)",
            "broker-102 has closed it in good order: nobody had to wait for a timeout.",
            "its owner's goodbye",
        ),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, ks.faults.Fault) else "",
)
def test_why_is_a_session_over_and_who_left_the_isr_with_it(fault, first_step, text, setting):
    cluster = small()
    cluster.inject(fault)
    cluster.run(for_ms=12_000)
    why = cluster.trace.why(102, "session")
    assert re.sub(r"0x[0-9a-f]+", "0x1", why.steps[0].sentence) == first_step
    assert (why.text, why.setting) == (text, setting)
    left_ms = next(one.at_ms for one in cluster.trace.of("PartitionChanged", tp="t-0") if 102 not in one.isr)
    left = cluster.trace.why("t-0", "isr", broker=102, at_ms=left_ms)
    assert left.text.startswith("The ISR of t-0 is 101, 103, since broker-102 left: broker-102 is ")
    if not isinstance(fault, ks.faults.Stop):
        assert left.steps[0].sentence == first_step, "the first cause is told, not only the expiry"


def test_why_did_this_one_leave_although_others_have_come_and_gone_since():
    cluster = small()
    cluster.kill(102)
    cluster.run(for_ms=10_000)
    cluster.kill(103)
    cluster.run(for_ms=10_000)
    assert cluster.trace.why("t-0", "isr").text == "The ISR of t-0 is 101, since broker-103 left: broker-103 is gone."
    left = cluster.trace.why("t-0", "isr", broker="broker-102")
    assert left.text == "The ISR of t-0 is 101, 103, since broker-102 left: broker-102 is gone."
    with pytest.raises(ks.errors.UnknownNameError, match="These have been in the ISR of t-0"):
        cluster.trace.why("t-0", "isr", broker=109)
    with pytest.raises(ks.UsageError, match="goes with the question isr alone"):
        cluster.trace.why("t-0", "leader", broker=102)


def test_why_is_this_the_leader_when_nobody_in_sync_was_left():
    cluster = small()
    for broker in (102, 103):
        cluster.kill(broker)
    cluster.run(for_ms=12_000)
    cluster.kill(101)
    cluster.run(for_ms=9_000)
    cluster.start(102)
    cluster.run(for_ms=3_000)
    answers(
        cluster.trace.why("t-0", "leader"),
        """
Why is broker-102 the leader of t-0?
  broker-101 is killed (incarnation 1)
  broker-102 is running (incarnation 2)
  broker-102 is registered, broker epoch 4294967394
  broker-102 is the controller, epoch 3
  t-0 is led by broker-102, ISR 102, leader epoch 4: it had no leader, no in-sync replica is live, broker-102 is the first live replica and may lack committed records
broker-102 leads t-0: it had no leader, no in-sync replica is live, broker-102 is the first live replica and may lack committed records.
Decided by unclean.leader.election.enable=true.
""",
    )
    cluster.kill(102)
    assert cluster.trace.why("t-0", "leader").text.endswith(
        "But broker-102 is killed, and nobody has chosen another one yet."
    )
    assert cluster.trace.why("t-0", "high_watermark").text == (
        "broker-102, the leader of t-0, is killed, and only a leader moves the high watermark."
    )


def test_why_is_this_the_leader_by_an_administrators_wish_and_by_the_imbalance_check():
    cluster = small()
    tp = ks.TopicPartition("t", 0)
    admin = cluster.admin()
    admin.alter_partition_reassignments({tp: [102, 103]}).get()
    cluster.run(for_ms=3_000)
    moved = cluster.trace.why("t-0", "leader")
    assert (moved.text, moved.setting) == (
        "broker-102 leads t-0: the former leader is not among the new replicas.", "alterPartitionReassignments",
    )  # fmt: skip
    assert cluster.trace.why("t-0", "isr").text == (
        "The ISR of t-0 is 102, 103, since broker-101 left: broker-101 is no replica any more."
    )
    cluster.stop(102)
    cluster.run(for_ms=800)
    assert cluster.trace.why("t-0", "leader").setting == "controlled.shutdown.enable=true"
    assert [step.kind for step in cluster.trace.why(102, "state").steps] == ["FaultStarted", "HostChanged"]
    cluster.start(102)
    cluster.run(for_ms=2_000)
    assert cluster.trace.why("t-0", "leader").setting.startswith("leader.imbalance.per.broker.percentage=10: 100%")
    admin.alter_partition_reassignments({tp: [103, 102]}).get()
    cluster.run(for_ms=500)
    admin.elect_leaders("preferred", [tp]).get()
    assert cluster.trace.why("t-0", "leader").setting == "electLeaders(preferred)"


def test_why_does_the_high_watermark_wait_for_one_who_is_about_to_join():
    cluster = small()
    producer = cluster.producer(acks=1)
    producer.send("t", b"a").get()
    cluster.kill(102)
    cluster.run(for_ms=12_000)
    cluster.start(102)
    cluster.inject(ks.faults.Clog(101, 103))
    while not cluster.trace.of("IsrChangeProposed", isr=(101, 102, 103)):
        cluster.run(for_ms=1)
    cluster.inject(ks.faults.Clog(101, 102))
    producer.send("t", b"b").get()
    why = cluster.trace.why("t-0", "high_watermark")
    assert "only what the whole ISR (101, 103, and broker-102, which joins it) has is committed" in why.text


def test_why_are_the_first_records_gone_also_where_another_broker_leads_by_now():
    cluster = small()
    producer = cluster.producer()
    for _ in range(3):
        producer.send("t", b"v").get()
    with pytest.raises(ks.UsageError, match="t-0 starts at its first record: nothing is gone"):
        cluster.trace.why("t-0", "log_start")
    cluster.admin().delete_records({ks.TopicPartition("t", 0): 2}).get()
    cluster.run(for_ms=1_000)
    cluster.kill(101)
    cluster.run(for_ms=10_000)
    answers(
        cluster.trace.why("t-0", "log_start"),
        """
Why does t-0 start at offset 2?
  broker-101: t-0 starts at offset 2 now: records were deleted on request (DeleteRecords)
  broker-102: t-0 starts at offset 2 now: its leader's log starts there (the leader's log start)
broker-101: t-0 starts at offset 2 now: records were deleted on request (DeleteRecords).
Decided by DeleteRecords.
""",
    )
    first = next(iter(cluster.trace.story(tp="t-0", offset=0)))
    assert first.ending == (
        "acknowledged, in no log any more, read by nobody. Removed by DeleteRecords: the log starts at offset 2 now."
    )
