"""How a flash shows what it does: one line a step; on a terminal the step that runs stands there already."""

import sys
from dataclasses import dataclass, field
from typing import TextIO

from wachhund.flash.robots_words import Step

_MARKS = {"already": " (already)", "undone": " (undone)", "failed": " (failed)"}


@dataclass
class Telling:
    """`prefix`: of each line, where several robots are flashed at once; then no line is written over."""

    prefix: str = ""
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _is_open: bool = False

    def line(self, name: str, text: str) -> None:
        """A line of its own."""
        self._write(f"{self.prefix}{name:<9} {text}")

    def step(self, step: Step) -> None:
        """A step of ours or of the installer's."""
        if step.state != "begun":
            self.line(step.step, step.text + _MARKS.get(step.state, ""))
        elif self.out.isatty() and not self.prefix:
            self.clear()
            print(f"{step.step:<9} {step.text} ...", end="", file=self.out, flush=True)
            self._is_open = True

    def clear(self) -> None:
        """Take away the line of the step that runs."""
        if self._is_open:
            print("\r\x1b[K", end="", file=self.out, flush=True)
            self._is_open = False

    def _write(self, line: str) -> None:
        self.clear()
        print(line.rstrip(), file=self.out, flush=True)
