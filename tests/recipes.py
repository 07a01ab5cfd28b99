"""The named blocks of docs/server.md: tests run them as they stand there, so that what people paste was tried."""

import re
from collections.abc import Mapping
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "server.md"
_BLOCK = re.compile(r"^<!-- recipe: (?P<name>[^>]+) -->\n```[a-z]+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, str]:
    """All of them by name."""
    found = [(match["name"], match["text"]) for match in _BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))]
    assert len(dict(found)) == len(found), "two recipes of one name"
    return dict(found)


def recipe(name: str, places: Mapping[str, str] | None = None) -> str:
    """One of them, with places of a test's own in place of those that it names; each of them must be there."""
    text = recipes()[name]
    for theirs, ours in (places or {}).items():
        assert theirs in text, f"{name}: {theirs} is not in it"
        text = text.replace(theirs, ours)
    return text
