"""Follows systemd's journal for logins, where no log file is kept: one journalctl of its own, read without waiting.

journalctl(1) is used because the journal's file format is no interface. It ends by itself when nobody reads it any
more, so none is left when the agent is killed.
"""

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Optional, Sequence

# Facilities auth and authpriv (RFC 5424): what sshd, login, su and sudo say.
COMMAND = (
    "journalctl", "--follow", "--lines=0", "--output=short", "--no-pager", "--quiet",
    "SYSLOG_FACILITY=4", "+", "SYSLOG_FACILITY=10",
)  # fmt: skip
RUNTIME = Path("/run/systemd/journal/socket")
LOOK_BYTES = 256 * 1024
LINE_BYTES = 16 * 1024
AGAIN_S = 30.0  # before a child that ended is started anew


class JournalFollower:
    """`why`: why nothing can be read, None while it can. `command`, `runtime`: other ones for tests."""

    def __init__(self, command: Sequence[str] = COMMAND, runtime: Path = RUNTIME) -> None:
        self.why: Optional[str] = "not started"
        self.dropped = 0  # lines that were too long
        self._command, self._runtime = list(command), runtime
        self._child: "Optional[subprocess.Popen[bytes]]" = None
        self._part = b""
        self._next_try = float("-inf")

    def look(self, mono: float) -> bytes:
        """The whole lines that came since the last look, at most LOOK_BYTES. Starts what has to run."""
        if self._child is None and not self._start(mono):
            return b""
        child = self._child
        if child is None or child.stdout is None:
            return b""
        try:
            data = os.read(child.stdout.fileno(), LOOK_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._end("journalctl can't be read ({})".format(error.strerror))
            return b""
        if not data:
            self._end("journalctl ended")
            return b""
        whole, _, self._part = (self._part + data).rpartition(b"\n")
        if len(self._part) > LINE_BYTES:
            self._part = b""
            self.dropped += 1
        return whole

    def close(self) -> None:
        """Ends the child. A second call does nothing."""
        if self._child is not None:
            self._end("stopped")

    def _start(self, mono: float) -> bool:
        if mono < self._next_try:
            return False
        self._next_try = mono + AGAIN_S
        if not self._runtime.exists():
            self.why = "is missing, and no journal runs"
            return False
        try:
            self._child = subprocess.Popen(  # noqa: S603  # a constant of ours, no shell
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            self.why = "is missing, and journalctl does not start ({})".format(error.strerror)
            return False
        if self._child.stdout is not None:
            fd = self._child.stdout.fileno()
            fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
        self.why, self._part = None, b""
        return True

    def _end(self, why: str) -> None:
        child, self._child, self.why = self._child, None, why
        if child is not None:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
