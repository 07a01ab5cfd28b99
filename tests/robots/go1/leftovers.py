"""Names for namespaces, and the removal of those whose test was killed before it could do so itself."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

PREFIX = "wachhund-go1"
_END_SECONDS = 10.0
_COUNT = itertools.count()


def new_tag() -> str:
    """The beginning of one robot's namespace names: it says which process owns them, and since when that one lives."""
    return f"{PREFIX}-{os.getpid()}-{_started(os.getpid())}-{next(_COUNT)}"


def names() -> list[str]:
    """The network namespaces of all our robots on this machine."""
    said = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True, timeout=10).stdout
    return [line.split()[0] for line in said.splitlines() if line.startswith(f"{PREFIX}-")]


def pids(name: str) -> list[int]:
    """The processes inside a namespace; none if it is gone."""
    said = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False, timeout=10)
    return [int(word) for word in said.stdout.split()]


def remove(*gone: str) -> None:
    """End all processes in these namespaces, then remove the namespaces."""
    deadline = time.monotonic() + _END_SECONDS
    while living := [pid for name in gone for pid in pids(name)]:
        assert time.monotonic() < deadline, f"processes {living} in {gone} survive SIGKILL"
        for pid in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went by itself
        time.sleep(0.01)
    for name in gone:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=10)


def remove_stale() -> None:
    """What robots of dead processes left behind."""
    remove(*(name for name in names() if is_stale(name)))


def is_stale(name: str) -> bool:
    """Whether the process is gone for which `new_tag` made this name, or the beginning of it."""
    pid, started = name.removeprefix(f"{PREFIX}-").split("-")[:2]
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
