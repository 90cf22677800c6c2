"""nbgrader accepts the same files. Runs where nbgrader is: KAFKASIM_NBGRADER names its executable."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NBGRADER = os.environ.get("KAFKASIM_NBGRADER") or shutil.which("nbgrader") or ""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NBGRADER, reason="nbgrader is not installed here: set KAFKASIM_NBGRADER"),
]

CONFIG = """
c = get_config()
c.CourseDirectory.source_directory = "."
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.db_url = "sqlite:///gradebook.db"
"""


@pytest.fixture
def course(tmp_path):
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    return tmp_path


def nbgrader(course, *arguments):
    environment = {
        **os.environ, "PATH": f"{Path(NBGRADER).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(course), "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(course / "config"),
    }  # fmt: skip
    return subprocess.run(
        [NBGRADER, *arguments], cwd=course, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_generate_assignment_takes_the_solutions(course):
    run = nbgrader(course, "generate_assignment", "solutions", "--create")
    assert run.returncode == 0, run.stderr[-2000:]
    released = list((course / "release").rglob("*.ipynb"))
    assert [path.name for path in released] == [path.name for path in sorted((ROOT / "solutions").glob("*.ipynb"))]
    assert "BEGIN SOLUTION" not in released[0].read_text()


def test_validate_passes_on_the_solutions(course):
    for path in sorted((course / "solutions").glob("*.ipynb")):
        run = nbgrader(course, "validate", str(path))
        assert run.returncode == 0, run.stderr[-2000:]
        assert "Success! Your notebook passes all the tests." in run.stdout, run.stdout[-2000:]
