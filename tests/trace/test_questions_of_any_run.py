"""Whatever has happened, every question has an answer of at most five steps in order, and every record a story."""

from __future__ import annotations

import pytest

import kafkasim as ks
from tests.properties.play import play


@pytest.mark.parametrize("seed", [0, 3])
def test_every_question_is_answered_at_any_time(seed: int) -> None:
    trace = play(seed).trace
    partitions = [("t", 0), ("t", 1)]
    brokers = ["broker-101", "broker-102", "broker-103"]
    subjects = {
        **dict.fromkeys(("leader", "isr", "high_watermark", "produce", "truncation", "log_start"), partitions),
        **dict.fromkeys(("session", "state", "controller"), brokers),
    }
    answered = set()
    for at_ms in range(2_000, int(trace.end_ms), 8_000):
        for about, asked in subjects.items():
            for subject in asked:
                try:
                    why = trace.why(subject, about, at_ms=at_ms)
                except ks.UsageError:
                    assert about in ("produce", "truncation", "log_start"), "nothing of the sort has happened"
                    continue
                answered.add(about)
                assert len(why.steps) <= 5
                assert list(why.steps) == sorted(why.steps, key=lambda step: step.index)
                assert why.text.endswith(".")
                assert "somebody" not in why.text
                assert all(step.at_ms <= at_ms for step in why.steps)
    assert answered >= set(subjects) - {"truncation", "log_start"}


def test_every_record_has_a_story() -> None:
    trace = play(3).trace
    for key in (b"k0", b"k1"):
        story = trace.story(key=key)
        assert len(story) == len(trace.of("RecordSent", key=key))
        for chapter in story:
            assert chapter.ending.startswith("acknowledged, at offset ")
            assert chapter.ending.endswith(" on broker-101, broker-102, broker-103, read by nobody yet.")
            assert chapter.turning_point is None
