"""An operator's laptop with the unpacked host bundle and a running host, and the command that flashes."""

import os
import re
import signal
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.robots.ssh_machine import LAPTOP, PASSWORD, ROBOT, Bench
from tests.system.deploy.conftest import tree
from tests.waiting import until
from wachhund.ledger import Ledger

WATCHED = ("/opt", "/etc", "/usr/local", "/var/lib", "/home", "/srv", "/run/systemd/system")
_ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent",
            "WACHHUND_PYTHON": os.path.realpath(sys.executable)}  # fmt: skip
_FLASH_S = 240


@dataclass
class Laptop:
    """`folder`: for it alone; in it the unpacked bundle (`host`) and the host's data (`data`).

    `seconds`: how long the first two acts took.
    """

    bench: Bench
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    _host: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def unpack(self, bundle: Path) -> None:
        """The first act."""
        self.bench.laptop.run(
            ["sh", bundle, "--into", self.folder / "host"], cwd=self.folder, env=_ENVIRON, timeout=120
        )

    def serve(self) -> None:
        """The second act. Returns when the host is ready."""
        log = self.folder / "serve.log"
        before = log.read_text().count("wachhund: ready:") if log.exists() else 0
        with log.open("ab") as out:
            self._host = self.bench.laptop.popen(
                [self.folder / "host" / "wachhund", "serve", "--data", self.data, "--name", LAPTOP],
                env=_ENVIRON, stdout=out, stderr=out, cwd=self.folder,
            )  # fmt: skip
        host = self._host
        until(lambda: log.read_text().count("wachhund: ready:") > before or host.poll() is not None, 90, "it is ready")
        assert host.poll() is None, log.read_text()

    def stop_serving(self) -> None:
        if self._host is not None:
            with suppress(ProcessLookupError):
                self._host.send_signal(signal.SIGTERM)
            assert self._host.wait(30) == 0, (self.folder / "serve.log").read_text()
            self._host = None

    def start(self, *words: str | Path, given: str, robot: str = f"pi@{ROBOT}") -> "subprocess.Popen[str]":
        """`wachhund flash ssh` with these answers; each line of its output can be read as it comes."""
        argv = [self.folder / "host" / "wachhund", "flash", "ssh", *([robot] if robot else []), *words]
        child: subprocess.Popen[str] = self.bench.laptop.popen(
            [*argv, "--data", self.data], env=_ENVIRON, cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(given)
        child.stdin.close()
        child.stdin = None
        return child

    def flash(
        self, *words: str | Path, given: str = f"{PASSWORD}\n", robot: str = f"pi@{ROBOT}"
    ) -> "subprocess.CompletedProcess[str]":
        """To its end."""
        child = self.start(*words, given=given, robot=robot)
        try:
            out, errors = child.communicate(timeout=_FLASH_S)
        finally:
            child.kill()
            child.wait(10)
        return subprocess.CompletedProcess(child.args, child.returncode, out, errors)

    def run(self, *words: str | Path) -> str:
        """Another of its commands."""
        done = self.bench.laptop.run(
            [self.folder / "host" / "wachhund", *words, "--data", self.data], env=_ENVIRON, cwd=self.folder, timeout=60
        )
        return done.stdout

    def states(self) -> dict[str, str]:
        """The robots that this host knows."""
        with closing(Ledger.open(self.data / "ledger.sqlite")) as ledger:
            return {robot.name: robot.state for robot in ledger.robots()}

    def acts(self, name: str) -> list[tuple[str, str]]:
        with closing(Ledger.open(self.data / "ledger.sqlite")) as ledger:
            return [(one.act, one.detail) for one in ledger.robot_acts(ledger.robot(name).id)]

    def fingerprint(self) -> str:
        """As somebody at the robot reads it from its screen."""
        said = self.bench.robot.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout
        found = re.search(r"SHA256:\S+", said)
        assert found is not None
        return found[0]

    def robots_tree(self) -> dict[str, object]:
        robot = self.bench.robot
        return {folder: tree(robot.path(folder)) for folder in WATCHED if robot.path(folder).exists()}

    def refused(self, done: "subprocess.CompletedProcess[str]", status: int, words: str) -> str:
        """One clear line, this exit status, no password and no token in anything that was said."""
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        assert len(done.stderr.splitlines()) == 1 and re.search(words, done.stderr), said
        assert "Traceback" not in said and PASSWORD not in said and "wachhund1-" not in said
        return done.stderr
