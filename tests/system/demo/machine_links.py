"""This machine's network links, and what of them a demo left behind."""

import time
from pathlib import Path


def links() -> set[str]:
    """The names of this machine's network links, as the kernel lists them."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def left_since(before: set[str], patience_s: float = 10.0) -> set[str]:
    """Links that are new since `before` and stay: the kernel takes a namespace away a moment after its end."""
    deadline = time.monotonic() + patience_s
    while (new := links() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    return new
