"""A robot and an outside in network namespaces of their own, with a real sshd on the robot and an account `pi`.

Nothing of it touches the machine: accounts, /run and networks are the stage's own, and end with it.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

OUTSIDE, ROBOT = "203.0.113.7", "203.0.113.2"
DESK, ROBOT_LAN = "192.168.12.30", "192.168.12.1"
PROGRAMS = ("ip", "nsenter", "unshare", "ssh", "ssh-keygen", "/usr/sbin/sshd", "socat")


def missing_programs() -> list[str]:
    """What this machine lacks for the stage."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


class SshStage:
    """A context: enter it, start the cast, type, and take down. Every process it starts ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[Any]] = []
        self._robot: list[str] = []
        self._outside: list[str] = []
        self._networks: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end_inhabitants()
        for child in reversed(self._children):
            child.kill()
        for child in self._children:
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()

    def _end_inhabitants(self) -> None:
        """Whatever still lives in our networks: tools start others that nobody waits for."""
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and str((entry / "ns/net").readlink()) in self._networks:
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue  # it went by itself

    def _build(self) -> None:
        folder = self._folder
        for key in ("host_key", "login_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True, timeout=10
            )
        pi = "pi:x:4711:4711::/:/bin/sh\n"
        (folder / "passwd").write_text(Path("/etc/passwd").read_text() + pi)
        (folder / "shadow").write_text(Path("/etc/shadow").read_text() + "pi:*:19000::::::\n")
        own = f"mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/shadow /etc/shadow"
        # Where sshd was never started by the system, the folder that it wants is missing.
        own_run = "mount -t tmpfs tmpfs /run && mkdir /run/sshd"
        own += f" && {own_run}"
        # pi must reach his key, and a test's folder is root's alone.
        own += f" && install -m 644 {folder}/login_key.pub /run/authorized && echo held && exec cat"
        robot = self._hold(["unshare", "--net", "--mount", "sh", "-c", own])
        outside = self._hold(["unshare", "--net", "--mount", "sh", "-c", f"{own_run} && echo held && exec cat"])
        self._robot = ["nsenter", f"--net=/proc/{robot}/ns/net", f"--mount=/proc/{robot}/ns/mnt"]
        self._outside = ["nsenter", f"--net=/proc/{outside}/ns/net", f"--mount=/proc/{outside}/ns/mnt"]
        net = ["nsenter", f"--net=/proc/{robot}/ns/net"]
        for command in (
            [*net, "ip", "link", "add", "robot0", "type", "veth", "peer", "name", "outside0", "netns", str(outside)],
            *([*net, "ip", "addr", "add", f"{address}/24", "dev", "robot0"] for address in (ROBOT, ROBOT_LAN)),
            *([*net, "ip", "link", "set", name, "up"] for name in ("lo", "robot0")),
            *([*self._outside, "ip", "addr", "add", f"{where}/24", "dev", "outside0"] for where in (OUTSIDE, DESK)),
            *([*self._outside, "ip", "link", "set", name, "up"] for name in ("lo", "outside0")),
        ):
            subprocess.run(command, check=True, timeout=10)

    def _hold(self, command: Sequence[str]) -> int:
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._children.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        self._networks.add(str(Path(f"/proc/{holder.pid}/ns/net").readlink()))
        return holder.pid

    def on_robot(self, *command: str, **more: Any) -> "subprocess.Popen[Any]":
        """Start a program on the robot."""
        return self._start(self._robot, command, more)

    def outside(self, *command: str, **more: Any) -> "subprocess.Popen[Any]":
        """Start a program outside."""
        return self._start(self._outside, command, more)

    def _start(self, prefix: Sequence[str], command: Sequence[str], more: dict[str, Any]) -> "subprocess.Popen[Any]":
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen([*prefix, *command], **{**quiet, **more})
        self._children.append(child)
        return child

    def sshd(self, where: Callable[..., "subprocess.Popen[Any]"], address: str, port: int = 22) -> None:
        """A real sshd; returns when it listens."""
        config = self._folder / f"sshd-{address}-{port}"
        settings = {
            "Port": port,
            "ListenAddress": address,
            "HostKey": self._folder / "host_key",
            "AuthorizedKeysFile": f"{self._folder}/login_key.pub /run/authorized",
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PermitTunnel": "yes",
        }
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        where("/usr/sbin/sshd", "-D", "-f", str(config))
        prefix = self._robot if where == self.on_robot else self._outside
        self.until(lambda: self._listens(prefix, port), "sshd listens")

    def wait_outside(self, port: int) -> None:
        """Return when something outside listens on a port."""
        self.until(lambda: self._listens(self._outside, port), f"something outside listens on {port}")

    @staticmethod
    def _listens(prefix: Sequence[str], port: int) -> bool:
        command = [*prefix, "ss", "-Htln", f"sport = :{port}"]
        return bool(subprocess.run(command, capture_output=True, check=True, timeout=10).stdout)

    def ssh(self, *arguments: str) -> list[str]:
        """An ssh command line with the stage's keys and no settings of this machine."""
        options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        return [
            "ssh",
            "-F",
            "none",
            "-i",
            str(self._folder / "login_key"),
            *(f"-o{one}" for one in options),
            *arguments,
        ]

    def watch(self) -> "Watch":
        """`observe | judge -` on the robot, from now on; returns when the senses are up."""
        return Watch(self, self._folder / "seen.jsonl")

    @staticmethod
    def until(holds: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        """Wait for a fact, not for a time."""
        until(holds, seconds, what)


class Watch:
    """The pipe of the two front doors, its lines kept in a file beside."""

    def __init__(self, stage: SshStage, file: Path) -> None:
        self._stage, self._file = stage, file
        observe = [AGENT_PYTHON, "-m", "wachhund_agent", "observe"]
        self._observing = stage.on_robot(*observe, stdout=subprocess.PIPE)
        self._copying = stage.on_robot("tee", str(file), stdin=self._observing.stdout, stdout=subprocess.PIPE)
        judge = [sys.executable, "-m", "wachhund", "judge", "-"]
        self._judging = stage.on_robot(*judge, stdin=self._copying.stdout, stdout=subprocess.PIPE)
        for first in (self._observing, self._copying):
            assert first.stdout is not None
            first.stdout.close()
        stage.until(self._sees_a_program, "the senses are up")

    def _sees_a_program(self) -> bool:
        subprocess.run(["sh", "-c", ": seen by now"], check=True, timeout=10)
        return self._file.exists() and self.saw(": seen by now")

    def saw(self, text: str) -> bool:
        """Whether a line that was observed holds this text."""
        return text in self._file.read_text()

    def end(self) -> list[dict[str, Any]]:
        """Stop observing; the incidents that the judge printed."""
        os.kill(self._observing.pid, signal.SIGINT)
        printed, _ = self._judging.communicate(timeout=60)
        assert self._judging.returncode in (0, 3)
        return [json.loads(line) for line in printed.splitlines()]


def type_until(shell: "subprocess.Popen[Any]", holds: Callable[[], object], seconds: float) -> None:
    """Type commands of uneven length, as a person does, until something is so or the time is over."""
    assert shell.stdin is not None
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline and shell.poll() is None:
        shell.stdin.write(f"echo {secrets.token_hex(1 + secrets.randbelow(60))}; id\n".encode())
        shell.stdin.flush()
        time.sleep(0.35)
    assert shell.poll() is None, f"ssh ended by itself with {shell.returncode}"
    shell.stdin.write(b"exit\n")
    shell.stdin.close()
    shell.wait(20)
