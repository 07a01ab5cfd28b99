"""Programs that are started for real under the names that rules ask for, while the agent observes.

They are stand-ins: copies of `echo` whose output nobody takes, so that they live until they were seen.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until


@dataclass(frozen=True)
class Start:
    """A program's start. `words`: its whole command line."""

    program: Path
    words: tuple[str, ...]


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing more: both its ends."""
    kept, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 65_536)
    os.set_blocking(full, True)
    return kept, full


def acted_out(starts: Sequence[Start], out: Path) -> None:
    """Start them all and wait until the agent has told of each, in lines of JSON in `out`."""
    kept, full = full_pipe()
    running: list[subprocess.Popen[bytes]] = []
    with out.open("wb") as target:
        observing = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
    try:
        until(lambda: b'"kind":"coverage"' in out.read_bytes(), 20, "the senses are awake")
        for start in starts:
            start.program.parent.mkdir(parents=True)
            shutil.copy("/bin/echo", start.program)
            running.append(subprocess.Popen(start.words, executable=start.program, stdout=full, stderr=full, cwd="/"))
        told = [f'"exe":"{start.program}"'.encode() for start in starts]
        until(lambda: all(map(out.read_bytes().__contains__, told)), 20, "every start is told")
    finally:
        for one in running:
            one.kill()
            one.wait(20)
        os.close(full)
        os.close(kept)
        observing.send_signal(signal.SIGINT)
        observing.wait(20)
