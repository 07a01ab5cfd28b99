"""A walk's steps, one after the other, each with its seconds and what was found."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Step(Generic[State]):
    """`act` gets the walk's state and returns what was found, a line or several. Raises AssertionError."""

    name: str
    act: Callable[[State], str]


def walk(steps: Sequence[Step[State]], state: State) -> str | None:
    """Take the steps until one fails. Returns that one's name, None when all went well."""
    width = max(len(step.name) for step in steps)
    for step in steps:
        began, failed = time.monotonic(), False
        try:
            said = step.act(state)
        except (AssertionError, OSError, ValueError, LookupError, RuntimeError) as error:
            failed, said = True, f"FAILED: {type(error).__name__}: {error}"
        lines = said.splitlines() or [""]
        print(f"{time.monotonic() - began:7.1f} s  {step.name.ljust(width)}  {lines[0]}")
        for line in lines[1:]:
            print(f"{'':11}{'':{width}}  {line}")
        sys.stdout.flush()
        if failed:
            return step.name
    return None
