"""``python -m tests.fidelity PATH…``: compare the simulator with what the real Kafka did."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.fidelity.runner import FAILED, NOT_COVERED, PASSED, run
from tests.fidelity.shapes import files


def main(arguments: list[str]) -> int:
    """Run every case; exit code 0 only when none failed."""
    counts: Counter[str] = Counter()
    for path in files([Path(one) for one in arguments]):
        for outcome in run(path):
            counts[outcome.status] += 1
            if outcome.status != PASSED:
                print(f"{outcome.status}: {outcome.case}: {outcome.why}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[NOT_COVERED]} not covered")
    return 1 if counts[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
