"""nats-server as a child process that ends with us, and what it says while it runs.

Its log comes by a socket and not by a file: a client that is refused a thousand times a second must not make the disk
write it, and a file that turns over loses what nobody read in time. When nobody reads, the sender waits, not us. The
socket keeps records apart (SOCK_SEQPACKET; nats-server writes each at once): a text of a client that holds a line
break, such as a name in a certificate, begins no record of its own.
"""

import contextlib
import logging
import logging.handlers
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from wachhund import tied_child

log = logging.getLogger("wachhund.broker")

_LOG_BYTES = 1024 * 1024
_RECORD_BYTES = 4096  # of one record; topics of clients may make it longer, and no more of them is of use
# What the longest topic makes, each byte of it escaped. A record that is longer is not sent.
_LARGEST_BYTES = 512 * 1024
_LAST_RECORDS = 50
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_READY = "[INF] Server is ready"


class Child:
    """Made and ended by one thread, which has to live as long as the child may (tied_child).

    `on_record` gets each record of its log and says whether that was all; what was not goes into the file `log`.
    """

    def __init__(self, command: Sequence[str], log: Path, on_record: Callable[[str], bool]) -> None:
        self._on_record = on_record
        self._last: deque[str] = deque(maxlen=_LAST_RECORDS)
        self._listens = False
        self._settled = threading.Event()  # it listens, or has nothing more to say
        log.unlink(missing_ok=True)
        self._log = _Lines(log)
        # -I and -S: nothing but the standard library, so that the step to exec takes some 15 ms.
        wrapper = [sys.executable, "-I", "-S", tied_child.__file__, str(os.getpid())]
        self._records, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST_BYTES)
            self._process = subprocess.Popen(  # noqa: S603 - no shell; every word is ours
                [*wrapper, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=theirs.fileno(),
                # Ctrl-C in a terminal goes to us only; we end the child after the intake has let go of it.
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="broker-log", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def is_ready(self, seconds: float, leave_off: threading.Event) -> bool:
        """Whether it runs and listens, waiting for that so long, or until `leave_off` is set."""
        until = time.monotonic() + seconds
        while not self._settled.wait(_LOOK_SECONDS) and not leave_off.is_set() and time.monotonic() < until:
            pass
        return self._listens and self.status is None

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    def _read(self) -> None:
        with self._records:
            while data := self._records.recv(_RECORD_BYTES):
                try:
                    self._take(data.decode("utf-8", "replace").rstrip("\n"))
                except Exception:  # nobody would read any more, and the broker waits for who does not
                    log.exception("broker: a record of its log could not be read")
        self._settled.set()

    def _take(self, record: str) -> None:
        if record.endswith(_READY):
            self._listens = True
            self._settled.set()
        if not self._on_record(record):
            self._last.append(record)
            self._log.write(record)

    def end(self) -> None:
        """End it, by force if it does not go. Returns when it is gone and its last record was read."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._reader.join(_STOP_SECONDS)
        self._log.close()

    def last_words(self) -> str:
        """Why it cannot run, as it says itself; empty if it does not."""
        said = [record for record in list(self._last) if "[INF]" not in record]
        fatal = [record.partition("[FTL] ")[2] for record in said if "[FTL]" in record]
        return " ".join((fatal or said or [""])[-1].split())


class _Lines(logging.handlers.RotatingFileHandler):
    """A file of lines that turns over when it is large. What the disk does not take is lost."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", errors="replace", delay=True)

    def write(self, line: str) -> None:
        """Add a line."""
        self.emit(logging.LogRecord("broker", logging.INFO, "", 0, "%s", (line,), None))

    def handleError(self, record: logging.LogRecord) -> None:
        """A disk that is full is told by who needs it."""
        with contextlib.suppress(OSError, ValueError):
            self.close()
