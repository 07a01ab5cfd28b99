"""Logins where no log file is kept: a real journald, started by hand in a mount namespace of its own."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

JOURNALD = Path("/lib/systemd/systemd-journald")
pytestmark = [
    pytest.mark.needs_root("a mount namespace, a journald of its own"),
    pytest.mark.skipif(not JOURNALD.exists() or shutil.which("logger") is None, reason="no systemd-journald here"),
]
# The machine's own /run/systemd and /var/log stay as they are: these lie over them, in this namespace only.
_OVER = (
    "mkdir -p /run/systemd /run/log; "
    "for folder in /run/systemd /run/log /var/log; do mount -t tmpfs tmpfs $folder; done; "
    'mkdir -p /run/systemd/journal; exec "$@"'
)
SAID = "Accepted publickey for pi from 192.0.2.7 port {} ssh2: ED25519 SHA256:made-up"


class Machine:
    """A machine with a journal and no auth.log, and the agent on it."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "facts.jsonl"
        self._children: list[subprocess.Popen[bytes]] = []
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _OVER, "sh", str(JOURNALD)]
        self.journald = self._start(command, stderr=subprocess.DEVNULL)
        until(self.path("run/systemd/journal/dev-log").exists, 15, "journald listens")
        with self._out.open("wb") as target:
            self.agent = self._start(self._inside(AGENT_PYTHON, "-m", "wachhund_agent", "observe"), stdout=target)
        until(lambda: self.login_source() is not None, 30, "the senses are awake")

    def path(self, name: str) -> Path:
        """A file as this machine sees it."""
        return Path("/proc", str(self.journald.pid), "root", name)

    def _inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self.journald.pid}/ns/mnt", *command]

    def _start(self, command: list[str], **more: Any) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)
        self._children.append(child)
        return child

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def login_source(self) -> str | None:
        said = [fact["sensors"]["login"]["source"] for fact in self.facts() if fact["kind"] == "coverage"]
        return said[-1] if said else None

    def log(self, program: str, text: str) -> None:
        socket = "/run/systemd/journal/dev-log"
        subprocess.run(self._inside("logger", "-u", socket, "-p", "auth.info", "-t", program, text), check=True)

    def tells(self, what: str, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        until(lambda: any(wanted(fact) for fact in self.facts()), 20, what)
        return next(fact for fact in self.facts() if wanted(fact))

    def reader(self) -> int | None:
        """The journalctl below the agent."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = path.read_text().rsplit(")", 1)
            except OSError:
                continue
            if name.endswith("(journalctl") and int(rest.split()[1]) == self.agent.pid:
                return int(path.parent.name)
        return None

    def close(self) -> None:
        for child in reversed(self._children):
            child.kill()
            child.wait()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.close()


def test_logins_are_read_from_the_journal_where_no_file_tells_of_them(machine: Machine) -> None:
    until(lambda: machine.login_source() == "journal", 10, "coverage says so")
    port = 4000

    def told() -> bool:
        """The reader may have come after the first words: what stood there before is no news."""
        nonlocal port
        port += 1
        machine.log("sshd", SAID.format(port))
        return any(fact["kind"] == "login.start" for fact in machine.facts())

    until(told, 20, "a login")
    login = machine.tells("the login", lambda fact: fact["kind"] == "login.start")
    assert (login["user"], login["method"], login["from"][0]) == ("pi", "publickey", "192.0.2.7")
    machine.log("sshd", "Failed password for invalid user guest from 192.0.2.8 port 5 ssh2")
    failed = machine.tells("the failed try", lambda fact: fact["kind"] == "login.failed")
    assert failed["from"] == ["192.0.2.8", None] and failed["count"] == 1


def test_the_reader_ends_with_an_agent_that_is_killed(machine: Machine) -> None:
    until(lambda: machine.reader() is not None, 10, "the journal is read")
    reader = machine.reader()
    assert reader is not None
    machine.agent.kill()
    machine.agent.wait()
    machine.log("sshd", "the next words find nobody who reads")
    try:
        until(lambda: not Path(f"/proc/{reader}").exists(), 15, "journalctl has ended")
    finally:
        if Path(f"/proc/{reader}").exists():
            os.kill(reader, signal.SIGKILL)


def test_a_log_file_that_comes_is_read_instead(machine: Machine) -> None:
    until(lambda: machine.reader() is not None, 10, "the journal is read")
    machine.path("var/log/auth.log").write_text("")
    until(lambda: machine.reader() is None and machine.login_source() == "logs", 15, "the file has taken over")
