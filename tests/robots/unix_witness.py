"""A hardware witness as a process: the firmware's own `main.py` on MicroPython, at one end of a pseudo-terminal.

It runs in the folder that `wachhund witness make` wrote; only `board.py` is another (witness_boards/), as it
would be for another kind of board. Between it and the agent there is the line, or a program of root's that holds lines
back.
"""

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_BOARDS = Path(__file__).resolve().parent / "witness_boards" / "programs"
_LINES = {"pi-power": "1", "motor-power": "1", "modem": "0", "tamper": "0", "armed": "0"}
_HEAP = "100k"


class UnixWitness:
    """`folder`: what `wachhund witness make` wrote. `port`: the agent's end. Use it as a context."""

    def __init__(self, folder: Path, stranger: bool = False) -> None:
        """`stranger`: root's program stands in the line (see `holds_back`)."""
        self.folder, self._ends = folder, [*_line()]
        shutil.copyfile(_BOARDS / "wired.py", folder / "board.py")
        shutil.copyfile(_BOARDS / "machine.py", folder / "machine.py")
        (folder / "flash").mkdir()
        (folder / "chip").write_text("c0ffee")
        self._levels = dict(_LINES)
        self.set({})
        self.port = os.ttyname(self._ends[1])
        self._between: Between | None = None
        if stranger:
            self._ends += _line()
            self._between = Between(self._ends[0], self._ends[2])
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._between is not None:
            self._between.stop()
        for end in self._ends:
            os.close(end)

    def set(self, levels: Mapping[str, str]) -> None:
        """The levels of its lines: "0", "1", or "blink" of one that never rests."""
        self._levels.update(levels)
        new = self.folder / "lines.new"
        new.write_text("".join(f"{name} {level}\n" for name, level in self._levels.items()))
        new.rename(self.folder / "lines")

    @property
    def output(self) -> str:
        """What its output was set to last."""
        return (self.folder / "output").read_text()

    def start(self) -> None:
        """Power on."""
        end = self._ends[3] if self._between is not None else self._ends[0]
        os.set_blocking(end, False)
        with (self.folder / "said").open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "micropython_unix", "-X", f"heapsize={_HEAP}", "main.py"],
                cwd=self.folder, stdin=end, stdout=end, stderr=said,
            )  # fmt: skip

    def stop(self) -> None:
        """Power off."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """What it printed beside the line: nothing, or why its main ended."""
        return (self.folder / "said").read_text(errors="replace")

    def holds_back(self, *first_letters: str) -> None:
        """Root holds back lines that begin so: "B" beats, "R" confirmations, "e" statements."""
        assert self._between is not None
        self._between.held_back = tuple(letter.encode() for letter in first_letters)


def _line() -> tuple[int, int]:
    ends = pty.openpty()
    for end in ends:
        tty.setraw(end)
    return ends


class Between:
    """Root's program: carries lines both ways, but for those that it holds back."""

    def __init__(self, agents: int, boards: int) -> None:
        self.held_back: tuple[bytes, ...] = ()
        self._ways = {agents: boards, boards: agents}
        self._parts = {agents: b"", boards: b""}
        for end in self._ways:
            os.set_blocking(end, False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="root on the line", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for end in select.select([*self._ways], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    *lines, self._parts[end] = (self._parts[end] + os.read(end, 4096)).split(b"\n")
                    for line in lines:
                        if not line.startswith(self.held_back) or not self.held_back:
                            os.write(self._ways[end], line + b"\n")
