"""The command ``kafkasim``: check an exercise, make exercises from solutions, refresh notebooks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kafkasim import __version__
from kafkasim.errors import KafkaSimError

OK, NOT_FULL, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 for success, 1 for less than full score, 2 for a wrong call."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return OK
    try:
        return int(arguments.run(arguments))
    except KafkaSimError as error:
        print(f"kafkasim: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kafkasim", description="Learn how Kafka works on a simulated cluster.")
    parser.add_argument("--version", action="version", version=f"kafkasim {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")

    check = commands.add_parser("check", help="grade an exercise and say why")
    check.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    check.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    check.add_argument("--solutions", type=Path, metavar="DIR", help="where the solutions are")
    check.set_defaults(run=_check)

    release = commands.add_parser("release", help="make exercises/ from solutions/")
    release.add_argument("--check", action="store_true", help="change nothing; fail when they are not in step")
    release.add_argument("--solutions", type=Path, default=Path("solutions"), metavar="DIR")
    release.add_argument("--exercises", type=Path, default=Path("exercises"), metavar="DIR")
    release.set_defaults(run=_release)

    refresh = commands.add_parser("refresh", help="run notebooks and store their outputs in normal form")
    refresh.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    refresh.add_argument("--check", action="store_true", help="run nothing; fail when one is not in normal form")
    refresh.set_defaults(run=_refresh)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from kafkasim.grader.grade import grade

    full = True
    for path in arguments.notebooks:
        report = grade(path, arguments.solutions)
        print(report.json() if arguments.json else report)
        full = full and report.is_full
    return OK if full else NOT_FULL


def _release(arguments: argparse.Namespace) -> int:
    from kafkasim.grader.release import release

    changed = release(arguments.solutions, arguments.exercises, check=arguments.check)
    if arguments.check and changed:
        print(f"Not in step with their solutions: {', '.join(changed)}. Run kafkasim release.")
        return NOT_FULL
    print(f"{len(changed)} exercise(s) written." if not arguments.check else "The exercises are in step.")
    return OK


def _refresh(arguments: argparse.Namespace) -> int:
    from kafkasim.grader.refresh import is_normal, notebooks, refresh

    found = notebooks(arguments.paths)
    if arguments.check:
        strange = [path.name for path in found if not is_normal(path)]
        if strange:
            print(f"Not in normal form: {', '.join(strange)}. Run kafkasim refresh.")
        return NOT_FULL if strange else OK
    for path in found:
        refresh(path)
        print(f"refreshed {path.name}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
