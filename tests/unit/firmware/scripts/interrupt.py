"""On MicroPython: the interrupt handler with the heap locked, as in an interrupt. Argument: the firmware's folder."""

import sys

import micropython

sys.path.insert(0, sys.argv[1])

from witness.lines import Edges

edges = Edges()
handler = edges.on_edge
micropython.heap_lock()
for _ in range(70_000):
    handler(None)
micropython.heap_unlock()
print("edges", edges.take() + 65_536)
