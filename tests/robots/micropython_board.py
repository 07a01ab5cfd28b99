"""`witness_bench.Board`, with the firmware's own loop on MicroPython in its place: a process that is told the time."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.robots.witness_bench import LINES

_HERE = Path(__file__).resolve().parent
_FIRMWARE = _HERE.parents[1] / "firmware_hooks"
_READ = 256  # bytes that the firmware's loop takes a turn


class MicroPythonBoard:
    """The same doors as `witness_bench.Board`. `close` ends the process."""

    def __init__(self, settings: dict[str, str], flash: Path, chip: str = "c0ffee") -> None:
        folder = flash.parent / f"board-{chip}"
        folder.mkdir()
        (folder / "flash").symlink_to(flash)
        flash.mkdir(exist_ok=True)
        (folder / "witness.json").write_text(json.dumps(settings))
        self.levels = {name: 0 for name, _ in LINES}
        self.levels["pi-power"] = 1
        self.relay, self._booted, self._counts = 0, 0.0, dict.fromkeys(self.levels, 0)
        self.edges = {name: SimpleNamespace(on_edge=lambda _, name=name: self._edge(name)) for name in self.levels}
        program = [sys.executable, "-m", "micropython_unix", "-X", "heapsize=100k"]
        self._process = subprocess.Popen(
            [*program, str(_HERE / "witness_boards/programs/simulated.py"), str(_FIRMWARE), str(folder), chip],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip
        self._answer()

    def _answer(self) -> bytes:
        """What it sent in its turn."""
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        assert len(words) == 2, f"the firmware ended: {words}"
        self.relay = int(words[0])
        return b"" if words[1] == "-" else bytes.fromhex(words[1])

    def _tell(self, line: str) -> bytes:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        return self._answer()

    def _edge(self, name: str) -> None:
        self._counts[name] += 1

    def start(self, now: float) -> None:
        """Power on, or a reset."""
        self._booted = now
        self._counts = dict.fromkeys(self.levels, 0)
        self._tell("reset")

    def set(self, name: str, level: int) -> None:
        """A line changes."""
        if self.levels[name] != level:
            self.levels[name] = level
            self._edge(name)

    def turn(self, now: float, heard: bytes = b"") -> bytes:
        """A turn of its loop, or as many as it takes to hear all; returns what it sends."""
        sent = b""
        for start in range(0, max(1, len(heard)), _READ):
            counts, self._counts = self._counts, dict.fromkeys(self.levels, 0)
            levels = "".join(str(level) for level in self.levels.values())
            edges = ",".join(str(count) for count in counts.values())
            piece = heard[start : start + _READ].hex() or "-"
            sent += self._tell(f"{int((now - self._booted) * 1000)} {levels} {edges} {piece}")
        return sent

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
