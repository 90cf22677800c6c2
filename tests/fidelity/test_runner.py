"""The fidelity runner: it passes on our data, and it can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fidelity.__main__ import main
from tests.fidelity.shapes import DATA, cases, files

ROOT = Path(__file__).parent.parent.parent
CASES = sum(1 for path in files([]) for _ in cases(path))
VECTORS = sum(1 for _ in cases(DATA / "kafka-vectors.json"))


def test_every_case_of_our_own_data_passes(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == f"{CASES} passed, 0 failed, 0 not covered\n"


def test_a_wrong_expectation_is_found_and_named(tmp_path, capsys):
    data = json.loads((DATA / "kafka-vectors.json").read_text())
    data["murmur2"][0]["expected"] += 1
    (tmp_path / "planted.json").write_text(json.dumps(data))

    assert main([str(tmp_path)]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "failed: murmur2-001: the answer: expected 971027397, got 971027396"
    assert lines[-1] == f"{VECTORS - 1} passed, 1 failed, 0 not covered"


def test_a_recording_is_replayed_under_each_seed_and_in_a_slower_network(tmp_path, capsys):
    topic = {"do": "create_topic", "topic": "t", "assignment": {"0": [1]}, "at": 1.0}
    led = {"see": "leader", "tp": "t-0", "is": 1, "at": 1.1}
    late = {"until": "leo", "tp": "t-0", "brokers": [1], "is": {"1": 1}, "seconds": 0.0, "at": 1.1}
    recording = {"id": "a99_made_up", "cluster": {"brokers": 1}, "steps": [topic, led]}
    (tmp_path / "a.json").write_text(json.dumps(recording))
    (tmp_path / "b.json").write_text(json.dumps({**recording, "id": "a99_wrong", "steps": [topic, late]}))

    assert main(["--seeds", "3-5", "--delay", "5", str(tmp_path)]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": step")[0] for line in lines[:-1]] == [
        f"failed: a99_wrong, seed {seed}" for seed in (3, 4, 5)
    ]
    assert lines[-1] == "3 passed, 3 failed, 0 not covered"


def test_what_is_not_modelled_names_the_row_of_the_ledger(tmp_path, capsys):
    recording = {
        "id": "a99_made_up",
        "cluster": {"brokers": 1},
        "steps": [{"see": "fireworks", "is": 1}, {"do": "new_producer", "config": {"compression.type": "lz4"}}],
    }
    ensemble = {"servers": [1], "start": [], "extra_config": {"readonlymode.enabled": "true"}}
    oracle = {"format": "", "how_to_read": "", "cases": [{"id": "made-up", "ensemble": ensemble, "steps": []}]}
    (tmp_path / "a.json").write_text(json.dumps(recording))
    (tmp_path / "b.json").write_text(json.dumps(oracle))

    assert main([str(tmp_path)]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "not covered: a99_made_up: ledger row compression: batches are not compressed",
        (
            "not covered: made-up: ledger row zookeeper-limits: no read-only mode, no TTL and container nodes, no local"
            " sessions, no limit of connections"
        ),
        "0 passed, 0 failed, 2 not covered",
    ]


def test_it_is_one_command():
    run = subprocess.run(
        [sys.executable, "-m", "tests.fidelity", str(DATA / "kafka-vectors.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, f"{VECTORS} passed, 0 failed, 0 not covered")


def test_what_nobody_knows_is_a_failure_and_no_crash(tmp_path, capsys):
    (tmp_path / "a.json").write_text(json.dumps({"horoscope": [{"id": "h-1", "input": {}, "expected": {}}]}))
    (tmp_path / "b.json").write_text(json.dumps({"what": "is this?"}))

    assert main([str(tmp_path)]) == 1

    assert capsys.readouterr().out.splitlines() == [
        "failed: h-1: nobody knows how to ask for horoscope",
        "failed: b.json: nobody knows how to ask for an unknown shape of data",
        "0 passed, 2 failed, 0 not covered",
    ]
