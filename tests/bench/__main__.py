"""What a run costs, as counts and ratios: ``make bench``.

Counts are exact and the same everywhere; ratios of CPU time are medians of interleaved rounds and move by a tenth or
two. Nothing here is asserted: test_counts.py holds the counts.
"""

from __future__ import annotations

import statistics

from tests.bench.scenes import (
    Cost,
    bare_event_us,
    calls_per_event,
    cpu_us_per_event,
    idle_hour,
    large_cluster,
    loaded,
    never_simulated,
    small_cluster,
    streamed,
)

ROUNDS = 5


def told(what: str, cost: Cost, goal: float) -> None:
    """One load's counts."""
    print(f"  {what}:")
    print(f"    {cost.events} events, {cost.messages} messages, {cost.facts} facts")
    print(f"    {cost.events / cost.records:.3f} events a record (goal {goal})")
    print(f"    {cost.events / cost.messages:.2f} events a message (goal 1.4)")


def main() -> None:
    """Print all figures."""
    print("A load of linger.ms=5, acks=all, replication factor 3, one partition, read by one consumer:")
    told("1,000 records a second, six to a batch", streamed(6_000, 1_000), 1.8)
    told("the same, beside whole milliseconds: five to a batch", streamed(6_000, 1_000, offset_ms=0.3), 1.8)
    told("100,000 records a second, batches of 16 KB", streamed(60_000, 100_000), 0.06)
    told("1,000 a second from a user's process that sleeps for each, nobody reads", loaded(), 1.8)

    small, large = (streamed(3_000, 1_000, brokers=one, partitions=10 * one) for one in (3, 100))
    print("The same load of one partition on 3 brokers with 30 partitions, and on 100 with 1,000:")
    print(f"  {small.events} and {large.events} events: {large.events / small.events:.2f} times as many (goal 1.2)")

    for consumers in (0, 3):
        idle, eager, rest = idle_hour(consumers), idle_hour(consumers, eager=True), never_simulated(consumers)
        model = eager + sum(rest.values())
        print(f"An idle hour, 3 brokers, 30 partitions, {consumers} consumers in a group:")
        print(f"  {idle} events: {100 * idle / model:.2f} % of an eager model's {model:,} (goal 1 %), which are")
        print(f"    {eager:>9,}  measured with eager=True: beats, pings, commits ({100 * idle / eager:.2f} %)")
        for what, count in rest.items():
            print(f"    {count:>9,}  {what}, by arithmetic")

    rounds = []
    for _ in range(ROUNDS + 1):
        bare, small, large = bare_event_us(), cpu_us_per_event(small_cluster), cpu_us_per_event(large_cluster)
        rounds.append((small / bare, large / bare, large / small))
    small_ratio, large_ratio, size_ratio = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    print("CPU an event, a batch going to each partition in turn:")
    print(f"  3 brokers, 30 partitions: {small_ratio:.1f} times a bare SimPy event (goal 3)")
    print(f"  100 brokers, 1,000 partitions: {large_ratio:.1f} times a bare SimPy event (goal 3.5)")
    print(f"  100 brokers against 3: {size_ratio:.2f} (goal 1.3)")
    for name, scene in (("3 brokers", small_cluster), ("100 brokers", large_cluster)):
        print(f"  {calls_per_event(scene):.0f} calls of Python functions an event with {name} (goal 8)")


if __name__ == "__main__":
    main()
