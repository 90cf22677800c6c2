"""A cluster under a random plan of faults, with a producer at work, and the quiet time after it."""

from __future__ import annotations

import kafkasim as ks
from kafkasim.trace.facts import FaultEnded, FaultStarted

FAULTS_MS = 60_000
QUIET_MS = 90_000


def play(seed: int, *, unclean: bool = False, **plan: object) -> ks.Cluster:
    """Three brokers, two partitions; faults for a minute, then a minute and a half to recover."""
    cluster = ks.Cluster(brokers=3, seed=seed)
    cluster.create_topic(
        "t", partitions=2, replication_factor=3, min_insync_replicas=2, unclean_leader_election_enable=unclean
    )
    producer = cluster.producer(acks="all")
    end_ms = cluster.now_ms + FAULTS_MS

    @cluster.process
    def work():
        number = 0
        while cluster.now_ms < end_ms:
            producer.send("t", f"{number}", key=f"k{number % 4}")
            number += 1
            yield cluster.sleep_ms(700)

    cluster.inject(ks.faults.plan(seed, brokers=cluster.brokers, for_ms=FAULTS_MS, **plan))
    cluster.run(for_ms=FAULTS_MS + QUIET_MS)
    return cluster


def is_healed(cluster: ks.Cluster) -> list[str]:
    """What is still wrong after the faults."""
    trace = cluster.trace
    state = trace.now
    wrong = [f"{tp}: ISR {state.isr(tp)}" for tp in ("t-0", "t-1") if set(state.isr(tp)) != set(cluster.brokers)]
    if set(state.live_brokers) != set(cluster.brokers):
        wrong.append(f"live brokers {state.live_brokers}")
    running = {fact.number: fact.fault for fact in trace.of(FaultStarted)}
    for fact in trace.of(FaultEnded):
        del running[fact.number]
    wrong += [f"fault {number}, {fault}, has not ended" for number, fault in running.items()]
    late = cluster.producer(acks="all")
    sent = [late.send("t", "late", partition=number) for number in (0, 1)]
    cluster.run(for_ms=2_000)
    wrong += [f"t-{n}: produce gives {one.error!r}" for n, one in enumerate(sent) if not one.is_done() or one.error]
    return wrong
