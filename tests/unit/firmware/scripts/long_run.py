"""On MicroPython: statements of a busy witness in simulated time; prints heap figures as JSON lines.

Arguments: the firmware's folder, how many statements, milliseconds between them.
"""

import gc
import json
import sys
import time

sys.path.insert(0, sys.argv[1])

from witness import jws, statement
from witness.counters import Counters
from witness.framing import frame, unframe
from witness.lines import ACTIVITY, LEVEL, Edges, Line
from witness.output import Output
from witness.witness import Clock, Witness

WANTED, EVERY_MS = int(sys.argv[2]), int(sys.argv[3])
FOLDER = sys.argv[4]
KEY = statement.key_from({"secret": "07" * 32, "ueid": "A" * 44, "nonce": "n" * 32})
NAMES = (("pi-power", LEVEL), ("motor-power", LEVEL), ("modem", ACTIVITY), ("tamper", LEVEL), ("armed", LEVEL))


class Level:
    """A line that a script turns."""

    def __init__(self, name: str, manner: str) -> None:
        self.level = 0
        self.edges = Edges()
        self.line = Line(name, manner, self.read, self.edges)

    def read(self) -> int:
        return self.level

    def flip(self) -> None:
        self.level = 1 - self.level
        self.edges.on_edge(None)


def confirmation(bootcount: int, n: int) -> bytes:
    claims = {"ueid": KEY.ueid, "bootcount": bootcount, "n": n, "eat_nonce": "nonce-%020d" % n}
    return frame(b"R " + jws.sign(KEY.confirm_header, json.dumps(claims).encode(), KEY.mac))


levels = [Level(name, manner) for name, manner in NAMES]
counters = Counters(FOLDER, len(levels) + 1)
witness = Witness(KEY, "ab" * 8, "power", [one.line for one in levels], counters, Output(lambda cut: None))
clock = Clock(0)
ticks, made, longest, spent_us, peak = 0, 0, 0, 0, 0
beat = frame(b"B " + b"h" * 43)
noise = b"\xff\x00\x13garbage\r\n" * 3
while made < WANTED:
    ticks = (ticks + EVERY_MS) & ((1 << 30) - 1)
    up_ms = clock.turn(ticks)
    if made % 7:
        witness.hear(beat, up_ms)
    if made % 5 == 0:
        levels[made % len(levels)].flip()
    if made % 97 == 0:
        witness.hear(noise, up_ms)
    before = int(time.clock() * 1e6)
    line = witness.turn(up_ms)
    spent_us += int(time.clock() * 1e6) - before
    if line is None:
        continue
    made += 1
    longest = max(longest, len(line))
    if made % 3 == 0:
        witness.hear(confirmation(counters.bootcount, made), up_ms)
    if made % max(1, WANTED // 10) == 0:
        gc.collect()
        peak = max(peak, gc.mem_alloc())
        assert unframe(line[:-1]) is not None
        print(
            json.dumps(
                {
                    "made": made,
                    "heap": gc.mem_alloc(),
                    "days": up_ms / 86_400_000,
                    "longest": longest,
                    "us": spent_us / made,
                    "heap_size": gc.mem_alloc() + gc.mem_free(),
                }
            )
        )
