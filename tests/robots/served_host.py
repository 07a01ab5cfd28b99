"""`wachhund serve` as a process that a test talks to, and the line by which it and its like say that they are ready."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx

READY_S = 60.0


def read_until_ready(process: "subprocess.Popen[str]", printed: list[str]) -> None:
    """Take what it prints up to the ready line, at most READY_S."""
    watchdog = threading.Timer(READY_S, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line.rstrip("\n"))
            if line.startswith("wachhund: ready:"):
                return
    finally:
        watchdog.cancel()
    raise AssertionError(f"never ready: {printed}, {process.communicate()}")


class Host:
    """A running `wachhund serve` and what it has printed."""

    def __init__(self, data: Path, web: int, broker: int, *more: str) -> None:
        self.web, self.broker = web, broker
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wachhund", "serve", "--data", str(data), "--listen", f"127.0.0.1:{web}",
             "--broker-listen", f"127.0.0.1:{broker}", *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.printed: list[str] = []

    def wait_ready(self) -> "Host":
        """Read until the ready line, at most READY_S."""
        read_until_ready(self.process, self.printed)
        return self

    @contextlib.contextmanager
    def login(self) -> Iterator[httpx.Client]:
        """A client that came in by the printed link."""
        (code,) = [line.split("/login#")[1] for line in self.printed if "/login#" in line]
        with httpx.Client(base_url=f"http://127.0.0.1:{self.web}", timeout=20) as client:
            assert client.post("/login", data={"code": code}).status_code == 303
            yield client

    def children(self) -> list[int]:
        """Pids of its children."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        text = " ".join((task / "children").read_text() for task in threads)
        return [int(pid) for pid in text.split()]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and what it said on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said
