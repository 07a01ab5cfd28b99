"""The stage: one host, its broker, and some robots; each a process, each with a folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.inner.world import Violation
from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.ports import free_port
from wachhund.ledger import Ledger, Newest
from wachhund.ledger.current import newest_of
from wachhund.ledger.engine import reading_only
from wachhund.web import standing

WITH_SENSES = 1  # of the robots: the whole agent; the others without senses
_READY_S, _STOP_S = 60.0, 30.0


class RealRobot:
    """An agent in a folder: `agent.json`, its key, `agent-data`."""

    def __init__(self, folder: Path, name: str, senses: bool) -> None:
        self.folder, self.name, self.senses = folder, name, senses
        self.id = ""
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.folder / "agent-data" / "journal"

    def start(self) -> None:
        self.starts += 1
        path = str(self.folder / "agent.json")
        what = ["wachhund_agent", "run", "--config", path] if self.senses else ["tests.faults.kills.lean_agent", path]
        with (self.folder / "agent.out").open("ab") as out:
            self.process = subprocess.Popen(
                [AGENT_PYTHON, "-m", *what], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        """Send that signal, and wait until the agent is gone."""
        if self.process is None:
            return
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            raise Violation(f"the agent of {self.name} does not end: {self.said()}") from None
        self.process = None

    def said(self) -> str:
        """The last lines that it printed."""
        return (self.folder / "agent.out").read_text(errors="replace")[-600:]

    def must_run(self) -> None:
        """Raises Violation when it ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            raise Violation(f"the agent of {self.name} ended with {self.process.returncode}: {self.said()}")


class Stage:
    """Use it as a context: every process is gone at the end, and every mount."""

    def __init__(self, folder: Path, robots: int) -> None:
        self.folder = folder
        self.web, self.broker = free_port(), free_port()
        self.robots = [RealRobot(folder / f"robot-{n}", f"rex-{n}", n < WITH_SENSES) for n in range(robots)]
        self.backups: list[Path] = []
        self.restored_at = 0.0  # monotonic
        self._host: subprocess.Popen[bytes] | None = None
        self._mounted: list[Path] = []
        self.may_mount = os.geteuid() == 0

    @property
    def data(self) -> Path:
        return self.folder / "host" / "data"

    @property
    def ledger(self) -> Path:
        return self.data / "ledger.sqlite"

    def __enter__(self) -> Self:
        self.data.parent.mkdir()
        self._mount(self.data.parent, 600)
        for robot in self.robots:
            robot.folder.mkdir()
            (robot.folder / "agent-data").mkdir(mode=0o700)
            self._mount(robot.folder / "agent-data", 24)
            self.command("wachhund_agent", "keygen", str(robot.folder / "agent.key"))
            said = self.command(
                "wachhund", "robots", "add", robot.name, "--key", str(robot.folder / "agent.key.pub"),
                "--data", str(self.data), "--out", str(robot.folder / "agent.json"),
                "--broker-address", f"mqtt://127.0.0.1:{self.broker}",
            )  # fmt: skip
            robot.id = said.split()[0]
        self.start_host()
        for robot in self.robots:
            robot.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for robot in self.robots:
            with contextlib.suppress(Violation):
                robot.end(signal.SIGKILL)
        if self._host is not None:
            self._host.send_signal(signal.SIGCONT)
            self._host.kill()
            self._host.wait()
        for path in reversed(self._mounted):
            subprocess.run(["umount", "--lazy", str(path)], check=False)

    def _mount(self, path: Path, mib: int) -> None:
        """A small disk of its own, where that may be."""
        if self.may_mount:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", str(path)], check=True)
            self._mounted.append(path)

    def command(self, module: str, *arguments: str) -> str:
        """One command to its end. Returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise Violation(f"{module} {arguments}: {done.returncode}: {done.stderr}")
        return done.stdout

    # The host

    @property
    def _log(self) -> Path:
        return self.folder / "host.out"

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start_host(self) -> None:
        """Returns when it is ready."""
        before = self.said().count("wachhund: ready:")
        with self._log.open("ab") as out:
            self._host = subprocess.Popen(
                [sys.executable, "-m", "wachhund", "serve", "--data", str(self.data),
                 "--listen", f"127.0.0.1:{self.web}", "--broker-listen", f"127.0.0.1:{self.broker}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(lambda: self.said().count("wachhund: ready:") > before, _READY_S, "the host is ready", self.must_run)

    def must_run(self) -> None:
        """Raises Violation when the host ended by itself."""
        if self._host is not None and self._host.poll() is not None:
            raise Violation(f"the host ended with {self._host.returncode}: {self.said()[-1000:]}")

    def end_host(self, number: signal.Signals) -> None:
        if self._host is not None:
            self._host.send_signal(signal.SIGCONT)
            self._host.send_signal(number)
            self._host.wait(_STOP_S)
            self._host = None

    def signal_host(self, number: signal.Signals) -> None:
        if self._host is not None:
            self._host.send_signal(number)

    def broker_pid(self) -> int:
        """The nats-server below the host; 0 while there is none."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                found = re.match(r"(\d+) \((.*)\) \S (\d+)", path.read_text())
                is_broker = found is not None and found.group(2).startswith("nats-server")
                if is_broker and found and self._host is not None and int(found.group(3)) == self._host.pid:
                    return int(found.group(1))
        return 0

    def back_up(self) -> None:
        folder = self.folder / f"backup-{len(self.backups)}"
        self.command("wachhund", "backup", "--data", str(self.data), str(folder))
        self.backups.append(folder)

    def restore(self, backup: Path) -> None:
        """The host is stopped; what came since the backup is gone."""
        shutil.rmtree(self.data)
        self.command("wachhund", "restore", "--data", str(self.data), str(backup))
        self.restored_at = time.monotonic()

    # What people see

    def look(self, robot: RealRobot) -> tuple[str, Newest | None]:
        """The first of the robot's three words, and the facts behind it."""
        with reading_only(self.ledger) as connection:
            newest = newest_of(connection, robot.id)
            faults = connection.exec_driver_sql(
                "SELECT count(*) FROM faults WHERE robot = ? AND fault NOT IN "
                "(SELECT fault FROM acknowledgements WHERE robot = ?)",
                (robot.id, robot.id),
            ).scalar()
        if faults:
            return "broken", newest
        return standing.presence(newest, 0.0, time.time()).word, newest

    def answer(self, robot: RealRobot) -> list[str]:
        """An operator acknowledges what is open. Returns what was found."""
        with contextlib.closing(Ledger.open(self.ledger)) as ledger:
            found = ledger.integrity.open(robot.id)
            if found:
                ledger.integrity.acknowledge(robot.id, "the run", "it did this itself")
        return [f"{fault.what}: {fault.detail}" for fault in found]


def until(holds: Callable[[], object], seconds: float, what: str, meanwhile: Callable[[], None]) -> None:
    """Wait for a condition. Raises Violation with its name when the time is over."""
    deadline = time.monotonic() + seconds
    while not holds():
        meanwhile()
        if time.monotonic() > deadline:
            raise Violation(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def fill(folder: Path, leave: int = 0) -> Path:
    """Leave no more than so many bytes free on the disk of a folder. Returns the file that takes them."""
    path = folder / "somebody-elses-file"
    free = os.statvfs(folder)
    size = free.f_bavail * free.f_frsize - leave
    with contextlib.suppress(OSError), path.open("wb") as file:  # it may be full already
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        with contextlib.suppress(OSError):
            while not leave:
                file.write(bytes(65536))
                file.flush()
    return path
