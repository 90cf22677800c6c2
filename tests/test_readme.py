"""What README shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_python_of_the_readme_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, README.name, "exec"), {})
    told = capsys.readouterr().out
    assert "1 acknowledged" in told
    assert "truck-42" in told
    assert "acknowledged, at offset 0" in told
