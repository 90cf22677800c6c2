#!/usr/bin/env bash
# Build the wheel from what git knows of this tree, install it with SimPy alone into an empty environment, and run a
# scenario from an empty folder. Usage: check_wheel.sh [PYTHON]
set -euo pipefail
python=${1:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy: a build in the tree itself would pick up what an earlier build left there.
mkdir "$work/source" "$work/empty"
(cd "$root" && git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=-) | tar --extract --directory "$work/source"

"$python" -m venv "$work/env"
"$work/env/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$work/dist" "$work/source"
"$work/env/bin/python" -m pip install --quiet --constraint "$root/.ci/lock.txt" simpy
"$work/env/bin/python" -m pip install --quiet --no-deps "$work"/dist/kafkasim-*.whl

# Every file of the package is in the wheel, and nothing else is.
(cd "$work/source" && find kafkasim -type f ! -name '*.pyc' | sort) >"$work/in-source"
"$work/env/bin/python" -m zipfile --list "$work"/dist/kafkasim-*.whl |
    awk 'NR > 1 { print $1 }' | grep -v '^kafkasim-[^/]*\.dist-info/' | sort >"$work/in-wheel"
diff "$work/in-source" "$work/in-wheel" || {
    echo "The wheel (>) does not hold what kafkasim/ (<) holds: see package-data in pyproject.toml." >&2
    exit 1
}

cd "$work/empty"
"$work/env/bin/python" - <<'PY'
import sys

import kafkasim as ks

assert "site-packages" in ks.__file__, ks.__file__
cluster = ks.Cluster(brokers=3, seed=7)
cluster.create_topic("t", partitions=1, replication_factor=3)
sent = cluster.producer(acks="all").send("t", value=b"x")
assert sent.get().offset == 0
heavy = {"matplotlib", "ipywidgets", "IPython", "numpy", "nbformat"} & set(sys.modules)
assert not heavy, f"import kafkasim must load SimPy alone, but loads {heavy}"
print("the wheel runs a scenario:", cluster.trace)
PY
"$work/env/bin/kafkasim" --version
