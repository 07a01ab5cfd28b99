"""Follows a log by its name, as `tail -F` does: what was added since the last look, and what was done to the file.

The file stays open, so lines written until the moment of a rotation are read, and a file that was moved away is
followed until a new one stands in its place. A rotation (renamed, or copied beside it and then emptied) is no news; a
deletion or a rewriting is. Limits: a change in the middle of what was read already is not noticed.
"""

import os
import stat
import time
from pathlib import Path
from typing import NamedTuple, Optional

LOOK_BYTES = 256 * 1024  # read per look: some 2,000 lines a second, far above what a robot logs, and about 10 ms
_MARK_BYTES = 64  # of the beginning and of what was read last, to notice a file written anew
_ROTATED_WITHIN_S = 5.0  # a copy beside the log that is younger than this was made by the rotation we see

TRUNCATED, DELETED = "log-truncated", "log-deleted"


class Followed(NamedTuple):
    """Since the last look. `data`: whole lines or records only. `change`: TRUNCATED, DELETED or None."""

    data: bytes
    change: Optional[str]


class LogFollower:
    """`record`: size of one record in bytes; 0 for lines. `why`: why the file can't be read, None while it can."""

    def __init__(self, path: Path, record: int = 0) -> None:
        self.path = path
        self.why: Optional[str] = None
        self.dropped = 0  # lines longer than one look, which are left out
        self._record = record
        self._fd = -1
        self._offset = 0
        self._mid_line = False
        self._head = b""
        self._tail = b""
        self._mtime_ns = -1

    def start(self) -> None:
        """Open it at its end: what stands in it is no news."""
        if self._open():
            self._skip_to_end()

    def look(self) -> Followed:
        """What was added, at most LOOK_BYTES of it; the rest is for the next look."""
        if self._fd < 0 and not self._open():
            return Followed(b"", None)
        try:
            return self._look()
        except OSError as error:
            self.why = error.strerror or "error"
            self.close()
            return Followed(b"", None)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> bool:
        try:
            # O_NONBLOCK: a pipe put in the log's place must not hold us.
            fd = os.open(str(self.path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            self.why = "is missing"
            return False
        except OSError as error:
            self.why = "can't be opened ({})".format(error.strerror)
            return False
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            self.why = "is no file"
            return False
        self._fd, self._offset, self._mid_line, self._mtime_ns = fd, 0, False, -1
        self._head = self._tail = b""
        self.why = None
        return True

    def _skip_to_end(self) -> None:
        try:
            size = os.fstat(self._fd).st_size
            self._offset = size - size % self._record if self._record else size
            self._remember()
        except OSError as error:
            self.why = error.strerror or "error"
            self.close()
            return
        self._mid_line = not self._record and self._tail[-1:] not in (b"", b"\n")

    def _look(self) -> Followed:
        here = os.fstat(self._fd)
        change = None
        if here.st_mtime_ns != self._mtime_ns or here.st_size < self._offset:
            change = self._rewritten(here.st_size)
        data = self._read() if here.st_size > self._offset or change else b""
        # Marked as seen only when nothing is left, and with the time from before the read.
        self._mtime_ns = here.st_mtime_ns
        if not data:
            change = self._moved() or change
        return Followed(data, change)

    def _rewritten(self, size: int) -> Optional[str]:
        """TRUNCATED when what we read last no longer stands where it stood."""
        before = self._offset
        tail = os.pread(self._fd, len(self._tail), max(0, before - len(self._tail)))
        if size >= before and tail == self._tail:
            return None
        # The same beginning: somebody took lines out of it, and what is left is no news. Otherwise all of it is.
        kept = os.pread(self._fd, len(self._head), 0)
        if kept and self._head.startswith(kept):
            self._skip_to_end()
        else:
            self._offset, self._mid_line = 0, False
            self._head = self._tail = b""
        return None if self._copied_away(before) else TRUNCATED

    def _read(self) -> bytes:
        data = os.pread(self._fd, LOOK_BYTES, self._offset)
        full = len(data) == LOOK_BYTES
        end = len(data) - len(data) % self._record if self._record else data.rfind(b"\n") + 1
        if end == 0:
            if full:  # one line that fills a whole look: nobody's log line
                self.dropped += 0 if self._mid_line else 1
                self._mid_line = True
                self._offset += len(data)
                self._remember()
            return b""
        self._offset += end
        self._remember()
        data = data[:end]
        if self._mid_line:
            self._mid_line = False
            data = data[data.index(b"\n") + 1 :]
        return data

    def _moved(self) -> Optional[str]:
        """Go on to the file that has the name now; DELETED when ours has no name left and was not rotated."""
        try:
            named = os.stat(str(self.path))
        except OSError:
            named = None
        here = os.fstat(self._fd)
        if named is not None and (named.st_dev, named.st_ino) == (here.st_dev, here.st_ino):
            return None
        gone = here.st_nlink == 0
        if named is None and not gone:
            return None  # moved away and nothing in its place yet: its writer still writes to it
        if here.st_size > self._offset and os.pread(self._fd, LOOK_BYTES, self._offset).find(b"\n") >= 0:
            return None  # something came just now: read first
        change = DELETED if gone and not self._copied_away(0) else None
        self.close()
        self._open()
        return change

    def _copied_away(self, at_least: int) -> bool:
        """Whether a rotation made a copy (auth.log.1, auth.log-20260101.gz) of our file just now."""
        newest = time.time() - _ROTATED_WITHIN_S
        try:
            with os.scandir(str(self.path.parent)) as entries:
                for entry in entries:
                    if entry.name.startswith((self.path.name + ".", self.path.name + "-")):
                        status = entry.stat(follow_symlinks=False)
                        if status.st_ctime >= newest and status.st_size >= at_least:
                            return True
        except OSError:
            return False
        return False

    def _remember(self) -> None:
        start = max(0, self._offset - _MARK_BYTES)
        self._tail = os.pread(self._fd, self._offset - start, start)
        if len(self._head) < _MARK_BYTES:
            self._head = os.pread(self._fd, min(_MARK_BYTES, self._offset), 0)
