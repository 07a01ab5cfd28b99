"""MicroPython's unix port as a board whose time, lines and wire are told: the firmware's own loop in simulated time.

On standard input, one line a turn: `MILLISECONDS LEVELS EDGES BYTES`, the levels as digits and the edges as numbers
with commas, both in the order of LINES, the bytes of the wire in hexadecimal digits or `-`; or `reset`. On standard
output, for each: `LEVEL BYTES`, of the output and what was sent. Arguments: the firmware's folder, the board's folder
(its settings, and its flash), its chip.
"""

import binascii
import os
import sys

sys.path.insert(0, sys.argv[1])

from witness.lines import ACTIVITY, LEVEL, Edges, Line
from witness.output import Output
from witness.run import Board, run

LINES = (("pi-power", LEVEL), ("motor-power", LEVEL), ("modem", ACTIVITY), ("tamper", LEVEL), ("armed", LEVEL))
os.chdir(sys.argv[2])


class Reset(Exception):
    """The board has no power for a moment."""


class Simulated(Board):
    """`ticks` is where its loop waits for the next turn."""

    folder = "flash"

    def __init__(self) -> None:
        self._levels = [0] * len(LINES)
        self._edges = [Edges() for _ in LINES]
        self._heard, self._sent, self._relay, self._turns = b"", b"", 0, False

    def chip(self) -> str:
        return sys.argv[3]

    def cause(self) -> str:
        return "power"

    def lines(self) -> "list[Line]":
        return [
            Line(name, manner, self._level(index), self._edges[index]) for index, (name, manner) in enumerate(LINES)
        ]

    def _level(self, index: int):
        return lambda: self._levels[index]

    def output(self) -> Output:
        return Output(self._cut)

    def _cut(self, cut: int) -> None:
        self._relay = cut

    def ticks(self) -> int:
        if not self._turns:
            self._turns = True  # when the loop begins
            return 0
        print(self._relay, binascii.hexlify(self._sent).decode() or "-")
        self._sent = b""
        told = sys.stdin.readline().split()
        if not told:
            sys.exit()
        if told[0] == "reset":
            raise Reset
        self._levels = [int(level) for level in told[1]]
        for edges, number in zip(self._edges, told[2].split(",")):
            for _ in range(int(number)):
                edges.on_edge(None)
        self._heard = b"" if told[3] == "-" else binascii.unhexlify(told[3])
        return int(told[0])

    def read_into(self, buffer: bytearray) -> "int | None":
        buffer[: len(self._heard)] = self._heard
        return len(self._heard) or None

    def write(self, line: bytes) -> None:
        self._sent = line

    def rest(self) -> None:
        pass


while True:
    try:
        run(Simulated())
    except Reset:
        pass
