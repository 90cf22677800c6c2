"""``python -m tests.fidelity [-v] [--seeds N[-M]] [--delay MS] [--lazy] PATH…``: compare with what the real Kafka did.

With ``-v`` each step of a recording is a line: its number, the recorded and the simulated second, what came of it.
With ``--seeds`` recordings are replayed once for each seed, and with ``--delay`` in a network of this one-way delay: what
was recorded must not hang on either. The cluster of a replay is an eager one, where all signs of life are messages; with
``--lazy`` it is one as learners have it, which only computes those that change nothing. Cases of other kinds have no
chance in them and run once.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fidelity.recordings import Conditions
from tests.fidelity.runner import FAILED, NOT_COVERED, PASSED, run
from tests.fidelity.shapes import files


def main(arguments: list[str]) -> int:
    """Run every case; exit code 0 only when none failed."""
    asked = _parsed(arguments)
    counts: Counter[str] = Counter()
    for path in files(asked.paths):
        for outcome in run(path, print if asked.verbose else _nothing, list(_conditions(asked))):
            counts[outcome.status] += 1
            if outcome.status != PASSED:
                print(f"{outcome.status}: {outcome.case}: {outcome.why}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[NOT_COVERED]} not covered")
    return 1 if counts[FAILED] else 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description="Compare with the real Kafka.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files and folders; none: our own data")
    parser.add_argument("-v", dest="verbose", action="store_true", help="a line for each step of a recording")
    parser.add_argument("--seeds", "--seed", type=_seeds, default=range(7, 8), metavar="N[-M]", help="seeds of replays")
    parser.add_argument("--delay", type=float, metavar="MS", help="one-way delay of the network")
    parser.add_argument("--lazy", action="store_true", help="compute the signs of life that change nothing")
    return parser.parse_args(arguments)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _conditions(asked: argparse.Namespace) -> Iterator[Conditions]:
    network = {} if asked.delay is None else {"one_way_delay_ms": asked.delay, "jitter_ms": asked.delay / 2}
    return (Conditions(seed, network, asked.lazy) for seed in asked.seeds)


def _nothing(line: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
