"""MicroPython's unix port as a board, on it as `board.py`: its wire is standard input and output, a pseudo-terminal.

Runs in the folder that `wachhund witness make` wrote. Its lines stand in the file `lines`, `NAME LEVEL` each, where the
level of a line that never rests is `blink`; its output writes the file `output`. Its flash is the folder `flash`.
"""

import sys
import time

from witness.lines import ACTIVITY, LEVEL, Edges, Line
from witness.output import Output
from witness.run import Board

_NAMES = (("pi-power", LEVEL), ("motor-power", LEVEL), ("modem", ACTIVITY), ("tamper", LEVEL), ("armed", LEVEL))


class Wired(Board):
    """The wire does not wait: what does not fit is lost, as on a UART."""

    folder = "flash"

    def __init__(self) -> None:
        self._in, self._out = sys.stdin.buffer, sys.stdout.buffer
        self._levels = {name: 0 for name, _ in _NAMES}
        self._edges = {name: Edges() for name, _ in _NAMES}
        self._start = time.ticks_ms()
        self._look()
        for edges in self._edges.values():
            edges.take()

    def chip(self) -> str:
        with open("chip") as file:
            return file.read()

    def cause(self) -> str:
        return "power"

    def lines(self) -> "list[Line]":
        return [Line(name, manner, self._level(name), self._edges[name]) for name, manner in _NAMES]

    def _level(self, name: str):
        return lambda: self._levels[name]

    def output(self) -> Output:
        return Output(self._cut)

    def _cut(self, cut: int) -> None:
        with open("output", "w") as file:
            file.write(str(cut))

    def ticks(self) -> int:
        self._look()
        return time.ticks_diff(time.ticks_ms(), self._start)

    def _look(self) -> None:
        with open("lines") as file:
            for row in file:
                name, level = row.split()
                wanted = 1 - self._levels[name] if level == "blink" else int(level)
                if wanted != self._levels[name]:
                    self._levels[name] = wanted
                    self._edges[name].on_edge(None)

    def read_into(self, buffer: bytearray) -> "int | None":
        return self._in.readinto(buffer)

    def write(self, line: bytes) -> None:
        self._out.write(line)

    def rest(self) -> None:
        time.sleep_ms(10)


def board() -> Board:
    """The board that this file is for."""
    return Wired()
