"""The first command of the README, run as a person would: does it find its own scene, and put everything away?"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.demo.machine_links import left_since, links

WACHHUND = Path(sys.executable).parent / "wachhund"
SCENE_SECONDS = 20
PATIENCE = 100  # seconds for the whole command, starting and putting away included


class Demo:
    """A running demo. `heard` is what it said on standard error so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard = ""
        self.process = subprocess.Popen(
            [str(WACHHUND), "demo", "--seconds", str(SCENE_SECONDS), "--no-browser", "--json", "--data", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
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


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is over when the test is."""
    running = Demo(tmp_path / "d")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.communicate(timeout=PATIENCE)


def test_the_demo_finds_its_scene_and_accuses_nobody_else(demo: Demo) -> None:
    """Who is it, through what, from where: told by the host alone, compared with what only the scene knew."""
    before = links()
    status, said = demo.end()
    assert status == 0, (said[-1:], demo.heard)
    summary, incidents = said[-1], said[:-1]
    assert summary["demo"] == "passed"
    print("event to alert:", summary["seconds"], "in world", summary["world"], summary["coverage"])
    hops = [hop for told in incidents for hop in told["origin"]]
    assert any(hop.get("pid") == summary["pid"] for hop in hops)
    if summary["world"] != "loopback":
        assert any(hop.get("address") == summary["address"] for hop in hops)
    assert demo.left_behind() == []
    assert left_since(before) == set()


def test_with_the_agent_killed_the_demo_fails(demo: Demo) -> None:
    """A demo that passes without its sensor would show nothing."""
    agent = int(demo.hear(r"agent: pid (\d+)")[1])
    demo.hear(r"scene: stock noise")
    os.kill(agent, signal.SIGKILL)
    status, said = demo.end()
    assert status == 1
    assert said[-1]["demo"] == "failed"
    assert "Traceback" not in demo.heard
    assert demo.left_behind() == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.thorough) for one in (signal.SIGTERM, signal.SIGKILL))],
)
def test_a_demo_that_is_interrupted_leaves_nothing_behind(demo: Demo, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal, even kill -9: no process and no network link stays."""
    before = links()
    demo.hear(r"scene: a program that no rule knows")
    demo.process.send_signal(number)
    demo.end()
    assert "Traceback" not in demo.heard
    assert demo.left_behind() == []
    assert left_since(before) == set()
