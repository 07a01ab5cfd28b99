"""A demo that runs as a person would start it, and what it leaves behind."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WACHHUND = Path(sys.executable).parent / "wachhund"
SCENE_SECONDS = 20
PATIENCE = 100  # seconds for the whole command, starting and putting away included


class Demo:
    """`heard` is what it said on standard error so far. `options`: more of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.heard = ""
        command = ["demo", "--seconds", str(SCENE_SECONDS), "--no-browser", "--json", "--data", str(folder), *options]
        self.process = subprocess.Popen(
            [str(WACHHUND), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def hear(self, pattern: str) -> re.Match[str]:
        """Wait for a line of standard error that matches."""
        stream = self.process.stderr
        while stream is not None and (line := stream.readline()):
            self.heard += line
            if found := re.search(pattern, line):
                return found
        pytest.fail(f"the demo ended without saying {pattern!r}: {self.heard}")

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Wait for its end: exit status and what it printed on standard output."""
        out, err = self.process.communicate(timeout=PATIENCE)
        self.heard += err
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]

    def left_behind(self) -> list[str]:
        """Command lines of processes that still speak of this demo's folder, 10 s after its end."""
        deadline = time.monotonic() + 10
        while (left := self._speaking_of_it()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _speaking_of_it(self) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                try:
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if str(self.folder) in command:
                    found.append(command)
        return found
