"""``python -m tests.fidelity [-v] PATH…``: compare the simulator with what the real Kafka did.

With ``-v`` each step of a recording is a line: its number, the recorded and the simulated second, what came of it.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.fidelity.runner import FAILED, NOT_COVERED, PASSED, run
from tests.fidelity.shapes import files


def main(arguments: list[str]) -> int:
    """Run every case; exit code 0 only when none failed."""
    counts: Counter[str] = Counter()
    say = print if "-v" in arguments else _nothing
    for path in files([Path(one) for one in arguments if one != "-v"]):
        for outcome in run(path, say):
            counts[outcome.status] += 1
            if outcome.status != PASSED:
                print(f"{outcome.status}: {outcome.case}: {outcome.why}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[NOT_COVERED]} not covered")
    return 1 if counts[FAILED] else 0


def _nothing(line: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
