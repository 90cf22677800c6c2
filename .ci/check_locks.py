"""Check that the locks pin every direct dependency of pyproject.toml and name no address."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements)
    return {re.sub(r"[-_.]+", "-", match.group()).lower() for match in found if match}


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "lock.txt": project["dependencies"] + extras["course"] + extras["grade"] + extras["dev"],
        "lock-ci.txt": extras["ci"],
    }
    problems = []
    for file, requirements in wanted.items():
        lines = [line for line in (ROOT / ".ci" / file).read_text().splitlines() if line.strip()]
        if any("://" in line or line.startswith("-") for line in lines):
            problems.append(f"{file} holds an address or an option")
        if any("==" not in line for line in lines if not line.lstrip().startswith("#")):
            problems.append(f"{file} holds something that is not pinned")
        missing = names(requirements) - names(lines) - {"kafkasim"}
        if missing:
            problems.append(f"{file} does not pin {', '.join(sorted(missing))}: run make lock")
    print("\n".join(problems) or "locks are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
