"""What all tests share: golden files, and how they are rewritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="write golden files anew instead of comparing with them; review the diff"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden("name.txt", text)`` compares a text with the file of that name beside the test, or writes it anew."""

    def compare(name: str, text: str) -> None:
        file = Path(request.path).parent / name
        text = text.rstrip("\n") + "\n"
        if request.config.getoption("--rewrite"):
            file.write_text(text, encoding="utf-8")
        elif not file.exists():
            pytest.fail(f"There is no golden file {name} yet. Write it with: pytest --rewrite {request.node.nodeid}")

        assert text == file.read_text(encoding="utf-8"), f"{name} differs; if it should: pytest --rewrite"

    return compare
