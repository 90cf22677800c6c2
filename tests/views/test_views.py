"""Pictures show what the trace says, and each has its text twin."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError, UnknownNameError
from kafkasim.trace import Trace
from kafkasim.views.show import png


@pytest.fixture(scope="module")
def cluster():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("trucks", partitions=3, replication_factor=3)
    producer = cluster.producer()
    for number in range(6):
        producer.send("trucks", f"reading {number}", key=f"truck-{number % 2}")
    producer.send("trucks", "no key", partition=2)
    producer.flush().get()
    return cluster


def test_the_log_picture_in_words(cluster):
    assert ks.views.describe_partition_log(cluster.trace, "trucks") == (
        "partition 0: leader broker-103, ISR 101 102 103, log end 3, high watermark 3: 0 truck-1, 1 truck-1, 2 truck-1\n"
        "partition 1: leader broker-101, ISR 101 102 103, log end 3, high watermark 3: 0 truck-0, 1 truck-0, 2 truck-0\n"
        "partition 2: leader broker-102, ISR 101 102 103, log end 1, high watermark 1: 0 (no key) no key"
    )


def test_the_log_picture_has_a_box_for_each_record_and_its_twin(cluster):
    ax = ks.views.partition_log(cluster.trace, "trucks")
    assert len(ax.patches) == 7
    words = [text.get_text() for text in ax.texts]
    assert {"partition 0", "leader 103", "truck-1", "next: 3"} <= set(words)
    assert ax.get_label() == ks.views.describe_partition_log(cluster.trace, "trucks")
    data = png(ax)
    assert data.startswith(b"\x89PNG")
    assert len(data) < 40_000


def test_at_an_earlier_time_less_was_there(cluster):
    frame = ks.views.partition_log_frame(cluster.trace, "trucks", at_ms=1_024)
    assert [len(part["records"]) for part in frame["partitions"]] == [0, 0, 0]


def test_the_spacetime_picture_shows_the_messages_of_a_stretch(cluster):
    appended = cluster.trace.of("RecordsAppended", tp="trucks-2", role="leader")[0]
    end = cluster.trace.end_ms
    frame = ks.views.spacetime_frame(cluster.trace, appended.at_ms - 1, end, apis=["Produce"])
    assert frame["lanes"] == ["producer-1", "broker-101", "broker-102", "broker-103"]
    assert {message["api"] for message in frame["messages"]} == {"ProduceRequest", "ProduceResponse"}
    assert frame["left_out"] > 0
    ax = ks.views.spacetime(cluster.trace, appended.at_ms - 1, end, apis=["Produce"])
    assert "other messages not shown" in ax.get_xlabel()
    assert "broker-102 (leader) appends trucks-2 offsets 0 to 0" in ax.get_label()
    assert png(ax).startswith(b"\x89PNG")


def test_a_machine_that_is_down_is_grey_and_a_lost_message_says_so():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=1, replication_factor=3)
    producer = cluster.producer()
    producer.send("t", "warm").get()
    leader = cluster.trace.now.leader("t-0")
    start = cluster.now_ms
    producer.send("t", "lost")
    cluster.run(for_ms=0.1)
    cluster.kill(leader)
    cluster.run(for_ms=5)
    frame = ks.views.spacetime_frame(cluster.trace, start)
    (down,) = frame["down"]
    assert (down["host"], down["to_ms"]) == (f"broker-{leader}", cluster.trace.end_ms)
    assert down["from_ms"] == pytest.approx(start + 0.1)
    lost = [message for message in frame["messages"] if message["lost"]]
    assert f"producer-1 -> broker-{leader}: Produce t-0 1 rec (is lost)" in ks.views.describe_spacetime(
        cluster.trace, start
    )
    assert lost
    assert png(ks.views.spacetime(cluster.trace, start)).startswith(b"\x89PNG")


def test_a_paused_machine_is_striped_and_says_so():
    cluster = ks.Cluster(brokers=3, seed=7)
    start = cluster.now_ms
    cluster.pause(101)
    cluster.run(for_ms=50)
    cluster.resume(101)
    cluster.run(for_ms=50)
    ax = ks.views.spacetime(cluster.trace, start, hosts=["broker-101"])
    (bar,) = ax.patches
    assert (bar.get_x(), bar.get_width(), bar.get_hatch()) == (start, 50, "////")
    assert "paused" in [text.get_text() for text in ax.texts]
    assert "broker-101 is paused" in ks.views.describe_spacetime(cluster.trace, start + 10, hosts=["broker-101"])


def test_a_network_partition_keeps_back_what_is_not_lost():
    cluster = ks.Cluster(brokers=1, seed=7)
    cluster.create_topic("t", partitions=1)
    producer = cluster.producer()
    producer.send("t", "warm").get()
    start = cluster.now_ms
    cluster.inject(ks.faults.Partition("producer-1", 101))
    producer.send("t", "kept back")
    cluster.run(for_ms=50)
    in_between = ks.views.describe_spacetime(cluster.trace, start)
    assert "Produce t-0 1 rec (is kept back by the network)" in in_between
    cluster.heal()
    cluster.run(for_ms=500)
    words = ks.views.describe_spacetime(cluster.trace, start)
    assert "Produce t-0 1 rec (is kept back by the network, arrives" in words
    assert "is lost" not in words
    assert "partition on producer-1 <-> broker-101 is over" in words
    assert "partition on producer-1 <-> broker-101 is over" in ks.views.spacetime(cluster.trace, start).get_xlabel()


def test_what_retention_and_compaction_took_away_is_not_in_the_log_picture():
    cluster = ks.Cluster(brokers=1, seed=7)
    cluster.create_topic("old", partitions=1, segment_bytes=100)
    settings = {"cleanup_policy": "compact", "segment_ms": 60_000, "min_cleanable_dirty_ratio": 0.01}
    cluster.create_topic("latest", partitions=1, **settings)
    producer = cluster.producer(acks="all")
    for number in range(5):
        producer.send("old", f"{number}", key="a").get()
        producer.send("latest", f"{number}", key="b" if number == 1 else "a").get()
    cluster.run(for_ms=120_000)
    producer.send("latest", "5", key="c").get()
    cluster.run(for_ms=8 * 86_400_000)
    old, latest = (ks.views.describe_partition_log(cluster.trace, topic) for topic in ("old", "latest"))
    assert old == "partition 0: leader broker-101, ISR 101, log start 5, log end 5, high watermark 5: empty"
    assert latest.endswith("log end 6, high watermark 6: 1 b, 4 a, 5 c")
    ax = ks.views.partition_log(cluster.trace, "latest")
    assert [text.get_text() for text in ax.texts].count("⋮") == 1
    (box,) = (patch for patch in ax.patches[-1:])
    lines = [line.get_xdata()[0] for line in ax.lines]
    assert max(lines) - (box.get_x() + 1) < 0.1, "the high watermark stands behind the last box, gaps or not"
    assert "log start 5" in [text.get_text() for text in ks.views.partition_log(cluster.trace, "old").texts]


def test_a_new_topic_under_an_old_name_begins_empty():
    cluster = ks.Cluster(brokers=1, seed=7)
    cluster.create_topic("t", partitions=1)
    cluster.producer(acks="all").send("t", "gone").get()
    cluster.admin().delete_topic("t").get()
    cluster.run(for_ms=2_000)
    cluster.create_topic("t", partitions=1)
    assert ks.views.describe_partition_log(cluster.trace, "t").endswith("log end 0, high watermark 0: empty")


def test_an_empty_trace_gives_a_sensible_picture():
    nothing = Trace([])
    assert ks.views.describe_partition_log(nothing, "t") == "Nothing has happened yet."
    assert ks.views.describe_spacetime(nothing) == "Nothing has happened yet."
    png(ks.views.partition_log(nothing, "t"))
    png(ks.views.spacetime(nothing))


def test_a_panel_is_only_a_handle(cluster):
    ran = []

    def scenario(keys, deep):
        ran.append((keys, deep))
        return cluster.trace

    panel = ks.views.panel(scenario, lambda trace: ks.views.partition_log(trace, "trucks"), keys=(1, 5), deep=[1, 2])
    assert ran == [(3, 1)]
    assert bytes(panel.picture.value).startswith(b"\x89PNG")
    assert "partition 2: leader broker-102" in panel.text.value

    panel.knobs["keys"].value = 4

    assert ran == [(3, 1), (4, 1)]
    assert repr(panel) == "Panel with the knobs keys=4, deep=1: run this cell to use it."
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)
    assert panel.trace.digest() == scenario(3, 1).digest()


def test_a_panel_shows_an_error_in_one_sentence():
    def scenario(brokers):
        return ks.Cluster(brokers=brokers).trace

    panel = ks.views.panel(scenario, lambda trace: ks.views.partition_log(trace, "t"), brokers=[-1, 1])
    assert "brokers must be" in panel.text.value


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda t: ks.views.partition_log(t, "truks"), UnknownNameError, "Did you mean trucks"),
        (lambda t: ks.views.partition_log(t, "trucks", at_ms=float("inf")), ConfigError, "finite"),
        (lambda t: ks.views.spacetime(t, hosts=["broker-1"]), UnknownNameError, "Did you mean broker-10"),
        (lambda t: ks.views.spacetime(t, hosts="broker-101"), ConfigError, "hosts must be a list"),
        (lambda t: ks.views.spacetime(t, 5, 1), ConfigError, "must not lie before"),
        (lambda t: ks.views.panel(1, 2, a=(1, 2)), ConfigError, "two functions"),
        (lambda t: ks.views.panel(print, print), ConfigError, "1 to 4 knobs"),
        (lambda t: ks.views.panel(print, print, a=(2, 1)), ConfigError, "The knob a must be"),
        (lambda t: ks.views.panel(print, print, a="abc"), ConfigError, "The knob a must be"),
        (lambda t: ks.views.panel(print, print, a=(1, 2.5)), ConfigError, "The knob a must be"),
    ],
)
def test_pictures_of_nothing_are_told_so(cluster, ask, error, message):
    with pytest.raises(error, match=message):
        ask(cluster.trace)
