"""Asking a trace: what, when, why, and the life of a record."""

from __future__ import annotations

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError, UnknownNameError, UsageError
from kafkasim.trace import KINDS, Trace
from kafkasim.trace.facts import HighWatermarkMoved, RecordsAppended


@pytest.fixture(scope="module")
def cluster():
    cluster = ks.Cluster(brokers=3, seed=7)
    cluster.create_topic("t", partitions=2, replication_factor=3)
    producer = cluster.producer()
    for number in range(4):
        producer.send("t", f"{number}", partition=number % 2, key="even" if number % 2 == 0 else None)
    producer.flush().get()
    cluster.run(for_ms=1_000)
    return cluster


def test_facts_are_found_by_kind_and_value(cluster):
    trace = cluster.trace
    leader = trace.now.leader("t-0")
    for tp in ("t-0", ("t", 0), ks.TopicPartition("t", 0)):
        found = trace.of(RecordsAppended, broker=leader, tp=tp)
        assert [(fact.base_offset, fact.last_offset, fact.role) for fact in found] == [(0, 1, "leader")]
    assert trace.of("RecordsAppended", broker=leader, tp="t-0") == found
    both = trace.of(RecordsAppended, HighWatermarkMoved, tp="t-0")
    assert len(both) == len(trace.of(RecordsAppended, tp="t-0")) + len(trace.of(HighWatermarkMoved, tp="t-0"))


def test_a_fact_knows_its_time_its_cause_and_its_sentence(cluster):
    fact = cluster.trace.of(HighWatermarkMoved, tp="t-0")[0]
    assert fact.sentence == f"broker-{fact.broker} moves the high watermark of t-0 to 2"
    assert fact.where == f"broker-{fact.broker}"
    chain = []
    step = fact
    while step is not None:
        assert step.at_us <= fact.at_us
        chain.append(step.kind)
        step = step.cause
    assert chain[1] == "MessageSent", "a follower's fetch has moved it"
    assert "MetadataLearned" in chain, "in the end because the producer learned where the leader is"


def test_the_state_at_a_time_is_the_last_fact_per_subject(cluster):
    trace = cluster.trace
    moved = trace.of(HighWatermarkMoved, tp="t-0")[0]
    assert trace.at(moved.at_ms - 0.001).high_watermark("t-0") == 0
    assert trace.at(moved.at_ms).high_watermark("t-0") == 2
    assert trace.now.log_end_offset("t-0") == trace.now.high_watermark("t-0") == 2
    assert trace.now.topics == ("t",)
    assert trace.at(0).leader("t-0") is None


def test_between_is_a_trace_of_its_own(cluster):
    part = cluster.trace.between(0, 60)
    assert 0 < len(part) < len(cluster.trace)
    assert part.end_ms < 60
    assert len(part) + len(cluster.trace.between(60, cluster.trace.end_ms + 1)) == len(cluster.trace)


def test_a_moment_read_off_the_clock_holds_the_facts_of_that_microsecond(cluster):
    for fact in cluster.trace:
        assert cluster.trace.between(fact.at_ms, fact.at_ms + 1)[0].at_us == fact.at_us
        assert cluster.trace.at(fact.at_ms).last(type(fact), *fact.subject) is not None


def test_the_story_of_a_key_and_of_an_offset(cluster):
    by_key = cluster.trace.story(key="even")
    assert len(by_key) == 2
    by_offset = cluster.trace.story(tp="t-0", offset=1)
    assert [fact.kind for fact in next(iter(by_offset)).facts][:3] == ["RecordSent", "BatchSent", "RecordsAppended"]
    assert "acknowledged, at offset 1 on broker-101, broker-102, broker-103, read by nobody yet." in str(by_offset)
    assert str(cluster.trace.story(key="nobody")) == "The records with key b'nobody': no such record was sent."


def test_a_fact_is_a_subject_of_why_too(cluster):
    fact = cluster.trace.of(HighWatermarkMoved, tp="t-0")[0]
    why = cluster.trace.why(fact)
    assert why.steps[-1] is fact
    assert len(why.steps) <= 5


def test_a_digest_is_a_fingerprint(cluster):
    facts = list(cluster.trace)
    assert Trace(facts).digest() == cluster.trace.digest()
    assert Trace(facts[:-1]).digest() != cluster.trace.digest()


def test_describe_leaves_single_messages_out_unless_asked(cluster):
    assert " sends " not in cluster.trace.describe().replace("producer-1 sends batch", "")
    assert cluster.trace.describe("MessageSent").count("\n") + 1 == len(cluster.trace.of("MessageSent"))
    assert cluster.trace.describe(limit=3).splitlines()[-1].startswith("... and ")


def test_every_sort_of_fact_has_a_sentence_and_a_subject():
    for name, kind in KINDS.items():
        assert kind.TEXT, name
        assert all(field in kind.__dataclass_fields__ for field in kind.SUBJECT), name


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda t: t.of("HighWatermark"), UnknownNameError, "Did you mean HighWatermarkHeld or HighWatermarkMoved"),
        (lambda t: t.of(RecordsAppended, brokr=1), UnknownNameError, "Did you mean broker"),
        (lambda t: t.of(7), ConfigError, "class of kafkasim.trace.facts or its name"),
        (lambda t: t.at(float("nan")), ConfigError, "at_ms must be a finite number"),
        (lambda t: t.at(True), ConfigError, "Got True"),
        (lambda t: t.between(5, 1), ConfigError, "must not lie before"),
        (lambda t: t.why("t-0", "leadr"), UnknownNameError, "Did you mean leader"),
        (lambda t: t.why("t-9", "leader"), UnknownNameError, "Did you mean t-1 or t-0"),
        (lambda t: t.why("t-0", "produce"), UsageError, "has been refused"),
        (lambda t: t.why("broker-1", "state"), UnknownNameError, "Did you mean broker-10"),
        (lambda t: t.story(), ConfigError, "either key"),
        (lambda t: t.story(tp="t-0", offset=-1), ConfigError, "at least 0"),
        (lambda t: t.story(key=3), ConfigError, "bytes or a text"),
        (lambda t: t.now.leader("t"), ConfigError, "such as 'orders-0'"),
        (lambda t: t.describe(limit=0), ConfigError, "at least 1"),
    ],
)
def test_questions_that_make_no_sense_are_told_so(cluster, ask, error, message):
    with pytest.raises(error, match=message):
        ask(cluster.trace)
