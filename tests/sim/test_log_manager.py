"""Retention, compaction, flushes and checkpoints in time, and what a broker finds when it starts again."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import KafkaError, OffsetOutOfRangeException, PolicyViolationException, UsageError

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def one_broker(**broker_config: object) -> ks.Cluster:
    return ks.Cluster(brokers=1, zookeepers=1, broker_config=broker_config or None)


def send(cluster: ks.Cluster, topic: str, count: int, value: str = "x" * 100, key: str | None = None) -> None:
    producer = cluster.producer()
    for _ in range(count):
        producer.send(topic, value, key=key).get()


def bases(cluster: ks.Cluster, tp: str, broker: int = 101) -> list[int]:
    return [segment.base_offset for segment in cluster.disk(broker).replica(tp).segments]


def events(cluster: ks.Cluster) -> int:
    """How many events the kernel has put into its calendar so far."""
    return next(cluster._kernel.env._eid)


def test_a_week_old_record_goes_at_the_first_check_after_its_week():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 1)
    written = cluster.trace.of("RecordsAppended")[-1].at_ms

    cluster.run(for_ms=8 * DAY_MS)

    moved = cluster.trace.of("LogStartMoved")[-1]
    assert (moved.log_start_offset, moved.setting) == (1, "retention.ms=604800000")
    assert 0 < moved.at_ms - written - 7 * DAY_MS <= 300_000
    assert bases(cluster, "t-0") == [1]


def test_a_week_without_anything_to_do_costs_next_to_nothing():
    cluster = ks.Cluster(brokers=3)
    cluster.create_topic("t", partitions=3, replication_factor=3)
    cluster.run(for_ms=HOUR_MS)
    before = events(cluster)
    cluster.run(for_ms=7 * DAY_MS)
    assert events(cluster) - before <= 3


def test_a_check_finds_what_a_changed_setting_lets_go():
    cluster = one_broker(**{"log.retention.check.interval.ms": 1000, "log.initial.task.delay.ms": 500})
    cluster.create_topic("t", segment_bytes=1024, retention_bytes=2380, retention_ms=-1)
    send(cluster, "t", 20)
    cluster.run(for_ms=1_000)
    assert bases(cluster, "t-0") == [6, 12, 18]
    gone = cluster.trace.of("SegmentsDeleted")[-1]
    assert (gone.base_offsets, gone.setting) == ((0,), "retention.bytes=2380")
    assert cluster.disk(101).replica("t-0").deleted_files == ("00000000000000000000.log.deleted",)
    cluster.run(for_ms=60_000)
    assert cluster.disk(101).replica("t-0").deleted_files == ()


def test_the_cleaner_compacts_at_its_next_look():
    cluster = one_broker(**{"log.cleaner.backoff.ms": 500})
    cluster.create_topic("t", cleanup_policy="compact", segment_bytes=600, min_cleanable_dirty_ratio=0.01)
    send(cluster, "t", 9, key="a")
    cluster.run(for_ms=600)
    disk = cluster.disk(101)
    assert [offset for offset, _ in disk.replica("t-0").records] == [5, 6, 7, 8]
    assert disk.checkpoint("cleaner-offset-checkpoint") == {disk.partitions[0]: 6}
    assert cluster.trace.of("LogCleaned")[-1].removed == (0, 1, 2, 3, 4)


def test_compact_and_delete_do_both():
    cluster = one_broker(**{"log.cleaner.backoff.ms": 500})
    cluster.create_topic("t", cleanup_policy="compact,delete", retention_ms=60_000)
    send(cluster, "t", 3, key="a")
    cluster.run(for_ms=61_000)
    assert bases(cluster, "t-0") == [3]


def test_a_kill_keeps_what_a_loss_of_power_takes():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 3)
    cluster.kill(101)
    assert cluster.disk(101).replica("t-0").log_end_offset == 3
    cluster.restart(101)
    cluster.run(for_ms=1_000)
    assert cluster.trace.at(cluster.now_ms).high_watermark("t-0", 101) == 3

    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 3)
    cluster.power_loss(101)
    assert cluster.disk(101).replica("t-0").log_end_offset == 0
    assert cluster.trace.of("UnflushedLost")[-1].log_end_offset == 0


def test_a_flush_after_each_record_survives_a_loss_of_power():
    cluster = one_broker(**{"log.flush.interval.messages": 1})
    cluster.create_topic("t")
    send(cluster, "t", 3)
    cluster.power_loss(101)
    assert cluster.disk(101).replica("t-0").log_end_offset == 3


def test_what_a_roll_has_flushed_survives_too():
    cluster = one_broker()
    cluster.create_topic("t", segment_bytes=1024)
    send(cluster, "t", 8)
    cluster.power_loss(101)
    assert cluster.disk(101).replica("t-0").log_end_offset == 6


def test_flush_ms_acts_at_the_schedulers_beats():
    cluster = one_broker(**{"log.flush.scheduler.interval.ms": 1000, "log.initial.task.delay.ms": 0})
    cluster.create_topic("t", flush_ms=100)
    send(cluster, "t", 1)
    assert cluster.trace.of("RecordsFlushed") == []
    cluster.run(for_ms=1_200)
    assert [fact.setting for fact in cluster.trace.of("RecordsFlushed")] == ["flush.ms=100"]


def test_a_clean_stop_writes_everything_down():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 3)
    disk = cluster.disk(101)
    tp = disk.partitions[0]
    assert disk.checkpoint("recovery-point-offset-checkpoint") == {}
    cluster.stop(101)
    assert disk.was_shut_down_cleanly
    assert disk.checkpoint("recovery-point-offset-checkpoint")[tp] == 3
    assert disk.checkpoint("replication-offset-checkpoint")[tp] == 3
    (producer,) = disk.producers("t-0").values()
    assert producer.last_sequence == 2


def test_a_torn_batch_is_cut_off_and_new_records_go_there():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 6)
    cluster.kill(101)
    disk = cluster.disk(101)
    assert disk.cut_bytes("t-0", 30) == 1020
    assert "140 bytes that are no whole batch" in str(disk)
    assert disk.replica("t-0").log_end_offset == 5
    cluster.restart(101)
    recovered = cluster.trace.of("LogRecovered")[-1]
    assert (recovered.log_end_offset, recovered.reason) == (5, "140 bytes of a batch at the end were not whole")

    send(cluster, "t", 1, value="new")
    cluster.kill(101)
    assert disk.cut_bytes("t-0", 400) == 921
    assert disk.add_bytes("t-0", 100) == 521
    cluster.restart(101)
    assert disk.replica("t-0").log_end_offset == 3


def test_a_segment_whose_only_batch_is_torn_stays_and_takes_the_next_record():
    cluster = one_broker()
    cluster.create_topic("t", segment_bytes=300)
    send(cluster, "t", 3)
    disk = cluster.disk(101)
    assert bases(cluster, "t-0") == [0, 1, 2]
    cluster.kill(101)
    assert disk.cut_bytes("t-0", 20) == 170
    assert bases(cluster, "t-0") == [0, 1, 2]
    assert disk.replica("t-0").log_end_offset == 2
    cluster.restart(101)

    send(cluster, "t", 1, value="new")
    assert bases(cluster, "t-0") == [0, 1, 2]
    assert [batch.base_offset for batch in disk.replica("t-0").batches] == [0, 1, 2]


def test_files_are_damaged_only_while_the_broker_is_dead():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 1)
    disk = cluster.disk(101)
    for damage in (lambda: disk.cut_log("t-0", 0), lambda: disk.cut_bytes("t-0", 1), lambda: disk.add_bytes("t-0", 1)):
        with pytest.raises(UsageError, match="Kill it first"):
            damage()
    cluster.kill(101)
    with pytest.raises(UsageError, match="not be behind the log's end, 1"):
        disk.cut_log("t-0", 2)
    with pytest.raises(UsageError, match="not be above the size"):
        disk.cut_bytes("t-0", 1_000)
    disk.cut_log("t-0", 0)
    assert disk.replica("t-0").batches == ()


def test_a_checkpoint_is_asked_for_by_its_files_name():
    with pytest.raises(UsageError, match="Did you mean cleaner-offset-checkpoint"):
        one_broker().disk(101).checkpoint("cleaner-checkpoint")


def test_deleted_records_move_the_log_start():
    cluster = one_broker()
    cluster.create_topic("t")
    cluster.create_topic("c", cleanup_policy="compact")
    send(cluster, "t", 5)
    admin = cluster.admin()
    assert deleted(admin, "t-0", 3) == 3
    assert deleted(admin, "t-0", 1) == 3
    assert deleted(admin, "t-0", 6) is OffsetOutOfRangeException
    assert deleted(admin, "c-0", 0) is PolicyViolationException
    assert deleted(admin, "t-0", -1) == 5
    assert [fact.log_start_offset for fact in cluster.trace.of("LogStartMoved")] == [3, 5]


def deleted(admin: object, tp: str, offset: int) -> object:
    name, number = tp.split("-")
    try:
        (answer,) = admin.delete_records({ks.TopicPartition(name, int(number)): offset}).get().values()
    except KafkaError as error:
        return type(error)
    return answer


def test_the_state_at_a_time_knows_where_a_log_starts_and_ends():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 3)
    deleted(cluster.admin(), "t-0", 2)
    now = cluster.trace.at(cluster.now_ms)
    assert (now.log_start_offset("t-0"), now.log_end_offset("t-0")) == (2, 3)
    cluster.power_loss(101)
    assert cluster.trace.at(cluster.now_ms).log_end_offset("t-0", 101) == 0


def test_a_log_start_within_a_segment_is_forgotten_by_a_kill_before_its_checkpoint():
    cluster = one_broker()
    cluster.create_topic("t")
    send(cluster, "t", 3)
    deleted(cluster.admin(), "t-0", 2)
    cluster.kill(101)
    cluster.restart(101)
    assert cluster.trace.at(cluster.now_ms).log_start_offset("t-0", 101) == 0

    cluster.run(for_ms=1_000)
    deleted(cluster.admin(), "t-0", 2)
    cluster.run(for_ms=100_000)
    assert cluster.disk(101).checkpoint("log-start-offset-checkpoint") == {ks.TopicPartition("t", 0): 2}
    cluster.kill(101)
    cluster.restart(101)
    assert cluster.trace.at(cluster.now_ms).log_start_offset("t-0", 101) == 2


def test_a_log_start_is_not_written_down_once_the_files_begin_there():
    cluster = one_broker(**{
        "log.retention.check.interval.ms": 1_000, "log.flush.start.offset.checkpoint.interval.ms": 1_000,
        "log.initial.task.delay.ms": 500,
    })  # fmt: skip
    cluster.create_topic("t", **{"segment.bytes": 200})
    send(cluster, "t", 3)
    deleted(cluster.admin(), "t-0", 2)
    cluster.run(for_ms=1_500)
    assert cluster.disk(101).checkpoint("log-start-offset-checkpoint") == {}
