"""The demo's child processes: each has a log of its own, ends with the demo, and is waited for."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from wachhund_evidence import WachhundError

STOP_SECONDS = 8.0  # from SIGTERM to SIGKILL: the host closes its broker and its ledger in that time
MAX_LINE_BYTES = 65_536  # of a child's standard output; our own children write far shorter ones


class ChildError(WachhundError):
    """A child did not start, ended early or kept silent; the message says which, and where its log is."""


class Child:
    """One running child. `say` writes a line to it; `line` waits for its next line."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log
        self._buffer = b""

    @property
    def pid(self) -> int:
        """Its process id: that of the program itself, because every wrapper before it replaces itself."""
        return self.process.pid

    def say(self, text: str) -> None:
        """Write one line to its standard input. Raises ChildError when it is gone."""
        if self.process.stdin is None:
            raise ChildError(f"demo: {self.name}: takes no input")
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self.failure() from error

    def line(self, seconds: float) -> str:
        """Its next line of output. Raises ChildError when it ends first or `seconds` pass."""
        if self.process.stdout is None:
            raise ChildError(f"demo: {self.name}: gives no output")
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0 or len(self._buffer) > MAX_LINE_BYTES:
                    raise ChildError(f"demo: {self.name}: said nothing for {seconds:g} s: see {self.log}")
                if selector.select(left):
                    piece = os.read(self.process.stdout.fileno(), 4096)
                    if not piece:
                        raise self.failure()
                    self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "backslashreplace")

    def fact(self, seconds: float) -> dict[str, Any]:
        """Its next line, read as the JSON object that every actor writes."""
        line = self.line(seconds)
        try:
            found = json.loads(line)
        except ValueError as error:
            raise ChildError(f"demo: {self.name}: said {line[:80]!r}: see {self.log}") from error
        return dict(found)

    def facts_waiting(self) -> list[dict[str, Any]]:
        """The facts it has written by now; waits for none."""
        found = []
        while True:
            try:
                found.append(self.fact(0.001))
            except ChildError:
                return found

    def ended(self) -> bool:
        """Whether it is gone."""
        return _exit_status(self.process, 0) is not None

    def failure(self) -> ChildError:
        """Why it is gone, in words: its status and the last line of its log."""
        status = _exit_status(self.process, 1.0)
        if status is None:
            return ChildError(f"demo: {self.name}: closed its output: see {self.log}")
        said = last_line(self.log) or "it said nothing"
        return ChildError(f"demo: {self.name}: ended with status {status}: {said}")


def last_line(log: Path) -> str:
    """The last line that is not empty in a log of a few kilobytes; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4096))
            lines = stream.read().decode("utf-8", "backslashreplace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


class Children:
    """Starts children and, on leaving the `with` block, stops them in reverse order and waits for each.

    If this very process is killed, the kernel sends each child SIGTERM (PR_SET_PDEATHSIG, through setpriv(1)) and their
    standard input ends.
    """

    def __init__(self, logs: Path, stop_seconds: float = STOP_SECONDS) -> None:
        self._logs, self._stop_seconds = logs, stop_seconds
        self._running: list[Child] = []
        self._setpriv = shutil.which("setpriv")

    def __enter__(self) -> "Children":
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._running:
            self.stop(self._running[-1])

    def start(
        self,
        name: str,
        argv: Sequence[str],
        inside: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> Child:
        """Start `argv`, behind the prefix `inside` that enters a namespace. Raises ChildError when it cannot start."""
        command = [*inside]
        if self._setpriv:
            command += [self._setpriv, "--pdeathsig", "TERM", "--"]
        command += argv
        log = self._logs / f"{name}.log"
        try:
            with log.open("ab") as stream:
                process = subprocess.Popen(  # noqa: S603 - our own argv, no shell
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stream,
                    env={**os.environ, **(environment or {})},
                    # Ctrl-C is for the demo, which then stops its children in order.
                    start_new_session=True,
                )
        except OSError as error:
            raise ChildError(f"demo: {name}: {command[0]}: cannot start: {error.strerror}") from error
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def stop(self, child: Child) -> None:
        """End one child: its input closes, it is asked to stop, and after a while it is killed."""
        if child in self._running:
            self._running.remove(child)
        process = child.process
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # it may be gone before we can tell it
                process.stdin.close()
        if _exit_status(process, 0) is None:
            process.send_signal(signal.SIGTERM)
            _exit_status(process, self._stop_seconds)
        # What it started and did not wait for. It is not yet reaped, so this group number is still nobody else's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _exit_status(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit status (a signal as a negative number), or None when it still runs after `seconds`. Does not reap it."""
    if process.returncode is not None:
        return process.returncode
    deadline = time.monotonic() + seconds
    while True:
        found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if found is not None:
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)
