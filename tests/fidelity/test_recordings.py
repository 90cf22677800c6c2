"""The replay of recordings: it passes what is right, and names the step of what is wrong, unknown or late."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest

from tests.fidelity.recordings import replay
from tests.fidelity.recordings.comparing import Renaming, by_partition, by_producer, difference
from tests.fidelity.recordings.stage import Stage
from tests.fidelity.recordings.timing import early_ms, late_ms

STEPS: list[dict[str, Any]] = [
    {"do": "create_topic", "topic": "t", "assignment": {"0": [1, 2]}, "at": 0.5},
    {"do": "new_producer", "name": "p", "config": {"acks": "all"}, "at": 0.6},
    {"note": "for the reader", "at": 0.6},
    {"do": "send", "producer": "p", "topic": "t", "key": "k", "value": "v", "result": {"partition": 0, "offset": 0},
     "at": 0.8},
    {"until": "leo", "tp": "t-0", "brokers": [1, 2], "is": {"1": 1, "2": 1}, "seconds": 0.1, "at": 0.9},
    {"see": "records", "tp": "t-0", "broker": 2, "is": [{"offset": 0, "key": "k", "value": "v"}], "at": 0.9},
    {"do": "send", "producer": "p", "topic": "no name!", "value": "v", "error": "InvalidTopicException", "at": 1.0},
]  # fmt: skip


def recording(*steps: dict[str, Any], **settings: object) -> dict[str, Any]:
    config = {"zookeeper.session.timeout.ms": 6000, "replica.lag.time.max.ms": 5000, **settings}
    return {"id": "made-up", "cluster": {"brokers": 2, "zookeepers": 1, "broker_config": config}, "steps": list(steps)}


def planted(place: int, **change: object) -> dict[str, Any]:
    return recording(*[{**step, **change} if number == place else step for number, step in enumerate(STEPS)])


def test_what_is_right_passes_at_the_recorded_pace():
    heard: list[str] = []
    assert replay(recording(*STEPS), heard.append) is None
    assert len(heard) == len(STEPS)
    assert heard[-1].split()[:3] == ["6", "1.00", "1.000"]


@pytest.mark.parametrize(
    ("place", "change", "says"),
    [
        (3, {"result": {"partition": 0, "offset": 5}}, "step 3 do send *: offset: expected 5, got 0"),
        (5, {"is": []}, "step 5 see records * expected [], got [{'offset': 0, 'key': 'k', 'value': 'v'}]"),
        (4, {"is": {"1": 1, "2": 2}}, "step 4 until leo * late, not yet after 3.50 s * 2: expected 2, got 1"),
        (0, {"error": "TopicExistsException"}, "step 0 do create_topic * expected TopicExistsException, got None"),
        (6, {"error": "TimeoutException"}, "step 6 do send * expected TimeoutException, got InvalidTopicException *"),
        (6, {"cause": "DisconnectException"}, "step 6 * caused by DisconnectException, got * caused by None"),
        (5, {"see": "fireworks"}, "step 5 see fireworks * no such verb or observation is known: fireworks"),
        (1, {"do": "dance"}, "step 1 do dance * no such verb or observation is known: dance"),
    ],
)
def test_what_is_wrong_is_found_and_named_with_its_step(place, change, says):
    problem = replay(planted(place, **change))
    assert problem is not None
    assert fnmatch(problem, f"{says}*".replace("[", "[[]")), problem


def test_a_killed_broker_is_lost_neither_too_early_nor_too_late():
    kill = {"do": "kill_broker", "broker": 2, "at": 0.1}
    lost = {"until": "live_brokers", "is": [1], "seconds": 6.0, "at": 6.1}
    assert replay(recording(kill, lost)) is None

    stage = Stage(recording())
    stage.memory.fell(2, stage.now_ms)
    assert early_ms(stage, lost) == stage.now_ms + 4000
    assert early_ms(stage, {**lost, "is": [1, 2]}) == 0
    assert late_ms(stage, {**lost, "seconds": 1}, stage.now_ms) == stage.now_ms + 6000 + 2000 + 1000


def test_late_is_what_neither_the_recording_nor_a_setting_explains():
    stage = Stage(recording())
    assert late_ms(stage, {"seconds": 10}, 100) == 100 + 15_000
    assert late_ms(stage, {"seconds": 0.1}, 100) == 100 + 3500
    assert late_ms(Stage(recording(**{"log.cleaner.backoff.ms": 9000})), {"seconds": 0.1}, 100) == 100 + 10_000
    stage.memory.pause_ms = stage.now_ms
    assert late_ms(stage, {"seconds": 0.1}, 0) == stage.now_ms + 7500 + 1000


def test_producer_ids_are_compared_up_to_renaming():
    names = Renaming()
    assert difference([{"pid": 0}, {"pid": 1}], [{"pid": 1000}, {"pid": 2000}], names) is None
    assert difference({"pid": 1}, {"pid": 2000}, names) is None
    assert difference({"pid": 1}, {"pid": 1000}, names) == "pid: expected 1, got 1000"
    assert difference({"pid": 3}, {"pid": 2000}, names) == "pid: expected 3, got 2000"
    assert difference({"pid": -1}, {"pid": 7}, names) == "pid: expected -1, got 7"


def test_producers_are_compared_whatever_ids_they_got():
    def compare(wanted: list[tuple[int, int]], got: list[tuple[int, int]]) -> str | None:
        lists = [[{"pid": pid, "epoch": 0, "lastSeq": last} for pid, last in some] for some in (wanted, got)]
        return difference(*by_producer(*lists, names), names)

    names = Renaming()
    assert compare([(0, 4), (1, 4), (1000, 7)], [(5, 7), (6, 4), (7, 4)]) is None
    assert names.here == {1000: 5}
    assert compare([(0, 4), (1, 5), (1000, 7)], [(5, 7), (6, 5), (7, 4)]) is None
    assert names.here == {1000: 5, 1: 6, 0: 7}
    assert compare([(0, 5), (1, 4)], [(6, 5), (7, 4)]) == "[0].lastSeq: expected 5, got 4"
    assert compare([(0, 4)], [(7, 4), (8, 4)]) is not None


def test_numbers_in_texts_are_numbers_and_isrs_are_sets():
    assert difference("1.0", 1, Renaming()) is None
    assert difference({"isr": [2, 1], "replicas": [2, 1]}, {"isr": [1, 2], "replicas": [2, 1]}, Renaming()) is None
    assert difference({"replicas": [2, 1]}, {"replicas": [1, 2]}, Renaming()) is not None
    assert difference(True, 1, Renaming()) is not None
    assert difference(None, 0, Renaming()) is not None


def test_records_of_one_poll_keep_their_order_by_partition():
    assert by_partition([["b-0", 1], ["a-0", 5], ["b-0", 2]]) == [["a-0", 5], ["b-0", 1], ["b-0", 2]]
    assert by_partition([[7, "d"], [3, "c"]]) == [[7, "d"], [3, "c"]]


def test_the_first_clock_sets_the_wall_clock():
    first = {"see": "clock", "is": 1_795_380_488_973, "at": 4.0}
    stage = Stage(recording({"note": "", "at": 1.0}, first))
    stage.cluster.run(for_ms=4000)
    stage.cluster.create_topic("t")
    assert stage.cluster.producer().send("t", "v").get().timestamp - 1_795_380_488_973 in range(100)
