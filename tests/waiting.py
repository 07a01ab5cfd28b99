"""Waiting for a fact, not for a time."""

import time
from collections.abc import Callable


def until(holds: "Callable[[], object]", seconds: float, what: str, pause_s: float = 0.01) -> None:
    """Wait for a condition; fail with its name when the time is over. `pause_s`: between two looks."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause_s)
