"""Noise on the agent's end of a witness's line: damaged, cut, doubled and endless lines among whole ones.

`python -m tests.robots.serial_noise LINES [SEED]` prints what came of it, under any Python that runs agents; `make
firmware` gives it a million, and the board's side as many on MicroPython.
"""

import random
import resource
import sys
from typing import NamedTuple

from wachhund_evidence import MAX_LINE_BYTES, LineReader, frame

STATEMENT = "e30.e30." + "A" * 43


class Heard(NamedTuple):
    """`whole`: lines that were as they were sent. `believed`: what the reader took. `held`: bytes that it keeps."""

    lines: int
    whole: int
    believed: int
    bad: int
    held: int


def _damaged(line: bytearray, chance: random.Random) -> bytearray:
    kind = chance.randrange(6)
    if kind == 0:
        line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        line = line[: chance.randrange(len(line))]
    elif kind == 2:
        line = bytearray(chance.getrandbits(8) for _ in range(60))
    elif kind == 3:
        line = bytearray(b"\xff" * (MAX_LINE_BYTES + chance.randrange(3)))
    elif kind == 4:
        line = line + line
    return line


def heard(lines: int, seed: int) -> Heard:
    """What the agent's reader made of so many lines, each in two pieces. Raises AssertionError for one believed."""
    chance, reader, sent = random.Random(seed), LineReader(), frame(STATEMENT)
    given = whole = believed = 0
    for _ in range(lines):
        data = bytes(_damaged(bytearray(sent[:-1]), chance)) + b"\n"
        given += data.count(b"\n")
        whole += data == sent
        cut = chance.randrange(len(data))
        for piece in (data[:cut], data[cut:]):
            for text in reader.feed(piece):
                assert text == STATEMENT, text
                believed += 1
    return Heard(given, whole, believed, reader.bad, len(reader._line))


if __name__ == "__main__":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = heard(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print("agent's side, Python {}.{}: {}, grew by {} kB".format(*sys.version_info[:2], found, grown))
    sys.exit(found.believed != found.whole or found.bad != found.lines - found.whole or grown > 4096)
