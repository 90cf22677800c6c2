"""Check the locks: every direct dependency is pinned within its bounds, both agree, and neither names an address.

Runs in the environment that make env builds (it needs ``packaging``, which pytest brings).
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"lock.txt": ("course", "grade", "dev"), "lock-ci.txt": ("ci",)}


def pins(file: str, problems: list[str]) -> dict[str, set[str]]:
    """The versions that a lock gives each package: two where Python's version decides."""
    found: dict[str, set[str]] = {}
    for number, line in enumerate((ROOT / ".ci" / file).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            pin = Requirement(line)
        except InvalidRequirement:
            problems.append(f"{file}:{number} is not a plain requirement (no addresses, options or comments): {line}")
            continue
        versions = [one.version for one in pin.specifier if one.operator == "=="]
        if pin.url or pin.extras or len(versions) != 1 or len(pin.specifier) != 1:
            problems.append(f"{file}:{number} does not pin one version with ==: {line}")
            continue
        found.setdefault(canonicalize_name(pin.name), set()).update(versions)
    return found


def main() -> int:
    problems: list[str] = []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locks = {file: pins(file, problems) for file in LOCKS}
    for file, extras in LOCKS.items():
        direct = project["dependencies"] + [one for extra in extras for one in project["optional-dependencies"][extra]]
        for wanted in map(Requirement, direct):
            name = canonicalize_name(wanted.name)
            if name == project["name"]:
                continue
            versions = locks[file].get(name)
            if not versions:
                problems.append(f"{file} does not pin {name}, which pyproject.toml asks for.")
            elif not all(wanted.specifier.contains(version) for version in versions):
                problems.append(f"{file} pins {name} {sorted(versions)}, but pyproject.toml asks for {wanted}.")
    learner, ci = locks.values()
    for name in sorted(learner.keys() & ci.keys()):
        if learner[name] != ci[name]:
            problems.append(f"The locks differ in {name}: {sorted(learner[name])} and {sorted(ci[name])}.")
    if problems:
        print(*problems, "Run `make lock` and commit both locks.", sep="\n")
        return 1
    print(f"lock.txt pins {len(learner)} packages, lock-ci.txt {len(ci)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
