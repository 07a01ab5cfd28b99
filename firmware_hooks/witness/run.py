"""The loop of a board: wire, lines, watchdog. It never ends, and where it fails the board begins anew."""

import gc
import json

from witness.counters import Counters
from witness.lines import Line
from witness.output import Output
from witness.statement import key_from
from witness.witness import Clock, Witness

_READ = 256  # bytes at a time; the wire brings 115 in the 10 ms that a turn waits


class Board:
    """What a board's file gives (boards/). Times in milliseconds; `read_into` never waits."""

    folder = ""  # of the counters' files; the root of a board's flash

    def settings(self) -> dict[str, str]:
        """What `wachhund witness make` wrote for this board."""
        with open("witness.json") as file:
            found: dict[str, str] = json.load(file)
        return found

    def chip(self) -> str:
        """The chip's unique id, in hexadecimal digits."""
        raise NotImplementedError

    def cause(self) -> str:
        """Why it started: `power` (also after a brown-out: no board tells), `watchdog`, `pin`, `soft` or `unknown`."""
        raise NotImplementedError

    def lines(self) -> list[Line]:
        """The lines that it looks at."""
        raise NotImplementedError

    def output(self) -> Output | None:
        """The line that it may cut, where one is wired."""
        raise NotImplementedError

    def ticks(self) -> int:
        """Milliseconds, of which only differences modulo 2^30 mean anything."""
        raise NotImplementedError

    def read_into(self, buffer: bytearray) -> int | None:
        """How many bytes came on the wire into `buffer`; None for none."""
        raise NotImplementedError

    def write(self, line: bytes) -> None:
        """Send; what does not fit is lost, and the next statement says it again."""
        raise NotImplementedError

    def rest(self) -> None:
        """Feed the watchdog, and wait 10 ms."""
        raise NotImplementedError


def run(board: Board) -> None:
    """Watch for ever."""
    lines = board.lines()
    # Counted before the first word: a boot whose number is not kept must not speak under another's.
    counters = Counters(board.folder, len(lines) + 1)
    watcher = Witness(key_from(board.settings()), board.chip(), board.cause(), lines, counters, board.output())
    clock = Clock(board.ticks())
    buffer = bytearray(_READ)
    view = memoryview(buffer)
    while True:
        up_ms = clock.turn(board.ticks())
        count = board.read_into(buffer)
        if count:
            watcher.hear(bytes(view[:count]), up_ms)
        line = watcher.turn(up_ms)
        if line is not None:
            board.write(line)
            gc.collect()  # now, while nothing is due, not in the middle of the next
        if not count:
            board.rest()
