"""The same scenario and seed give the same trace, in every process, with every hash seed, with pictures or without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kafkasim as ks

ROOT = Path(__file__).parent.parent
SCENARIO = """
import sys
import kafkasim as ks
if "views" in sys.argv:
    ks.views
cluster = ks.Cluster(brokers=3, seed=int(sys.argv[1]))
cluster.create_topic("t", partitions=4, replication_factor=3, min_insync_replicas=2)
producer = cluster.producer()
consumer = cluster.consumer("t", group_id="g", auto_offset_reset="earliest")
for number in range(30):
    producer.send("t", f"{number}", key=None if number % 3 else f"k{number}")
consumer.poll(5_000).get()
cluster.kill(102)
cluster.run(for_ms=25_000)
cluster.restart(102)
consumer.poll(5_000).get()
print(cluster.trace.digest(), len(cluster.trace))
"""


def run(*arguments: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCENARIO, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_one_digest_in_every_process():
    first = run("7", hash_seed="0")
    assert run("7", hash_seed="1") == first
    assert run("7", "views", hash_seed="4242") == first
    assert run("8", hash_seed="0") != first


def test_another_client_does_not_change_the_luck_of_the_first():
    def placement(extra: bool) -> list[tuple[int, ...]]:
        cluster = ks.Cluster(brokers=3, seed=7)
        if extra:
            cluster.consumer()
        cluster.create_topic("t", partitions=6, replication_factor=2)
        return list(cluster.trace.of("TopicCreated")[0].assignment)

    assert placement(False) == placement(True)


def test_importing_kafkasim_is_light():
    code = (
        "import sys, kafkasim; heavy = {'matplotlib', 'ipywidgets', 'numpy', 'IPython', 'nbformat', 'psutil'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout == "[]\n"
    )


def test_the_public_names_are_exactly_these():
    assert ks.__all__ == sorted(ks.__all__)
    assert all(hasattr(ks, name) for name in ks.__all__)
    assert 20 <= len(ks.__all__) <= 27
