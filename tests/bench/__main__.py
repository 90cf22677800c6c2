"""What a run costs, as counts and ratios: ``make bench``.

Counts are exact and the same everywhere; ratios of CPU time are medians of interleaved rounds and move by a tenth or
two. Nothing here is asserted: test_counts.py holds the counts.
"""

from __future__ import annotations

import statistics

from tests.bench.scenes import (
    bare_event_us,
    cpu_us_per_event,
    eager_idle_hour,
    idle_hour,
    large_cluster,
    loaded,
    small_cluster,
)

ROUNDS = 5


def main() -> None:
    """Print all figures."""
    cost = loaded()
    print("2,000 records at 1,000 a second, linger.ms=5, acks=all, RF 3, one partition:")
    print(f"  {cost.events} events, {cost.messages} messages, {cost.facts} facts")
    print(f"  {cost.events / cost.records:.2f} events a record (goal 1.8)")
    print(f"  {cost.events / cost.messages:.2f} events a message (goal 1.4)")

    for consumers in (0, 3):
        idle = idle_hour(consumers)
        eager = eager_idle_hour(consumers)
        print(f"An idle hour, 3 brokers, 30 partitions, {consumers} consumers in a group:")
        print(f"  {idle} events, {100 * idle / sum(eager.values()):.2f} % of an eager model's (goal 1 %)")
        print("  an eager model, by arithmetic, one event for each message and each periodic check:")
        for what, count in eager.items():
            print(f"    {count:>9,}  {what}")

    rounds = []
    for _ in range(ROUNDS + 1):
        bare, small, large = bare_event_us(), cpu_us_per_event(small_cluster), cpu_us_per_event(large_cluster)
        rounds.append((small / bare, large / bare, large / small))
    small_ratio, large_ratio, size_ratio = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    print("CPU an event:")
    print(f"  3 brokers, 30 partitions: {small_ratio:.1f} times a bare SimPy event (goal 3)")
    print(f"  100 brokers, 1,000 partitions: {large_ratio:.1f} times a bare SimPy event (goal 3.5)")
    print(f"  100 brokers against 3: {size_ratio:.2f} (goal 1.3)")


if __name__ == "__main__":
    main()
