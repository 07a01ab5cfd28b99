"""Programs that are started for real, or under the names that rules ask for, while the agent observes.

Stand-ins are copies of `echo`. Nobody takes what a program prints, so that it lives until it was seen.
"""

import contextlib
import json
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
    """A program's start. `words`: its whole command line. `itself`: no stand-in is put there for it."""

    program: Path
    words: tuple[str, ...]
    itself: bool = False


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing more: both its ends."""
    kept, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 65_536)
    os.set_blocking(full, True)
    return kept, full


def _told(out: Path) -> set[tuple[str, tuple[str, ...]]]:
    """Files and command lines of all starts that the agent told of."""
    lines = [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]
    return {(str(one["exe"]), tuple(one["argv"] or ())) for one in lines if one["kind"] == "process.start"}


def acted_out(starts: Sequence[Start], out: Path) -> None:
    """Start them all and wait until the agent has told of each, in lines of JSON in `out`."""
    kept, full = full_pipe()
    silent, nobody = os.pipe()
    running: list[subprocess.Popen[bytes]] = []
    with out.open("wb") as target:
        observing = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
    try:
        until(lambda: b'"kind":"coverage"' in out.read_bytes(), 20, "the senses are awake")
        for start in starts:
            if not start.itself:
                start.program.parent.mkdir(parents=True)
                shutil.copy("/bin/echo", start.program)
            running.append(
                subprocess.Popen(
                    start.words, executable=start.program, stdin=silent, stdout=full, stderr=full, cwd="/",
                    start_new_session=True,
                )
            )  # fmt: skip
        wanted = {(str(start.program), start.words) for start in starts}
        until(lambda: wanted <= _told(out), 40, "every start is told")
    finally:
        for one in running:
            os.killpg(one.pid, signal.SIGKILL)  # with what it started
            one.wait(20)
        os.close(silent)
        os.close(nobody)
        os.close(full)
        os.close(kept)
        observing.send_signal(signal.SIGINT)
        observing.wait(20)
