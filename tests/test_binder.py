"""The hosted notebook: what its builder reads from binder/, and that it gets the versions that were tested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BINDER = ROOT / "binder"
REPO2DOCKER = os.environ.get("KAFKASIM_REPO2DOCKER") or shutil.which("jupyter-repo2docker")


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def pins(path: Path) -> dict[str, str]:
    """Name and version of each line; a line of another form is an error: it would be installed after every push."""
    found = {}
    for line in lines(path):
        pin = re.fullmatch(r"([a-z0-9-]+)==([a-z0-9.]+)", line)
        assert pin, f"{path.name}: only NAME==VERSION may stand here, not {line!r}"
        found[pin[1]] = pin[2]
    return found


def test_the_pins_are_those_of_the_lock() -> None:
    locked = set(lines(ROOT / ".ci" / "lock.txt"))

    assert [f"{name}=={version}" for name, version in pins(BINDER / "requirements.txt").items()] == [
        line for line in lines(BINDER / "requirements.txt") if line in locked
    ]


def test_nothing_of_the_base_image_is_replaced() -> None:
    assert pins(BINDER / "requirements.txt").keys() & pins(ROOT / ".ci" / "binder-base.txt").keys() == set()


def test_the_package_itself_is_installed_last_without_dependencies() -> None:
    post_build = BINDER / "postBuild"

    assert os.access(post_build, os.X_OK)
    assert lines(post_build)[-1] == "pip install --no-cache-dir --no-deps ."


@pytest.mark.slow
@pytest.mark.skipif(not REPO2DOCKER, reason="jupyter-repo2docker is not installed (make test-all brings it)")
def test_the_builder_reads_it_as_meant() -> None:
    built = subprocess.run(
        [str(REPO2DOCKER), "--no-build", "--debug", "."], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    output = built.stdout + built.stderr
    assert built.returncode == 0, output[-2000:]

    assert "python=3.12" in output
    pip_line = output.index('binder/requirements.txt"')
    copy = re.search(r"COPY --chown=\d+:\d+ src/ \$\{REPO_DIR\}", output)
    assert copy is not None
    copied = copy.start()
    assert pip_line < copied, "requirements.txt is installed anew after every push"
    assert "RUN ./binder/postBuild" in output[copied:]


@pytest.mark.slow
@pytest.mark.skipif(not REPO2DOCKER, reason="jupyter-repo2docker is not installed (make test-all brings it)")
def test_the_base_image_is_still_the_one_we_try_the_lessons_with() -> None:
    bin_folder = Path(str(REPO2DOCKER)).resolve().parent
    code = "import repo2docker, pathlib; print(pathlib.Path(repo2docker.__file__).parent)"
    package = subprocess.run([str(bin_folder / "python"), "-c", code], capture_output=True, text=True, check=True)
    lock = Path(package.stdout.strip(), "buildpacks", "conda", "environment.py-3.12-linux-64.lock")
    image = {
        found[1].lower().replace("_", "-"): found[2]
        for line in lines(lock)
        if (found := re.search(r"/([^/]+?)-([0-9][^-]*)-[^-/]+\.conda", line))
    }
    ours = pins(ROOT / ".ci" / "binder-base.txt")

    assert {name: image.get(name) for name in ours} == ours
    assert pins(BINDER / "requirements.txt").keys() & image.keys() == set()
