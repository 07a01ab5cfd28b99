"""The server's recipes under test: what people paste is what was tried."""

import re
from pathlib import Path

from tests.recipes import recipes

TESTS = Path(__file__).resolve().parents[2]


def test_each_recipe_is_run_by_a_test() -> None:
    """A block that nobody runs goes stale."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (TESTS / "system").rglob("test_*.py"))
    assert len(recipes()) > 5
    assert [name for name in recipes() if not re.search(rf'(recipe|follow)\("{name}"', sources)] == []
