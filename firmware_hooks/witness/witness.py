"""The witness at work: hears the agent, looks at its lines, says what it saw, and forgets only what the host confirmed.

Free of `machine`: a board (boards/) gives it its wire, lines, clock and watchdog.
"""

from witness import statement
from witness.counters import Counters
from witness.framing import LineReader, frame
from witness.hearing import SILENT_MS, Hearing
from witness.lines import Line
from witness.output import Output
from witness.ring import Ring

VERSION = "0.1.0"
EVERY_MS = 10_000  # between statements
_SOON_MS = 1_000  # of something that happened
_TICKS = 1 << 30  # MicroPython's millisecond clock begins anew after these
_MOST_IGNORED = 0x3FFFFFFF


class Clock:
    """Milliseconds since the board's start, from ticks that begin anew every 12 days."""

    def __init__(self, ticks: int) -> None:
        self._ticks = ticks
        self.up_ms = 0

    def turn(self, ticks: int) -> int:
        """`ticks`: now. To be called more often than every 6 days."""
        self.up_ms += (ticks - self._ticks) % _TICKS
        self._ticks = ticks
        return self.up_ms


class Witness:
    """Call `hear` with what came on the wire, then `turn`; it returns the line to send, or None."""

    def __init__(
        self, key: statement.Key, chip: str, cause: str, lines: list[Line], counters: Counters, output: Output | None
    ) -> None:
        """`chip`: its unique id. `cause`: of this start. `counters`: one more than `lines`, for uses of the output."""
        self._key, self._chip, self._cause = key, chip, cause
        self._lines, self._counters, self._output = lines, counters, output
        self._reader, self._hearing, self._ring = LineReader(), Hearing(), Ring()
        self._nonce = key.nonce
        self._n = 0
        self._next_ms = 0
        self._last_ms = -_SOON_MS
        self._words = self._confirms = 0  # ignored: lines that say nothing we know, confirmations that are none
        self._ring.put(0, "start", cause)

    def hear(self, data: bytes, up_ms: int) -> None:
        """Bytes from the agent's side. Whatever they are, the worst is that they are counted."""
        for text in self._reader.feed(data):
            if text[:2] == b"B ":
                self._beat(text[2:], up_ms)
            elif text[:2] == b"R ":
                self._confirm(text[2:])
            else:
                self._words = min(self._words + 1, _MOST_IGNORED)

    def _beat(self, head: bytes, up_ms: int) -> None:
        silent = self._hearing.beat(head, up_ms)
        if silent is None:
            self._words = min(self._words + 1, _MOST_IGNORED)
        elif silent >= SILENT_MS:
            self._happened(up_ms, "silent", silent)

    def _confirm(self, token: bytes) -> None:
        found = statement.read_confirm(self._key, token, self._counters.bootcount)
        if found is None or not self._ring.confirm(found[0]):
            self._confirms = min(self._confirms + 1, _MOST_IGNORED)
            return
        self._nonce = found[1]
        self._hearing.confirmed(found[0] == self._n)
        if self._ring.waiting():
            self._next_ms = 0

    def _happened(self, up_ms: int, what: str, value: object) -> None:
        self._ring.put(up_ms, what, value)
        self._next_ms = 0

    def turn(self, up_ms: int) -> bytes | None:
        """Look at the lines; a statement where one is due."""
        levels: dict[str, int] = {}
        for index, line in enumerate(self._lines):
            edges, happened = line.look(up_ms)
            if edges:
                self._counters.add(index, edges, up_ms)
            if happened:
                self._happened(up_ms, line.name, line.state)
            levels[line.name] = line.state
        self._turn_output(levels, up_ms)
        if up_ms < self._next_ms or up_ms - self._last_ms < _SOON_MS:
            return None
        self._next_ms, self._last_ms = up_ms + EVERY_MS, up_ms
        return frame(self._state(up_ms))

    def _turn_output(self, levels: dict[str, int], up_ms: int) -> None:
        if self._output is None:
            return
        silent = self._hearing.silent_ms(up_ms)
        if self._output.turn(levels.get("armed", 0), levels.get("tamper", 0) == 1, silent, up_ms):
            self._counters.add(len(self._lines), 1, up_ms)
            self._happened(up_ms, "cut", silent)

    def _state(self, up_ms: int) -> bytes:
        self._n += 1
        hearing, counts = self._hearing, self._counters.counts
        lines = {}
        for index, line in enumerate(self._lines):
            lines[line.name] = [line.state, counts[index]]
        output = None
        if self._output is not None:
            output = {"armed": self._output.armed, "cut": self._output.cut, "uses": counts[len(self._lines)]}
        claims: dict[str, object] = {
            "eat_profile": statement.PROFILE,
            "ueid": self._key.ueid,
            "bootcount": self._counters.bootcount,
            "n": self._n,
            "up_ms": up_ms,
            "eat_nonce": self._nonce,
            "version": VERSION,
            "chip": self._chip,
            "cause": self._cause,
            "kept": self._counters.kept,
            "lines": lines,
            "output": output,
            "agent": {
                "beats": hearing.beats,
                "silent_ms": hearing.silent_ms(up_ms),
                "longest_ms": hearing.longest_ms(up_ms),
                "head": hearing.head,
            },
            "ignored": {"lines": self._reader.bad, "words": self._words, "confirms": self._confirms},
            "lost": self._ring.lost,
        }
        token, told = statement.make(self._key, claims, self._ring)
        self._ring.told(self._n, told)
        hearing.told()
        return token
