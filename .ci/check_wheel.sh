#!/usr/bin/env bash
# Build the wheel, install it into an empty environment, and run a scenario from an empty folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$root" archive --format=tar HEAD | tar -x -C "$work"
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$work/dist" "$work"
"$work/env/bin/python" -m pip install --quiet "$work"/dist/kafkasim-*.whl
mkdir "$work/empty"
cd "$work/empty"
"$work/env/bin/python" - <<'PY'
import sys

import kafkasim as ks

assert not {"matplotlib", "ipywidgets", "numpy"} & set(sys.modules), "import kafkasim must stay light"
assert "site-packages" in ks.__file__, ks.__file__
cluster = ks.Cluster(brokers=3, seed=7)
cluster.create_topic("t", partitions=1, replication_factor=3)
sent = cluster.producer(acks="all").send("t", value=b"x")
assert sent.get().offset == 0
print("the wheel runs a scenario:", cluster.trace)
PY
"$work/env/bin/kafkasim" --version
