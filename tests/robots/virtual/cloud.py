"""The vendor's cloud, on this machine: a robot's tunnel dials in, and a port here leads to the robot's sshd."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.robots.go1.addresses import SSH
from tests.robots.ports import free_port
from tests.waiting import until

_ROOT = Path(__file__).resolve().parents[3]
_STOP_S = 20.0
_COME_S = 60.0


class Cloud:
    """Use it as a context; it is there once it is opened. It ends with the process that started it.

    `port`: where robots dial in; `door`: whoever comes there comes out at the robot's sshd.
    """

    def __init__(self, folder: Path) -> None:
        self._said = folder / "cloud.out"
        self.port, self.door = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=_STOP_S)

    def open(self) -> None:
        """From now on it answers."""
        with self._said.open("wb") as out:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.robots.go1.programs.cloud", "127.0.0.1",
                 str(self.port), f"{self.door}:{SSH}"],
                cwd=_ROOT, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(lambda: '"open"' in self._said.read_text(), _COME_S, f"the vendor's cloud listens ({self._said})")

    @property
    def has_robot(self) -> bool:
        """Whether a robot has dialled in."""
        return '"robot"' in self._said.read_text()
