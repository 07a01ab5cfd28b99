"""On MicroPython: noise on the wire. Arguments: the firmware's folder, how many lines, a seed.

Most lines are damaged ones of ours. Prints how many were believed (only whole ones may be), and the heap at both ends.
"""

import gc
import random
import sys

sys.path.insert(0, sys.argv[1])

from witness.framing import MAX_LINE, LineReader, frame

LINES = int(sys.argv[2])
random.seed(int(sys.argv[3]))
WHOLE = [frame(b"B " + b"h" * 43), frame(b"R " + b"a" * 200), frame(b"x")]
TEXTS = [line[:-10] for line in WHOLE]
reader = LineReader()
believed = sent = given = 0
heap = 0


def damaged(line: bytes) -> bytes:
    kind = random.getrandbits(3)
    bytes_of = bytearray(line[:-1])
    if kind < 3:
        bytes_of[random.getrandbits(16) % len(bytes_of)] ^= 1 << random.getrandbits(3)
    elif kind == 3:
        bytes_of = bytes_of[: random.getrandbits(16) % len(bytes_of)]
    elif kind == 4:
        bytes_of = bytearray(random.getrandbits(8) for _ in range(random.getrandbits(6)))
    elif kind == 5:
        bytes_of = bytearray(b"\xff" * (MAX_LINE - 3 + random.getrandbits(3)))
    elif kind == 6:
        bytes_of = bytes_of + bytes_of
    else:
        return line
    return bytes(bytes_of) + b"\n"


pending = b""
for number in range(LINES):
    line = damaged(WHOLE[number % len(WHOLE)])
    if line in WHOLE:
        sent += 1
    given += line.count(b"\n")
    cut = random.getrandbits(8) % (len(line) + 1)
    for text in reader.feed(pending + line[:cut]):
        assert text in TEXTS, text
        believed += 1
    pending = line[cut:]
    if number == LINES // 10:
        gc.collect()
        heap = gc.mem_alloc()
for text in reader.feed(pending):
    assert text in TEXTS
    believed += 1
gc.collect()
print("lines", given, "whole", sent, "believed", believed, "bad", reader.bad, "heap", heap, gc.mem_alloc())
