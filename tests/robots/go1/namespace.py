"""One network namespace, and the processes that we start in it."""

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.waiting import until

_READY_SECONDS = 15.0
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp


class Namespace:
    """Made at once. What a process prints goes to `log`, unless the caller says otherwise."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._children: list[subprocess.Popen[Any]] = []
        self._own: tuple[str, ...] = ()
        self.started: set[int] = set()
        """The processes that were started in it from outside; all others there descend from them."""
        self.root = Path("/")
        """Its files, as somebody outside of it reaches them."""
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=10)

    def popen(self, argv: Sequence[str | Path], **more: Any) -> "subprocess.Popen[Any]":
        """Start a program inside; its pid is that of the process. It ends with the robot at the latest."""
        with self._log.open("ab") as log:
            usual = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            child = subprocess.Popen([*self.entry(more.pop("cwd", None)), *map(str, argv)], **{**usual, **more})
        self._children.append(child)
        self.started.add(child.pid)
        return child

    def run(self, argv: Sequence[str | Path], **more: Any) -> "subprocess.CompletedProcess[str]":
        """A program inside, to its end. Its output is caught; a failure is raised, unless `check=False`."""
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        said, check, seconds = more.pop("input", None), more.pop("check", True), more.pop("timeout", 20)
        if said is not None:
            usual["stdin"] = subprocess.PIPE
        command = [*self.entry(more.pop("cwd", None)), *map(str, argv)]
        with subprocess.Popen(command, **{**usual, **more}) as child:
            self.started.add(child.pid)
            try:
                printed, errors = child.communicate(said, timeout=seconds)
            except BaseException:
                child.kill()
                raise
        done = subprocess.CompletedProcess(command, child.returncode, printed, errors)
        if check:
            done.check_returncode()
        return done

    def entry(self, folder: str | Path | None = None) -> list[str]:
        """The command line before that of a program that is to run inside, in this folder."""
        # Entering another mount namespace would otherwise move the program to /.
        return ["nsenter", f"--net=/run/netns/{self.name}", *self._own, f"--wd={folder or Path.cwd()}"]

    def give_own_files(self, script: str) -> None:
        """From now on, programs start with mounts and a host name of their own, as the shell script made them."""
        holder = self.popen(
            ["unshare", "--mount", "--uts", "sh", "-euc", script + "\necho held; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n", f"the mounts of {self.name} cannot be made: see {self._log}"
        self.root = Path(f"/proc/{holder.pid}/root")
        self._own = (f"--mount=/proc/{holder.pid}/ns/mnt", f"--uts=/proc/{holder.pid}/ns/uts")

    def ip(self, *commands: str) -> None:
        """Commands of ip(8), in one process."""
        text = "\n".join(commands) + "\n"
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input=text, text=True, check=True, timeout=10)

    def listens(self, port: int, protocol: str = "tcp") -> bool:
        """Whether a program inside has this port: a listener of tcp, any socket of udp."""
        for child in self._children:
            with contextlib.suppress(OSError):
                for family in ("", "6"):
                    for line in Path(f"/proc/{child.pid}/net/{protocol}{family}").read_text().splitlines()[1:]:
                        words = line.split()
                        if int(words[1].rpartition(":")[2], 16) == port and (
                            protocol == "udp" or words[3] == _LISTENING
                        ):
                            return True
                return False
        return False

    def wait_for(self, port: int, protocol: str = "tcp") -> None:
        """Return when somebody inside has this port."""
        until(
            lambda: self.listens(port, protocol), _READY_SECONDS, f"{self.name} has {protocol} {port}: see {self._log}"
        )

    def wait_for_children(self) -> None:
        """After the processes were killed."""
        for child in self._children:
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            child.wait(10)
