"""The demo leaves no process behind, however a child behaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wachhund.demo.children import ChildError, Children

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
PARENT = """
import os, sys, time
if os.fork() == 0:
    time.sleep(600)
print("up", flush=True)
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_soon(pid: int) -> bool:
    """Whether a process that was killed is gone within 10 s: the kernel takes a moment."""
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """Somebody's shell must not keep a program that would not go."""
    with Children(tmp_path, stop_seconds=0.3) as children:
        child = children.start("stubborn", (sys.executable, "-c", STUBBORN))
        assert child.line(20) == "up"
    assert not alive(child.pid)


def test_what_a_child_started_and_left_is_killed_with_it(tmp_path: Path) -> None:
    """The noise forks; a fork that outlived its parent would stay for ever."""
    with Children(tmp_path) as children:
        child = children.start("parent", (sys.executable, "-c", PARENT))
        assert child.line(20) == "up"
        found = subprocess.run(["pgrep", "-g", str(child.pid)], capture_output=True, text=True, check=True)
        members = [int(pid) for pid in found.stdout.split()]
        assert len(members) == 2
    assert [pid for pid in members if not gone_soon(pid)] == []


def test_a_child_that_ends_early_is_named_with_its_last_words(tmp_path: Path) -> None:
    """The person at the terminal reads one line, not a log."""
    with Children(tmp_path) as children:
        child = children.start("broken", (sys.executable, "-c", "import sys; sys.exit('no such thing')"))
        with pytest.raises(ChildError, match="demo: broken: ended with status 1: no such thing"):
            child.line(20)


def test_children_end_when_the_demo_itself_is_killed(tmp_path: Path) -> None:
    """kill -9 leaves no time for tidiness: the kernel and the closed pipes have to do it."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from wachhund.demo.children import Children\n"
        f"with Children(Path({str(tmp_path)!r})) as children:\n"
        "    child = children.start('sleeper', ('sh', '-c', 'echo up; exec sleep 600'))\n"
        "    print(child.line(20), child.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    demo = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        if demo.stdout is None:
            pytest.fail("no pipe")
        pid = int(demo.stdout.readline().split()[1])
        assert alive(pid)
        os.kill(demo.pid, signal.SIGKILL)
        demo.wait(10)
        assert gone_soon(pid)
    finally:
        demo.kill()
        demo.wait()
        if demo.stdout is not None:
            demo.stdout.close()
