"""Lines that are looked at: power, modem, tamper, anything that is a logic level.

An interrupt counts edges and does nothing else; the loop asks for what it counted.
"""

try:
    from typing import Callable
except ImportError:
    pass  # a board has none, and MicroPython evaluates no annotation


class Edges:
    """Counts edges of one line, in 16 bits, without allocating: a small integer in a list is no new object."""

    def __init__(self) -> None:
        self._count = [0]
        self._taken = 0

    def on_edge(self, _pin: object) -> None:
        """The interrupt handler."""
        self._count[0] = (self._count[0] + 1) & 0xFFFF

    def take(self) -> int:
        """How many there were since the last call; more than 65,535 between two turns of the loop is not possible."""
        count = self._count[0]
        new = (count - self._taken) & 0xFFFF
        self._taken = count
        return new


LEVEL, ACTIVITY = "level", "activity"
_QUIET_MS = 5_000  # without an edge this long, an activity line is at rest


class Line:
    """`name`: as the host knows it (`pi-power`, `motor-power`, `modem`, `tamper`, `armed`). `read`: its level now.

    `manner`: of a LEVEL line each change is an event; an ACTIVITY line blinks, and is 1 while it does.
    """

    def __init__(self, name: str, manner: str, read: Callable[[], int], edges: Edges) -> None:
        self.name, self._manner, self._read, self._edges = name, manner, read, edges
        self.state = -1  # not looked at yet
        self._edge_ms = -_QUIET_MS

    def look(self, up_ms: int) -> tuple[int, bool]:
        """(edges since the last look, whether the state changed). A pulse between two looks is one edge or two."""
        edges = self._edges.take()
        level = self._read()
        if self._manner == ACTIVITY:
            if edges:
                self._edge_ms = up_ms
            level = 1 if up_ms - self._edge_ms < _QUIET_MS else 0
        changed = level != self.state and self.state != -1
        self.state = level
        return edges, changed or (edges > 0 and self._manner == LEVEL)
