"""Counters that outlive resets: how often the board booted, and how many edges each line has had.

Two files by turns, each one record with its number and CRC-32; the newer whole one counts. Below them is the board's
littlefs, which spreads writes over the flash and keeps a file as it was until the new one is whole
(docs/decisions/0071). Edges are kept as a *ceiling* ahead of the count: after a reset counting begins at the ceiling,
so no count is ever said twice or goes back, and the flash is not written at every edge.
"""

import binascii
import os
import struct

_NAMES = ("count-a", "count-b")
_MAGIC = b"WHC1"
STEP = 64  # edges that a reset may skip, at least
_LARGEST_STEP = 65536
_HURRY_MS = 60_000  # a ceiling reached sooner than this: the next stands twice as far
LARGEST = 0xFFFFFFFF  # a count stays there, and does not begin again


class Counters:
    """`lines`: how many lines are counted. `kept`: whether the flash took the last record."""

    def __init__(self, folder: str, lines: int) -> None:
        self._folder, self._lines = folder, lines
        self._format = "<4sIII" + str(lines) + "I"
        self._record, values = self._newest()
        self._ceilings = [values[2 + line] if values is not None else 0 for line in range(lines)]
        self._steps = [STEP] * lines
        self._reached_ms = [-_HURRY_MS] * lines
        self.counts = list(self._ceilings)
        self.bootcount = (values[1] if values is not None else 0) + 1
        self.kept = self._keep()

    def _path(self, record: int) -> str:
        return self._folder + "/" + _NAMES[record % 2]

    def _read(self, path: str) -> tuple[int, ...] | None:
        size = struct.calcsize(self._format)
        try:
            with open(path, "rb") as file:
                data = file.read(size + 5)
        except OSError:
            return None
        if len(data) != size + 4 or struct.unpack("<I", data[size:])[0] != binascii.crc32(data[:size]) & 0xFFFFFFFF:
            return None
        values = struct.unpack(self._format, data[:size])
        return tuple(values[1:]) if values[0] == _MAGIC and values[3] == self._lines else None

    def _newest(self) -> tuple[int, tuple[int, ...] | None]:
        """The number of the newest record and what it holds: (number, bootcount, lines, ceiling, ...)."""
        newest: tuple[int, ...] | None = None
        for name in _NAMES:
            found = self._read(self._folder + "/" + name)
            if found is not None and (newest is None or found[0] > newest[0]):
                newest = found
        if newest is None:
            return 0, None
        return newest[0], (newest[0], newest[1]) + newest[3:]

    def _keep(self) -> bool:
        """Write the next record over the older file, and read it back."""
        record = self._record + 1
        data = struct.pack(self._format, _MAGIC, record, self.bootcount, self._lines, *self._ceilings)
        path = self._path(record)
        try:
            with open(path, "wb") as file:
                file.write(data + struct.pack("<I", binascii.crc32(data) & 0xFFFFFFFF))
            if hasattr(os, "sync"):
                os.sync()
        except OSError:
            return False
        self._record = record
        found = self._read(path)
        return found is not None and found[0] == record

    def add(self, line: int, edges: int, up_ms: int) -> None:
        """`edges` more on a line. The flash is written before a count above the kept ceiling is known to anybody."""
        count = min(self.counts[line] + edges, LARGEST)
        if count > self._ceilings[line]:
            hurried = up_ms - self._reached_ms[line] < _HURRY_MS
            step = self._steps[line]
            self._steps[line] = min(step * 2, _LARGEST_STEP) if hurried else max(step // 2, STEP)
            self._reached_ms[line] = up_ms
            self._ceilings[line] = min(count + self._steps[line], LARGEST)
            self.kept = self._keep()
        self.counts[line] = count
